"""How a filter's values compare with a document's: as numbers, instants, durations, ranked words or folded text.

Google converts what stands right of the operator to the type of the field. A document does not say its types, so each
literal carries every reading of itself and the field's own shape picks one. Paths and syntax are unknown here.
"""

from __future__ import annotations

import enum
import operator
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction

_EPOCH_DAY = date(1970, 1, 1).toordinal()
_NANOSECONDS = 1_000_000_000
_UNITS = {"ns": 1, "us": 1_000, "ms": 1_000_000, "s": _NANOSECONDS, "m": 60 * _NANOSECONDS, "h": 3_600 * _NANOSECONDS}
_LONGEST = 64  # characters of a number or a duration; anything longer is text

_INTEGER = re.compile(r"[+-]?[0-9]+")
_NUMBER = re.compile(r"[+-]?(?:(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:e[+-]?[0-9]+)?|nan|inf(?:inity)?)", re.IGNORECASE)
_DURATION = re.compile(r"([+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+))(ns|us|ms|s|m|h)")
_INSTANT = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})"
    r"(?:[Tt ]([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]+))?)?([Zz]|[+-][0-9]{2}:?[0-9]{2})?)?"
)

SEVERITIES: Mapping[str, int] = {
    "default": 0,
    "debug": 100,
    "info": 200,
    "notice": 300,
    "warning": 400,
    "error": 500,
    "critical": 600,
    "alert": 700,
    "emergency": 800,
}
QUEUE_STATES: Mapping[str, int] = {"state_unspecified": 0, "running": 1, "paused": 2, "disabled": 3}


class Operator(enum.Enum):
    """What compares a field with a value."""

    EQUAL = "="
    NOT_EQUAL = "!="
    LESS = "<"
    AT_MOST = "<="
    MORE = ">"
    AT_LEAST = ">="
    HAS = ":"


_JUDGE: Mapping[Operator, Callable[..., bool]] = {
    Operator.EQUAL: operator.eq,
    Operator.NOT_EQUAL: operator.ne,
    Operator.LESS: operator.lt,
    Operator.AT_MOST: operator.le,
    Operator.MORE: operator.gt,
    Operator.AT_LEAST: operator.ge,
    Operator.HAS: operator.eq,
}


@dataclass(frozen=True, slots=True)
class Literal:
    """A value as written, and what it means to a field of each type; instants and durations in nanoseconds."""

    text: str
    null: bool = False
    folded: str = field(default="", compare=False, repr=False)
    number: int | float | None = field(default=None, compare=False, repr=False)
    truth: bool | None = field(default=None, compare=False, repr=False)
    instant: int | None = field(default=None, compare=False, repr=False)
    duration: int | None = field(default=None, compare=False, repr=False)


def literal(text: str, *, quoted: bool = True) -> Literal:
    """The literal that `text` means; only unquoted can it be JSON's null."""
    return Literal(
        text,
        null=not quoted and text == "NULL_VALUE",
        folded=fold(text),
        number=number_of(text),
        truth={"true": True, "false": False}.get(text.lower()),
        instant=instant_of(text),
        duration=duration_of(text),
    )


def fold(text: str) -> str:
    """`text` as string comparisons see it: compatible forms alike, no letter case."""
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def number_of(text: str) -> int | float | None:
    """The number that `text` writes, NaN and infinities included."""
    if len(text) > _LONGEST:
        return None
    if _INTEGER.fullmatch(text):
        return int(text)
    return float(text) if _NUMBER.fullmatch(text) else None


def duration_of(text: str) -> int | None:
    """Nanoseconds of a duration such as 3.2s or -90m."""
    match = _DURATION.fullmatch(text) if len(text) <= _LONGEST else None
    return None if match is None else int(Fraction(match[1]) * _UNITS[match[2]])


def instant_of(text: str) -> int | None:
    """Nanoseconds since the epoch of an RFC 3339 time or an ISO 8601 date; without a zone it is UTC."""
    match = _INSTANT.fullmatch(text) if len(text) <= _LONGEST else None
    if match is None:
        return None
    hour, minute, second = (int(match[part] or 0) for part in (4, 5, 6))
    try:
        days = date(int(match[1]), int(match[2]), int(match[3])).toordinal() - _EPOCH_DAY
    except ValueError:
        return None
    if hour > 23 or minute > 59 or second > 60:
        return None
    seconds = days * 86_400 + hour * 3_600 + minute * 60 + second - _offset(match[8])
    return seconds * _NANOSECONDS + int((match[7] or "0")[:9].ljust(9, "0"))


def _offset(zone: str | None) -> int:
    """Seconds east of UTC of `+hh:mm`."""
    if zone is None or zone in "Zz":
        return 0
    size = int(zone[1:3]) * 3_600 + int(zone[-2:]) * 60
    return -size if zone[0] == "-" else size


@dataclass(frozen=True, slots=True)
class Kind:
    """What a field's strings are: ranked words, plain text (`typed` False), or the JSON form of some typed value."""

    typed: bool = True
    ranks: Mapping[str, int] | None = None


TYPED = Kind()
TEXT = Kind(typed=False)
SEVERITY = Kind(ranks=SEVERITIES)
QUEUE_STATE = Kind(ranks=QUEUE_STATES)


def compare(value: object, how: Operator, wanted: Literal, kind: Kind) -> bool:
    """Whether one scalar of a document stands to `wanted` as `how` says; false if the two have no type in common."""
    if value is None or wanted.null:
        return how in _OF_NULL and _JUDGE[how](value is None, wanted.null)
    if how is Operator.HAS and isinstance(value, str) and kind.ranks is None:
        return wanted.folded in fold(value)
    pair = _alike(value, wanted, kind)
    return pair is not None and _JUDGE[how](*pair)


_OF_NULL = frozenset({Operator.EQUAL, Operator.NOT_EQUAL, Operator.HAS})


def _alike(value: object, wanted: Literal, kind: Kind) -> tuple[object, object] | None:
    """Both sides as values of one type."""
    match value:
        case bool():
            return _both(value, wanted.truth)
        case int() | float():
            ranked = None if kind.ranks is None else kind.ranks.get(wanted.folded)
            return _both(value, wanted.number if ranked is None else ranked)
        case str() if kind.ranks is not None:
            return _both(kind.ranks.get(fold(value)), kind.ranks.get(wanted.folded, wanted.number))
        case str():
            return (_as_typed(value, wanted) if kind.typed else None) or (fold(value), wanted.folded)
        case _:
            return None


def _as_typed(value: str, wanted: Literal) -> tuple[object, object] | None:
    """Both as instants, durations or 64-bit integers, which JSON writes as strings."""
    if wanted.instant is not None and (pair := _both(instant_of(value), wanted.instant)):
        return pair
    if wanted.duration is not None and (pair := _both(duration_of(value), wanted.duration)):
        return pair
    if wanted.number is not None and _INTEGER.fullmatch(value):
        return _both(number_of(value), wanted.number)
    return None


def _both(left: object, right: object) -> tuple[object, object] | None:
    return None if left is None or right is None else (left, right)
