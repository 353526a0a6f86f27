"""A queue: its limits, its retry rules, its state, and how a change is judged and merged.

Field names are those of google.cloud.tasks.v2.Queue, so that an update mask's path names an attribute. Tasks in it, the
bucket and the lane are elsewhere.
"""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass, fields, replace
from typing import Any, TypeVar

from kumotasks.domain.clock import HOUR, MILLISECOND
from kumotasks.domain.errors import InvalidArgument
from kumotasks.domain.names import QueueName
from kumotasks.domain.target import (
    AppEngineRouting,
    HttpTarget,
    OAuthToken,
    OidcToken,
    PathOverride,
    QueryOverride,
    UriOverride,
    check_http_target,
)

MAX_RATE = 500.0  # Cloud Tasks: dispatches per second and queue
MAX_CONCURRENT = 5_000  # Cloud Tasks: attempts in flight per queue
UNLIMITED = -1


class QueueState(enum.IntEnum):
    """google.cloud.tasks.v2.Queue.State."""

    STATE_UNSPECIFIED = 0
    RUNNING = 1
    PAUSED = 2
    DISABLED = 3


@dataclass(frozen=True, slots=True)
class RateLimits:
    """Tokens per second, bucket size (derived from the rate), attempts in flight."""

    max_dispatches_per_second: float = MAX_RATE
    max_burst_size: int = 100
    max_concurrent_dispatches: int = 1_000


@dataclass(frozen=True, slots=True)
class RetryConfig:
    """When a failed task is tried again. Durations in microseconds; `max_retry_duration` None is unlimited."""

    max_attempts: int = 100
    max_retry_duration: int | None = None
    min_backoff: int = 100 * MILLISECOND
    max_backoff: int = HOUR
    max_doublings: int = 16


@dataclass(frozen=True, slots=True)
class StackdriverLoggingConfig:
    """The fraction of operations that are logged, 0.0 to 1.0."""

    sampling_ratio: float = 0.0


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue with every default filled in."""

    name: QueueName
    state: QueueState = QueueState.RUNNING
    rate_limits: RateLimits = RateLimits()
    retry_config: RetryConfig = RetryConfig()
    app_engine_routing_override: AppEngineRouting | None = None
    http_target: HttpTarget | None = None
    stackdriver_logging_config: StackdriverLoggingConfig | None = None
    purge_time: int | None = None


@dataclass(frozen=True, slots=True)
class Caps:
    """What a queue may ask for at most; Google's numbers unless the operator raised them."""

    max_dispatches_per_second: float = MAX_RATE
    max_concurrent_dispatches: int = MAX_CONCURRENT


def burst_size(rate: float) -> int:
    """The bucket that Cloud Tasks would choose for a rate; 500/s reads back as 100, the rest is unpublished."""
    return min(100, max(10, math.ceil(rate / 5)))


def check_queue(queue: Queue, caps: Caps) -> Queue:
    """`queue` with its burst size derived, if its settings are allowed."""
    check_rate_limits(queue.rate_limits, caps)
    check_retry_config(queue.retry_config)
    ratio = queue.stackdriver_logging_config.sampling_ratio if queue.stackdriver_logging_config else 0.0
    if not 0.0 <= ratio <= 1.0:
        raise InvalidArgument("StackdriverLoggingConfig.samplingRatio must be between 0.0 and 1.0.")
    if queue.http_target is not None:
        check_http_target(queue.http_target)
    limits = queue.rate_limits
    return replace(queue, rate_limits=replace(limits, max_burst_size=burst_size(limits.max_dispatches_per_second)))


def check_rate_limits(limits: RateLimits, caps: Caps) -> None:
    rate, slots = limits.max_dispatches_per_second, limits.max_concurrent_dispatches
    if not rate >= 0:
        raise InvalidArgument("RateLimits.maxDispatchesPerSecond cannot be negative.")
    if rate > caps.max_dispatches_per_second:
        raise InvalidArgument(
            f"RateLimits.maxDispatchesPerSecond must be less than or equal to {caps.max_dispatches_per_second:g}."
        )
    if slots < 0:
        raise InvalidArgument("RateLimits.maxConcurrentDispatches cannot be negative.")
    if slots > caps.max_concurrent_dispatches:
        raise InvalidArgument(
            f"RateLimits.maxConcurrentDispatches must be less than or equal to {caps.max_concurrent_dispatches}."
        )


def check_retry_config(config: RetryConfig) -> None:
    """The rules of google.cloud.tasks.v2.RetryConfig, on a queue and on a task."""
    if config.max_attempts < UNLIMITED:
        raise InvalidArgument("RetryConfig.maxAttempts must be greater or equal to -1.")
    if config.max_doublings < 0:
        raise InvalidArgument("RetryConfig.maxDoublings cannot be negative.")
    if config.max_backoff < 0:
        raise InvalidArgument("RetryConfig.maxBackoff cannot be negative.")
    if config.min_backoff < 0:
        raise InvalidArgument("RetryConfig.minBackoff cannot be negative.")
    if (config.max_retry_duration or 0) < 0:
        raise InvalidArgument("RetryConfig.maxRetryDuration cannot be negative.")
    if config.min_backoff > config.max_backoff:
        raise InvalidArgument("RetryConfig.minBackoff must be less than or equal to RetryConfig.maxBackoff.")


# The messages inside a queue, by the attribute that holds them; a path may lead into any of them.
_MESSAGES: dict[str, type] = {
    "rate_limits": RateLimits,
    "retry_config": RetryConfig,
    "app_engine_routing_override": AppEngineRouting,
    "http_target": HttpTarget,
    "stackdriver_logging_config": StackdriverLoggingConfig,
    "uri_override": UriOverride,
    "path_override": PathOverride,
    "query_override": QueryOverride,
    "oauth_token": OAuthToken,
    "oidc_token": OidcToken,
}
_TOP = ("rate_limits", "retry_config", "app_engine_routing_override", "http_target", "stackdriver_logging_config")
_ALWAYS_SET = frozenset({"rate_limits", "retry_config"})

# Paths a caller may name although the server decides their value: named, they change nothing.
OUTPUT_ONLY = frozenset(
    {"name", "state", "purge_time", "rate_limits.max_burst_size", "app_engine_routing_override.host"}
)


def _paths_of(name: str, prefix: str) -> tuple[str, ...]:
    path = prefix + name
    inner = fields(_MESSAGES[name]) if name in _MESSAGES else ()
    return (path, *(deeper for part in inner for deeper in _paths_of(part.name, path + ".")))


PATHS = frozenset(path for name in _TOP for path in _paths_of(name, ""))


def merge(current: Queue, desired: Queue, paths: tuple[str, ...]) -> Queue:
    """`current` with the parts that `paths` name taken from `desired`; no paths, or `*`, means every mutable part.

    Paths are snake_case and dotted. A named part that `desired` leaves unset goes back to its default.
    """
    wanted = _TOP if not paths or "*" in paths else paths
    for path in wanted:
        if path in OUTPUT_ONLY:
            continue
        if path not in PATHS:
            raise InvalidArgument(f"Invalid field mask: '{path}' is not a field of Queue that can be updated.")
        current = _graft(current, desired, path.split("."))
    return _one_token(current, desired)


_V = TypeVar("_V")


def _graft(current: _V, desired: _V, segments: list[str]) -> _V:
    """`current` with the attribute that `segments` lead to taken from `desired`; unset messages on the way are made."""
    name, rest = segments[0], segments[1:]
    theirs = getattr(desired, name)
    if rest:
        empty = _MESSAGES[name]()
        theirs = _graft(getattr(current, name) or empty, theirs or empty, rest)
        if theirs == empty and name not in _ALWAYS_SET:
            theirs = None
    changes: dict[str, Any] = {name: theirs}
    return replace(current, **changes)  # type: ignore[type-var]


def _one_token(merged: Queue, desired: Queue) -> Queue:
    """A target signs in one way: of two tokens the one that the change asked for stays."""
    target = merged.http_target
    if target is None or target.oauth_token is None or target.oidc_token is None:
        return merged
    asked_oauth = desired.http_target is not None and desired.http_target.oauth_token is not None
    one = replace(target, oidc_token=None) if asked_oauth else replace(target, oauth_token=None)
    return replace(merged, http_target=one)
