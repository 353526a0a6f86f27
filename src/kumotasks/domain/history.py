"""What is remembered of an attempt that has ended: when it was, what was answered, and why the next is due when it is.

Made of what `retry.decide` knew, and only for attempts that are worth a record. Where records are kept is unknown here.
"""

from __future__ import annotations

import enum

from kumotasks.domain.attempt import Answered, Outcome, classify
from kumotasks.domain.clock import SECOND
from kumotasks.domain.queue import UNLIMITED, RetryConfig
from kumotasks.domain.retry import Done, Exhausted, RetryAt, Verdict, interval, retry_after
from kumotasks.domain.target import HttpRequest
from kumotasks.domain.task import Task
from kumotasks.domain.value import value

EXCERPT = 1_024  # bytes of an answer's body


class Remembered(enum.Enum):
    """Which attempts are recorded: none, those of tasks that had a failed one, or all."""

    OFF = "off"
    FAILED = "failed"
    ALL = "all"


@value
class AttemptRecord:
    """One attempt. Instants in microseconds; `next_at` None where none follows.

    `number` counts from 1; `status` is HTTP's, None where nothing answered; `code` and `message` are the canonical
    status; `reason` says why the next attempt is due when it is, or why there is none, "" after a success.
    """

    number: int
    due: int
    sent: int
    ended: int
    status: int | None
    code: int
    message: str
    excerpt: bytes
    next_at: int | None
    reason: str


class Memory:
    """What the operator wants to be remembered; `dead_letters`: tasks that run out of attempts are kept aside."""

    __slots__ = ("_all", "_any", "_dead_letters")

    def __init__(self, attempts: Remembered = Remembered.FAILED, *, dead_letters: bool = True) -> None:
        self._all = attempts is Remembered.ALL
        self._any = attempts is not Remembered.OFF
        self._dead_letters = dead_letters

    def of(
        self, task: Task, outcome: Outcome, verdict: Verdict, *, queue_retry: RetryConfig, ended: int
    ) -> tuple[AttemptRecord | None, AttemptRecord | None]:
        """Of an attempt that was opened as `task`: its record if it is to be kept, and if the task is given up, its
        record for the dead letter."""
        if type(verdict) is Done and task.progress.dispatch_count == 1 and not self._all:
            return _NOTHING  # a first attempt that succeeded tells nothing of failures
        dead = self._dead_letters and isinstance(verdict, Exhausted)
        if not (self._any or dead):
            return _NOTHING
        made = record(task, outcome, verdict, queue_retry=queue_retry, ended=ended)
        return made if self._any else None, made if dead else None


MEMORY = Memory()
_NOTHING = (None, None)


def record(task: Task, outcome: Outcome, verdict: Verdict, *, queue_retry: RetryConfig, ended: int) -> AttemptRecord:
    """The record of an attempt that was opened as `task` and came to `verdict`."""
    last = task.progress.last_attempt
    due = None if last is None else last.schedule_time
    sent = None if last is None else last.dispatch_time
    status = classify(outcome)
    return AttemptRecord(
        number=task.progress.dispatch_count,
        due=task.schedule_time if due is None else due,
        sent=ended if sent is None else sent,
        ended=ended,
        status=outcome.status if isinstance(outcome, Answered) else None,
        code=status.code,
        message=status.message,
        excerpt=outcome.excerpt[:EXCERPT] if isinstance(outcome, Answered) else b"",
        next_at=verdict.task.schedule_time if isinstance(verdict, RetryAt) else None,
        reason=_reason(outcome, verdict, queue_retry, ended),
    )


def _reason(outcome: Outcome, verdict: Verdict, queue_retry: RetryConfig, ended: int) -> str:
    if isinstance(verdict, Done):
        return ""
    task = verdict.task
    config = queue_retry if task.retry_config is None else task.retry_config.over(queue_retry)
    if isinstance(verdict, Exhausted):
        return _end(task.progress.dispatch_count, config)
    asked = retry_after(outcome, ended) if isinstance(task.target, HttpRequest) else 0
    if asked == task.schedule_time:
        return f"Retry-After asked for {_seconds(asked - ended)}"
    failures = task.progress.dispatch_count
    return f"backoff {_seconds(interval(config, failures))} after failure {failures}"


def _end(attempts: int, config: RetryConfig) -> str:
    """Why there is no other attempt: by number, by age, or by both where both are limited."""
    parts = []
    if config.max_attempts != UNLIMITED:
        allowed = config.max_attempts
        last = "the only attempt" if allowed == 1 else f"last of {allowed} attempts"
        parts.append(last if attempts == allowed else f"attempt {attempts} of {allowed}")
    if config.max_retry_duration:
        parts.append(f"past max_retry_duration of {_seconds(config.max_retry_duration)}")
    return " and ".join(parts)


def _seconds(microseconds: int) -> str:
    """`20 s`, `0.1 s`, `0.000001 s`"""
    whole, fraction = divmod(max(0, microseconds), SECOND)
    return f"{whole}.{fraction:06d}".rstrip("0").rstrip(".") + " s"
