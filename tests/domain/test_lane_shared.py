"""A lane whose queue others add to as well, and whose tasks others may still have under way."""

from __future__ import annotations

from dataclasses import replace

from kumotasks.domain.bucket import full
from kumotasks.domain.elsewhere import Elsewhere
from kumotasks.domain.lane import WINDOW, Lane
from kumotasks.domain.names import TaskName
from kumotasks.domain.queue import RateLimits
from kumotasks.domain.task import Task
from kumotasks.domain.window import Room
from tests.domain.factory import NOW, QUEUE, SECOND, queue
from tests.domain.test_lane import a_task, ended, sent


def a_lane(*, slots: int = 1_000, room: Room | None = None, elsewhere: Elsewhere | None = None) -> Lane:
    limits = RateLimits(500, 100, slots)
    bucket = full(500, 100, NOW)
    return Lane(queue(rate_limits=limits), 1, 0, bucket, room=room or Room(), elsewhere=elsewhere or Elsewhere())


def read(lane: Lane, stored: list[Task], now: int = NOW) -> None:
    """One read of what the store has, if the lane asks for it."""
    assert lane.plan(now, 0).load
    lane.begin_load()
    found, end = reading(lane, stored, now)
    end(lane, found, now)


def reading(lane: Lane, stored: list[Task], now: int = NOW):  # type: ignore[no-untyped-def]
    in_order = sorted(stored, key=lambda each: (each.schedule_time, each.name.task))
    behind = [each for each in in_order if (each.schedule_time, each.name.task) > lane.edge]
    found = [each for each in behind if each.schedule_time <= now + WINDOW][: lane.room.tasks]
    rest = behind[len(found) :]

    def end(lane: Lane, found: list[Task], now: int) -> None:
        edge = (found[-1].schedule_time, found[-1].name.task) if found else lane.edge
        lane.end_load(found, edge=edge, unloaded=rest[0].schedule_time if rest else None, now=now)

    return found, end


# tasks of others, named


def place(task: Task) -> tuple[int, str]:
    return task.schedule_time, task.name.task


def test_what_others_name_is_fetched_and_goes() -> None:
    lane = a_lane()
    assert lane.announced([place(a_task(1)), place(a_task(2))], NOW) == [a_task(1).name.task, a_task(2).name.task]
    fetch = lane.begin_fetch()
    lane.end_fetch(fetch, [a_task(1), a_task(2)], NOW)
    assert sent(lane) == [a_task(1), a_task(2)]
    assert not lane.plan(NOW, 0).load


def test_what_is_named_and_due_behind_the_edge_is_read_when_its_time_comes() -> None:
    lane = a_lane()
    late = a_task(1, 2 * WINDOW)
    assert lane.announced([place(late)], NOW) == []
    assert not lane.plan(NOW, 0).load
    read(lane, [late], NOW + 2 * WINDOW)
    assert sent(lane, NOW + 2 * WINDOW) == [late]


def test_what_is_named_during_a_read_and_lies_behind_the_edge_is_read_by_the_next_one() -> None:
    lane = a_lane(room=Room(tasks=1))
    lane.arrived(NOW)
    lane.begin_load()
    found, end = reading(lane, [a_task(1)])
    assert lane.announced([place(a_task(2, SECOND))], NOW) == []
    end(lane, found, NOW)
    assert sent(lane) == [a_task(1)]
    read(lane, [a_task(1), a_task(2, SECOND)], NOW + SECOND)
    assert sent(lane, NOW + SECOND) == [a_task(2, SECOND)]


def test_what_ended_while_it_was_fetched_does_not_come_back() -> None:
    lane = a_lane()
    lane.offer(a_task(1), NOW)
    lane.announced([place(a_task(1)), place(a_task(2))], NOW)
    fetch = lane.begin_fetch()
    assert sent(lane) == [a_task(1)]
    opened = lane.opened(a_task(1), in_slot=False)
    lane.closed(opened, again=False, now=NOW)
    lane.forget(a_task(2).serial)
    lane.end_fetch(fetch, [a_task(1), a_task(2)], NOW)
    assert sent(lane) == []


def test_a_fetch_does_not_undo_a_retry() -> None:
    lane = a_lane()
    lane.announced([place(a_task(1))], NOW)
    fetch = lane.begin_fetch()
    opened = lane.opened(a_task(1), in_slot=False)
    opened.task = again = replace(a_task(1), schedule_time=NOW + 2 * WINDOW)
    lane.closed(opened, again=True, now=NOW)
    lane.end_fetch(fetch, [a_task(1)], NOW)
    assert sent(lane) == []
    read(lane, [again], NOW + 2 * WINDOW)
    assert sent(lane, NOW + 2 * WINDOW) == [again]


def test_a_purge_voids_what_is_being_fetched() -> None:
    lane = a_lane()
    lane.announced([place(a_task(1))], NOW)
    fetch = lane.begin_fetch()
    lane.reset(lane.queue, lane.generation + 1)
    lane.end_fetch(fetch, [a_task(1)], NOW)
    assert sent(lane) == []


def test_what_a_fetch_that_failed_would_have_brought_is_read() -> None:
    lane = a_lane()
    lane.announced([place(a_task(1))], NOW)
    lane.abandon_fetch(lane.begin_fetch())
    read(lane, [a_task(1)])
    assert sent(lane) == [a_task(1)]


def test_what_is_fetched_into_a_full_lane_stays_in_the_store() -> None:
    lane = a_lane(room=Room(tasks=2))
    tasks = [a_task(serial, serial) for serial in range(1, 8)]
    lane.announced([place(task) for task in tasks], NOW + 10)
    lane.end_fetch(lane.begin_fetch(), tasks, NOW + 10)
    went = sent(lane, NOW + 10)
    assert went == tasks[: len(went)]
    assert 0 < len(went) < 7
    while len(went) < 7:
        read(lane, tasks[len(went) :], NOW + 10)
        went += sent(lane, NOW + 10)
    assert went == tasks


# tasks of others


def test_what_others_have_added_is_read_and_goes() -> None:
    lane = a_lane()
    lane.plan(NOW, 0)  # the edge follows the clock
    lane.arrived(NOW)
    read(lane, [a_task(1)])
    assert sent(lane) == [a_task(1)]


def test_what_the_lane_has_already_is_not_taken_for_new() -> None:
    lane = a_lane()
    for serial in (1, 2, 3):
        lane.offer(a_task(serial), NOW)
    lane.opened(a_task(1), in_slot=True)
    lane.arrived(NOW)
    read(lane, [a_task(1), a_task(2), a_task(3), a_task(4)])
    assert sent(lane) == [a_task(2), a_task(3), a_task(4)]
    assert sent(lane) == []


def test_what_comes_during_a_read_is_read_by_the_next_one() -> None:
    lane = a_lane()
    lane.plan(NOW, 0)
    lane.arrived(NOW)
    lane.begin_load()
    found, end = reading(lane, [a_task(2, SECOND)])
    lane.arrived(NOW)
    end(lane, found, NOW)
    read(lane, [a_task(1), a_task(2, SECOND)])
    assert sent(lane, NOW + SECOND) == [a_task(1), a_task(2, SECOND)]


def test_what_comes_during_a_read_that_fails_is_not_forgotten() -> None:
    lane = a_lane()
    lane.plan(NOW, 0)
    lane.arrived(NOW + SECOND)
    lane.begin_load()
    lane.arrived(NOW)
    lane.abandon_load()
    read(lane, [a_task(1), a_task(2, SECOND)])
    assert sent(lane, NOW + SECOND) == [a_task(1), a_task(2, SECOND)]


def test_a_task_that_ended_during_a_read_of_what_the_lane_has_is_not_brought_back() -> None:
    lane = a_lane()
    lane.offer(a_task(1), NOW)
    assert sent(lane) == [a_task(1)]
    lane.arrived(NOW)
    lane.begin_load()
    found, end = reading(lane, [a_task(1)])
    ended(lane, 1)
    end(lane, found, NOW)
    assert sent(lane) == []


def test_a_task_due_now_does_not_wait_behind_many_that_are_due_later() -> None:
    lane = a_lane(room=Room(tasks=4))
    later = [a_task(serial, 10 * SECOND) for serial in range(2, 6)]
    for each in later:
        lane.offer(each, NOW)
    lane.arrived(NOW)
    read(lane, [a_task(1), *later])
    assert sent(lane) == [a_task(1)]


def test_a_lane_that_overflows_before_it_has_read_what_came_reads_it_still() -> None:
    lane = a_lane(room=Room(tasks=2))
    lane.plan(NOW, 0)
    mine = [a_task(serial) for serial in range(2, 6)]
    for each in mine[:4]:
        lane.offer(each, NOW)
    lane.arrived(NOW - 5)
    lane.offer(a_task(6, -10), NOW)
    stored = [a_task(1, -5), a_task(6, -10), *mine]
    gone: list[Task] = []
    for _ in range(20):
        if lane.plan(NOW, 0).load:
            read(lane, [each for each in stored if each not in gone])
        for each in sent(lane):
            gone.append(each)
            ended(lane, each.serial)
    assert sorted(each.serial for each in gone) == [1, 2, 3, 4, 5, 6]


def test_reading_anew_forgets_what_the_store_has_no_more() -> None:
    lane = a_lane()
    for serial in (1, 2):
        lane.offer(a_task(serial), NOW)
    lane.reread()
    assert sent(lane) == []
    read(lane, [a_task(2)])
    assert sent(lane) == [a_task(2)]


def test_reading_anew_voids_the_read_that_is_under_way() -> None:
    lane = a_lane()
    lane.arrived(NOW)
    lane.begin_load()
    found, end = reading(lane, [a_task(1)])
    lane.reread()
    end(lane, found, NOW)
    assert sent(lane) == []
    read(lane, [a_task(2)])
    assert sent(lane) == [a_task(2)]


def test_of_two_tasks_with_one_serial_the_second_goes_when_the_first_is_over() -> None:
    lane = a_lane()
    first = a_task(1)
    second = replace(first, name=TaskName(QUEUE, "other"))
    lane.offer(first, NOW)
    lane.offer(second, NOW)
    assert sent(lane) == [first]
    ended(lane, 1)
    read(lane, [second])
    assert sent(lane) == [second]


# attempts of others


def test_a_task_that_another_node_has_under_way_is_left_alone() -> None:
    lane = a_lane(elsewhere=Elsewhere([("a", 1)]))
    lane.arrived(NOW)
    read(lane, [a_task(1), a_task(2)])
    assert sent(lane) == [a_task(2)]


def test_once_that_is_over_it_goes_if_it_is_still_there() -> None:
    lane = a_lane(elsewhere=Elsewhere([("a", 1)]))
    lane.arrived(NOW)
    read(lane, [a_task(1)])
    assert lane.closed_elsewhere("a")
    read(lane, [a_task(1)])
    assert sent(lane) == [a_task(1)]


def test_an_attempt_elsewhere_uses_a_slot() -> None:
    lane = a_lane(slots=2, elsewhere=Elsewhere([("a", 1)]))
    for serial in (2, 3):
        lane.offer(a_task(serial), NOW)
    assert sent(lane) == [a_task(2)]
    assert not lane.idle(NOW)
    lane.closed_elsewhere("a")
    assert sent(lane) == [a_task(3)]


def test_what_was_read_before_an_attempt_elsewhere_was_over_is_read_again() -> None:
    lane = a_lane(elsewhere=Elsewhere([("a", 1)]))
    lane.arrived(NOW)
    lane.begin_load()
    found, end = reading(lane, [a_task(1)])
    lane.closed_elsewhere("a")
    end(lane, found, NOW)
    assert sent(lane) == []
    read(lane, [])
    assert sent(lane) == []
