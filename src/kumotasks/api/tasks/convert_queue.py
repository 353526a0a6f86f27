"""Queues between message and value. What a caller leaves unset comes out as Google's default."""

from __future__ import annotations

from typing import Any

from kumotasks.api.tasks import messages
from kumotasks.api.tasks.convert_task import fill_routing, fill_token, oauth_token, oidc_token, routing
from kumotasks.api.tasks.times import duration, set_duration, set_instant
from kumotasks.domain.names import QueueName
from kumotasks.domain.queue import Queue, RateLimits, RetryConfig, StackdriverLoggingConfig
from kumotasks.domain.target import AppEngineRouting, HttpTarget, PathOverride, QueryOverride, UriOverride

_RATES = RateLimits()
_RETRY = RetryConfig()


def draft(message: Any) -> Queue:
    """The queue that a caller describes; its name is the caller's text, not judged yet. Output fields are ignored."""
    return Queue(
        QueueName("", "", "", message.name),
        rate_limits=_rate_limits(message.rate_limits),
        retry_config=_retry_config(message.retry_config),
        app_engine_routing_override=_routing_override(message),
        http_target=_http_target(message.http_target) if message.HasField("http_target") else None,
        stackdriver_logging_config=_logging(message),
    )


def _rate_limits(message: Any) -> RateLimits:
    return RateLimits(
        max_dispatches_per_second=message.max_dispatches_per_second or _RATES.max_dispatches_per_second,
        max_concurrent_dispatches=message.max_concurrent_dispatches or _RATES.max_concurrent_dispatches,
    )


def _retry_config(message: Any) -> RetryConfig:
    longest = message.max_retry_duration
    return RetryConfig(
        max_attempts=message.max_attempts or _RETRY.max_attempts,
        max_retry_duration=duration(longest, "RetryConfig.maxRetryDuration") or None,
        min_backoff=_backoff(message, "min_backoff", "RetryConfig.minBackoff", _RETRY.min_backoff),
        max_backoff=_backoff(message, "max_backoff", "RetryConfig.maxBackoff", _RETRY.max_backoff),
        max_doublings=message.max_doublings or _RETRY.max_doublings,
    )


def _backoff(message: Any, field: str, title: str, default: int) -> int:
    return duration(getattr(message, field), title) if message.HasField(field) else default


def _routing_override(message: Any) -> AppEngineRouting | None:
    if not message.HasField("app_engine_routing_override"):
        return None
    return routing(message.app_engine_routing_override)


def _logging(message: Any) -> StackdriverLoggingConfig | None:
    if not message.HasField("stackdriver_logging_config"):
        return None
    return StackdriverLoggingConfig(message.stackdriver_logging_config.sampling_ratio)


def _http_target(message: Any) -> HttpTarget:
    signed = message.WhichOneof("authorization_header")
    return HttpTarget(
        uri_override=_uri_override(message.uri_override) if message.HasField("uri_override") else None,
        http_method=message.http_method,
        header_overrides=tuple((each.header.key, each.header.value) for each in message.header_overrides),
        oauth_token=oauth_token(message.oauth_token) if signed == "oauth_token" else None,
        oidc_token=oidc_token(message.oidc_token) if signed == "oidc_token" else None,
    )


def _uri_override(message: Any) -> UriOverride:
    path, query = message.path_override, message.query_override
    return UriOverride(
        scheme=message.scheme if message.HasField("scheme") else None,
        host=message.host if message.HasField("host") else None,
        port=message.port if message.HasField("port") else None,
        path_override=PathOverride(path.path) if message.HasField("path_override") else None,
        query_override=QueryOverride(query.query_params) if message.HasField("query_override") else None,
        uri_override_enforce_mode=message.uri_override_enforce_mode,
    )


def queue_message(queue: Queue) -> Any:
    """The queue as it is shown, every default filled in."""
    message = messages.Queue(name=queue.name.text, state=queue.state.value)
    limits, retry = queue.rate_limits, queue.retry_config
    message.rate_limits.max_dispatches_per_second = limits.max_dispatches_per_second
    message.rate_limits.max_burst_size = limits.max_burst_size
    message.rate_limits.max_concurrent_dispatches = limits.max_concurrent_dispatches
    message.retry_config.max_attempts = retry.max_attempts
    message.retry_config.max_doublings = retry.max_doublings
    set_duration(message.retry_config.min_backoff, retry.min_backoff)
    set_duration(message.retry_config.max_backoff, retry.max_backoff)
    message.retry_config.min_backoff.SetInParent()
    message.retry_config.max_backoff.SetInParent()
    if retry.max_retry_duration:
        set_duration(message.retry_config.max_retry_duration, retry.max_retry_duration)
    if queue.app_engine_routing_override is not None:
        fill_routing(message.app_engine_routing_override, queue.app_engine_routing_override)
        message.app_engine_routing_override.SetInParent()
    if queue.http_target is not None:
        _fill_target(message.http_target, queue.http_target)
    if queue.stackdriver_logging_config is not None:
        message.stackdriver_logging_config.sampling_ratio = queue.stackdriver_logging_config.sampling_ratio
        message.stackdriver_logging_config.SetInParent()
    if queue.purge_time is not None:
        set_instant(message.purge_time, queue.purge_time)
    return message


def _fill_target(message: Any, target: HttpTarget) -> None:
    message.SetInParent()
    message.http_method = target.http_method
    if target.uri_override is not None:
        _fill_override(message.uri_override, target.uri_override)
    for key, value in target.header_overrides:
        header = message.header_overrides.add().header
        header.key, header.value = key, value
    fill_token(message, target.oidc_token, target.oauth_token)


def _fill_override(message: Any, override: UriOverride) -> None:
    message.SetInParent()
    for field in ("scheme", "host", "port"):
        value = getattr(override, field)
        if value is not None:
            setattr(message, field, value)
    if override.path_override is not None:
        message.path_override.path = override.path_override.path
        message.path_override.SetInParent()
    if override.query_override is not None:
        message.query_override.query_params = override.query_override.query_params
        message.query_override.SetInParent()
    message.uri_override_enforce_mode = override.uri_override_enforce_mode
