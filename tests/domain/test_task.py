"""Tasks: schedule, deadline, ids, retention, and rules of their own over the queue's."""

import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kumotasks.domain import names
from kumotasks.domain.errors import InvalidArgument
from kumotasks.domain.pacific import pacific_time
from kumotasks.domain.queue import RetryConfig, check_retry_config
from kumotasks.domain.target import AppEngineHttpRequest, HttpRequest
from kumotasks.domain.task import (
    RetryOverride,
    Serials,
    check_deadline,
    check_retry_override,
    check_schedule,
    expires_at,
    generated_id,
    target_kind,
    whole_seconds,
    with_progress,
)
from tests.domain.factory import APP_ENGINE, HTTP, NOW, SECOND, task

HOUR = 3_600 * SECOND


@pytest.mark.parametrize("asked", [None, 0, NOW - 1, NOW])
def test_a_task_without_a_future_is_due_now(asked: int | None) -> None:
    assert check_schedule(asked, NOW) == NOW


@pytest.mark.parametrize("ahead", [1, SECOND + 1, 720 * HOUR])
def test_a_task_may_wait_thirty_days_to_the_microsecond(ahead: int) -> None:
    assert check_schedule(NOW + ahead, NOW) == NOW + ahead


def test_a_task_beyond_the_horizon_is_refused_in_pacific_time() -> None:
    with pytest.raises(InvalidArgument) as refused:
        check_schedule(4_102_444_800 * SECOND, NOW)  # 2100-01-01T00:00:00Z
    assert refused.value.message == (
        "The Task.scheduleTime, 2099-12-31T16:00:00-08:00, is too far in the future. "
        "Schedule time must be no more than 720h in the future."
    )
    with pytest.raises(InvalidArgument, match="720h"):
        check_schedule(NOW + 720 * HOUR + 1, NOW)


@pytest.mark.parametrize(
    ("instant", "written"),
    [
        (0, "1969-12-31T16:00:00-08:00"),
        (NOW + 999_999, "2025-07-31T15:13:20-07:00"),
        (253_402_300_799 * SECOND, "9999-12-31T15:59:59-08:00"),
        (10**18, "9999-12-31T15:59:59-08:00"),
    ],
)
def test_pacific_time_knows_summer_and_the_end_of_the_calendar(instant: int, written: str) -> None:
    assert pacific_time(instant) == written


@pytest.mark.parametrize(
    ("target", "asked", "stored"),
    [
        (HTTP, None, 600 * SECOND),
        (HTTP, 0, 600 * SECOND),
        (HTTP, 15 * SECOND, 15 * SECOND),
        (HTTP, 30 * 60 * SECOND, 30 * 60 * SECOND),
        (HTTP, 20 * SECOND + 1_999, 20 * SECOND + 1_000),
        (APP_ENGINE, None, None),
        (APP_ENGINE, 0, None),
        (APP_ENGINE, 15 * SECOND, 15 * SECOND),
        (APP_ENGINE, 24 * HOUR + 15 * SECOND, 24 * HOUR + 15 * SECOND),
    ],
)
def test_a_deadline_has_a_default_and_is_cut_to_milliseconds(
    target: HttpRequest | AppEngineHttpRequest, asked: int | None, stored: int | None
) -> None:
    assert check_deadline(asked, target) == stored


@pytest.mark.parametrize(
    ("target", "asked", "sentence"),
    [
        (HTTP, 15 * SECOND - 1, "Task.dispatchDeadline must be between [15s, 30m]."),
        (HTTP, 1_800 * SECOND + 1, "Task.dispatchDeadline must be between [15s, 30m]."),
        (HTTP, -1, "Task.dispatchDeadline must be between [15s, 30m]."),
        (APP_ENGINE, 15 * SECOND - 1, "Task.dispatchDeadline must be between [15s, 24h15s]."),
        (APP_ENGINE, 24 * HOUR + 15 * SECOND + 1, "Task.dispatchDeadline must be between [15s, 24h15s]."),
    ],
)
def test_a_deadline_out_of_range_is_refused(
    target: HttpRequest | AppEngineHttpRequest, asked: int, sentence: str
) -> None:
    with pytest.raises(InvalidArgument) as refused:
        check_deadline(asked, target)
    assert refused.value.message == sentence


def test_a_task_lives_thirty_one_days() -> None:
    assert expires_at(task(create_time=NOW)) == NOW + 31 * 24 * HOUR


def test_creation_is_told_in_whole_seconds() -> None:
    assert whole_seconds(NOW + 999_999) == NOW
    assert whole_seconds(NOW) == NOW


def test_kinds_of_targets_have_the_logs_names() -> None:
    assert (target_kind(HTTP), target_kind(APP_ENGINE)) == ("HTTP", "APP_ENGINE_HTTP")


def test_progress_is_replaced_as_a_whole() -> None:
    before = task()
    after = with_progress(before, replace(before.progress, dispatch_count=3), NOW + 1)
    assert (after.progress.dispatch_count, after.schedule_time, after.create_time) == (3, NOW + 1, NOW)
    assert before.progress.dispatch_count == 0


@given(st.lists(st.integers(0, 2 * NOW), min_size=1, max_size=30))
def test_serials_rise_whatever_the_clock_does(instants: list[int]) -> None:
    serials = Serials()
    drawn = [serials.next(instant) for instant in instants]
    assert sorted(set(drawn)) == drawn
    assert all(serial >= instant for serial, instant in zip(drawn, instants, strict=True))


@given(st.integers(0, 9_999_999_999_999_999), st.integers(), st.integers(1, 10**6))
def test_a_generated_id_is_twenty_digits_that_rise_with_time(serial: int, seed: int, step: int) -> None:
    randomness = random.Random(seed)
    first = generated_id(serial, randomness)
    assert len(first) == 20
    assert first.isdigit()
    assert names.check_task_id(first) == first
    later = generated_id(min(serial + step, 9_999_999_999_999_999), randomness)
    assert first[:16] <= later[:16]


def test_generated_ids_of_one_instant_differ() -> None:
    randomness = random.Random(1)
    assert len({generated_id(NOW, randomness) for _ in range(100)}) > 90


# Rules of their own

QUEUE_RULES = RetryConfig(7, 70 * SECOND, 2 * SECOND, 20 * SECOND, 3)


@pytest.mark.parametrize(
    ("own", "in_force"),
    [
        (RetryOverride(), QUEUE_RULES),
        (RetryOverride(max_attempts=-1), replace(QUEUE_RULES, max_attempts=-1)),
        (RetryOverride(max_retry_duration=0), replace(QUEUE_RULES, max_retry_duration=0)),
        (RetryOverride(max_doublings=0), replace(QUEUE_RULES, max_doublings=0)),
        (RetryOverride(1, 1, 1, 2, 1), RetryConfig(1, 1, 1, 2, 1)),
        # One bound set beyond the queue's other one: the bound that was set holds, the other makes room.
        (
            RetryOverride(min_backoff=30 * SECOND),
            replace(QUEUE_RULES, min_backoff=30 * SECOND, max_backoff=30 * SECOND),
        ),
        (RetryOverride(max_backoff=SECOND), replace(QUEUE_RULES, min_backoff=SECOND, max_backoff=SECOND)),
    ],
)
def test_a_tasks_rules_replace_the_queues_part_by_part(own: RetryOverride, in_force: RetryConfig) -> None:
    assert own.over(QUEUE_RULES) == in_force


@pytest.mark.parametrize(
    ("own", "sentence"),
    [
        (RetryOverride(max_attempts=-2), "RetryConfig.maxAttempts must be greater or equal to -1."),
        (RetryOverride(max_doublings=-1), "RetryConfig.maxDoublings cannot be negative."),
        (RetryOverride(min_backoff=-1), "RetryConfig.minBackoff cannot be negative."),
        (RetryOverride(max_backoff=-1), "RetryConfig.maxBackoff cannot be negative."),
        (RetryOverride(max_retry_duration=-1), "RetryConfig.maxRetryDuration cannot be negative."),
        (
            RetryOverride(min_backoff=2, max_backoff=1),
            "RetryConfig.minBackoff must be less than or equal to RetryConfig.maxBackoff.",
        ),
    ],
)
def test_a_tasks_rules_obey_the_queues_laws(own: RetryOverride, sentence: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        check_retry_override(own)
    assert refused.value.message == sentence


_PART = st.none() | st.integers(-2, 10**9)


@given(
    st.builds(RetryOverride, _PART, _PART, _PART, _PART, _PART),
    st.builds(RetryConfig, st.integers(-1, 9), _PART, st.integers(0, 10**9), st.integers(0, 10**9), st.integers(0, 9)),
)
def test_rules_that_are_allowed_stay_allowed_over_any_queues(own: RetryOverride, queue_rules: RetryConfig) -> None:
    try:
        check_retry_override(own)
        check_retry_config(queue_rules)
    except InvalidArgument:
        return
    check_retry_config(own.over(queue_rules))
