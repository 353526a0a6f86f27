"""Tasks between message and value. On the hot path: every line here is paid for by each task created."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from kumotasks.api.tasks import messages
from kumotasks.api.tasks.times import duration, instant, set_duration, set_instant
from kumotasks.domain.attempt import Attempt
from kumotasks.domain.errors import InvalidArgument
from kumotasks.domain.target import (
    AppEngineHttpRequest,
    AppEngineRouting,
    HttpRequest,
    OAuthToken,
    OidcToken,
    Target,
)
from kumotasks.domain.task import NewTask, RetryOverride, Task

BASIC, FULL = 1, 2
_VIEWS = frozenset({0, BASIC, FULL})


def full_view(view: int) -> bool:
    """Whether bodies are to be shown."""
    if view not in _VIEWS:
        raise InvalidArgument("The response_view is not a known view.")
    return view == FULL


def new_task(message: Any) -> NewTask:
    """What the caller of CreateTask asks for; output-only fields are ignored."""
    kind = message.WhichOneof("message_type")
    target: Target | None = None
    if kind == "http_request":
        target = _http_request(message.http_request)
    elif kind == "app_engine_http_request":
        target = _app_engine_request(message.app_engine_http_request)
    return NewTask(
        message.name,
        target,
        instant(message.schedule_time, "Task.scheduleTime") if message.HasField("schedule_time") else None,
        duration(message.dispatch_deadline, "Task.dispatchDeadline") if message.HasField("dispatch_deadline") else None,
        retry_override(message.retry_config) if message.HasField("retry_config") else None,
    )


def _http_request(message: Any) -> HttpRequest:
    signed = message.WhichOneof("authorization_header")
    headers = message.headers
    return HttpRequest(
        message.url,
        message.http_method,
        tuple([(name, headers[name]) for name in headers]),  # half of what `items` costs
        message.body,
        oidc_token(message.oidc_token) if signed == "oidc_token" else None,
        oauth_token(message.oauth_token) if signed == "oauth_token" else None,
    )


def _app_engine_request(message: Any) -> AppEngineHttpRequest:
    return AppEngineHttpRequest(
        message.relative_uri,
        message.http_method,
        tuple(message.headers.items()),
        message.body,
        routing(message.app_engine_routing),
    )


def oidc_token(message: Any) -> OidcToken:
    return OidcToken(message.service_account_email, message.audience)


def oauth_token(message: Any) -> OAuthToken:
    return OAuthToken(message.service_account_email, message.scope)


def routing(message: Any) -> AppEngineRouting:
    """The host is the server's to compute; a caller's is ignored."""
    return AppEngineRouting(message.service, message.version, message.instance)


def retry_override(message: Any) -> RetryOverride:
    """Zero is unset, as proto3 has it; so is an absent duration."""
    longest = _set_duration_of(message, "max_retry_duration", "RetryConfig.maxRetryDuration")
    return RetryOverride(
        message.max_attempts or None,
        longest,
        _set_duration_of(message, "min_backoff", "RetryConfig.minBackoff"),
        _set_duration_of(message, "max_backoff", "RetryConfig.maxBackoff"),
        message.max_doublings or None,
    )


def _set_duration_of(message: Any, field: str, title: str) -> int | None:
    return duration(getattr(message, field), title) if message.HasField(field) else None


def task_message(task: Task, *, full: bool) -> Any:
    """The task as it is shown; BASIC hides the body and nothing else."""
    message = messages.Task()
    fill_task(message, task, full=full)
    return message


def fill_task(message: Any, task: Task, *, full: bool) -> None:
    """Write every field into `message`, which is empty."""
    target = task.target
    message.MergeFromString(_frame(task.create_time, task.dispatch_deadline, FULL if full else BASIC))
    message.name = str(task.name)
    if isinstance(target, HttpRequest):
        _fill_http(message.http_request, target, full=full)
    else:
        _fill_app_engine(message.app_engine_http_request, target, full=full)
    set_instant(message.schedule_time, task.schedule_time)
    if task.retry_config is not None:
        _fill_retry(message.retry_config, task.retry_config)
    progress = task.progress
    if progress.dispatch_count:
        message.dispatch_count = progress.dispatch_count
        message.response_count = progress.response_count
        if progress.first_dispatch_time is not None:
            set_instant(message.first_attempt.dispatch_time, progress.first_dispatch_time)
        if progress.last_attempt is not None:
            _fill_attempt(message.last_attempt, progress.last_attempt)


@lru_cache(maxsize=1024)  # the tasks of a second have all of it in common
def _frame(create_time: int, dispatch_deadline: int | None, view: int) -> bytes:
    message = messages.Task(view=view)
    set_instant(message.create_time, create_time)
    if dispatch_deadline is not None:
        set_duration(message.dispatch_deadline, dispatch_deadline)
    return bytes(message.SerializeToString())


def _fill_http(message: Any, target: HttpRequest, *, full: bool) -> None:
    message.url = target.url
    message.http_method = target.http_method
    headers = message.headers
    for name, value in target.headers:
        headers[name] = value
    if full and target.body:
        message.body = target.body
    if target.oidc_token is not None or target.oauth_token is not None:
        fill_token(message, target.oidc_token, target.oauth_token)


def fill_token(message: Any, oidc: OidcToken | None, oauth: OAuthToken | None) -> None:
    """The one of the two that is set, into a message that has room for either."""
    if oidc is not None:
        message.oidc_token.service_account_email = oidc.service_account_email
        message.oidc_token.audience = oidc.audience
    elif oauth is not None:
        message.oauth_token.service_account_email = oauth.service_account_email
        message.oauth_token.scope = oauth.scope


def _fill_app_engine(message: Any, target: AppEngineHttpRequest, *, full: bool) -> None:
    message.relative_uri = target.relative_uri
    message.http_method = target.http_method
    for name, value in target.headers:
        message.headers[name] = value
    if full and target.body:
        message.body = target.body
    fill_routing(message.app_engine_routing, target.app_engine_routing)


def fill_routing(message: Any, value: AppEngineRouting) -> None:
    message.service, message.version, message.instance = value.service, value.version, value.instance
    message.host = value.host


def _fill_retry(message: Any, override: RetryOverride) -> None:
    if override.max_attempts is not None:
        message.max_attempts = override.max_attempts
    if override.max_doublings is not None:
        message.max_doublings = override.max_doublings
    for field in ("max_retry_duration", "min_backoff", "max_backoff"):
        value = getattr(override, field)
        if value is not None:
            set_duration(getattr(message, field), value)
    message.SetInParent()


def _fill_attempt(message: Any, attempt: Attempt) -> None:
    for field in ("schedule_time", "dispatch_time", "response_time"):
        value = getattr(attempt, field)
        if value is not None:
            set_instant(getattr(message, field), value)
    if attempt.response_status is not None:
        message.response_status.code = attempt.response_status.code
        message.response_status.message = attempt.response_status.message
