"""When a failed task is tried again and when it is given up: every number written down."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kumotasks.domain.attempt import Answered, Attempt, Barred, Outcome, Status, TimedOut, Unreachable
from kumotasks.domain.queue import UNLIMITED, RetryConfig
from kumotasks.domain.retry import Done, Exhausted, RetryAt, Verdict, decide, dispatched, interval, retry_after
from kumotasks.domain.target import AppEngineHttpRequest, HttpRequest
from kumotasks.domain.task import RetryOverride, Task
from tests.domain.factory import APP_ENGINE, HTTP, NOW, SECOND, task

FAILED = Answered(500)
EXTERNAL = (Answered(500), Answered(404), Answered(302), TimedOut(), Unreachable("refused"), Barred("private"))


def seconds(*values: float) -> list[int]:
    return [round(value * SECOND) for value in values]


def config(
    *, m: float = 0.1, cap: float = 3600, d: int = 16, attempts: int = UNLIMITED, duration: float | None = None
) -> RetryConfig:
    return RetryConfig(
        max_attempts=attempts,
        max_retry_duration=None if duration is None else round(duration * SECOND),
        min_backoff=round(m * SECOND),
        max_backoff=round(cap * SECOND),
        max_doublings=d,
    )


def run(
    rules: RetryConfig, *, most: int, outcome: Outcome = FAILED, start: Task | None = None
) -> tuple[list[int], Verdict]:
    """The intervals that a task which always fails at once is given, and what became of it after `most` attempts."""
    current, intervals = start or task(), []
    while True:
        now = current.schedule_time
        verdict = decide(dispatched(current, now), outcome, queue_retry=rules, ended=now)
        if not isinstance(verdict, RetryAt) or verdict.task.progress.dispatch_count >= most:
            return intervals, verdict
        intervals.append(verdict.task.schedule_time - now)
        current = verdict.task


DEFAULT_INTERVALS = seconds(
    *[0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 51.2, 102.4, 204.8, 409.6, 819.2, 1638.4, 3276.8], *[3600] * 83
)


@pytest.mark.parametrize(
    ("rules", "intervals", "most"),
    [
        (config(m=10, cap=300, d=3), seconds(10, 20, 40, 80, 160, 240, 300, 300, 300), 10),
        (config(attempts=100), DEFAULT_INTERVALS, 1_000),
        (config(m=1, d=0), seconds(1, 2, 3, 4, 5, 6, 7), 8),
        (config(m=5, cap=60, d=2, attempts=6), seconds(5, 10, 20, 40, 60), 1_000),
        (config(m=30, cap=120, d=10), seconds(30, 60, 120, 120, 120), 6),
        (config(m=2, cap=2), seconds(2, 2, 2, 2), 5),
        (config(m=1, d=5), seconds(1, 2, 4, 8, 16, 32, 64, 96, 128, 160, 192), 12),
        (config(attempts=1), [], 1_000),
        (config(attempts=3, duration=60, m=10, cap=10), seconds(10, 10, 10, 10, 10, 10), 1_000),
        (config(m=10, cap=3600, d=3), seconds(10, 20, 40, 80, 160, 240, 320, 400), 9),
    ],
)
def test_the_worked_examples(rules: RetryConfig, intervals: Sequence[int], most: int) -> None:
    given_intervals, verdict = run(rules, most=most)
    assert given_intervals == list(intervals)
    assert verdict.task.progress.dispatch_count == len(intervals) + 1
    assert isinstance(verdict, Exhausted) is (rules.max_attempts != UNLIMITED)


def test_the_defaults_keep_a_task_for_three_days_and_a_half() -> None:
    assert len(DEFAULT_INTERVALS) == 99
    assert 84.8 < sum(DEFAULT_INTERVALS) / SECOND / 3600 < 84.9


@pytest.mark.parametrize(
    ("attempts", "duration", "count", "age", "stops"),
    [
        (UNLIMITED, None, 5_000, 31 * 86_400, False),
        (UNLIMITED, 0, 5_000, 31 * 86_400, False),
        (3, None, 2, 10**6, False),
        (3, None, 3, 0, True),
        (3, 0, 3, 0, True),
        (UNLIMITED, 60, 5_000, 59.999999, False),
        (UNLIMITED, 60, 1, 60, True),
        (3, 60, 3, 59.999999, False),
        (3, 60, 2, 60, False),
        (3, 60, 3, 60, True),
        (3, 60, 4, 61, True),
        (100, 60, 99, 3_600, False),
    ],
)
def test_a_task_is_given_up_when_all_limits_there_are_are_reached(
    attempts: int, duration: float | None, count: int, age: float, stops: bool
) -> None:
    tried = replace(task().progress, dispatch_count=count - 1, first_dispatch_time=NOW if count > 1 else None)
    ended = NOW + round(age * SECOND)
    opened = dispatched(task(progress=tried), NOW if count == 1 else ended)
    verdict = decide(opened, FAILED, queue_retry=config(attempts=attempts, duration=duration), ended=ended)
    assert isinstance(verdict, Exhausted if stops else RetryAt)


def test_the_age_counts_from_the_first_attempt_not_from_the_creation() -> None:
    old = task(create_time=NOW - 86_400 * SECOND, schedule_time=NOW)
    verdict = decide(dispatched(old, NOW), FAILED, queue_retry=config(duration=60), ended=NOW + 59 * SECOND)
    assert isinstance(verdict, RetryAt)


def test_the_interval_counts_from_the_end_of_the_attempt() -> None:
    opened = dispatched(task(), NOW + 3)
    verdict = decide(opened, FAILED, queue_retry=config(m=60), ended=NOW + 111_491)
    assert verdict.task.schedule_time == NOW + 111_491 + 60 * SECOND


def test_after_a_forced_run_it_counts_from_the_call() -> None:
    opened = dispatched(task(), NOW + 3)
    verdict = decide(opened, FAILED, queue_retry=config(m=60), ended=NOW + 5 * SECOND, base=NOW)
    assert verdict.task.schedule_time == NOW + 60 * SECOND


@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_success_ends_a_task_whatever_the_limits(status: int) -> None:
    opened = dispatched(task(), NOW)
    assert decide(opened, Answered(status), queue_retry=config(attempts=1), ended=NOW + 7) == Done(opened)


@pytest.mark.parametrize("outcome", EXTERNAL)
def test_everything_but_success_is_tried_again(outcome: Outcome) -> None:
    assert isinstance(decide(dispatched(task(), NOW), outcome, queue_retry=config(), ended=NOW), RetryAt)


# What the headers of the next attempt will say: the recorded sequence of both kinds of target.


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (HTTP, [(0, 0, None), (1, 0, 503), (2, 1, 404), (3, 2, 429), (4, 2, 500), (5, 3, 302)]),
        (APP_ENGINE, [(0, 0, None), (1, 1, 503), (2, 2, 404), (3, 3, 429), (4, 4, 500), (5, 5, 302)]),
    ],
)
def test_the_recorded_sequence_of_counts(
    target: HttpRequest | AppEngineHttpRequest, expected: list[tuple[int, int, int | None]]
) -> None:
    current, seen = task(target=target), []
    for status in (503, 404, 429, 500, 302, 400):
        before = current.progress
        opened = dispatched(current, current.schedule_time)
        seen.append((opened.progress.dispatch_count - 1, before.execution_count, before.previous_response))
        current = decide(opened, Answered(status), queue_retry=config(), ended=current.schedule_time).task
    assert seen == expected
    assert current.progress.response_count == current.progress.dispatch_count == 6


@pytest.mark.parametrize(
    ("target", "outcome", "counted"),
    [
        (HTTP, TimedOut(), (1, 0, 0, 504)),
        (APP_ENGINE, TimedOut(), (1, 0, 0, 0)),
        (HTTP, Unreachable("refused"), (1, 0, 0, 0)),
        (HTTP, Barred("private"), (1, 0, 0, 0)),
        (HTTP, Answered(499), (1, 1, 1, 499)),
        (HTTP, Answered(500), (1, 1, 0, 500)),
        (HTTP, Answered(599), (1, 1, 0, 599)),
        (APP_ENGINE, Answered(503), (1, 1, 1, 503)),
    ],
)
def test_what_an_attempt_adds_to_the_counts(
    target: HttpRequest | AppEngineHttpRequest, outcome: Outcome, counted: tuple[int, int, int, int]
) -> None:
    verdict = decide(dispatched(task(target=target), NOW), outcome, queue_retry=config(), ended=NOW)
    after = verdict.task.progress
    assert (after.dispatch_count, after.response_count, after.execution_count, after.previous_response) == counted


def test_an_attempt_is_remembered_as_it_goes() -> None:
    first = dispatched(task(), NOW + 1)
    assert first.progress.first_dispatch_time == NOW + 1
    assert first.progress.last_attempt == Attempt(schedule_time=NOW, dispatch_time=NOW + 1)
    failed = decide(first, FAILED, queue_retry=config(m=1), ended=NOW + 2).task
    status = Status(13, "INTERNAL(13): HTTP status code 500")
    assert failed.progress.last_attempt == Attempt(NOW, NOW + 1, NOW + 2, status)
    second = dispatched(failed, NOW + 9 * SECOND)
    assert second.progress.first_dispatch_time == NOW + 1
    assert second.progress.last_attempt == Attempt(schedule_time=NOW + 2 + SECOND, dispatch_time=NOW + 9 * SECOND)
    lost = decide(second, TimedOut(), queue_retry=config(), ended=NOW + 10 * SECOND).task.progress.last_attempt
    assert lost is not None
    assert lost.response_time is None
    assert lost.response_status == Status(4, "DEADLINE_EXCEEDED(4): the attempt reached its dispatch deadline")


# Retry-After


def _date(instant: int) -> str:
    return format_datetime(datetime.fromtimestamp(instant / SECOND, UTC), usegmt=True)


@pytest.mark.parametrize(
    ("status", "header", "delay"),
    [
        (503, "120", 120),
        (429, "120", 120),
        (429, " 120 ", 120),
        (503, _date(NOW + 300 * SECOND), 300),
        (503, "Thu, 31 Jul 2025 22:14:20 -0000", 60),
        (503, "Fri, 01 Aug 2025 00:14:20 +0200", 60),
        (503, "Thursday, 31-Jul-25 22:14:20 GMT", 60),
        # Not there, not understood, or not later than the backoff of ten seconds.
        (503, None, 10),
        (503, "", 10),
        (503, "3", 10),
        (503, "-120", 10),
        (503, "1.5e9", 10),
        (503, "soon", 10),
        (503, "१२०", 10),
        (503, _date(NOW - 300 * SECOND), 10),
        # Not asked of these.
        (500, "120", 10),
        (404, "120", 10),
        (302, "120", 10),
        # Never past a task's own life.
        (503, "99999999999999999999999999", 31 * 86_400),
        (503, "Fri, 31 Dec 9999 23:59:59 GMT", 31 * 86_400),
    ],
)
def test_retry_after_delays_and_never_hastens(status: int, header: str | None, delay: int) -> None:
    outcome = Answered(status, retry_after=header)
    verdict = decide(dispatched(task(), NOW), outcome, queue_retry=config(m=10), ended=NOW)
    assert isinstance(verdict, RetryAt)
    assert verdict.task.schedule_time == NOW + delay * SECOND


@pytest.mark.parametrize("status", [429, 503])
def test_an_app_engine_worker_does_not_set_the_time(status: int) -> None:
    opened = dispatched(task(target=APP_ENGINE), NOW)
    verdict = decide(opened, Answered(status, retry_after="120"), queue_retry=config(m=10), ended=NOW)
    assert verdict.task.schedule_time == NOW + 10 * SECOND


_DATES = st.builds(
    "{}, {} {} {} {}:{}:{} {}".format,
    st.sampled_from(["Mon", "Thu", ""]),
    st.integers(-1, 40),
    st.sampled_from(["Jan", "Feb", "Dec", "Foo", "1"]),
    st.sampled_from(["0", "1", "99", "1969", "9999", "99999", "-1"]),
    st.integers(-1, 30),
    st.integers(0, 99),
    st.integers(0, 99),
    st.sampled_from(["GMT", "-0000", "+2359", "-2359", "+9999", "EST", "", "Z"]),
)


@given(st.text(max_size=30) | _DATES, st.sampled_from([0, NOW]))
def test_any_header_is_an_instant_or_nothing(header: str, ended: int) -> None:
    assert retry_after(Answered(503, retry_after=header), ended) <= ended + 31 * 86_400 * SECOND


@pytest.mark.parametrize(
    "header",
    [
        "Mon, 01 Jan 99999999999999999999 00:00:00 GMT",
        "Mon, 99999999999999999999 Jan 2025 00:00:00 GMT",
        "Mon, 01 Jan 2025 00:00:00 +99999999999999999999",
    ],
)
def test_a_hostile_date_is_as_good_as_none(header: str) -> None:
    assert retry_after(Answered(503, retry_after=header), NOW) == 0


# Task-level rules, over the queue's.


def test_a_tasks_own_rules_go_before_the_queues() -> None:
    own = task(retry_config=RetryOverride(max_attempts=2, min_backoff=7 * SECOND))
    intervals, verdict = run(config(m=1, attempts=50), most=1_000, start=own)
    assert intervals == seconds(7)
    assert isinstance(verdict, Exhausted)


# Properties

_CONFIGS = st.builds(
    lambda low, high, doublings: RetryConfig(UNLIMITED, None, min(low, high), max(low, high), doublings),
    st.integers(0, 10**12),
    st.integers(0, 10**15),
    st.integers(0, 100),
)


@given(_CONFIGS, st.integers(1, 5_000))
def test_intervals_never_shrink_and_stay_within_their_bounds(rules: RetryConfig, failures: int) -> None:
    here, there = interval(rules, failures), interval(rules, failures + 1)
    assert rules.min_backoff <= here <= there <= rules.max_backoff


@given(_CONFIGS, st.integers(1, 60))
def test_intervals_double_then_grow_by_the_last_step(rules: RetryConfig, failures: int) -> None:
    n, d = failures, rules.max_doublings
    exact = rules.min_backoff * 2 ** (n - 1) if n - 1 <= d else rules.min_backoff * 2**d * (n - d)
    assert interval(rules, n) == min(exact, rules.max_backoff)


_OUTCOMES = st.sampled_from(EXTERNAL) | st.builds(
    Answered, st.integers(100, 599), st.none() | st.sampled_from(["30", "x", "Thu, 31 Jul 2025 22:14:20 GMT"])
)


@given(
    st.lists(_OUTCOMES, min_size=1, max_size=12),
    st.sampled_from([HTTP, APP_ENGINE]),
    st.integers(-1, 6).filter(bool),
    st.none() | st.integers(0, 100 * SECOND),
)
def test_counts_and_times_only_rise(
    outcomes: list[Outcome], target: HttpRequest | AppEngineHttpRequest, attempts: int, duration: int | None
) -> None:
    rules = replace(config(m=1, cap=20, d=2, attempts=attempts), max_retry_duration=duration)
    current = task(target=target)
    for made, outcome in enumerate(outcomes, start=1):
        opened = dispatched(current, current.schedule_time)
        ended = current.schedule_time + SECOND
        verdict = decide(opened, outcome, queue_retry=rules, ended=ended)
        before, after = current.progress, verdict.task.progress
        assert after.dispatch_count == made
        assert before.response_count <= after.response_count <= made
        assert before.execution_count <= after.execution_count <= after.response_count
        assert after.first_dispatch_time == NOW
        if not isinstance(verdict, RetryAt):
            break
        assert verdict.task.schedule_time >= ended + interval(rules, made)
        current = verdict.task
