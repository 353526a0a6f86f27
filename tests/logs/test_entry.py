"""A log entry and its JSON form."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kumotasks.logs.entry import (
    ERROR,
    InsertIds,
    LogEntry,
    ProtoPayload,
    decode,
    encode,
    from_document,
    project_of,
    to_document,
)
from kumotasks.logs.times import from_rfc3339, rfc3339, seconds_text
from tests.factory import NOW
from tests.logs.journaling import an_entry

FULL = LogEntry(
    log_name="projects/p/logs/run.googleapis.com%2Frequests",
    resource_type="cloud_run_revision",
    timestamp=NOW + 1,
    payload={"a": [1, {"b": None}], "☁": "雲"},
    resource_labels={"service_name": "s"},
    severity=ERROR,
    insert_id="i",
    receive_timestamp=NOW + 2,
    labels={"k": "v"},
    http_request={"requestMethod": "GET", "status": 500},
    trace="projects/p/traces/t",
    span_id="s",
    trace_sampled=True,
    operation={"id": "o", "first": True},
    source_location={"file": "f.py", "line": "7"},
)


def test_the_json_form_is_googles() -> None:
    assert to_document(FULL) == {
        "logName": "projects/p/logs/run.googleapis.com%2Frequests",
        "resource": {"type": "cloud_run_revision", "labels": {"service_name": "s"}},
        "timestamp": "2026-01-01T00:00:00.000001Z",
        "receiveTimestamp": "2026-01-01T00:00:00.000002Z",
        "severity": "ERROR",
        "insertId": "i",
        "jsonPayload": {"a": [1, {"b": None}], "☁": "雲"},
        "labels": {"k": "v"},
        "httpRequest": {"requestMethod": "GET", "status": 500},
        "trace": "projects/p/traces/t",
        "spanId": "s",
        "traceSampled": True,
        "operation": {"id": "o", "first": True},
        "sourceLocation": {"file": "f.py", "line": "7"},
    }


def test_what_has_its_default_is_left_out() -> None:
    assert to_document(an_entry("text")) == {
        "logName": "projects/p/logs/l",
        "resource": {"type": "global"},
        "timestamp": "2026-01-01T00:00:00Z",
        "receiveTimestamp": "1970-01-01T00:00:00Z",
        "textPayload": "text",
    }


@pytest.mark.parametrize(
    "entry",
    [
        FULL,
        an_entry("text"),
        an_entry("lone \ud800 surrogate"),
        an_entry(payload=None),
        an_entry(payload=ProtoPayload("type.googleapis.com/x.Y", {"z": 1})),
        an_entry(payload={}),
        an_entry(severity=250),
    ],
)
def test_an_entry_comes_back_as_it_was_kept(entry: LogEntry) -> None:
    assert from_document(decode(encode(to_document(entry)))) == entry


@pytest.mark.parametrize(
    "content",
    [b"", b"null", b"[]", b"{}", b'{"logName": 1}', b"[" * 100_000, encode({**to_document(FULL), "severity": "LOUD"})],
)
def test_what_is_no_entry_is_a_value_error(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        from_document(decode(content))


@pytest.mark.parametrize(
    ("name", "project"), [("projects/p/logs/a%2Fb", "p"), ("organizations/1/logs/x", "organizations/1")]
)
def test_a_log_belongs_to_a_project(name: str, project: str) -> None:
    assert project_of(name) == project


def test_ids_rise_and_differ_even_when_time_stands() -> None:
    ids = InsertIds()
    given_out = [ids.next(now) for now in (NOW, NOW, NOW - 5, NOW + 9, NOW)]
    assert given_out == sorted(set(given_out))
    assert {len(each) for each in given_out} == {12}


@given(st.integers(-62_135_596_800_000_000, 253_402_300_799_999_999))
def test_an_instant_reads_back(instant: int) -> None:
    assert from_rfc3339(rfc3339(instant)) == instant


@pytest.mark.parametrize(
    ("instant", "text"),
    [
        (NOW, "2026-01-01T00:00:00Z"),
        (NOW + 60_000, "2026-01-01T00:00:00.060Z"),
        (NOW + 60_021, "2026-01-01T00:00:00.060021Z"),
        (1 << 62, "9999-12-31T23:59:59.999999Z"),
    ],
)
def test_instants_are_written_as_protobuf_does(instant: int, text: str) -> None:
    assert rfc3339(instant) == text


@pytest.mark.parametrize(
    ("duration", "text"),
    [(0, "0s"), (1, "0.000001s"), (1_250, "0.001250s"), (100_000, "0.100s"), (10_000_000, "10s"), (60_000_000, "60s")],
)
def test_durations_are_written_as_protobuf_does(duration: int, text: str) -> None:
    assert seconds_text(duration) == text


@pytest.mark.parametrize("content", [float("nan"), "\ud800", None, 10**30, {True: 1}, [None, float("-inf")]])
def test_what_plain_json_has_no_word_for_is_kept(content: object) -> None:
    document = {"jsonPayload": {"a": content}}
    kept = encode(document)
    assert kept == encode(decode(kept))
    assert repr(decode(kept)) == repr(json.loads(json.dumps(document)))
