"""A task: what it is from its creation on, and what its attempts have made of it so far.

The definition never changes; the progress is replaced as a whole. Where a task is kept, and how it is sent, is unknown
here. The size law is arithmetic on the stored form, measured byte for byte as the protobuf message would be.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from kumotasks.domain.attempt import Attempt
from kumotasks.domain.clock import DAY, HOUR, MILLISECOND, MINUTE, SECOND
from kumotasks.domain.errors import InvalidArgument
from kumotasks.domain.names import TaskName
from kumotasks.domain.pacific import pacific_time
from kumotasks.domain.queue import RetryConfig, check_retry_config
from kumotasks.domain.target import AppEngineHttpRequest, HttpRequest, Target
from kumotasks.domain.value import value

HORIZON = 30 * DAY  # Cloud Tasks: 720 h
RETENTION = 31 * DAY
HTTP_DEADLINE = 10 * MINUTE
HTTP_DEADLINES = (15 * SECOND, 30 * MINUTE)
APP_ENGINE_DEADLINES = (15 * SECOND, 24 * HOUR + 15 * SECOND)


@value
class Progress:
    """What a task's attempts have come to.

    `execution_count` is what the X-…-TaskExecutionCount header counts: for HTTP targets earlier answers below 500, for
    App Engine every earlier answer. `previous_response` is the HTTP status of the last ended attempt, if any.
    """

    dispatch_count: int = 0
    response_count: int = 0
    execution_count: int = 0
    previous_response: int | None = None
    first_dispatch_time: int | None = None
    last_attempt: Attempt | None = None


FRESH = Progress()


@dataclass(frozen=True, slots=True)
class RetryOverride:
    """A task's own retry rules; None is a part that the queue decides."""

    max_attempts: int | None = None
    max_retry_duration: int | None = None
    min_backoff: int | None = None
    max_backoff: int | None = None
    max_doublings: int | None = None

    def over(self, queue_retry: RetryConfig) -> RetryConfig:
        """The rules in force: each part from here if it is set, else the queue's."""
        least = queue_retry.min_backoff if self.min_backoff is None else self.min_backoff
        most = queue_retry.max_backoff if self.max_backoff is None else self.max_backoff
        return RetryConfig(
            max_attempts=queue_retry.max_attempts if self.max_attempts is None else self.max_attempts,
            max_retry_duration=(
                queue_retry.max_retry_duration if self.max_retry_duration is None else self.max_retry_duration
            ),
            min_backoff=min(least, most) if self.min_backoff is None else least,
            max_backoff=max(least, most) if self.max_backoff is None else most,
            max_doublings=queue_retry.max_doublings if self.max_doublings is None else self.max_doublings,
        )


def check_retry_override(override: RetryOverride) -> RetryOverride:
    """`override` itself, if Cloud Tasks' rules for a RetryConfig allow it."""
    check_retry_config(override.over(RetryConfig()))
    return override


@value
class Task:
    """A task in its canonical form. Instants and durations in microseconds.

    `serial` tells two tasks apart that bear the same name one after the other; `named` says that the caller chose the
    name, which then stays taken for a while after the task. `create_time` is in whole seconds, as Google's.
    """

    name: TaskName
    target: Target
    schedule_time: int
    create_time: int
    serial: int
    named: bool = False
    dispatch_deadline: int | None = None
    retry_config: RetryOverride | None = None
    progress: Progress = FRESH


@value
class NewTask:
    """A task as a caller asks for it: `name` "" leaves the choice to the server, `target` None is a mistake."""

    name: str
    target: Target | None
    schedule_time: int | None = None
    dispatch_deadline: int | None = None
    retry_config: RetryOverride | None = None


class Serials:
    """Strictly rising numbers from the clock: microseconds since the epoch, or one more than the last."""

    def __init__(self) -> None:
        self._last = 0

    def next(self, now: int) -> int:
        self._last = now if now > self._last else self._last + 1
        return self._last

    def several(self, now: int, count: int) -> int:
        """The first of `count` numbers that follow each other."""
        first = self.next(now)
        self._last += max(0, count - 1)
        return first


def generated_id(serial: int, randomness: random.Random) -> str:
    """A task id of twenty digits; the leading ones rise with time, so that new rows are neighbours on disk."""
    return str(serial * 10_000 + int(randomness.random() * 10_000)).zfill(20)


def check_schedule(schedule_time: int | None, now: int) -> int:
    """When the task is due: unset or past means now; beyond the horizon is refused."""
    if schedule_time is None or schedule_time <= now:
        return now
    if schedule_time > now + HORIZON:
        raise InvalidArgument(
            f"The Task.scheduleTime, {pacific_time(schedule_time)}, is too far in the future. "
            "Schedule time must be no more than 720h in the future."
        )
    return schedule_time


def check_deadline(deadline: int | None, target: Target) -> int | None:
    """The dispatch deadline, cut to milliseconds; HTTP tasks get 600 s by default, App Engine tasks keep it unset."""
    http = isinstance(target, HttpRequest)
    if not deadline:
        return HTTP_DEADLINE if http else None
    shortest, longest = HTTP_DEADLINES if http else APP_ENGINE_DEADLINES
    if not shortest <= deadline <= longest:
        bounds = "[15s, 30m]" if http else "[15s, 24h15s]"
        raise InvalidArgument(f"Task.dispatchDeadline must be between {bounds}.")
    return deadline - deadline % MILLISECOND


def whole_seconds(instant: int) -> int:
    return instant - instant % SECOND


def expires_at(task: Task) -> int:
    """When the task is deleted whether or not it ever ran."""
    return task.create_time + RETENTION


def with_progress(task: Task, progress: Progress, schedule_time: int) -> Task:
    """`dataclasses.replace`, at a third of its price: every attempt makes two."""
    return Task(
        task.name,
        task.target,
        schedule_time,
        task.create_time,
        task.serial,
        task.named,
        task.dispatch_deadline,
        task.retry_config,
        progress,
    )


def target_kind(target: Target) -> str:
    """`HTTP` or `APP_ENGINE_HTTP`, as the activity log spells it."""
    return "APP_ENGINE_HTTP" if isinstance(target, AppEngineHttpRequest) else "HTTP"
