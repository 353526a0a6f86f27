"""protobuf's own classes in their JSON forms."""

from __future__ import annotations

from typing import Any

import pytest
from google.cloud.tasks_v2.types import cloudtasks, queue, task
from google.longrunning import operations_pb2
from google.protobuf import any_pb2, duration_pb2, empty_pb2, json_format, struct_pb2, timestamp_pb2, wrappers_pb2

from kumotasks.api.protojson import Codecs
from kumotasks.api.wellknown import print_double
from kumotasks.domain.errors import InvalidArgument

CODECS = Codecs()
CREATE = cloudtasks.CreateTaskRequest.pb()
TASK = task.Task.pb()
QUEUE = queue.Queue.pb()


def refusal(message: Any, value: object) -> InvalidArgument:
    with pytest.raises(InvalidArgument) as caught:
        CODECS.of(message).decode(value)
    return caught.value


def decoded(message: Any, value: object) -> Any:
    return CODECS.of(message).decode(value)


@pytest.mark.parametrize(
    ("text", "seconds", "nanos"),
    [
        ("1970-01-01T00:00:00Z", 0, 0),
        ("2026-11-01T10:00:00.5Z", 1793527200, 500_000_000),
        ("2026-11-01T10:00:00.123456789Z", 1793527200, 123_456_789),
        ("2026-11-01T11:30:00+01:30", 1793527200, 0),
        ("2026-11-01T02:00:00-08:00", 1793527200, 0),
        ("0001-01-01T00:00:00Z", -62135596800, 0),
        ("9999-12-31T23:59:59.999999999Z", 253402300799, 999_999_999),
        ("1969-12-31T23:59:59.5Z", -1, 500_000_000),
    ],
)
def test_instants_are_read_to_the_nanosecond(text: str, seconds: int, nanos: int) -> None:
    assert decoded(TASK, {"scheduleTime": text}).schedule_time == timestamp_pb2.Timestamp(seconds=seconds, nanos=nanos)


@pytest.mark.parametrize(
    ("nanos", "text"), [(0, ":00Z"), (5_000_000, ":00.005Z"), (5_000, ":00.000005Z"), (5, ":00.000000005Z")]
)
def test_instants_are_written_with_0_3_6_or_9_digits(nanos: int, text: str) -> None:
    message = TASK(schedule_time={"seconds": 1793527200, "nanos": nanos})
    assert CODECS.of(TASK).encode(message)["scheduleTime"] == f"2026-11-01T10:00{text}"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (
            "2026-11-01T10:00:00",
            "Illegal timestamp format; timestamps must end with 'Z' or have a valid timezone offset.",
        ),
        ("soon", "Illegal timestamp format; timestamps must end with 'Z' or have a valid timezone offset."),
        ("2026-13-01T10:00:00Z", "Invalid time format: 2026-13-01T10:00:00Z"),
        ("2026-11-01 10:00:00Z", "Invalid time format: 2026-11-01 10:00:00Z"),
        ("2026-11-01T24:00:00Z", "Invalid time format: 2026-11-01T24:00:00Z"),
        ("0001-01-01T00:00:00+01:00", "Invalid time format: 0001-01-01T00:00:00+01:00"),
        (17, "Invalid data type for timestamp, value is 17"),
    ],
)
def test_an_instant_that_is_none_is_refused_in_googles_words(text: object, why: str) -> None:
    error = refusal(CREATE, {"task": {"scheduleTime": text}})
    assert error.message == (
        "Invalid value at 'task.schedule_time' (type.googleapis.com/google.protobuf.Timestamp), "
        f"Field 'scheduleTime', {why}"
    )
    assert [each.field for each in error.violations] == ["task.schedule_time"]


@pytest.mark.parametrize(
    ("text", "seconds", "nanos"),
    [("600s", 600, 0), ("0.1s", 0, 100_000_000), ("-1.5s", -1, -500_000_000), ("0s", 0, 0)],
)
def test_durations_are_read(text: str, seconds: int, nanos: int) -> None:
    read = decoded(TASK, {"dispatchDeadline": text})
    assert read.HasField("dispatch_deadline")
    assert (read.dispatch_deadline.seconds, read.dispatch_deadline.nanos) == (seconds, nanos)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("600", "Illegal duration format; duration must end with 's'"),
        ("tens", "Invalid duration format, failed to parse seconds"),
        ("1.2.3s", "Invalid duration format, failed to parse seconds"),
        ("315576000001s", "Duration value exceeds limits"),
        (600, "Invalid data type for duration, value is 600"),
    ],
)
def test_a_duration_that_is_none_is_refused(text: object, why: str) -> None:
    assert refusal(TASK, {"dispatchDeadline": text}).message == (
        "Invalid value at 'dispatch_deadline' (type.googleapis.com/google.protobuf.Duration), "
        f"Field 'dispatchDeadline', {why}"
    )


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        ("retryConfig.maxAttempts,rateLimits", ["retry_config.max_attempts", "rate_limits"]),
        ("http_target.uri_override", ["http_target.uri_override"]),
        ("", []),
        (" a , b", ["a", "b"]),
    ],
)
def test_field_masks_come_in_either_case(text: str, paths: list[str]) -> None:
    assert decoded(cloudtasks.UpdateQueueRequest.pb(), {"updateMask": text}).update_mask.paths == paths


@pytest.mark.parametrize(
    "value", [{"a": 1.5, "b": [None, True, "x", {"c": []}], "d": {}}, {}, {"n": None, "fields": {"x": 1}}]
)
def test_free_form_values_go_both_ways(value: Any) -> None:
    codec = CODECS.of(struct_pb2.Struct)
    message = codec.decode(value)
    assert json_format.MessageToDict(message) == value
    assert codec.encode(message) == value


def test_a_free_form_value_too_deep_for_protobuf_is_refused() -> None:
    value: Any = 1
    for _ in range(40):
        value = [value]
    assert "Message too deep" in refusal(struct_pb2.Value, value).message


def test_an_any_shows_its_content_beside_its_type() -> None:
    codec = CODECS.of(operations_pb2.Operation)
    operation = operations_pb2.Operation(name="o", done=True)
    operation.response.Pack(QUEUE(name="q"))
    operation.metadata.Pack(duration_pb2.Duration(seconds=5))
    shown = codec.encode(operation)
    assert shown["response"] == {"@type": "type.googleapis.com/google.cloud.tasks.v2.Queue", "name": "q"}
    assert shown["metadata"] == {"@type": "type.googleapis.com/google.protobuf.Duration", "value": "5s"}
    assert codec.decode(shown) == operation


def test_an_any_may_hold_an_any() -> None:
    inner, outer = any_pb2.Any(), any_pb2.Any()
    inner.Pack(duration_pb2.Duration(seconds=5))
    outer.Pack(inner)
    codec = CODECS.of(any_pb2.Any)
    assert codec.encode(outer) == json_format.MessageToDict(outer)
    assert codec.decode(codec.encode(outer)) == outer


def test_an_any_that_nobody_knows_is_shown_as_it_is_and_refused_as_input() -> None:
    wrapped = any_pb2.Any(type_url="type.googleapis.com/no.such.Message", value=b"\x01")
    assert CODECS.of(any_pb2.Any).encode(wrapped) == {"@type": wrapped.type_url, "value": "AQ=="}
    assert "unknown type" in refusal(any_pb2.Any, {"@type": wrapped.type_url}).message
    assert "Missing @type" in refusal(any_pb2.Any, {"name": "q"}).message


def test_an_any_with_content_that_is_wrong_says_where() -> None:
    value = {"response": {"@type": "type.googleapis.com/google.cloud.tasks.v2.Queue", "nam": "q"}}
    assert refusal(operations_pb2.Operation, value).message == (
        "Invalid JSON payload received. Unknown name \"nam\" at 'response': Cannot find field."
    )


@pytest.mark.parametrize(
    ("message", "value"),
    [
        (wrappers_pb2.Int64Value(value=5), "5"),
        (wrappers_pb2.StringValue(value="x"), "x"),
        (wrappers_pb2.BoolValue(value=False), False),
        (wrappers_pb2.BytesValue(value=b"\xff"), "/w=="),
        (wrappers_pb2.FloatValue(value=0.1), 0.1),
        (empty_pb2.Empty(), {}),
    ],
)
def test_wrappers_are_their_value(message: Any, value: object) -> None:
    codec = CODECS.of(type(message))
    assert codec.encode(message) == value
    assert codec.decode(value) == message


def test_an_instant_that_no_calendar_has_is_still_written() -> None:
    message = TASK(schedule_time={"seconds": 2**62, "nanos": -5}, create_time={"seconds": -(2**62)})
    assert CODECS.of(TASK).encode(message) == {
        "scheduleTime": "9999-12-31T23:59:59Z",
        "createTime": "0001-01-01T00:00:00Z",
    }


@pytest.mark.parametrize(
    ("number", "text"),
    [(0.0, "0"), (-0.0, "-0.0"), (3.0, "3"), (-3.0, "-3"), (0.5, "0.5"), (1e15, "1000000000000000.0")],
)
def test_a_whole_number_is_printed_without_a_point(number: float, text: str) -> None:
    assert repr(print_double(number)) == text
