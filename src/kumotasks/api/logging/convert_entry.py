"""Log entries between message and value. What they mean is not known here."""

from __future__ import annotations

import binascii
from typing import Any

from kumotasks.api.jsonprint import Printers
from kumotasks.api.jsonread import class_of, unbase64
from kumotasks.api.logging import messages as m
from kumotasks.api.protojson import Codecs
from kumotasks.api.wellknown import FIRST_SECOND, LAST_SECOND
from kumotasks.domain.clock import SECOND
from kumotasks.domain.errors import InvalidArgument
from kumotasks.logs.entry import Json, LogEntry, ProtoPayload, to_document
from kumotasks.service.log_writing import Draft

_BILLION = 1_000_000_000
_FAR = "Log entry timestamp must be within the years 1 to 9999."


class EntryForms:
    """Keeps what is made once for all entries: the JSON forms of their parts."""

    def __init__(self) -> None:
        self._codec = Codecs().of(m.LogEntry)
        printers = Printers(enum_ints=False)
        self._print = {field.name: printers.of_field(field) for field in m.LogEntry.DESCRIPTOR.fields}

    def draft(self, message: Any) -> Draft:
        """An entry as it came."""
        return Draft(self._value(message), message.ByteSize())

    def message(self, entry: LogEntry) -> Any:
        """An entry as it is told."""
        document = to_document(entry)
        payload = entry.payload
        strange = isinstance(payload, ProtoPayload) and class_of(payload.type_url) is None
        if strange:
            del document["protoPayload"]
        answer: Any = self._codec.decode(document)
        if strange and isinstance(payload, ProtoPayload):
            answer.proto_payload.type_url = payload.type_url
            answer.proto_payload.value = _bytes_of(payload.content)
        return answer

    def _value(self, message: Any) -> LogEntry:
        return LogEntry(
            log_name=message.log_name,
            resource_type=message.resource.type,
            timestamp=_instant(message.timestamp),
            payload=self._payload(message),
            resource_labels=dict(message.resource.labels),
            severity=message.severity,
            insert_id=message.insert_id,
            labels=dict(message.labels),
            http_request=self._json(message, "http_request"),
            trace=message.trace,
            span_id=message.span_id,
            trace_sampled=message.trace_sampled,
            operation=self._json(message, "operation"),
            source_location=self._json(message, "source_location"),
        )

    def _payload(self, message: Any) -> str | Json | ProtoPayload | None:
        match message.WhichOneof("payload"):
            case "text_payload":
                text: str = message.text_payload
                return text
            case "json_payload":
                return self._json(message, "json_payload")
            case "proto_payload":
                content = dict(self._json(message, "proto_payload"))
                return ProtoPayload(str(content.pop("@type", "")), content)
            case _:
                return None

    def _json(self, message: Any, field: str) -> Json:
        shown: Json = self._print[field](getattr(message, field))
        return shown


def _instant(timestamp: Any) -> int:
    """Microseconds; 0 if it is not set."""
    if not FIRST_SECOND <= timestamp.seconds <= LAST_SECOND or not 0 <= timestamp.nanos < _BILLION:
        raise InvalidArgument(_FAR)
    instant: int = timestamp.seconds * SECOND + timestamp.nanos // 1_000
    return instant


def _bytes_of(content: Json) -> bytes:
    """A message of an unknown class, as its printer left it."""
    try:
        return unbase64(str(content.get("value", "")))
    except binascii.Error:
        return b""
