"""Cloud Logging over REST and gRPC, in this process."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from google.cloud.logging_v2 import types as published
from google.protobuf import any_pb2, timestamp_pb2
from google.rpc import status_pb2

from kumotasks.api.logging import messages as m
from kumotasks.logs.times import rfc3339
from tests.api.logging.conftest import SERVICE, Caller
from tests.api.surface import framed
from tests.factory import NOW

FULL: dict[str, Any] = {
    "logName": "projects/p/logs/a%2Fb",
    "resource": {"type": "gae_app", "labels": {"module_id": "m", "project_id": "p"}},
    "timestamp": "2025-12-31T11:45:59.060021Z",
    "severity": "ERROR",
    "insertId": "own-id",
    "httpRequest": {"requestMethod": "GET", "status": 200, "requestSize": "12", "latency": "0.012s", "cacheHit": True},
    "labels": {"k": "v"},
    "operation": {"id": "o", "first": True},
    "trace": "projects/p/traces/t",
    "spanId": "00f067aa0ba902b7",
    "traceSampled": True,
    "sourceLocation": {"file": "a.py", "line": "7", "function": "f"},
}
PAYLOADS: list[dict[str, Any]] = [
    {},
    {"textPayload": "text"},
    {"textPayload": ""},
    {"jsonPayload": {"a": [1, 2.5, None, {"b": True}], "@type": "type.googleapis.com/x", "e": {}}},
    {"protoPayload": {"@type": "type.googleapis.com/google.protobuf.Timestamp", "value": "2020-01-01T00:00:00Z"}},
    {"protoPayload": {"@type": "type.googleapis.com/google.rpc.Status", "code": 3, "message": "no"}},
    {"protoPayload": {"@type": "type.googleapis.com/google.logging.type.HttpRequest", "status": 200}},
    {"protoPayload": {"@type": "type.googleapis.com/google.api.MonitoredResource", "type": "t"}},
]


@pytest.mark.parametrize("payload", PAYLOADS, ids=str)
async def test_an_entry_comes_back_as_it_was_written(caller: Caller, payload: dict[str, Any]) -> None:
    assert await caller.write({**FULL, **payload}) == (200, {})
    (entry,) = (await caller.list())["entries"]
    assert entry.pop("receiveTimestamp") == rfc3339(NOW)
    assert entry == {**FULL, **payload}


async def test_both_transports_give_the_same_entry(caller: Caller) -> None:
    await caller.write({**FULL, "jsonPayload": {"a": 1}})
    request = m.ListLogEntriesRequest(resource_names=["projects/p"])
    answer, listed = await caller.call(f"/{SERVICE}/ListLogEntries", request, m.ListLogEntriesResponse)
    assert answer.code == 0
    theirs = published.ListLogEntriesResponse.deserialize(listed.SerializeToString())
    assert published.ListLogEntriesResponse.to_dict(theirs)["entries"][0]["json_payload"] == {"a": 1.0}
    (entry,) = (await caller.list())["entries"]
    assert theirs.entries[0].timestamp.rfc3339() == entry["timestamp"]
    assert theirs.entries[0].http_request.latency.nanos == 12_000_000


async def test_an_unknown_payload_is_kept_byte_for_byte(caller: Caller) -> None:
    strange = any_pb2.Any(type_url="type.googleapis.com/of.our.Own", value=b"\x08\x01\xff")
    entry = m.LogEntry()
    entry.proto_payload.MergeFromString(strange.SerializeToString())
    request = m.WriteLogEntriesRequest(log_name="projects/p/logs/l", resource={"type": "global"}, entries=[entry])
    answer, _ = await caller.call(f"/{SERVICE}/WriteLogEntries", request, m.WriteLogEntriesResponse)
    assert answer.code == 0
    listing = m.ListLogEntriesRequest(resource_names=["projects/p"])
    _, listed = await caller.call(f"/{SERVICE}/ListLogEntries", listing, m.ListLogEntriesResponse)
    assert listed.entries[0].proto_payload.SerializeToString() == strange.SerializeToString()
    (shown,) = (await caller.list())["entries"]
    assert shown["protoPayload"] == {
        "@type": "type.googleapis.com/of.our.Own",
        "value": base64.b64encode(b"\x08\x01\xff").decode(),
    }


@pytest.mark.parametrize(("seconds", "nanos"), [(10**15, 0), (-(10**15), 0), (0, -1), (0, 10**9)])
async def test_an_instant_that_no_calendar_has_is_refused(caller: Caller, seconds: int, nanos: int) -> None:
    when = timestamp_pb2.Timestamp(seconds=seconds, nanos=nanos)
    entry = {"text_payload": "x", "timestamp": {"seconds": when.seconds, "nanos": when.nanos}}
    request = m.WriteLogEntriesRequest(log_name="projects/p/logs/l", resource={"type": "global"}, entries=[entry])
    answer, _ = await caller.call(f"/{SERVICE}/WriteLogEntries", request, m.WriteLogEntriesResponse)
    assert answer.code == 3


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            {"severity": "LOUD"},
            "Invalid value at 'entries[0].severity' (type.googleapis.com/google.logging.type.LogSeverity)",
        ),
        (
            {"nonsense": 1},
            "Invalid JSON payload received. Unknown name \"nonsense\" at 'entries[0]': Cannot find field.",
        ),
        ({"textPayload": "a", "jsonPayload": {}}, "oneof field 'payload' is already set"),
        ({"timestamp": "yesterday"}, "Invalid value at 'entries[0].timestamp'"),
        ({"resource": "global"}, "(type.googleapis.com/google.api.MonitoredResource)"),
        ({"protoPayload": {"@type": "type.googleapis.com/no.Such"}}, "unknown type"),
    ],
)
async def test_an_entry_that_is_none_is_refused_where_it_is_wrong(
    caller: Caller, change: dict[str, Any], words: str
) -> None:
    status, answer = await caller.write({**FULL, **change})
    assert status == 400
    assert words in answer["error"]["message"]


async def test_a_part_that_was_not_written_is_told_by_its_place(caller: Caller) -> None:
    bad = {"textPayload": "x", "logName": "projects/p/logs/a b"}
    status, answer = await caller.write({"textPayload": "1"}, bad, {"textPayload": "3"}, partialSuccess=True)
    illegal = "Log name contains illegal character. Allowed characters are alphanumerics and ./_-"
    assert (status, answer["error"]["status"], answer["error"]["message"]) == (400, "INVALID_ARGUMENT", illegal)
    assert answer["error"]["details"] == [
        {
            "@type": "type.googleapis.com/google.logging.v2.WriteLogEntriesPartialErrors",
            "logEntryErrors": {"1": {"code": 3, "message": illegal}},
        }
    ]
    assert [entry["textPayload"] for entry in (await caller.list())["entries"]] == ["1", "3"]


async def test_over_grpc_the_places_travel_as_details(caller: Caller) -> None:
    entries = [{"text_payload": "x"}, {"text_payload": "y", "log_name": "projects/p/logs/a b"}]
    request = m.WriteLogEntriesRequest(
        log_name="projects/p/logs/l", resource={"type": "global"}, entries=entries, partial_success=True
    )
    answer, _ = await caller.call(f"/{SERVICE}/WriteLogEntries", request, m.WriteLogEntriesResponse)
    assert answer.code == 3
    status = status_pb2.Status.FromString(base64.b64decode(answer.trailers["grpc-status-details-bin"] + "=="))
    theirs = published.WriteLogEntriesPartialErrors.deserialize(status.details[0].value)
    assert {place: each.code for place, each in theirs.log_entry_errors.items()} == {1: 3}


async def test_logs_are_listed_and_deleted_by_their_encoded_names(caller: Caller) -> None:
    await caller.write(FULL)
    await caller.write({"textPayload": "x"})
    listed = await caller.ask("GET", "/v2/projects/p/logs?pageSize=1")
    assert listed.json()["logNames"] == ["projects/p/logs/a%2Fb"]
    rest = await caller.ask("GET", f"/v2/projects/p/logs?pageSize=1&pageToken={listed.json()['nextPageToken']}")
    assert rest.json() == {"logNames": ["projects/p/logs/l"]}
    view = "projects/p/locations/global/buckets/_Default/views/_AllLogs"
    assert (await caller.ask("GET", f"/v2/{view}/logs")).json()["logNames"][1] == "projects/p/logs/l"
    assert (await caller.ask("GET", f"/v2/projects/q/logs?resourceNames={view}")).json()["logNames"] == [
        "projects/p/logs/a%2Fb",
        "projects/p/logs/l",
    ]
    deleted = await caller.ask("DELETE", "/v2/projects/p/logs/a%2Fb")
    assert (deleted.status, deleted.json()) == (200, {})
    assert (await caller.ask("DELETE", "/v2/projects/p/logs/a%2Fb")).status == 404


async def test_the_kinds_of_resources_are_described(caller: Caller) -> None:
    answer = (await caller.ask("GET", "/v2/monitoredResourceDescriptors")).json()
    kinds = {kind["type"]: [label["key"] for label in kind["labels"]] for kind in answer["resourceDescriptors"]}
    assert sorted(kinds) == ["cloud_run_revision", "cloud_tasks_queue", "global"]
    assert sorted(kinds["cloud_tasks_queue"]) == ["location", "project_id", "queue_id", "target_type"]
    first = (await caller.ask("GET", "/v2/monitoredResourceDescriptors?pageSize=2")).json()
    rest = await caller.ask("GET", f"/v2/monitoredResourceDescriptors?pageToken={first['nextPageToken']}")
    assert [*first["resourceDescriptors"], *rest.json()["resourceDescriptors"]] == answer["resourceDescriptors"]
    assert (await caller.ask("GET", "/v2/monitoredResourceDescriptors?pageToken=x")).status == 400


async def test_a_page_and_a_half_of_entries_is_paged_over_rest(caller: Caller) -> None:
    await caller.write(*({"textPayload": str(number)} for number in range(60)))
    page = await caller.list(pageSize=40, orderBy="timestamp desc")
    rest = await caller.list(pageSize=40, orderBy="timestamp desc", pageToken=page["nextPageToken"])
    assert [entry["textPayload"] for entry in page["entries"] + rest["entries"]] == [str(n) for n in range(59, -1, -1)]
    assert "nextPageToken" not in rest


async def test_a_severity_without_a_name_is_kept_as_its_number(caller: Caller) -> None:
    await caller.write({"textPayload": "x", "severity": 250})
    assert [entry["severity"] for entry in (await caller.list(filter="severity>INFO"))["entries"]] == [250]


async def test_the_tail_ends_with_what_is_wrong_with_it(caller: Caller) -> None:
    request = m.TailLogEntriesRequest(resource_names=["projects/p"], filter="a==b")
    answer = await caller.rpc(f"/{SERVICE}/TailLogEntries", framed(request))
    assert answer.code == 3
    assert answer.body == b""


async def test_copies_to_cloud_storage_are_refused_in_googles_words(caller: Caller) -> None:
    copy = {"name": "projects/p/locations/global/buckets/b", "destination": "storage.googleapis.com/x"}
    answer = await caller.post("/v2/entries:copy", copy)
    assert (answer.status, answer.json()["error"]["status"]) == (501, "UNIMPLEMENTED")
    assert answer.json()["error"]["message"] == "Operation is not implemented, or supported, or enabled."
    assert (await caller.post("/v2/entries:copy", {"nope": 1})).status == 400
