"""A log entry: what Google's LogEntry holds, and its JSON form, which filters judge and which is what is kept.

It knows neither who writes entries nor where they are kept. Names of fields in the JSON form are LogEntry's own.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from operator import attrgetter
from typing import cast

import msgspec

from kumotasks.domain.task import Serials
from kumotasks.domain.value import value
from kumotasks.logs.times import from_rfc3339, rfc3339
from kumotasks.logs.values import SEVERITIES, fold

DEFAULT, DEBUG, INFO, NOTICE, WARNING, ERROR, CRITICAL, ALERT, EMERGENCY = range(0, 900, 100)
SEVERITY_NAMES: Mapping[int, str] = {number: name.upper() for name, number in SEVERITIES.items()}

Json = Mapping[str, object]


class _Nothing(Mapping[str, str]):
    """An empty mapping that stays empty."""

    __slots__ = ()
    __hash__ = object.__hash__  # as a default must

    def __getitem__(self, key: str) -> str:
        raise KeyError(key)

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


NONE: Mapping[str, str] = _Nothing()


@value
class ProtoPayload:
    """A payload that is a message: its type URL, and its JSON form without `@type`."""

    type_url: str
    content: Json


@value
class LogEntry:
    """google.logging.v2.LogEntry. Instants in microseconds since the epoch; `severity` is Google's number, 0 to 800.

    `payload` is a text, a JSON object or a message. `http_request`, `operation` and `source_location` are in their JSON
    form; an empty mapping is one that is not set.
    """

    log_name: str
    resource_type: str
    timestamp: int
    payload: str | Json | ProtoPayload | None = None
    resource_labels: Mapping[str, str] = NONE
    severity: int = DEFAULT
    insert_id: str = ""
    receive_timestamp: int = 0
    labels: Mapping[str, str] = NONE
    http_request: Json = NONE
    trace: str = ""
    span_id: str = ""
    trace_sampled: bool = False
    operation: Json = NONE
    source_location: Json = NONE

    @property
    def project(self) -> str:
        """The project the log belongs to; for another resource its whole name (`organizations/1`)."""
        return project_of(self.log_name)


def project_of(log_name: str) -> str:
    """`p` of projects/p/logs/l; `organizations/1` of organizations/1/logs/l."""
    return log_name.partition("/logs/")[0].removeprefix("projects/")


def to_document(entry: LogEntry) -> dict[str, object]:
    """The JSON form; what has its default is left out, as protobuf does."""
    resource: dict[str, object] = {"type": entry.resource_type}
    if entry.resource_labels:
        resource["labels"] = entry.resource_labels
    document: dict[str, object] = {
        "logName": entry.log_name,
        "resource": resource,
        "timestamp": rfc3339(entry.timestamp),
        "receiveTimestamp": rfc3339(entry.receive_timestamp),
    }
    if entry.severity:
        document["severity"] = SEVERITY_NAMES.get(entry.severity, entry.severity)
    if entry.insert_id:
        document["insertId"] = entry.insert_id
    _put_payload(document, entry.payload)
    for (key, _), content in zip(_OPTIONAL, _optional_of(entry), strict=True):
        if content:
            document[key] = content
    return document


_OPTIONAL = (
    ("labels", "labels"),
    ("httpRequest", "http_request"),
    ("trace", "trace"),
    ("spanId", "span_id"),
    ("traceSampled", "trace_sampled"),
    ("operation", "operation"),
    ("sourceLocation", "source_location"),
)
_optional_of: Callable[[LogEntry], tuple[object, ...]] = attrgetter(*(held for _, held in _OPTIONAL))


def _put_payload(document: dict[str, object], payload: str | Json | ProtoPayload | None) -> None:
    match payload:
        case None:
            pass
        case str():
            document["textPayload"] = payload
        case ProtoPayload(type_url, content):
            document["protoPayload"] = {"@type": type_url, **content}
        case _:
            document["jsonPayload"] = payload


def from_document(document: Json) -> LogEntry:
    """The entry that `to_document` gave this form. ValueError if it is not one."""
    try:
        resource = cast("Json", document.get("resource") or NONE)
        return LogEntry(
            log_name=cast("str", document["logName"]),
            resource_type=cast("str", resource.get("type", "")),
            timestamp=from_rfc3339(cast("str", document["timestamp"])),
            payload=_payload(document),
            resource_labels=cast("Mapping[str, str]", resource.get("labels", NONE)),
            severity=_severity(document.get("severity", DEFAULT)),
            insert_id=cast("str", document.get("insertId", "")),
            receive_timestamp=from_rfc3339(cast("str", document["receiveTimestamp"])),
            **{held: document[key] for key, held in _OPTIONAL if key in document},  # type: ignore[arg-type]
        )
    except (KeyError, TypeError, AttributeError) as flaw:
        raise ValueError("not the JSON form of a log entry") from flaw


def _payload(document: Json) -> str | Json | ProtoPayload | None:
    if "protoPayload" in document:
        content = dict(cast("Json", document["protoPayload"]))
        return ProtoPayload(cast("str", content.pop("@type", "")), content)
    return cast("str | Json | None", document.get("textPayload", document.get("jsonPayload")))


def _severity(name: object) -> int:
    if isinstance(name, int):
        return name
    if isinstance(name, str) and fold(name) in SEVERITIES:
        return SEVERITIES[fold(name)]
    raise ValueError(f"{name} is no severity")


def encode(document: Json) -> bytes:
    """A document as it is kept."""
    try:
        content = _write_quickly(document)
        if b"null" not in content:  # else it may have stood for a number that is none, such as NaN
            return content
    except (TypeError, UnicodeEncodeError):
        pass
    # A lone surrogate, which JSON can write and UTF-8 cannot, must not be the end of an entry.
    return _write(document).encode(errors="surrogatepass")


def decode(content: bytes) -> Json:
    """What `encode` gave. ValueError if it is not that."""
    try:
        document = json.loads(content)
    except RecursionError as flaw:
        raise ValueError("nested too deep") from flaw
    if not isinstance(document, dict):
        raise ValueError("not the JSON form of a log entry")  # noqa: TRY004 - it is the bytes that are wrong
    return document


_write_quickly = msgspec.json.Encoder(enc_hook=dict).encode
_write = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=dict).encode


class InsertIds:
    """Ids for entries that bring none: unlike any other, and rising in the order they are given."""

    def __init__(self) -> None:
        self._serials = Serials()
        self._mark = secrets.choice(_PAIRS)  # two processes may give an id at the same instant

    def next(self, now: int) -> str:
        """Twelve letters and digits, such as 2iclncc2y3k0."""
        high, low = divmod(self._serials.next(now), _PER_PAIR**2)
        first, second = divmod(low, _PER_PAIR)
        return f"{_six_letters(high)}{_PAIRS[first]}{_PAIRS[second]}{self._mark}"


_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_PAIRS = [first + second for first in _DIGITS for second in _DIGITS]
_PER_PAIR = len(_PAIRS)


@lru_cache(maxsize=16)  # the same for 1.7 seconds
def _six_letters(number: int) -> str:
    rest, last = divmod(number, _PER_PAIR)
    first, second = divmod(rest, _PER_PAIR)
    return _PAIRS[first] + _PAIRS[second] + _PAIRS[last]
