"""The messages of google.logging.v2, made from a table of their fields.

Google publishes them with a client whose import takes longer than the whole server's start; a test holds every field
against it. They live in a descriptor pool of their own, so that a program may have that client beside them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from google.api import monitored_resource_pb2
from google.logging.type import http_request_pb2, log_severity_pb2
from google.protobuf import any_pb2, descriptor_pb2, duration_pb2, empty_pb2, struct_pb2, timestamp_pb2
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from google.rpc import status_pb2

if TYPE_CHECKING:
    from google.protobuf.descriptor import FileDescriptor
    from google.protobuf.message import Message

PACKAGE = "google.logging.v2"
_Field = descriptor_pb2.FieldDescriptorProto
_IMPORTED = (
    any_pb2.DESCRIPTOR,
    duration_pb2.DESCRIPTOR,
    struct_pb2.DESCRIPTOR,
    timestamp_pb2.DESCRIPTOR,
    status_pb2.DESCRIPTOR,
    monitored_resource_pb2.DESCRIPTOR,
    http_request_pb2.DESCRIPTOR,
    log_severity_pb2.DESCRIPTOR,
)
_SCALARS = {
    "string": _Field.TYPE_STRING,
    "bool": _Field.TYPE_BOOL,
    "int32": _Field.TYPE_INT32,
    "int64": _Field.TYPE_INT64,
}
_ENUMS = frozenset({"google.logging.type.LogSeverity", "TailLogEntriesResponse.SuppressionInfo.Reason"})
_RESOURCE = "google.api.MonitoredResource"

# message: a line for each field, "number name type"; "[x]" is a list of x, "{x}" a map from strings, "{int32: x}" one
# from numbers. What stands behind "|" is the oneof.
_FIELDS: Mapping[str, str] = {
    "LogEntry": f"""
        12 log_name string
        8 resource {_RESOURCE}
        2 proto_payload google.protobuf.Any | payload
        3 text_payload string | payload
        6 json_payload google.protobuf.Struct | payload
        9 timestamp google.protobuf.Timestamp
        24 receive_timestamp google.protobuf.Timestamp
        10 severity google.logging.type.LogSeverity
        4 insert_id string
        7 http_request google.logging.type.HttpRequest
        11 labels {{string}}
        15 operation LogEntryOperation
        22 trace string
        27 span_id string
        30 trace_sampled bool
        23 source_location LogEntrySourceLocation
        35 split LogSplit""",
    "LogEntryOperation": """
        1 id string
        2 producer string
        3 first bool
        4 last bool""",
    "LogEntrySourceLocation": """
        1 file string
        2 line int64
        3 function string""",
    "LogSplit": """
        1 uid string
        2 index int32
        3 total_splits int32""",
    "DeleteLogRequest": """
        1 log_name string""",
    "WriteLogEntriesRequest": f"""
        1 log_name string
        2 resource {_RESOURCE}
        3 labels {{string}}
        4 entries [LogEntry]
        5 partial_success bool
        6 dry_run bool""",
    "WriteLogEntriesResponse": "",
    "WriteLogEntriesPartialErrors": """
        1 log_entry_errors {int32:google.rpc.Status}""",
    "ListLogEntriesRequest": """
        8 resource_names [string]
        2 filter string
        3 order_by string
        4 page_size int32
        5 page_token string""",
    "ListLogEntriesResponse": """
        1 entries [LogEntry]
        2 next_page_token string""",
    "ListMonitoredResourceDescriptorsRequest": """
        1 page_size int32
        2 page_token string""",
    "ListMonitoredResourceDescriptorsResponse": """
        1 resource_descriptors [google.api.MonitoredResourceDescriptor]
        2 next_page_token string""",
    "ListLogsRequest": """
        1 parent string
        8 resource_names [string]
        2 page_size int32
        3 page_token string""",
    "ListLogsResponse": """
        3 log_names [string]
        2 next_page_token string""",
    "TailLogEntriesRequest": """
        1 resource_names [string]
        2 filter string
        3 buffer_window google.protobuf.Duration""",
    "TailLogEntriesResponse": """
        1 entries [LogEntry]
        2 suppression_info [TailLogEntriesResponse.SuppressionInfo]""",
    "TailLogEntriesResponse.SuppressionInfo": """
        1 reason TailLogEntriesResponse.SuppressionInfo.Reason
        2 suppressed_count int32""",
}
_REASONS = ("REASON_UNSPECIFIED", "RATE_LIMIT", "NOT_CONSUMED")
NOT_CONSUMED = _REASONS.index("NOT_CONSUMED")


def _pool() -> DescriptorPool:
    """A pool with the messages and with everything that their fields are of."""
    pool = DescriptorPool()
    for each in _imports(_IMPORTED):
        pool.AddSerializedFile(each.serialized_pb)
    pool.AddSerializedFile(_file().SerializeToString())
    return pool


def _imports(files: tuple[FileDescriptor, ...]) -> Iterator[FileDescriptor]:
    """The files, each behind those that it needs itself."""
    for each in files:
        yield from _imports(tuple(each.dependencies))
        yield each


def _file() -> descriptor_pb2.FileDescriptorProto:
    file = descriptor_pb2.FileDescriptorProto(name="google/logging/v2/logging.proto", package=PACKAGE, syntax="proto3")
    file.dependency.extend(each.name for each in _IMPORTED)
    made: dict[str, descriptor_pb2.DescriptorProto] = {}
    for name, fields in _FIELDS.items():
        outer, _, own = name.rpartition(".")
        made[name] = message = made[outer].nested_type.add(name=own) if outer else file.message_type.add(name=own)
        for line in filter(None, map(str.strip, fields.splitlines())):
            _add_field(message, line, name)
    reason = made["TailLogEntriesResponse.SuppressionInfo"].enum_type.add(name="Reason")
    for number, name in enumerate(_REASONS):
        reason.value.add(name=name, number=number)
    return file


def _add_field(message: descriptor_pb2.DescriptorProto, line: str, owner: str) -> None:
    described, _, oneof = line.partition(" | ")
    number, name, kind = described.split(" ")
    field = message.field.add(name=name, number=int(number), label=_Field.LABEL_OPTIONAL)
    if oneof:
        if not message.oneof_decl:
            message.oneof_decl.add(name=oneof)
        field.oneof_index = 0
    if kind[0] in "[{":
        field.label = _Field.LABEL_REPEATED
    if kind[0] == "{":
        kind = _add_entry(message, name, kind[1:-1], owner)
    _set_type(field, kind.strip("[]"))


def _add_entry(message: descriptor_pb2.DescriptorProto, name: str, kinds: str, owner: str) -> str:
    """The message that a map is a list of; its name."""
    key, _, value = kinds.rpartition(":")
    entry = message.nested_type.add(name=f"{name.title().replace('_', '')}Entry")
    entry.options.map_entry = True
    for number, (half, kind) in enumerate((("key", key or "string"), ("value", value)), 1):
        _set_type(entry.field.add(name=half, number=number, label=_Field.LABEL_OPTIONAL), kind)
    return f"{owner}.{entry.name}"


def _set_type(field: Any, kind: str) -> None:
    if kind in _SCALARS:
        field.type = _SCALARS[kind]
        return
    field.type = _Field.TYPE_ENUM if kind in _ENUMS else _Field.TYPE_MESSAGE
    field.type_name = f".{kind}" if kind.startswith("google.") else f".{PACKAGE}.{kind}"


_POOL = _pool()


def _message(name: str) -> type[Message]:
    return GetMessageClass(_POOL.FindMessageTypeByName(f"{PACKAGE}.{name}"))


LogEntry: Any = _message("LogEntry")
DeleteLogRequest: Any = _message("DeleteLogRequest")
WriteLogEntriesRequest: Any = _message("WriteLogEntriesRequest")
WriteLogEntriesResponse: Any = _message("WriteLogEntriesResponse")
WriteLogEntriesPartialErrors: Any = _message("WriteLogEntriesPartialErrors")
ListLogEntriesRequest: Any = _message("ListLogEntriesRequest")
ListLogEntriesResponse: Any = _message("ListLogEntriesResponse")
ListMonitoredResourceDescriptorsRequest: Any = _message("ListMonitoredResourceDescriptorsRequest")
ListMonitoredResourceDescriptorsResponse: Any = _message("ListMonitoredResourceDescriptorsResponse")
ListLogsRequest: Any = _message("ListLogsRequest")
ListLogsResponse: Any = _message("ListLogsResponse")
TailLogEntriesRequest: Any = _message("TailLogEntriesRequest")
TailLogEntriesResponse: Any = _message("TailLogEntriesResponse")
Empty: Any = empty_pb2.Empty
