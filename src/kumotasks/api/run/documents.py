"""A JSON document in Kubernetes' style, read with its place in mind.

What is wrong is told by its path. What is known but nobody acts on is left over, to be kept and shown again; what is
not known at all is refused. It knows nothing of services.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import msgspec

from kumotasks.api.flaws import Flawed, UnknownName, mismatch, refusal, shown
from kumotasks.api.jsonstruct import CANNOT_FIND
from kumotasks.domain.errors import InvalidArgument, Violation

Document = dict[str, Any]
KEPT = "knative"  # the key of a value's `rest` under which this surface keeps what the other one has no name for
_MOST = 2**31 - 1
_TRUTH = {"true": True, "false": False}


class Reader:
    """One object of a document. Every field is asked for once; what was never asked for is `left`."""

    def __init__(self, value: object, path: str) -> None:
        if not isinstance(value, dict):
            raise _mistaken("object", value, path)
        self._fields = {name: each for name, each in value.items() if each is not None}
        self.path = path

    def at(self, name: str) -> str:
        return f"{self.path}.{name}" if self.path else name

    def has(self, name: str) -> bool:
        return name in self._fields

    @property
    def names(self) -> frozenset[str]:
        """Of the fields that nobody asked for yet."""
        return frozenset(self._fields)

    def text(self, name: str, default: str = "") -> str:
        value = self._fields.pop(name, default)
        if not isinstance(value, str):
            raise _mistaken("TYPE_STRING", value, self.at(name))
        return value

    def integer(self, name: str, default: int = 0) -> int:
        """A number of 32 bits, which may be written as text."""
        return whole(self._fields.pop(name, default), self.at(name))

    def flag(self, name: str) -> bool:
        value = self._fields.pop(name, False)
        if not isinstance(value, bool):
            raise _mistaken("TYPE_BOOL", value, self.at(name))
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        values = self._list(name)
        for index, value in enumerate(values):
            if not isinstance(value, str):
                raise _mistaken("TYPE_STRING", value, f"{self.at(name)}[{index}]")
        return tuple(values)

    def pairs(self, name: str) -> dict[str, str]:
        inner = self.inner(name)
        return {key: inner.text(key) for key in sorted(inner.names)}

    def inner(self, name: str) -> Reader:
        """An object below; an absent one is empty."""
        return Reader(self._fields.pop(name, {}), self.at(name))

    def items(self, name: str) -> tuple[Reader, ...]:
        """The objects of a list."""
        return tuple(Reader(value, f"{self.at(name)}[{index}]") for index, value in enumerate(self._list(name)))

    def left(self, known: Collection[str] = ()) -> Document:
        """What nobody asked for, without what is empty. Raises InvalidArgument for a name that is not among `known`."""
        unknown = [UnknownName(name, CANNOT_FIND, self.path) for name in self._fields if name not in known]
        if unknown:
            raise refusal(unknown)
        return {name: value for name, value in self._fields.items() if value not in ("", [], {})}

    def _list(self, name: str) -> list[Any]:
        value = self._fields.pop(name, [])
        if not isinstance(value, list):
            raise _mistaken("list", value, self.at(name))
        return value


def whole(value: object, path: str) -> int:
    """A number of 32 bits that is not negative."""
    if isinstance(value, str) and value.isascii() and value.isdecimal():
        value = int(value[:12])
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _MOST:
        raise _mistaken("TYPE_INT32", value, path)
    return value


def truth(value: str, path: str) -> bool:
    """What an annotation says, in any case of letters: gcloud writes Python's True."""
    found = _TRUTH.get(value.lower())
    if found is None:
        raise refused(path, f"Invalid value {shown(value)}: must be true or false.")
    return found


def refused(path: str, sentence: str) -> InvalidArgument:
    """An error about one field, which gcloud shows as `path: sentence`."""
    return InvalidArgument(f"{path}: {sentence}", violations=(Violation(path, sentence),))


def kept(rest: bytes) -> Document:
    """What this surface keeps in a value's `rest`."""
    found: Document = msgspec.json.decode(rest).get(KEPT, {}) if rest else {}
    return found


def keeping(rest: bytes, left: Document) -> bytes:
    """`rest` with `left` in the place of what this surface kept there; what the other one keeps stays."""
    others: Document = msgspec.json.decode(rest) if rest else {}
    if left == others.get(KEPT, {}):
        return rest
    others.pop(KEPT, None)
    if left:
        others[KEPT] = left
    return msgspec.json.encode(others) if others else b""


def merged(own: Document, left: Mapping[str, Any]) -> Document:
    """`own` with what only `left` has, all the way down."""
    result = dict(own)
    for name, value in left.items():
        if name not in result:
            result[name] = value
        elif isinstance(value, dict) and isinstance(result[name], dict):
            result[name] = merged(result[name], value)
    return result


def present(**fields: object) -> Document:
    """A document of the fields that say something."""
    return {name: value for name, value in fields.items() if value not in ("", None, [], {}, ())}


def _mistaken(kind: str, value: object, path: str) -> InvalidArgument:
    above, _, name = path.rpartition(".")
    flawed = Flawed(*mismatch(kind, value).under(name, name))
    return refusal(flawed.under(above) if above else flawed.flaws)
