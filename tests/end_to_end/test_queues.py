"""What a queue does to its tasks: pause, purge, delete, run, limits, throttling, and names that rest."""

from __future__ import annotations

import urllib.parse
from collections import Counter
from typing import Any

import pytest

from tests.end_to_end.stage import DAY, HOUR, PLACE, Held, Stage, statuses

TOMBSTONE = (
    "The task cannot be created because a task with this name existed too recently. For more information about task "
    "de-duplication see https://cloud.google.com/tasks/docs/reference/rest/v2/"
    "projects.locations.queues.tasks/create#body.request_body.FIELDS.task."
)


def test_a_paused_queue_sends_nothing_until_it_is_resumed(stage: Stage) -> None:
    stage.call("PauseQueue", name=stage.queue)
    names = [stage.create(f"t{number}") for number in range(5)]
    stage.advance(HOUR)
    assert stage.worker.arrivals == []
    assert len(stage.call("ListTasks", parent=stage.queue)["tasks"]) == 5
    stage.call("ResumeQueue", name=stage.queue)
    stage.settle()
    assert sorted(arrival.task for arrival in stage.worker.arrivals) == [name.rpartition("/")[2] for name in names]


def test_an_attempt_in_flight_at_a_pause_ends_and_is_counted(stage: Stage, held: Held) -> None:
    name = stage.create("open")
    held.wait()
    stage.call("PauseQueue", name=stage.queue)
    held.release()
    stage.settle()
    assert stage.gone(name)


def test_a_failure_in_flight_at_a_pause_waits_for_the_resumption(stage: Stage) -> None:
    held = Held(stage.worker, status=500)
    name = stage.create("open")
    held.wait()
    stage.call("PauseQueue", name=stage.queue)
    held.release()
    stage.settle()
    stage.advance(HOUR)
    assert len(stage.worker.arrivals) == 1
    assert stage.call("GetTask", name=name)["responseCount"] == 1
    stage.worker.answer = statuses()
    stage.call("ResumeQueue", name=stage.queue)
    stage.settle()
    assert stage.gone(name)


def test_a_purge_ends_what_was_before_it_and_nothing_after(stage: Stage) -> None:
    later = stage.after(60)
    before = [stage.create(f"before-{number}", scheduleTime=later) for number in range(10)]
    purged = stage.call("PurgeQueue", name=stage.queue)
    assert purged["purgeTime"] == stage.after(0)
    stage.create("after", scheduleTime=later)
    stage.advance(120)
    assert [arrival.task for arrival in stage.worker.arrivals] == ["after"]
    assert all(stage.gone(name) for name in before)
    reply = stage.ask("CreateTask", parent=stage.queue, task={"name": before[0], "httpRequest": {"url": "http://w"}})
    assert (reply.status, reply.message) == ("ALREADY_EXISTS", TOMBSTONE)


def test_a_failure_in_flight_at_a_purge_is_not_sent_again(stage: Stage) -> None:
    held = Held(stage.worker, status=500)
    stage.create("open")
    held.wait()
    stage.call("PurgeQueue", name=stage.queue)
    held.release()
    stage.settle()
    stage.advance(HOUR)
    assert len(stage.worker.arrivals) == 1


def test_a_task_deleted_in_flight_is_not_sent_again(stage: Stage) -> None:
    held = Held(stage.worker, status=500)
    name = stage.create("open")
    held.wait()
    assert stage.call("DeleteTask", name=name) == {}
    assert stage.gone(name)
    held.release()
    stage.settle()
    stage.advance(HOUR)
    assert len(stage.worker.arrivals) == 1
    assert stage.call("ListTasks", parent=stage.queue) == {}


def test_a_task_deleted_before_its_time_is_never_sent(stage: Stage) -> None:
    name = stage.create("early", scheduleTime=stage.after(60))
    stage.call("DeleteTask", name=name)
    stage.advance(120)
    assert stage.worker.arrivals == []


def test_a_queue_deleted_in_flight_takes_everything_with_it(stage: Stage) -> None:
    held = Held(stage.worker, status=500)
    name = stage.create("open")
    stage.create("later", scheduleTime=stage.after(60))
    held.wait()
    stage.call("DeleteQueue", name=stage.queue)
    held.release()
    stage.settle()
    stage.advance(HOUR)
    assert len(stage.worker.arrivals) == 1
    assert stage.ask("GetTask", name=name).status == "NOT_FOUND"


def test_a_run_goes_past_pause_schedule_and_limits(stage: Stage) -> None:
    stage.call("PauseQueue", name=stage.queue)
    name = stage.create("wanted", scheduleTime=stage.after(DAY))
    shown = stage.call("RunTask", name=name)
    assert shown["dispatchCount"] == 1
    assert shown["lastAttempt"]["dispatchTime"] == stage.after(0)
    assert "responseStatus" not in shown["lastAttempt"]
    stage.settle()
    assert [arrival.task for arrival in stage.worker.arrivals] == ["wanted"]
    assert stage.gone(name)


def test_a_run_that_fails_is_due_again_after_the_interval(stage: Stage) -> None:
    stage.retries(minBackoff="30s", maxBackoff="300s")
    stage.worker.answer = statuses(500, 500)
    name = stage.create("failing", scheduleTime=stage.after(DAY))
    stage.call("RunTask", name=name)
    stage.settle()
    task = stage.call("GetTask", name=name)
    assert task["scheduleTime"] == stage.after(30)
    assert (task["dispatchCount"], task["responseCount"]) == (1, 1)
    stage.advance(30)
    assert len(stage.worker.arrivals) == 2
    assert stage.call("GetTask", name=name)["scheduleTime"] == stage.after(60)


def test_a_run_beside_an_attempt_that_is_open(stage: Stage, held: Held) -> None:
    name = stage.create("twice")
    held.wait()
    assert stage.call("RunTask", name=name)["dispatchCount"] == 2
    held.wait()
    held.release()
    stage.settle()
    assert sorted(arrival.headers["x-cloudtasks-taskretrycount"] for arrival in stage.worker.arrivals) == ["0", "1"]
    assert stage.gone(name)


def test_the_rate_holds_from_the_first_burst_on(stage: Stage) -> None:
    """One a second, and a burst of ten: ten at once, then one with every second."""
    stage.set("rateLimits", rateLimits={"maxDispatchesPerSecond": 1})
    for number in range(15):
        stage.create(f"t{number}")
    ages = stage.age_at_each_arrival(5, 0.5)
    assert Counter(ages) == {0: 10, 1: 1, 2: 1, 3: 1, 4: 1, 5: 1}


def test_no_more_attempts_are_open_than_the_queue_allows(stage: Stage, held: Held) -> None:
    stage.set("rateLimits", rateLimits={"maxConcurrentDispatches": 2})
    for number in range(5):
        stage.create(f"t{number}")
    held.wait()
    held.wait()
    assert stats_of(stage)["concurrentDispatches"] == 2
    held.release()
    stage.settle()
    assert len(stage.worker.arrivals) == 5


def stats_of(stage: Stage) -> dict[str, Any]:
    status, answer = stage.server.http("GET", f"/kumo/v1/queue-stats?queue={urllib.parse.quote(stage.queue)}")
    assert status == 200, answer
    return answer


def test_overload_slows_a_queue_down_and_success_speeds_it_up_again(stage: Stage) -> None:
    """It halves with every second in which the last ten were bad, and then grows by a tenth a second."""
    stage.retries(maxAttempts=1)
    stage.worker.answer = statuses(*[503] * 21)
    for number in range(20):
        stage.create(f"bad-{number}")
    stage.settle()
    assert stats_of(stage)["effectiveDispatchesPerSecond"] == 250
    stage.advance(1)
    stage.create("one-second-later")
    stage.settle()
    assert stats_of(stage)["effectiveDispatchesPerSecond"] == 125
    for number in range(120):
        stage.create(f"good-{number}")
        stage.advance(1)
        if number == 2:
            assert stats_of(stage)["effectiveDispatchesPerSecond"] < 100
    assert stats_of(stage)["effectiveDispatchesPerSecond"] == 500
    assert stage.call("GetQueue", name=stage.queue)["rateLimits"]["maxDispatchesPerSecond"] == 500
    assert len(stage.worker.arrivals) == 141


def test_a_name_rests_for_an_hour(stage: Stage) -> None:
    name = stage.create("once")
    stage.settle()
    again = {"parent": stage.queue, "task": {"name": name, "httpRequest": {"url": stage.worker.url}}}
    stage.advance(HOUR - 1)
    reply = stage.ask("CreateTask", **again)
    assert (reply.status, reply.message) == ("ALREADY_EXISTS", TOMBSTONE)
    stage.advance(1.001)
    assert stage.ask("CreateTask", **again).status == "OK"
    stage.settle()
    assert [arrival.task for arrival in stage.worker.arrivals] == ["once", "once"]


@pytest.mark.parametrize("end", ["DeleteTask", "exhausted"])
def test_a_name_rests_however_its_task_ended(end: str, stage: Stage) -> None:
    stage.retries(maxAttempts=1)
    stage.worker.answer = statuses(500)
    name = stage.create("once", scheduleTime=stage.after(10))
    if end == "DeleteTask":
        stage.call("DeleteTask", name=name)
    stage.advance(10)
    reply = stage.ask("CreateTask", parent=stage.queue, task={"name": name, "httpRequest": {"url": "http://w"}})
    assert (reply.status, reply.message) == ("ALREADY_EXISTS", TOMBSTONE)


def test_the_name_of_a_queue_rests_for_three_days(stage: Stage) -> None:
    name = stage.queue + "-2"
    create = {"parent": PLACE, "queue": {"name": name}}
    stage.call("CreateQueue", **create)
    task = {"name": f"{name}/tasks/t", "httpRequest": {"url": stage.worker.url}, "scheduleTime": stage.after(4 * DAY)}
    stage.call("CreateTask", parent=name, task=task)
    stage.call("DeleteQueue", name=name)
    stage.advance(3 * DAY - 1)
    reply = stage.ask("CreateQueue", **create)
    assert reply.status == "FAILED_PRECONDITION"
    stage.advance(1.001)
    assert stage.ask("CreateQueue", **create).status == "OK"
    assert stage.call("ListTasks", parent=name) == {}
    stage.advance(2 * DAY)
    assert stage.worker.arrivals == []
    stage.call("DeleteQueue", name=name)
