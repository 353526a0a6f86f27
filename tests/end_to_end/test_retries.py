"""When a failed task comes again, and when it does not: over gRPC and HTTP, on a clock that is moved by hand."""

from __future__ import annotations

import itertools
from datetime import timedelta
from email.utils import format_datetime

import pytest

from tests.end_to_end.stage import DAY, Held, Stage, statuses

ALWAYS = [500] * 1_000
FOR_EVER = {"maxAttempts": -1}


def test_the_schedule_of_the_guide(stage: Stage) -> None:
    """Least 10 s, most 3600 s, three doublings."""
    stage.retries(**FOR_EVER, minBackoff="10s", maxBackoff="3600s", maxDoublings=3)
    stage.worker.answer = statuses(*ALWAYS)
    stage.create("fails")
    stage.settle()
    assert len(stage.worker.arrivals) == 1
    for number, wait in enumerate((10, 20, 40, 80, 160, 240), 1):
        stage.advance(wait - 0.001)
        assert len(stage.worker.arrivals) == number, f"retry {number} came before its {wait} s"
        stage.advance(0.001)
        assert len(stage.worker.arrivals) == number + 1, f"retry {number} did not come after {wait} s"


@pytest.mark.parametrize(
    ("config", "waits"),
    [
        (
            {"minBackoff": "10s", "maxBackoff": "300s", "maxDoublings": 3},
            (10, 20, 40, 80, 160, 240, 300, 300),
        ),
        ({}, (0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 51.2, 102.4, 204.8, 409.6, 819.2, 1638.4, 3276.8, 3600)),
        ({"minBackoff": "5s", "maxBackoff": "60s", "maxDoublings": 2, "maxAttempts": 6}, (5, 10, 20, 40, 60)),
        ({"minBackoff": "30s", "maxBackoff": "120s", "maxDoublings": 10}, (30, 60, 120, 120)),
        ({"minBackoff": "2s", "maxBackoff": "2s"}, (2, 2, 2, 2)),
        (
            {"minBackoff": "1s", "maxBackoff": "3600s", "maxDoublings": 5},
            (1, 2, 4, 8, 16, 32, 64, 96, 128, 160, 192),
        ),
    ],
    ids=["published", "defaults", "six attempts", "cap first", "constant", "linear part"],
)
def test_the_worked_examples(config: dict[str, object], waits: tuple[float, ...], stage: Stage) -> None:
    stage.retries(**config)
    stage.worker.answer = statuses(*ALWAYS)
    stage.create()
    stage.settle()
    stage.advance(sum(waits) + 0.001)
    etas = [float(arrival.headers["x-cloudtasks-tasketa"]) for arrival in stage.worker.arrivals]
    between = [round(later - earlier, 3) for earlier, later in itertools.pairwise(etas)]
    assert between == list(waits)


def test_one_attempt_is_one_attempt(stage: Stage) -> None:
    stage.retries(maxAttempts=1)
    stage.worker.answer = statuses(*ALWAYS)
    name = stage.create("once")
    stage.advance(2 * DAY)
    assert len(stage.worker.arrivals) == 1
    assert stage.gone(name)


def test_attempts_and_age_must_both_be_reached(stage: Stage) -> None:
    """Three attempts, 60 s, every 10 s: the seventh attempt, at 60 s, is the last."""
    stage.retries(maxAttempts=3, maxRetryDuration="60s", minBackoff="10s", maxBackoff="10s")
    stage.worker.answer = statuses(*ALWAYS)
    name = stage.create("both")
    assert stage.age_at_each_arrival(100, 10) == [0, 10, 20, 30, 40, 50, 60]
    assert stage.gone(name)


def test_attempts_alone_stop_a_task(stage: Stage) -> None:
    stage.retries(maxAttempts=3, minBackoff="10s", maxBackoff="10s")
    stage.worker.answer = statuses(*ALWAYS)
    name = stage.create("three")
    assert stage.age_at_each_arrival(100, 10) == [0, 10, 20]
    assert stage.gone(name)


def test_age_alone_stops_a_task(stage: Stage) -> None:
    stage.retries(**FOR_EVER, maxRetryDuration="25s", minBackoff="10s", maxBackoff="10s")
    stage.worker.answer = statuses(*ALWAYS)
    name = stage.create("aged")
    assert stage.age_at_each_arrival(100, 10) == [0, 10, 20, 30]
    assert stage.gone(name)


def test_age_counts_from_the_first_attempt_not_from_creation(stage: Stage) -> None:
    stage.retries(**FOR_EVER, maxRetryDuration="15s", minBackoff="10s", maxBackoff="10s")
    stage.worker.answer = statuses(*ALWAYS)
    stage.create(scheduleTime=stage.after(1_000))
    assert stage.age_at_each_arrival(1_100, 10) == [1_000, 1_010, 1_020]


def test_a_tasks_own_rules_stand_over_those_of_its_queue(stage: Stage) -> None:
    stage.retries(maxAttempts=1)
    stage.worker.answer = statuses(*ALWAYS)
    stage.create(retryConfig={"maxAttempts": 2, "minBackoff": "30s"})
    assert stage.age_at_each_arrival(100, 10) == [0, 30]


@pytest.mark.parametrize("status", [429, 503])
def test_an_overloaded_worker_is_left_alone_as_long_as_it_asks(status: int, stage: Stage) -> None:
    stage.retries(minBackoff="10s", maxBackoff="10s")
    stage.worker.answer = statuses(status, Retry_After="120")
    stage.create()
    assert stage.age_at_each_arrival(200, 10) == [0, 120]


def test_a_date_in_retry_after_is_understood(stage: Stage) -> None:
    stage.advance(1 - stage.now().microsecond / 1_000_000)  # the header knows whole seconds only
    stage.retries(minBackoff="10s", maxBackoff="10s")
    date = format_datetime(stage.now() + timedelta(seconds=90), usegmt=True)
    stage.worker.answer = statuses(503, Retry_After=date)
    stage.create()
    assert stage.age_at_each_arrival(200, 10) == [0, 90]


def test_retry_after_is_a_floor_and_other_failures_have_none(stage: Stage) -> None:
    stage.retries(minBackoff="50s", maxBackoff="50s")
    stage.worker.answer = statuses(503, Retry_After="20")
    stage.create()
    assert stage.age_at_each_arrival(100, 10) == [0, 50]
    stage.worker.arrivals.clear()
    stage.worker.answer = statuses(500, Retry_After="90")
    stage.create()
    assert stage.age_at_each_arrival(100, 10) == [0, 50]


def test_the_interval_counts_from_the_end_of_the_attempt(stage: Stage, held: Held) -> None:
    """The worker is silent for the whole deadline of 20 s: the retry comes 10 s after that."""
    stage.retries(minBackoff="10s", maxBackoff="10s")
    stage.create(dispatchDeadline="20s")
    held.wait()
    stage.advance(29.999)
    assert len(stage.worker.arrivals) == 0  # an arrival is noted when it is answered
    held.release()
    stage.advance(0.001)
    stage.worker.wait_for(2)


def test_a_task_for_the_far_end_of_the_horizon(stage: Stage) -> None:
    stage.create(scheduleTime=stage.after(30 * DAY))
    stage.advance(30 * DAY - 0.001)
    assert stage.worker.arrivals == []
    stage.advance(0.001)
    assert len(stage.worker.arrivals) == 1


def test_retention_ends_a_task_that_never_succeeds(stage: Stage) -> None:
    """31 days are 2,678,400 s: 26 intervals of 100,000 s fit into them."""
    stage.retries(**FOR_EVER, minBackoff="100000s", maxBackoff="100000s")
    stage.worker.answer = statuses(*ALWAYS)
    name = stage.create("old")
    stage.advance(40 * DAY)
    assert len(stage.worker.arrivals) == 27
    assert stage.gone(name)


def test_retention_ends_a_task_that_is_never_sent(stage: Stage) -> None:
    stage.call("PauseQueue", name=stage.queue)
    name = stage.create("kept")
    stage.advance(31 * DAY - 2)
    assert not stage.gone(name)
    stage.advance(2)
    assert stage.gone(name)
    assert stage.call("ListTasks", parent=stage.queue) == {}
    stage.call("ResumeQueue", name=stage.queue)
    stage.settle()
    assert stage.worker.arrivals == []
