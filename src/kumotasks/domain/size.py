"""The size law: a task's stored form, serialized, is at most 1,048,569 bytes. Pure arithmetic, no protobuf here.

Google measures the canonical task in its FULL form: name, both timestamps, deadline, headers with the injected
User-Agent, URL, body, App Engine host. Values equal to an encoding default cost nothing. A test holds this arithmetic
against the real message, byte for byte.
"""

from __future__ import annotations

from collections.abc import Iterable

from kumotasks.domain.clock import SECOND
from kumotasks.domain.errors import InvalidArgument
from kumotasks.domain.target import AppEngineHttpRequest, AppEngineRouting, HttpRequest, OAuthToken, OidcToken
from kumotasks.domain.task import RetryOverride, Task

MAX_TASK_SIZE = 1_048_569  # 1 MiB less 7 bytes, as measured
_REST = 100 * 1024  # what everything but body and token takes at most: headers, URL and name have bounds of their own


def check_size(task: Task, limit: int = MAX_TASK_SIZE) -> None:
    """Refuse a task whose stored form is too large."""
    target = task.target
    if isinstance(target, HttpRequest) and len(target.body) < limit - _REST - _token(target):
        return
    if task_size(task) > limit:
        raise InvalidArgument("Task size too large")


def task_size(task: Task) -> int:
    """Bytes of the serialized google.cloud.tasks.v2.Task as stored: name, target, times, deadline, retry."""
    target = task.target
    request = _http_size(target) if isinstance(target, HttpRequest) else _app_engine_size(target)
    size = _text(str(task.name)) + _message(request)
    size += _message(_instant(task.schedule_time)) + _message(_instant(task.create_time))
    if task.dispatch_deadline is not None:
        size += _message(_instant(task.dispatch_deadline))
    if task.retry_config is not None:
        size += _message(_retry_size(task.retry_config))
    return size


def _varint(value: int) -> int:
    return max(1, (value.bit_length() + 6) // 7) if value >= 0 else 10


def _field(length: int) -> int:
    """A length-delimited field with a one-byte tag."""
    return 1 + _varint(length) + length


def _message(length: int) -> int:
    return _field(length)


def _text(value: str | bytes) -> int:
    length = len(value.encode()) if isinstance(value, str) else len(value)
    return _field(length) if length else 0


def _number(value: int) -> int:
    return 1 + _varint(value) if value else 0


def _instant(microseconds: int) -> int:
    """A Timestamp or a Duration."""
    return _number(microseconds // SECOND) + _number(microseconds % SECOND * 1_000)


def _pairs(headers: Iterable[tuple[str, str]]) -> int:
    # A map's entries always carry both key and value, empty ones too.
    return sum(_field(_field(len(name.encode())) + _field(len(value.encode()))) for name, value in headers)


def _token(target: HttpRequest) -> int:
    token = target.oidc_token or target.oauth_token
    if token is None:
        return 0
    match token:
        case OidcToken(email, extra) | OAuthToken(email, extra):
            return _message(_text(email) + _text(extra))


def _http_size(target: HttpRequest) -> int:
    fields = _text(target.url) + _number(target.http_method) + _pairs(target.headers) + _text(target.body)
    return fields + _token(target)


def _app_engine_size(target: AppEngineHttpRequest) -> int:
    fields = _number(target.http_method) + _message(_routing_size(target.app_engine_routing))
    return fields + _text(target.relative_uri) + _pairs(target.headers) + _text(target.body)


def _routing_size(routing: AppEngineRouting) -> int:
    return _text(routing.service) + _text(routing.version) + _text(routing.instance) + _text(routing.host)


def _retry_size(config: RetryOverride) -> int:
    size = _number(config.max_attempts or 0) + _number(config.max_doublings or 0)
    for duration in (config.max_retry_duration, config.min_backoff, config.max_backoff):
        if duration is not None:
            size += _message(_instant(duration))
    return size
