"""A queue as a filter sees it: the JSON form, lowerCamelCase keys, enums by name, durations as `10s`. Pure."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime, timedelta

from kumotasks.domain.clock import SECOND
from kumotasks.domain.names import QueueName
from kumotasks.domain.queue import Queue
from kumotasks.domain.target import EnforceMode, HttpMethod, Scheme

_ENUMS: Mapping[str, type[enum.IntEnum]] = {
    "http_method": HttpMethod,
    "scheme": Scheme,
    "uri_override_enforce_mode": EnforceMode,
}
_DURATIONS = frozenset({"max_retry_duration", "min_backoff", "max_backoff"})
_INSTANTS = frozenset({"purge_time"})
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def document(queue: Queue) -> dict[str, object]:
    """Every field of the queue; what is unset, or unspecified, is left out."""
    return _object(queue)


def _object(value: object) -> dict[str, object]:
    assert is_dataclass(value)
    pairs = ((each.name, getattr(value, each.name)) for each in fields(value))
    return {_camel(name): _plain(name, inner) for name, inner in pairs if inner is not None and not _unset(name, inner)}


def _unset(name: str, value: object) -> bool:
    return value in ("", ()) or (name in _ENUMS and value == 0)


def _plain(name: str, value: object) -> object:
    if isinstance(value, QueueName | enum.IntEnum):
        return value.text if isinstance(value, QueueName) else value.name
    if name in _ENUMS and isinstance(value, int):
        known = {each.value: each.name for each in _ENUMS[name]}
        return known.get(value, value)
    if name in _DURATIONS and isinstance(value, int):
        return _duration(value)
    if name in _INSTANTS and isinstance(value, int):
        return (_EPOCH + timedelta(microseconds=value)).isoformat().replace("+00:00", "Z")
    if isinstance(value, tuple):
        return [{"header": {"key": key, "value": text}} for key, text in value]
    return _object(value) if is_dataclass(value) else value


def _duration(microseconds: int) -> str:
    """As protobuf's JSON has it: `10s`, `0.100s`, `0.000001s`."""
    seconds, fraction = divmod(microseconds, SECOND)
    return f"{seconds}.{fraction:06d}".removesuffix("000").removesuffix(".000") + "s"


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)
