"""When tasks are sent: due times, rates, slots, states, turns. Against a real store, under a clock that is moved."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from kumotasks.domain.attempt import Answered
from kumotasks.domain.clock import DAY, HOUR, SECOND
from kumotasks.domain.errors import StorageUnavailable
from kumotasks.domain.queue import QueueState, RateLimits, RetryConfig
from kumotasks.domain.window import Room
from kumotasks.storage.store import TaskDeleted
from tests.dispatch.dispatching import FAILED, OK, Node, answers, names, until
from tests.factory import NOW


async def test_a_task_that_is_due_goes_at_once_and_is_gone(tmp_path: Path) -> None:
    async with Node(tmp_path) as node:
        await node.create()
        await node.add("a", "b")
        await node.calm()
        assert node.sent == [(0, "a"), (0, "b")]
        assert await node.kept() == []
        assert node.in_flight == {}


async def test_a_task_goes_at_its_schedule_time_to_the_microsecond(tmp_path: Path) -> None:
    async with Node(tmp_path) as node:
        await node.create()
        for name, delay in (("soon", 1), ("later", 59 * SECOND), ("day", DAY + 1), ("month", 30 * DAY)):
            await node.add(name, due=NOW + delay)
        await node.pass_time(30 * DAY)
        assert node.sent == [(1, "soon"), (59 * SECOND, "later"), (DAY + 1, "day"), (30 * DAY, "month")]


# rates


async def test_after_the_burst_tasks_go_at_the_rate(tmp_path: Path) -> None:
    async with Node(tmp_path) as node:
        await node.create(limits=RateLimits(4.0, 3, 1_000))
        await node.add(*"abcdef")
        await node.pass_time(SECOND)
        assert node.sent == [(0, "a"), (0, "b"), (0, "c"), (250_000, "d"), (500_000, "e"), (750_000, "f")]


@pytest.mark.parametrize(("rate", "step"), [(0.1, 10 * SECOND), (0.5, 2 * SECOND), (1 / 3, 3 * SECOND)])
async def test_a_rate_may_be_a_fraction(rate: float, step: int, tmp_path: Path) -> None:
    async with Node(tmp_path) as node:
        await node.create(limits=RateLimits(rate, 1, 1_000))
        await node.add(*"abcd")
        await node.pass_time(4 * step)
        assert node.sent == [(0, "a"), (step, "b"), (2 * step, "c"), (3 * step, "d")]


async def test_a_retry_takes_a_token_too(tmp_path: Path) -> None:
    async with Node(tmp_path) as node:
        node.sender.script = answers(FAILED, OK)
        await node.create(limits=RateLimits(0.1, 1, 1_000), retry=RetryConfig(min_backoff=SECOND, max_backoff=SECOND))
        await node.add("a")
        await node.pass_time(DAY)
        assert node.sent == [(0, "a"), (10 * SECOND, "a")]


async def test_a_changed_rate_holds_from_then_on(tmp_path: Path) -> None:
    async with Node(tmp_path) as node:
        await node.create(limits=RateLimits(0.1, 1, 1_000))
        await node.add(*"abc")
        await node.calm()
        await node.change(rate_limits=RateLimits(2.0, 1, 1_000))
        await node.pass_time(SECOND)
        assert node.sent == [(0, "a"), (500_000, "b"), (SECOND, "c")]


async def test_no_window_of_time_sees_more_than_burst_and_rate_allow(tmp_path: Path) -> None:
    async with Node(tmp_path) as node:
        node.sender.script = answers(FAILED)
        retry = RetryConfig(max_attempts=4, min_backoff=SECOND // 10, max_backoff=SECOND // 5)
        await node.create(limits=RateLimits(7.0, 5, 1_000), retry=retry)
        await node.add(*[f"t{number}" for number in range(20)])
        await node.pass_time(DAY)
        instants = [instant for instant, _ in node.sent]
        assert len(instants) == 80
        for first, start in enumerate(instants):
            for count, end in enumerate(instants[first:], 1):
                assert count <= 5 + 7 * (end - start) / SECOND + 0.001


# slots


async def test_no_more_attempts_are_open_than_the_queue_allows(tmp_path: Path) -> None:
    async with Node(tmp_path) as node:
        node.sender.script = answers(None)
        await node.create(limits=RateLimits(500, 100, 2))
        await node.add(*"abc")
        await node.calm()
        assert node.tasks_sent == ["a", "b"]
        node.sender.answer("b", OK)
        await node.calm()
        assert node.tasks_sent == ["a", "b", "c"]


async def test_the_process_bounds_attempts_over_all_queues(tmp_path: Path) -> None:
    async with Node(tmp_path, max_in_flight=3) as node:
        node.sender.script = answers(None)
        for queue in ("p", "q"):
            await node.create(queue)
            await node.add(*[queue + name for name in "ab"], queue=queue)
        await node.calm()
        assert node.tasks_sent == ["pa", "pb", "qa"]
        assert node.scheduler.in_flight == 3
        node.sender.answer("pa", OK)
        await node.calm()
        assert node.tasks_sent == ["pa", "pb", "qa", "qb"]


async def test_a_queue_with_a_backlog_does_not_hold_up_another(tmp_path: Path) -> None:
    async with Node(tmp_path, max_in_flight=80) as node:
        node.sender.script = answers(None)
        for queue in ("p", "q"):
            await node.create(queue, limits=RateLimits(500, 500, 1_000))
            await node.add(*[f"{queue}{number:03d}" for number in range(100)], queue=queue, due=NOW + SECOND)
        node.clock.turn(NOW + SECOND)
        await node.calm()
        first = [name[0] for name in node.tasks_sent]
        assert (first.count("p"), first.count("q")) == (64, 16)
        for name in node.tasks_sent[:10]:
            node.sender.answer(name, OK)
            await node.calm()
        assert [name[0] for name in node.tasks_sent[80:]] == ["p", "q"] * 5


# states


async def test_a_paused_queue_sends_nothing_until_it_is_resumed(tmp_path: Path) -> None:
    async with Node(tmp_path) as node:
        await node.create()
        await node.pause()
        await node.add("a")
        await node.pass_time(HOUR)
        assert node.sent == []
        await node.resume()
        await node.calm()
        assert node.sent == [(HOUR, "a")]


async def test_a_failure_in_a_paused_queue_waits_for_its_resumption(tmp_path: Path) -> None:
    async with Node(tmp_path) as node:
        node.sender.script = answers(None, OK)
        await node.create()
        await node.add("a")
        await node.calm()
        await node.pause()
        node.sender.answer("a", FAILED)
        await node.pass_time(HOUR)
        (task,) = await node.kept()
        assert (task.progress.dispatch_count, task.progress.response_count) == (1, 1)
        await node.resume()
        await node.calm()
        assert node.sent == [(0, "a"), (HOUR, "a")]


async def test_a_disabled_queue_sends_nothing(tmp_path: Path) -> None:
    async with Node(tmp_path) as node:
        await node.create()
        await node.change(state=QueueState.DISABLED)
        await node.add("a")
        await node.pass_time(HOUR)
        assert node.sent == []


async def test_a_purge_takes_what_waits_and_leaves_what_comes_after(tmp_path: Path) -> None:
    async with Node(tmp_path) as node:
        await node.create()
        await node.add("old", due=NOW + SECOND)
        await node.add("older", due=NOW + DAY)
        await node.purge()
        await node.add("new", due=NOW + SECOND)
        await node.pass_time(2 * DAY)
        assert node.tasks_sent == ["new"]


async def test_a_purged_task_in_flight_is_not_tried_again(tmp_path: Path) -> None:
    async with Node(tmp_path) as node:
        node.sender.script = answers(None)
        await node.create(limits=RateLimits(500, 100, 1))
        await node.add("a")
        await node.calm()
        await node.purge()
        await node.add("b")
        node.sender.answer("a", FAILED)
        await node.calm()
        assert node.tasks_sent == ["a", "b"]
        assert names(await node.kept()) == ["b"]


async def test_a_task_deleted_in_flight_is_not_tried_again(tmp_path: Path) -> None:
    async with Node(tmp_path) as node:
        node.sender.script = answers(None)
        await node.create()
        (task,) = await node.add("a")
        await node.calm()
        await node.delete(task)
        node.sender.answer("a", FAILED)
        await node.pass_time(DAY)
        assert node.tasks_sent == ["a"]


async def test_a_task_deleted_between_its_alarm_and_its_turn_is_not_sent(tmp_path: Path) -> None:
    async with Node(tmp_path) as node:
        await node.create(limits=RateLimits(500, 100, 1))
        (task,) = await node.add("a", due=NOW + SECOND)
        node.clock.turn(NOW + SECOND)  # the alarm asks for a turn, which is made next
        assert node.scheduler.reading
        node.scheduler.on_wakes([TaskDeleted(node.berth().lane.number, task)])
        await node.calm()
        assert node.sent == []
        await node.add("b")
        await node.calm()
        assert node.tasks_sent == ["b"]


async def test_a_deleted_queue_sends_nothing_more(tmp_path: Path) -> None:
    async with Node(tmp_path) as node:
        node.sender.script = answers(None)
        await node.create(limits=RateLimits(500, 100, 1))
        await node.add("a", "b")
        await node.add("c", due=NOW + SECOND)
        await node.calm()
        await node.delete_queue()
        node.sender.answer("a", FAILED)
        await node.pass_time(DAY)
        assert node.tasks_sent == ["a"]
        await node.create()
        await node.add("d")
        await node.calm()
        assert node.tasks_sent == ["a", "d"]


# what costs nothing


async def test_ten_thousand_idle_queues_set_no_timers(tmp_path: Path) -> None:
    async with Node(tmp_path) as node:
        await asyncio.gather(*(node.create(f"q{number}") for number in range(10_000)))
        await node.calm()
        assert len(node.homes.berths) == 10_000
        assert node.clock.next_event() is None
        assert node.scheduler.idle()


async def test_many_queues_with_tasks_to_come_share_one_timer(tmp_path: Path) -> None:
    async with Node(tmp_path) as node:
        for number in range(20):
            await node.create(f"q{number}")
            await node.add(f"t{number}", queue=f"q{number}", due=NOW + (20 - number) * SECOND)
        await node.calm()
        assert len([timer for _, _, timer in node.clock._timers if timer.callback is not None]) == 1


# a bounded window


async def test_a_backlog_beyond_the_lanes_room_goes_in_order_and_whole(tmp_path: Path) -> None:
    async with Node(tmp_path, room=Room(tasks=5)) as node:
        await node.create(limits=RateLimits(500, 100, 3))
        await node.pause()
        wanted = [f"t{number:03d}" for number in range(60)]
        for number, name in enumerate(wanted):
            await node.add(name, due=NOW + number % 7 * SECOND)
        await node.resume()
        await node.pass_time(6 * SECOND)
        assert sorted(node.tasks_sent) == wanted
        assert [instant for instant, _ in node.sent] == sorted(int(name[1:]) % 7 * SECOND for name in wanted)


async def test_a_read_that_fails_is_tried_again_a_second_later(tmp_path: Path) -> None:
    async with Node(tmp_path) as node:
        await node.create()
        await node.add("a", due=NOW + HOUR)
        await node.calm()
        node.store.blind = True
        await node.pass_time(HOUR + SECOND // 2)
        assert node.sent == []
        # From half a minute before the task is due: once a second, not as fast as it can fail.
        assert node.store.reads == 31
        node.store.blind = False
        await node.pass_time(SECOND)
        assert node.sent == [(HOUR + SECOND, "a")] or node.sent == [(HOUR + SECOND // 2, "a")]


async def test_a_read_of_before_a_purge_does_not_disturb_the_one_after_it(tmp_path: Path) -> None:
    async with Node(tmp_path) as node:
        await node.create()
        await node.add("old", due=NOW + HOUR)
        await node.calm()
        held = node.store.hold_reads()
        node.clock.turn(NOW + HOUR)  # shortly before, the lane reads on
        await until(lambda: len(held) == 1)
        await node.purge()
        await node.add("new", due=NOW + 3 * HOUR)
        node.clock.turn(NOW + 3 * HOUR)
        await until(lambda: len(held) == 2)
        node.store.free_reads()
        held[0].set_exception(StorageUnavailable())  # only now the first one fails
        await asyncio.sleep(0)
        await node.add("a new one", due=NOW + 3 * HOUR)
        held[1].set_result(None)
        await node.pass_time(3 * HOUR)
        assert sorted(node.tasks_sent) == ["a new one", "new"]


# waiting for quiet


async def test_waiting_for_quiet_ends_when_the_last_attempt_is_committed(tmp_path: Path) -> None:
    async with Node(tmp_path) as node:
        node.sender.script = answers(None)
        await node.create()
        await node.add("a")
        await node.calm()
        quiet = asyncio.ensure_future(node.idleness.wait(60))
        await node.calm()
        assert not quiet.done()
        node.sender.answer("a", OK)
        assert await quiet
        assert await node.kept() == []


async def test_waiting_for_quiet_ends_when_the_queue_is_paused(tmp_path: Path) -> None:
    async with Node(tmp_path) as node:
        await node.create(limits=RateLimits(0.1, 1, 1))
        await node.add("a", "b")
        await node.calm()
        quiet = asyncio.ensure_future(node.idleness.wait(60))
        await node.calm()
        assert not quiet.done()
        await node.pause()
        assert await quiet


async def test_waiting_for_quiet_ends_when_the_queue_is_purged(tmp_path: Path) -> None:
    async with Node(tmp_path) as node:
        await node.create(limits=RateLimits(0.1, 1, 1))
        await node.add("a", "b")
        await node.calm()
        quiet = asyncio.ensure_future(node.idleness.wait(60))
        await node.calm()
        await node.purge()
        assert await quiet


async def test_waiting_for_quiet_has_an_end(tmp_path: Path) -> None:
    async with Node(tmp_path) as node:
        node.sender.script = answers(None)
        await node.create()
        await node.add("a")
        await node.calm()
        assert not await node.idleness.wait(0)


async def test_what_is_to_come_does_not_disturb_the_quiet(tmp_path: Path) -> None:
    async with Node(tmp_path) as node:
        await node.create()
        await node.add("a", due=NOW + SECOND)
        assert await node.idleness.wait(60)
        assert node.sent == []


# overload


async def test_a_worker_that_is_overloaded_is_sent_less(tmp_path: Path) -> None:
    async with Node(tmp_path) as node:
        node.sender.script = answers(*[Answered(429)] * 20, OK)
        retry = RetryConfig(min_backoff=HOUR, max_backoff=HOUR)
        await node.create(limits=RateLimits(10.0, 20, 1_000), retry=retry)
        await node.add(*[f"t{number:02d}" for number in range(20)])
        await node.pass_time(2 * SECOND)
        await node.add("last")
        await node.calm()
        assert node.berth().throttle.effective is not None
        assert node.berth().lane.bucket.rate < 10.0
        await node.pass_time(10 * 60 * SECOND)
        assert node.tasks_sent[-1] == "last"
        await node.add("later")
        await node.calm()
        assert node.berth().throttle.effective is None
        assert node.berth().lane.bucket.rate == 10.0
