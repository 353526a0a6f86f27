"""What is remembered of an attempt: when it was, what was answered, and why the next is due when it is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kumotasks.domain.attempt import Answered, Barred, Outcome, TimedOut, Unreachable, Unsigned
from kumotasks.domain.clock import MILLISECOND, SECOND
from kumotasks.domain.history import EXCERPT, MEMORY, AttemptRecord, Memory, Remembered
from kumotasks.domain.queue import RetryConfig
from kumotasks.domain.retry import decide, dispatched
from kumotasks.domain.task import RetryOverride, Task
from tests.factory import NOW, a_task, an_app_engine_request

OK, FAILED = Answered(200), Answered(500)
RULES = RetryConfig(100, None, 10 * SECOND, 3_600 * SECOND, 3)
LATER = NOW + 105 * MILLISECOND


def told(
    outcome: Outcome,
    *,
    task: Task | None = None,
    rules: RetryConfig = RULES,
    ended: int = LATER,
    memory: Memory = MEMORY,
) -> tuple[AttemptRecord | None, AttemptRecord | None]:
    opened = dispatched(task or a_task(due=NOW - 7), NOW)
    verdict = decide(opened, outcome, queue_retry=rules, ended=ended)
    return memory.of(opened, outcome, verdict, queue_retry=rules, ended=ended)


def reason(outcome: Outcome, **given: object) -> str:
    attempt, _ = told(outcome, **given)  # type: ignore[arg-type]
    assert attempt is not None
    return attempt.reason


def tried(times: int, task: Task | None = None) -> Task:
    """A task after so many failures."""
    current = task or a_task(due=NOW - 7)
    for _ in range(times):
        opened = dispatched(current, NOW)
        current = decide(opened, FAILED, queue_retry=RULES, ended=NOW).task
    return current


def test_a_failure_is_told_with_its_times_and_its_answer() -> None:
    attempt, dead = told(Answered(503, None, b"busy"))
    assert attempt == AttemptRecord(
        number=1,
        due=NOW - 7,
        sent=NOW,
        ended=LATER,
        status=503,
        code=14,
        message="UNAVAILABLE(14): HTTP status code 503",
        excerpt=b"busy",
        next_at=LATER + 10 * SECOND,
        reason="backoff 10 s after failure 1",
    )
    assert dead is None


@pytest.mark.parametrize(
    ("outcome", "code"),
    [(TimedOut(), 4), (Unreachable("refused"), 2), (Barred("rule"), 7), (Unsigned("no account"), 16)],
)
def test_where_nothing_answered_there_is_no_status(outcome: Outcome, code: int) -> None:
    attempt, _ = told(outcome)
    assert attempt is not None
    assert (attempt.status, attempt.code, attempt.excerpt) == (None, code, b"")


def test_an_excerpt_is_the_first_kibibyte() -> None:
    attempt, _ = told(Answered(500, None, b"ab" * EXCERPT))
    assert attempt is not None
    assert attempt.excerpt == b"ab" * (EXCERPT // 2)


def test_the_backoff_is_told_by_the_failure_it_follows() -> None:
    assert reason(FAILED, task=tried(1)) == "backoff 20 s after failure 2"
    assert reason(FAILED, rules=replace(RULES, min_backoff=SECOND // 10)) == "backoff 0.1 s after failure 1"
    assert reason(FAILED, task=a_task(retry=RetryOverride(min_backoff=1))) == "backoff 0.000001 s after failure 1"


def test_retry_after_is_told_only_where_it_decided() -> None:
    assert reason(Answered(429, "30")) == "Retry-After asked for 30 s"
    assert reason(Answered(503, "5")) == "backoff 10 s after failure 1"
    assert reason(Answered(500, "30")) == "backoff 10 s after failure 1"
    assert reason(Answered(503, "30"), task=a_task(target=an_app_engine_request())) == "backoff 10 s after failure 1"


@pytest.mark.parametrize(
    ("rules", "failures", "words"),
    [
        (RetryConfig(max_attempts=3), 2, "last of 3 attempts"),
        (RetryConfig(max_attempts=3), 4, "attempt 5 of 3"),  # the limit was lowered meanwhile
        (RetryConfig(max_attempts=-1, max_retry_duration=SECOND), 2, "past max_retry_duration of 1 s"),
        (
            RetryConfig(max_attempts=3, max_retry_duration=SECOND),
            2,
            "last of 3 attempts and past max_retry_duration of 1 s",
        ),
        (
            RetryConfig(max_attempts=3, max_retry_duration=SECOND),
            3,
            "attempt 4 of 3 and past max_retry_duration of 1 s",
        ),
    ],
)
def test_an_end_is_told_by_what_was_reached(rules: RetryConfig, failures: int, words: str) -> None:
    attempt, dead = told(FAILED, task=tried(failures), rules=rules, ended=NOW + SECOND)
    assert attempt is not None
    assert attempt is dead
    assert (attempt.reason, attempt.next_at, attempt.number) == (words, None, failures + 1)


def test_a_success_needs_no_reason_and_has_no_next() -> None:
    attempt, dead = told(OK, task=tried(1))
    assert attempt is not None
    assert (attempt.number, attempt.status, attempt.reason, attempt.next_at, dead) == (2, 200, "", None, None)


@pytest.mark.parametrize(
    ("remembered", "first_success", "later_success", "failure"),
    [(Remembered.OFF, False, False, False), (Remembered.FAILED, False, True, True), (Remembered.ALL, True, True, True)],
)
def test_what_is_remembered_is_the_operators_choice(
    remembered: Remembered, first_success: bool, later_success: bool, failure: bool
) -> None:
    memory = Memory(remembered)
    assert (told(OK, memory=memory)[0] is not None) is first_success
    assert (told(OK, task=tried(1), memory=memory)[0] is not None) is later_success
    assert (told(FAILED, memory=memory)[0] is not None) is failure


def test_a_dead_letter_does_not_hang_on_the_attempts() -> None:
    last = RetryConfig(max_attempts=1)
    attempt, dead = told(FAILED, rules=last, memory=Memory(Remembered.OFF))
    assert attempt is None
    assert dead is not None
    assert dead.reason == "the only attempt"
    assert told(FAILED, rules=last, memory=Memory(Remembered.OFF, dead_letters=False)) == (None, None)
    assert told(FAILED, rules=last, memory=Memory(dead_letters=False))[1] is None
    assert told(OK, rules=last, memory=Memory(Remembered.ALL))[1] is None


def test_an_attempt_is_numbered_as_it_was_opened_though_another_was_counted_meanwhile() -> None:
    first = dispatched(a_task(due=NOW), NOW)
    second = dispatched(first, NOW + 5)
    verdict = decide(second, FAILED, queue_retry=RULES, ended=LATER)
    attempt, _ = Memory().of(first, FAILED, verdict, queue_retry=RULES, ended=LATER)
    assert attempt is not None
    assert (attempt.number, attempt.sent, attempt.next_at) == (1, NOW, LATER + 20 * SECOND)
    assert attempt.reason == "backoff 20 s after failure 2"
