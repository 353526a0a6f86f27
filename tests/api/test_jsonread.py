"""What a JSON field may hold, and Google's words where it holds something else."""

from __future__ import annotations

import base64
import math
from typing import Any

import msgspec
import pytest
from google.cloud.tasks_v2.types import cloudtasks, queue, target, task
from google.protobuf import wrappers_pb2

from kumotasks.api.flaws import Flawed
from kumotasks.api.jsonread import Readers
from kumotasks.api.protojson import Codecs
from kumotasks.domain.errors import InvalidArgument

CODECS = Codecs()
CREATE = cloudtasks.CreateTaskRequest.pb()
TASK = task.Task.pb()
HTTP = target.HttpRequest.pb()


def refusal(message: Any, value: object) -> InvalidArgument:
    with pytest.raises(InvalidArgument) as caught:
        CODECS.of(message).decode(value)
    return caught.value


def decoded(message: Any, value: object) -> Any:
    return CODECS.of(message).decode(value)


@pytest.mark.parametrize("text", ["-_-_", "+/+/", "-_-_AA==", "+/+/AA", "+/+/\nAA==\n"])
def test_bytes_may_be_url_safe_unpadded_or_broken_into_lines(text: str) -> None:
    standard = text.replace("-", "+").replace("_", "/").replace("\n", "").rstrip("=")
    expected = base64.b64decode(standard + "=" * (-len(standard) % 4))
    assert decoded(HTTP, {"body": text}).body == expected


@pytest.mark.parametrize("text", ["!", "A", "AAAAA", "é", "AA=A"])
def test_bytes_that_are_no_base64_are_refused(text: str) -> None:
    assert refusal(HTTP, {"body": text}).message == (
        f"Invalid value at 'body' (TYPE_BYTES), Base64 decoding failed for \"{text}\""
    )


@pytest.mark.parametrize(
    ("value", "expected"), [("POST", 1), (1, 1), ("1", 1), (77, 77), (2.0, 2), ("HTTP_METHOD_UNSPECIFIED", 0)]
)
def test_enums_come_by_name_or_number(value: object, expected: int) -> None:
    assert decoded(HTTP, {"httpMethod": value}).http_method == expected


def test_an_unknown_enum_number_is_kept_and_written_as_a_number() -> None:
    message = decoded(HTTP, {"httpMethod": 77})
    assert CODECS.of(HTTP).encode(message) == {"httpMethod": 77}


def test_an_unknown_enum_name_is_refused_with_its_type() -> None:
    assert refusal(CREATE, {"task": {"httpRequest": {"httpMethod": "FOO"}}}).message == (
        "Invalid value at 'task.http_request.http_method' "
        '(type.googleapis.com/google.cloud.tasks.v2.HttpMethod), "FOO"'
    )


@pytest.mark.parametrize("value", [5, 5.0, "5"])
def test_integers_come_as_numbers_or_strings(value: object) -> None:
    assert decoded(TASK, {"dispatchCount": value}).dispatch_count == 5
    assert decoded(target.UriOverride.pb(), {"port": value}).port == 5


@pytest.mark.parametrize(
    ("value", "shown"),
    [("abc", '"abc"'), (2**31, "2147483648"), (True, "true"), (1.5, "1.5"), ("", '""'), (" 5", '" 5"')],
)
def test_what_is_no_integer_is_refused(value: object, shown: str) -> None:
    assert refusal(TASK, {"dispatchCount": value}).message == f"Invalid value at 'dispatch_count' (TYPE_INT32), {shown}"


def test_64_bit_integers_are_written_as_strings_and_kept_apart_when_absent() -> None:
    codec = CODECS.of(target.UriOverride.pb())
    assert codec.encode(codec.decode({"port": 2**62})) == {"port": str(2**62)}
    assert codec.encode(codec.decode({"port": 0})) == {"port": "0"}
    assert codec.encode(codec.decode({})) == {}


@pytest.mark.parametrize(
    ("value", "expected"), [("Infinity", math.inf), ("-Infinity", -math.inf), ("1e3", 1000), (5, 5)]
)
def test_doubles_come_as_numbers_strings_or_words(value: object, expected: float) -> None:
    assert decoded(queue.RateLimits.pb(), {"maxDispatchesPerSecond": value}).max_dispatches_per_second == expected


def test_not_a_number_survives() -> None:
    codec = CODECS.of(queue.RateLimits.pb())
    assert codec.encode(codec.decode({"maxDispatchesPerSecond": "NaN"})) == {"maxDispatchesPerSecond": "NaN"}


@pytest.mark.parametrize("value", [10**400, "1e999", "inf", "1_0", "", "0x1"])
def test_what_is_no_double_is_refused(value: object) -> None:
    error = refusal(queue.RateLimits.pb(), {"maxDispatchesPerSecond": value})
    assert error.message.startswith("Invalid value at 'max_dispatches_per_second' (TYPE_DOUBLE), ")


def test_a_whole_double_is_written_without_a_point() -> None:
    message = queue.RateLimits.pb()(max_dispatches_per_second=500)
    assert msgspec.json.encode(CODECS.of(type(message)).encode(message)) == b'{"maxDispatchesPerSecond":500}'


def test_null_leaves_a_field_unset() -> None:
    assert decoded(TASK, {"name": None, "scheduleTime": None, "httpRequest": None, "dispatchCount": None}) == TASK()
    assert decoded(TASK, {"scheduleTime": None, "schedule_time": "1970-01-01T00:00:01Z"}).schedule_time.seconds == 1


def test_an_empty_message_is_not_the_same_as_none() -> None:
    assert decoded(TASK, {"httpRequest": {}}).HasField("http_request")
    assert CODECS.of(TASK).encode(TASK(http_request={})) == {"httpRequest": {}}


UNKNOWN = "Invalid JSON payload received. Unknown name"
REFUSALS: list[tuple[object, str, str]] = [
    ({"x": 1}, "", f'{UNKNOWN} "x": Cannot find field.'),
    ({"task": {"x": 1}}, "task", f"{UNKNOWN} \"x\" at 'task': Cannot find field."),
    (
        {"task": {"name": ["a"]}},
        "task",
        f"{UNKNOWN} \"name\" at 'task': Proto field is not repeating, cannot start list.",
    ),
    (
        {"task": {"httpRequest": {"headers": []}}},
        "task.http_request",
        f"{UNKNOWN} \"headers\" at 'task.http_request': Cannot bind a list to map for field 'headers'.",
    ),
    (
        {"task": {"httpRequest": {"headers": {"a": "b", "c": 5}}}},
        "task.http_request.headers[1].value",
        "Invalid value at 'task.http_request.headers[1].value' (TYPE_STRING), 5",
    ),
    ({"task": {"name": 5}}, "task.name", "Invalid value at 'task.name' (TYPE_STRING), 5"),
    (
        {"task": {"name": {}}},
        "task.name",
        "Invalid value at 'task.name' (TYPE_STRING), Starting an object on a scalar field",
    ),
    ({"task": "no"}, "task", "Invalid value at 'task' (type.googleapis.com/google.cloud.tasks.v2.Task), \"no\""),
    (
        {"task": {"httpRequest": {}, "appEngineHttpRequest": {}}},
        "task",
        "Invalid value at 'task' (oneof), oneof field 'message_type' is already set. Cannot set 'appEngineHttpRequest'",
    ),
    (
        {"task": {"scheduleTime": "1970-01-01T00:00:00Z", "schedule_time": "1970-01-01T00:00:00Z"}},
        "task",
        f"{UNKNOWN} \"scheduleTime\" at 'task': Proto field is not repeating, cannot be set twice.",
    ),
]


@pytest.mark.parametrize(("value", "place", "message"), REFUSALS)
def test_a_refusal_says_what_and_where(value: object, place: str, message: str) -> None:
    error = refusal(CREATE, value)
    assert error.message == message
    assert [(each.field, each.description) for each in error.violations] == [(place, message)]


def test_everything_wrong_is_told_at_once() -> None:
    value = {"requests": [{"parent": 1}, {"task": {"x": 1, "httpRequest": {"y": 2}}}], "z": 3}
    error = refusal(cloudtasks.BatchCreateTasksRequest.pb(), value)
    assert error.message.split("\n") == [
        "Invalid value at 'requests[0].parent' (TYPE_STRING), 1",
        "Invalid JSON payload received. Unknown name \"x\" at 'requests[1].task': Cannot find field.",
        "Invalid JSON payload received. Unknown name \"y\" at 'requests[1].task.http_request': Cannot find field.",
        'Invalid JSON payload received. Unknown name "z": Cannot find field.',
    ]  # fmt: skip


ENDLESS: list[tuple[Any, object]] = [
    (CREATE, {f"{index}{'x' * 500}": 1 for index in range(5_000)}),
    (cloudtasks.BatchDeleteTasksRequest.pb(), {"names": [1] * 5_000}),
    (HTTP, {"headers": {str(index): 1 for index in range(5_000)}}),
    (cloudtasks.BatchCreateTasksRequest.pb(), {"requests": [{"parent": 1, "x": 2}] * 5_000}),
]


@pytest.mark.parametrize(("message", "value"), ENDLESS)
def test_reading_ends_where_enough_is_wrong(message: Any, value: object) -> None:
    with pytest.raises(Flawed) as caught:
        Readers().of(message.DESCRIPTOR)(value)
    assert 100 <= len(caught.value.flaws) <= 101


@pytest.mark.parametrize(("message", "value"), ENDLESS)
def test_a_refusal_stays_short_however_much_is_wrong(message: Any, value: object) -> None:
    error = refusal(message, value)
    assert len(error.violations) == 100
    assert len(error.message) < 30_000


def test_a_float_too_large_for_32_bits_is_refused() -> None:
    assert "TYPE_FLOAT" in refusal(wrappers_pb2.FloatValue, 1e39).message
