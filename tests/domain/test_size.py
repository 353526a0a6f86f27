"""The size law: the arithmetic agrees with Google's own message, byte for byte."""

from dataclasses import replace

import pytest
from google.cloud import tasks_v2
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given
from hypothesis import strategies as st

from kumotasks.domain.errors import InvalidArgument
from kumotasks.domain.names import QueueName, TaskName
from kumotasks.domain.size import MAX_TASK_SIZE, check_size, task_size
from kumotasks.domain.target import (
    AppEngineHttpRequest,
    AppEngineRouting,
    HttpRequest,
    OAuthToken,
    OidcToken,
)
from kumotasks.domain.task import RetryOverride, Task
from tests.domain.factory import APP_ENGINE, HTTP, NOW, SECOND, task

_TaskMessage = tasks_v2.Task.pb()


def _instant(microseconds: int) -> Timestamp:
    return Timestamp(seconds=microseconds // SECOND, nanos=microseconds % SECOND * 1_000)


def _duration(microseconds: int | None) -> Duration | None:
    if microseconds is None:
        return None
    return Duration(seconds=microseconds // SECOND, nanos=microseconds % SECOND * 1_000)


def _fields(**given: object) -> dict[str, object]:
    return {name: value for name, value in given.items() if value is not None}


def _token(token: OidcToken | OAuthToken | None) -> dict[str, object]:
    match token:
        case OidcToken(email, audience):
            return {"oidc_token": {"service_account_email": email, "audience": audience}}
        case OAuthToken(email, scope):
            return {"oauth_token": {"service_account_email": email, "scope": scope}}
    return {}


def _target(target: HttpRequest | AppEngineHttpRequest) -> dict[str, object]:
    plain = {"http_method": int(target.http_method), "headers": dict(target.headers), "body": target.body}
    if isinstance(target, HttpRequest):
        return {"http_request": {"url": target.url, **plain, **_token(target.oidc_token or target.oauth_token)}}
    routing = target.app_engine_routing
    return {
        "app_engine_http_request": {
            "relative_uri": target.relative_uri,
            "app_engine_routing": {
                "service": routing.service,
                "version": routing.version,
                "instance": routing.instance,
                "host": routing.host,
            },
            **plain,
        }
    }


def _retry(override: RetryOverride | None) -> dict[str, object] | None:
    if override is None:
        return None
    return _fields(
        max_attempts=override.max_attempts,
        max_retry_duration=_duration(override.max_retry_duration),
        min_backoff=_duration(override.min_backoff),
        max_backoff=_duration(override.max_backoff),
        max_doublings=override.max_doublings,
    )


def message_size(task: Task) -> int:
    """Bytes of Google's own message, built from the same values."""
    message = _TaskMessage(
        name=str(task.name),
        schedule_time=_instant(task.schedule_time),
        create_time=_instant(task.create_time),
        **_target(task.target),
        **_fields(dispatch_deadline=_duration(task.dispatch_deadline), retry_config=_retry(task.retry_config)),
    )
    return len(message.SerializeToString())


_WORDS = st.text(max_size=20) | st.sampled_from([127, 128, 16_383, 16_384]).map("x".__mul__)
_HEADERS = st.dictionaries(_WORDS, _WORDS, max_size=4).map(lambda headers: tuple(headers.items()))
_BODIES = st.binary(max_size=300) | st.integers(0, 70_000).map(bytes)
_METHODS = st.integers(0, 7)
_TOKENS = st.none() | st.builds(OidcToken, _WORDS, _WORDS) | st.builds(OAuthToken, _WORDS, _WORDS)
_DURATIONS = st.none() | st.integers(0, 10**15)
_OVERRIDES = st.none() | st.builds(
    RetryOverride,
    max_attempts=st.none() | st.integers(-1, 2**31 - 1),
    max_retry_duration=_DURATIONS,
    min_backoff=_DURATIONS,
    max_backoff=_DURATIONS,
    max_doublings=st.none() | st.integers(0, 2**31 - 1),
)


def _with_token(request: HttpRequest, token: OidcToken | OAuthToken | None) -> HttpRequest:
    kind = "oidc_token" if isinstance(token, OidcToken) else "oauth_token"
    return request if token is None else replace(request, **{kind: token})


_HTTP = st.builds(
    _with_token, st.builds(HttpRequest, _WORDS, http_method=_METHODS, headers=_HEADERS, body=_BODIES), _TOKENS
)
_APP_ENGINE = st.builds(
    AppEngineHttpRequest,
    _WORDS,
    _METHODS,
    _HEADERS,
    _BODIES,
    st.builds(AppEngineRouting, _WORDS, _WORDS, _WORDS, _WORDS),
)
_NAMES = st.from_regex(r"[A-Za-z0-9_\-]{1,500}", fullmatch=True)
_INSTANTS = st.integers(0, 4 * 10**15)
_TASKS = st.builds(
    Task,
    name=st.builds(TaskName, _WORDS.map(lambda text: QueueName("p", "l", "q", text)), _NAMES),
    target=_HTTP | _APP_ENGINE,
    schedule_time=_INSTANTS,
    create_time=_INSTANTS,
    serial=st.just(1),
    dispatch_deadline=_DURATIONS,
    retry_config=_OVERRIDES,
)


@given(_TASKS)
def test_the_arithmetic_is_the_messages_size(task: Task) -> None:
    assert task_size(task) == message_size(task)


def _filled(task: Task, size: int) -> Task:
    """The task with a body that makes it exactly `size` bytes."""
    target = replace(task.target, body=b"x" * 1_000_000)
    missing = size - task_size(replace(task, target=target))
    return replace(task, target=replace(target, body=b"x" * (1_000_000 + missing)))


@pytest.mark.parametrize("target", [HTTP, APP_ENGINE])
def test_the_last_byte_decides(target: HttpRequest | AppEngineHttpRequest) -> None:
    assert MAX_TASK_SIZE == 1_048_569
    largest = _filled(task(target=target, dispatch_deadline=600 * SECOND), 1_048_569)
    assert message_size(largest) == 1_048_569
    check_size(largest)
    with pytest.raises(InvalidArgument) as refused:
        check_size(_filled(largest, 1_048_570))
    assert refused.value.message == "Task size too large"


def test_the_name_the_times_and_the_headers_count() -> None:
    plain = task(schedule_time=NOW + 1, target=replace(HTTP, body=b"x"))
    assert task_size(plain) - task_size(replace(plain, schedule_time=NOW)) > 0
    longer = replace(plain, name=TaskName(plain.name.queue, "t" * 100))
    assert task_size(longer) - task_size(plain) == 98 + 1  # beyond 127 bytes its length takes a byte more
    headed = replace(plain, target=replace(HTTP, body=b"x", headers=(*HTTP.headers, ("A", "b"))))
    assert task_size(headed) - task_size(plain) == 8


def test_other_limits_can_be_set() -> None:
    large = _filled(task(), 2_000_000)
    check_size(large, limit=2_000_000)
    with pytest.raises(InvalidArgument, match="Task size too large"):
        check_size(large, limit=1_999_999)


@pytest.mark.parametrize(
    "token", [{"oidc_token": OidcToken("a@b", "x" * 2**20)}, {"oauth_token": OAuthToken("a@b", "x" * 2**20)}]
)
def test_a_token_counts_like_everything_else(token: dict[str, object]) -> None:
    with pytest.raises(InvalidArgument, match="Task size too large"):
        check_size(task(target=replace(HTTP, **token)))
