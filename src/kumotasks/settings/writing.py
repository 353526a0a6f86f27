"""How settings are written: a flag, a variable or TOML becomes the type of its setting."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

from kumotasks.domain.clock import DAY, HOUR, MILLISECOND, MINUTE, SECOND
from kumotasks.settings.values import Settings

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_UNITS = {"ms": MILLISECOND, "s": SECOND, "m": MINUTE, "h": HOUR, "d": DAY}
_LONGEST = 315_576_000_000 * SECOND  # the longest google.protobuf.Duration
_DIGITS = 15
_LARGEST = 2**63
_SIZE = re.compile(r"(\d+)\s*([KMG]?)i?B?", re.IGNORECASE)
_SIZES = {"": 1, "K": 1024, "M": 1024**2, "G": 1024**3}
_TRUE, _FALSE = frozenset({"1", "true", "yes", "on"}), frozenset({"0", "false", "no", "off", ""})
_DURATIONS = frozenset(
    {
        "drain",
        "task_name_rest",
        "queue_name_rest",
        "history_keep",
        "dead_letters_keep",
        "logs_keep",
        "run_idle",
        "lease",
    }
)
_SIZED = frozenset({"max_body", "logs_size"})
_OPEN = frozenset({"egress_private"})  # auto, true or false
_LISTS = {
    "queue": str,
    "hosts": str,
    "egress_rules": str,
    "egress_allow": str,
    "egress_deny": str,
    "queues": dict,
    "service_accounts": dict,
    "bindings": dict,
}


def coerced(name: str, value: object) -> object:
    """`value`, as a flag, a variable or TOML has it, in the type of the setting. ValueError says what it should be."""
    default = getattr(Settings(), name)
    if isinstance(value, int) and abs(value) > _LARGEST:
        raise ValueError("the number is too large")
    try:
        if name in _DURATIONS:
            return duration(str(value))
        if name in _SIZED:
            return size(str(value))
        if name in _OPEN:
            return "auto" if value == "auto" else str(_boolean(value)).lower()
        if name == "images":
            return _mapping(value, lambda described: described)  # judged in configuration/images
        return _READERS[type(default)](value) if name not in _LISTS else _list(value, _LISTS[name])
    except TypeError as error:
        raise ValueError(str(error)) from error


def is_of_tables(name: str) -> bool:
    """Whether the setting is a table in TOML, or a list of them."""
    return _LISTS.get(name) is dict or isinstance(getattr(Settings(), name), dict)


def duration(text: str) -> int:
    """Microseconds in `10s`, `500ms`, `1h`, `31d`; a bare number is seconds."""
    found = _DURATION.fullmatch(text if text[-1:].isalpha() else text + "s")
    if found is None:
        raise ValueError("a duration is written like 10s, 500ms, 1h or 31d")
    amount = float(found[1]) * _UNITS[found[2]]
    if amount > _LONGEST:
        raise ValueError("a duration is at most 10000 years long")
    return round(amount)


def size(text: str) -> int:
    """Bytes in `16MiB`, `1G`, `4096`."""
    found = _SIZE.fullmatch(text)
    if found is None:
        raise ValueError("a size is written like 16MiB or 4096")
    if len(found[1]) > _DIGITS:
        raise ValueError(f"a size has at most {_DIGITS} digits")
    return int(found[1]) * _SIZES[found[2].upper()]


def _text(value: object) -> str:
    text = os.fspath(value) if isinstance(value, Path) else value
    if not isinstance(text, str) or "\0" in text:
        raise ValueError("a text is needed, without zero bytes")
    return text


def _boolean(value: object) -> bool:
    text = str(value).lower()
    if text not in _TRUE | _FALSE:
        raise ValueError("say true or false")
    return text in _TRUE


def _integer(value: object) -> int:
    try:
        return int(str(value))
    except ValueError as error:
        raise ValueError("a whole number is needed") from error


def _number(value: object) -> float:
    try:
        return float(str(value))
    except ValueError as error:
        raise ValueError("a number is needed") from error


def _list(value: object, of: type) -> tuple[object, ...]:
    members = [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value
    if not isinstance(members, list | tuple) or not all(isinstance(member, of) for member in members):
        raise ValueError(f"a list of {'texts' if of is str else 'tables'} is needed")
    return tuple(members)


def _mapping(value: object, read: Callable[[object], object] = _text) -> dict[str, object]:
    if not isinstance(value, dict):
        raise TypeError("a table is needed")
    return {str(key): read(each) for key, each in value.items()}


_READERS = {
    str: _text,
    int: _integer,
    float: _number,
    bool: _boolean,
    dict: _mapping,
}
