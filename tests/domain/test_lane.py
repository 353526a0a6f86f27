"""A lane, one thing at a time. What happens when many things happen at once is in `test_lane_interleavings.py`."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kumotasks.domain.bucket import Bucket, full
from kumotasks.domain.lane import LEAD, WINDOW, Lane, Plan
from kumotasks.domain.names import TaskName
from kumotasks.domain.queue import QueueState, RateLimits
from kumotasks.domain.retry import dispatched
from kumotasks.domain.target import HttpRequest
from kumotasks.domain.task import Task
from kumotasks.domain.window import Room
from tests.domain.factory import NOW, QUEUE, SECOND, queue, task

ASLEEP = Plan((), None, load=False)


def a_task(serial: int, delay: int = 0, *, body: bytes = b"") -> Task:
    target = HttpRequest("https://example.com/", body=body)
    return task(name=TaskName(QUEUE, f"t{serial}"), serial=serial, schedule_time=NOW + delay, target=target)


def a_lane(
    *, rate: float = 500, burst: int = 100, slots: int = 1_000, room: Room | None = None, unloaded: int | None = None
) -> Lane:
    limits = RateLimits(rate, burst, slots)
    return Lane(queue(rate_limits=limits), 1, 0, full(rate, burst, NOW), unloaded=unloaded, room=room or Room())


def sent(lane: Lane, now: int = NOW, quota: int = 100) -> list[Task]:
    """What the lane sends at `now`; its attempts are open."""
    tasks = list(lane.plan(now, quota).send)
    for each in tasks:
        lane.opened(dispatched(each, now), in_slot=True)
    return tasks


def ended(lane: Lane, serial: int, *, again: Task | None = None, now: int = NOW) -> None:
    """The attempt on a task is answered and committed."""
    opened = lane.find_open(serial)
    assert opened is not None
    lane.slot_freed()
    opened.task = again or opened.task
    lane.closed(opened, again=again is not None, now=now)


# due times


def test_an_empty_lane_sleeps_until_something_happens() -> None:
    assert a_lane().plan(NOW, 100) == ASLEEP


def test_a_task_that_is_due_goes_at_once() -> None:
    lane = a_lane()
    lane.offer(a_task(1), NOW)
    assert lane.plan(NOW, 100) == Plan((a_task(1),), None, load=False)


def test_a_task_that_is_not_due_wakes_the_lane_when_it_is() -> None:
    lane = a_lane()
    lane.offer(a_task(1, 10 * SECOND), NOW)
    assert lane.plan(NOW, 100) == Plan((), NOW + 10 * SECOND, load=False)
    assert sent(lane, NOW + 10 * SECOND - 1) == []
    assert sent(lane, NOW + 10 * SECOND) == [a_task(1, 10 * SECOND)]


def test_tasks_go_in_the_order_of_their_schedule_times() -> None:
    lane = a_lane()
    for serial, delay in ((1, -1), (2, -3), (3, -2)):
        lane.offer(a_task(serial, delay), NOW)
    assert [each.serial for each in sent(lane)] == [2, 3, 1]


def test_a_task_offered_twice_is_one_task() -> None:
    lane = a_lane(room=Room(bytes=100), unloaded=NOW + 1)
    lane.offer(a_task(1, body=b"x" * 40), NOW)
    lane.offer(a_task(1, body=b"x" * 40), NOW)
    assert lane.waiting == 1
    assert lane.plan(NOW, 100) == Plan((a_task(1, body=b"x" * 40),), None, load=True)


def test_a_task_offered_twice_takes_room_once() -> None:
    lane = a_lane(room=Room(bytes=100), unloaded=NOW + 1)
    lane.queue = queue(rate_limits=RateLimits(500, 100, 0))
    for _ in range(3):
        lane.offer(a_task(1, body=b"x" * 40), NOW)
    assert lane.plan(NOW, 100).load


def test_a_quota_leaves_the_rest_for_the_next_turn() -> None:
    lane = a_lane()
    for serial in (1, 2, 3):
        lane.offer(a_task(serial), NOW)
    first = lane.plan(NOW, 2)
    assert [each.serial for each in first.send] == [1, 2]
    assert first.wake == NOW
    assert [each.serial for each in lane.plan(NOW, 2).send] == [3]


# tokens and slots


def test_a_task_takes_a_token_and_the_next_one_waits_for_its_own() -> None:
    lane = a_lane(rate=2, burst=1)
    lane.offer(a_task(1), NOW)
    lane.offer(a_task(2), NOW)
    plan = lane.plan(NOW, 100)
    assert [each.serial for each in plan.send] == [1]
    assert plan.wake == NOW + SECOND // 2
    assert sent(lane, NOW + SECOND // 2 - 1) == []
    assert [each.serial for each in sent(lane, NOW + SECOND // 2)] == [2]


def test_a_task_due_after_the_next_token_wakes_the_lane_at_its_own_time() -> None:
    lane = a_lane(rate=1, burst=1)
    lane.offer(a_task(1), NOW)
    lane.offer(a_task(2, 5 * SECOND), NOW)
    assert lane.plan(NOW, 100).wake == NOW + 5 * SECOND


def test_a_wall_clock_that_is_set_back_stops_no_queue() -> None:
    lane = a_lane(rate=1, burst=1)
    hour_ago = NOW - 3_600 * SECOND
    lane.offer(a_task(1, -7_200 * SECOND), NOW)
    lane.offer(a_task(2, -7_200 * SECOND), NOW)
    assert [each.serial for each in sent(lane)] == [1]
    plan = lane.plan(hour_ago, 100)
    assert plan == Plan((), hour_ago + SECOND, load=False)
    assert [each.serial for each in sent(lane, hour_ago + SECOND)] == [2]


def test_without_a_free_slot_nothing_goes_and_no_alarm_is_set() -> None:
    lane = a_lane(slots=1)
    lane.offer(a_task(1), NOW)
    lane.offer(a_task(2), NOW)
    assert [each.serial for each in sent(lane)] == [1]
    assert lane.plan(NOW, 100) == ASLEEP
    ended(lane, 1)
    assert [each.serial for each in sent(lane)] == [2]


def test_a_slot_is_free_as_soon_as_the_worker_has_answered() -> None:
    lane = a_lane(slots=1)
    lane.offer(a_task(1), NOW)
    lane.offer(a_task(2), NOW)
    sent(lane)
    lane.slot_freed()  # the result is on its way into the store
    assert [each.serial for each in sent(lane)] == [2]


def test_fewer_slots_than_are_in_use_stop_the_lane_until_enough_are_free() -> None:
    lane = a_lane(slots=2)
    for serial in (1, 2, 3):
        lane.offer(a_task(serial), NOW)
    sent(lane)
    lane.queue = queue(rate_limits=RateLimits(500, 100, 1))
    ended(lane, 1)
    assert sent(lane) == []
    ended(lane, 2)
    assert [each.serial for each in sent(lane)] == [3]


def test_an_attempt_outside_the_slots_uses_none() -> None:
    lane = a_lane(slots=1)
    lane.offer(a_task(1), NOW)
    lane.opened(dispatched(a_task(2), NOW), in_slot=False)
    assert [each.serial for each in sent(lane)] == [1]


# state


@pytest.mark.parametrize("state", [QueueState.PAUSED, QueueState.DISABLED])
def test_a_lane_that_does_not_run_sends_nothing_and_asks_for_nothing(state: QueueState) -> None:
    lane = a_lane(unloaded=NOW)
    lane.offer(a_task(1), NOW)
    lane.queue = queue(state=state)
    assert lane.plan(NOW, 100) == ASLEEP
    assert lane.idle(NOW)


def test_a_lane_that_runs_again_sends_what_came_in_meanwhile() -> None:
    lane = a_lane()
    lane.queue = queue(state=QueueState.PAUSED)
    lane.offer(a_task(1), NOW)
    lane.queue = queue()
    assert [each.serial for each in sent(lane, NOW + SECOND)] == [1]


def test_an_uncommitted_result_stops_the_lane() -> None:
    lane = a_lane()
    lane.offer(a_task(1), NOW)
    lane.uncommitted = 1
    assert lane.plan(NOW, 100) == ASLEEP
    assert repr(lane) == "<mail blocked: 1 waiting, 0 open>"
    lane.uncommitted = 0
    assert [each.serial for each in sent(lane)] == [1]


def test_idle_means_nothing_open_nothing_due_and_nothing_to_read() -> None:
    lane = a_lane()
    assert lane.idle(NOW)
    lane.offer(a_task(1), NOW)
    assert not lane.idle(NOW)
    sent(lane)
    assert not lane.idle(NOW)
    ended(lane, 1, again=a_task(1, SECOND))
    assert lane.idle(NOW)
    assert not lane.idle(NOW + SECOND)


def test_a_lane_is_not_idle_while_a_due_task_may_lie_behind_its_edge() -> None:
    lane = a_lane(unloaded=NOW)
    assert not lane.idle(NOW)
    assert lane.idle(NOW - 1)
    lane.begin_load()
    assert not lane.idle(NOW - 1)


# attempts


def test_a_failed_task_goes_again_when_its_failure_says() -> None:
    lane = a_lane()
    lane.offer(a_task(1), NOW)
    (first,) = sent(lane)
    ended(lane, 1, again=replace(dispatched(first, NOW), schedule_time=NOW + SECOND))
    assert sent(lane) == []
    (again,) = sent(lane, NOW + SECOND)
    assert again.progress.dispatch_count == 1


def test_a_task_that_succeeded_is_gone() -> None:
    lane = a_lane()
    lane.offer(a_task(1), NOW)
    sent(lane)
    ended(lane, 1)
    assert lane.open_count == 0
    assert lane.plan(NOW + WINDOW, 100) == ASLEEP


def test_a_task_is_not_offered_again_while_it_is_open() -> None:
    lane = a_lane()
    lane.offer(a_task(1), NOW)
    sent(lane)
    lane.offer(a_task(1), NOW)
    assert sent(lane) == []


def test_a_task_that_is_run_out_of_turn_does_not_wait_any_more() -> None:
    lane = a_lane()
    lane.offer(a_task(1, SECOND), NOW)
    lane.opened(dispatched(a_task(1, SECOND), NOW), in_slot=False)
    assert lane.waiting == 0
    assert lane.plan(NOW + SECOND, 100) == ASLEEP


def test_a_task_run_out_of_turn_may_fail_back_to_the_very_time_it_was_due() -> None:
    lane = a_lane()
    lane.offer(a_task(1, SECOND), NOW)
    opened = lane.opened(dispatched(a_task(1, SECOND), NOW), in_slot=False)
    lane.closed(opened, again=True, now=NOW)
    (again,) = sent(lane, NOW + SECOND)
    assert again.progress.dispatch_count == 1
    assert sent(lane, NOW + SECOND) == []


def test_of_two_attempts_on_a_task_the_later_one_decides() -> None:
    lane = a_lane()
    first = lane.opened(dispatched(a_task(1), NOW), in_slot=False)
    second = lane.opened(dispatched(first.task, NOW), in_slot=False)
    assert first is second
    lane.closed(first, again=True, now=NOW)
    assert sent(lane) == []
    second.task = replace(second.task, schedule_time=NOW + SECOND)
    lane.closed(second, again=True, now=NOW)
    assert sent(lane) == []
    assert [each.progress.dispatch_count for each in sent(lane, NOW + SECOND)] == [2]


@pytest.mark.parametrize("order", [(True, False), (False, True)])
def test_a_task_is_done_when_one_of_two_attempts_succeeds(order: tuple[bool, bool]) -> None:
    lane = a_lane()
    opened = lane.opened(dispatched(a_task(1), NOW), in_slot=False)
    lane.opened(dispatched(opened.task, NOW), in_slot=False)
    for again in order:
        lane.closed(opened, again=again, now=NOW)
    assert lane.plan(NOW, 100) == ASLEEP
    assert lane.open_count == 0


# deletion and purge


def test_a_deleted_task_does_not_go() -> None:
    lane = a_lane()
    lane.offer(a_task(1), NOW)
    lane.forget(1)
    assert lane.plan(NOW, 100) == ASLEEP


def test_a_task_deleted_in_flight_does_not_come_back() -> None:
    lane = a_lane()
    lane.offer(a_task(1), NOW)
    sent(lane)
    lane.forget(1)
    ended(lane, 1, again=a_task(1))
    assert lane.plan(NOW, 100) == ASLEEP


def test_a_purge_forgets_what_waits_and_voids_what_is_open() -> None:
    lane = a_lane(slots=1)
    lane.offer(a_task(1), NOW)
    lane.offer(a_task(2), NOW)
    sent(lane)
    lane.reset(lane.queue, 1)
    opened = lane.find_open(1)
    assert opened is not None
    assert opened.dropped
    assert lane.generation == 1
    ended(lane, 1, again=a_task(1))
    assert lane.plan(NOW, 100) == ASLEEP


def test_after_a_purge_new_tasks_go() -> None:
    lane = a_lane()
    lane.reset(lane.queue, 1)
    lane.offer(a_task(3), NOW)
    assert [each.serial for each in sent(lane)] == [3]


# the edge of the window


def test_a_task_beyond_the_window_is_left_to_the_store_until_shortly_before_it_is_due() -> None:
    lane = a_lane()
    due = NOW + 10 * WINDOW
    lane.offer(a_task(1, 10 * WINDOW), NOW)
    assert lane.waiting == 0
    assert lane.plan(NOW, 100) == Plan((), due - LEAD, load=False)
    assert lane.plan(due - LEAD, 100) == Plan((), None, load=True)


def test_a_read_brings_the_tasks_behind_the_edge_and_says_what_lies_further() -> None:
    lane = a_lane(unloaded=NOW)
    assert lane.plan(NOW, 100).load
    lane.begin_load()
    assert not lane.plan(NOW, 100).load
    lane.end_load([a_task(1)], edge=(NOW, "t1"), unloaded=NOW + WINDOW, now=NOW)
    plan = lane.plan(NOW, 100)
    assert plan.send == (a_task(1),)
    assert plan.wake == NOW + WINDOW - LEAD


def test_a_read_that_found_nothing_lets_the_lane_sleep() -> None:
    lane = a_lane(unloaded=NOW)
    lane.begin_load()
    lane.end_load([], edge=lane.edge, unloaded=None, now=NOW)
    assert lane.plan(NOW, 100) == ASLEEP


def test_a_failed_read_is_asked_for_again() -> None:
    lane = a_lane(unloaded=NOW)
    lane.begin_load()
    lane.abandon_load()
    assert lane.plan(NOW, 100).load


def test_a_task_created_behind_the_edge_during_a_read_is_not_lost() -> None:
    lane = a_lane(unloaded=NOW)
    lane.begin_load()
    lane.offer(a_task(2), NOW)
    lane.end_load([a_task(1)], edge=(NOW, "t1"), unloaded=None, now=NOW)
    assert [each.serial for each in sent(lane)] == [1, 2]


def test_a_task_deleted_during_a_read_is_not_brought_back_by_it() -> None:
    lane = a_lane(unloaded=NOW)
    lane.begin_load()
    lane.forget(1)
    lane.end_load([a_task(1)], edge=(NOW, "t1"), unloaded=None, now=NOW)
    assert lane.plan(NOW, 100) == ASLEEP


def test_a_task_that_succeeded_during_a_read_is_not_brought_back_by_it() -> None:
    lane = a_lane(unloaded=NOW)
    opened = lane.opened(dispatched(a_task(1), NOW), in_slot=False)
    lane.begin_load()
    lane.closed(opened, again=False, now=NOW)
    lane.end_load([a_task(1)], edge=(NOW, "t1"), unloaded=None, now=NOW)
    assert lane.plan(NOW, 100) == ASLEEP


def test_a_task_that_failed_during_a_read_is_not_brought_back_as_it_was_before() -> None:
    lane = a_lane(unloaded=NOW)
    opened = lane.opened(dispatched(a_task(1), NOW), in_slot=False)
    lane.begin_load()
    opened.task = replace(opened.task, schedule_time=NOW + 2 * WINDOW)
    lane.closed(opened, again=True, now=NOW)
    lane.end_load([a_task(1)], edge=(NOW, "t1"), unloaded=None, now=NOW)
    assert sent(lane) == []
    assert lane.plan(NOW, 100).wake == NOW + 2 * WINDOW - LEAD


def test_a_purge_during_a_read_voids_the_read() -> None:
    lane = a_lane(unloaded=NOW)
    lane.begin_load()
    lane.offer(a_task(2), NOW)
    lane.reset(lane.queue, 1)
    assert lane.idle(NOW)
    lane.offer(a_task(3), NOW)
    assert [each.serial for each in sent(lane)] == [3]


# the room


def test_a_lane_with_too_many_tasks_gives_those_due_last_back_to_the_store() -> None:
    lane = a_lane(room=Room(tasks=2))
    for serial in (5, 4, 3, 2, 1):
        lane.offer(a_task(serial, serial * SECOND), NOW)
    assert lane.waiting == 2
    assert lane.unloaded == NOW + 3 * SECOND
    assert [each.serial for each in sent(lane, NOW + 5 * SECOND)] == [1, 2]
    assert lane.plan(NOW + 5 * SECOND, 100).load


def test_a_lane_with_too_many_bytes_gives_those_due_last_back_to_the_store() -> None:
    lane = a_lane(room=Room(bytes=100))
    for serial in (1, 2, 3):
        lane.offer(a_task(serial, serial * SECOND, body=b"x" * 90), NOW)
    assert lane.waiting == 1
    assert lane.unloaded == NOW + 2 * SECOND


def test_a_crowded_lane_reads_on_only_when_half_its_room_is_free() -> None:
    lane = a_lane(room=Room(tasks=4))
    for serial in range(1, 10):
        lane.offer(a_task(serial), NOW)
    assert lane.waiting == 4
    first = lane.plan(NOW, 1)
    assert not first.load
    assert lane.plan(NOW, 1).load


def test_a_read_that_would_overfill_the_lane_is_cut_at_its_new_edge() -> None:
    lane = a_lane(room=Room(tasks=2), unloaded=NOW + 10)
    lane.begin_load()
    for serial in (1, 2, 3, 4):
        lane.offer(a_task(serial), NOW)
        lane.offer(a_task(serial + 4, 1), NOW)
    lane.end_load([a_task(20, 10), a_task(21, 11)], edge=(NOW + 11, "t21"), unloaded=None, now=NOW)
    assert lane.waiting <= 4
    assert lane.unloaded is not None
    assert lane.unloaded <= NOW + 10


def test_what_came_and_went_leaves_nothing_in_memory() -> None:
    lane = a_lane()
    lane.queue = queue(state=QueueState.PAUSED)
    for serial in range(10_000):
        lane.offer(a_task(serial, SECOND), NOW)
        lane.forget(serial)
    assert lane.waiting == 0
    assert len(lane._window._heap) < 100


def test_a_bucket_that_starts_empty_lets_nothing_go_before_its_first_token() -> None:
    lane = a_lane()
    lane.bucket = Bucket(0.5, 10, 0.0, NOW)
    lane.offer(a_task(1), NOW)
    assert lane.plan(NOW, 100) == Plan((), NOW + 2 * SECOND, load=False)
