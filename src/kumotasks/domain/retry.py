"""When a failed task is tried again, and when it is given up. Pure arithmetic; durations in microseconds.

The interval after the n-th failure doubles `max_doublings` times and then grows by the last step, never past
`max_backoff`. It counts from the end of the attempt. A task stops by attempts, by age, or, where both are limited, only
when both are reached; the age counts from the first attempt.
"""

from __future__ import annotations

import email.utils
from datetime import UTC

from kumotasks.domain.attempt import (
    GATEWAY_TIMEOUT,
    OVERLOAD,
    Answered,
    Attempt,
    Outcome,
    TimedOut,
    classify,
    responded,
    succeeded,
)
from kumotasks.domain.clock import SECOND
from kumotasks.domain.queue import UNLIMITED, RetryConfig
from kumotasks.domain.target import HttpRequest
from kumotasks.domain.task import Progress, Task, with_progress
from kumotasks.domain.value import value

_SERVER_ERROR = 500
_UNKNOWN = Attempt()
_MAX_SHIFT = 62  # beyond it every interval has long met any backoff a Duration can hold


def interval(config: RetryConfig, failures: int) -> int:
    """How long to wait after the `failures`-th failed attempt (1, 2, …)."""
    doublings = min(failures - 1, config.max_doublings, _MAX_SHIFT)
    steps = max(1, failures - config.max_doublings)
    return min(config.max_backoff, config.min_backoff * steps << doublings)


@value
class Done:
    """The worker took the task: as it was dispatched, for nobody reads what a last success made of it."""

    task: Task


@value
class RetryAt:
    """The attempt failed; `task` is due again at its `schedule_time`."""

    task: Task


@value
class Exhausted:
    """The attempt failed and was the last."""

    task: Task


Verdict = Done | RetryAt | Exhausted


def dispatched(task: Task, now: int) -> Task:
    """The task as it is while an attempt made at `now` is open."""
    before = task.progress
    progress = Progress(
        before.dispatch_count + 1,
        before.response_count,
        before.execution_count,
        before.previous_response,
        now if before.first_dispatch_time is None else before.first_dispatch_time,
        Attempt(task.schedule_time, now),
    )
    return with_progress(task, progress, task.schedule_time)


def decide(task: Task, outcome: Outcome, *, queue_retry: RetryConfig, ended: int, base: int | None = None) -> Verdict:
    """What becomes of `task`, as `dispatched` made it, whose attempt ended at `ended` with `outcome`.

    `base` is the instant the next interval counts from: the attempt's end, or the time of the call for RunTask.
    """
    if succeeded(outcome):
        return Done(task)
    progress = _after(task, outcome, ended)
    config = queue_retry if task.retry_config is None else task.retry_config.over(queue_retry)
    if _spent(progress, config, ended):
        return Exhausted(with_progress(task, progress, task.schedule_time))
    due = (ended if base is None else base) + interval(config, progress.dispatch_count)
    if isinstance(task.target, HttpRequest):
        due = max(due, retry_after(outcome, ended))
    return RetryAt(with_progress(task, progress, due))


def _after(task: Task, outcome: Outcome, ended: int) -> Progress:
    before = task.progress
    last = before.last_attempt or _UNKNOWN
    answered = responded(outcome)
    return Progress(
        before.dispatch_count,
        before.response_count + answered,
        before.execution_count + _counts_as_execution(task, outcome),
        _previous_response(task, outcome),
        before.first_dispatch_time,
        Attempt(last.schedule_time, last.dispatch_time, ended if answered else None, classify(outcome)),
    )


def _counts_as_execution(task: Task, outcome: Outcome) -> bool:
    match outcome:
        case Answered(status=status):
            return status < _SERVER_ERROR or not isinstance(task.target, HttpRequest)
        case _:
            return False


def _previous_response(task: Task, outcome: Outcome) -> int:
    """What the next attempt's TaskPreviousResponse header will say; 0 where nothing answered, 504 for a timeout."""
    match outcome:
        case Answered(status=status):
            return status
        case TimedOut() if isinstance(task.target, HttpRequest):
            return GATEWAY_TIMEOUT
        case _:
            return 0


def _spent(progress: Progress, config: RetryConfig, ended: int) -> bool:
    limited = config.max_attempts != UNLIMITED
    age_limited = bool(config.max_retry_duration)
    by_attempts = progress.dispatch_count >= config.max_attempts
    first = ended if progress.first_dispatch_time is None else progress.first_dispatch_time
    by_age = ended - first >= (config.max_retry_duration or 0)
    if limited and age_limited:
        return by_attempts and by_age
    return (limited and by_attempts) or (age_limited and by_age)


def retry_after(outcome: Outcome, ended: int) -> int:
    """The instant before which an overloaded HTTP worker asked not to be called, or 0."""
    match outcome:
        case Answered(status=status, retry_after=str(value)) if status in OVERLOAD:
            return _read_retry_after(value.strip(), ended)
        case _:
            return 0


def _read_retry_after(value: str, ended: int) -> int:
    """Both forms of the header: seconds, or an HTTP date; anything else is as good as absent."""
    if value.isascii() and value.isdigit():
        return ended + min(int(value[:12]), 31 * 86_400) * SECOND
    try:
        moment = email.utils.parsedate_to_datetime(value)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        instant = int(moment.timestamp() * SECOND)
    except (ValueError, OverflowError):
        return 0
    return min(instant, ended + 31 * 86_400 * SECOND)
