"""The messages of google.logging.v2, made from a table of their fields.

Google publishes them with a client whose import takes longer than the whole server's start; a test holds every field
against it. How a line of the table is read stands in `api/descriptors.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from google.api import monitored_resource_pb2
from google.logging.type import http_request_pb2, log_severity_pb2
from google.protobuf import any_pb2, duration_pb2, empty_pb2, struct_pb2, timestamp_pb2
from google.rpc import status_pb2

from kumotasks.api.descriptors import File, message_class

if TYPE_CHECKING:
    from google.protobuf.message import Message

PACKAGE = "google.logging.v2"
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
_RESOURCE = "google.api.MonitoredResource"

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
_REASONS = "REASON_UNSPECIFIED RATE_LIMIT NOT_CONSUMED"
NOT_CONSUMED = 2


_POOL = File(
    package=PACKAGE,
    path="google/logging/v2/logging.proto",
    imported=_IMPORTED,
    fields=_FIELDS,
    enums={"TailLogEntriesResponse.SuppressionInfo.Reason": _REASONS},
    foreign_enums=frozenset({"google.logging.type.LogSeverity"}),
).pool()


def _message(name: str) -> type[Message]:
    return message_class(_POOL, f"{PACKAGE}.{name}")


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
