"""What the next process finds: tasks, run requests, counts and tokens, after a clean stop and after a crash."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest

from kumotasks.domain.clock import DAY, HOUR, SECOND, ManualClock
from kumotasks.domain.queue import RateLimits, RetryConfig
from tests.dispatch.dispatching import FAILED, OK, Node, answers
from tests.factory import NOW, queue_name

SLOW = RateLimits(0.1, 3, 1_000)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


async def test_waiting_tasks_go_after_a_restart_at_their_time(tmp_path: Path, clock: ManualClock) -> None:
    async with Node(tmp_path, clock) as first:
        await first.create()
        await first.add("soon", due=NOW + SECOND)
        await first.add("late", due=NOW + DAY)
    async with Node(tmp_path, clock) as second:
        await second.pass_time(DAY)
        assert second.sent == [(SECOND, "soon"), (DAY, "late")]


async def test_what_became_due_meanwhile_goes_at_once(tmp_path: Path, clock: ManualClock) -> None:
    async with Node(tmp_path, clock) as first:
        await first.create()
        await first.add("a", due=NOW + SECOND)
    clock.turn(NOW + HOUR)
    async with Node(tmp_path, clock) as second:
        assert second.sent == [(HOUR, "a")]


@pytest.mark.parametrize("cleanly", [True, False])
async def test_a_task_whose_attempt_was_broken_off_goes_again(
    cleanly: bool, tmp_path: Path, clock: ManualClock
) -> None:
    async with Node(tmp_path, clock) as first:
        first.sender.script = answers(None)
        await first.create()
        await first.add("a")
        await first.calm()
        await (first.stop() if cleanly else first.crash())
    async with Node(tmp_path, clock) as second:
        await second.pass_time(SECOND)  # after a crash there is no token at first
        assert second.tasks_sent == ["a"]
        assert second.sender.sent[0].retries == "0"  # it had been open for less than a second


async def test_an_attempt_that_was_open_for_long_counts_after_a_crash(tmp_path: Path, clock: ManualClock) -> None:
    async with Node(tmp_path, clock) as first:
        first.sender.script = answers(None)
        await first.create()
        await first.add("a")
        await first.pass_time(2 * SECOND)
        await first.crash()
    async with Node(tmp_path, clock) as second:
        await second.pass_time(SECOND)
        assert [each.retries for each in second.sender.sent] == ["1"]


async def test_a_failure_is_remembered(tmp_path: Path, clock: ManualClock) -> None:
    async with Node(tmp_path, clock) as first:
        first.sender.script = answers(FAILED)
        await first.create(retry=RetryConfig(min_backoff=10 * SECOND))
        await first.add("a")
        await first.calm()
        await first.crash()
    async with Node(tmp_path, clock) as second:
        await second.pass_time(HOUR)
        assert second.sent == [(10 * SECOND, "a")]
        assert second.sender.sent[0].retries == "1"


async def test_a_run_request_that_was_not_answered_is_carried_out(tmp_path: Path, clock: ManualClock) -> None:
    async with Node(tmp_path, clock) as first:
        first.sender.script = answers(None)
        await first.create()
        await first.pause()
        (task,) = await first.add("a", due=NOW + DAY)
        await first.run(task)
        await first.calm()
        await first.crash()
    async with Node(tmp_path, clock) as second:
        assert second.sent == [(0, "a")]
        assert await second.kept() == []
    async with Node(tmp_path, clock) as third:
        assert third.sent == []


async def test_a_run_that_failed_is_not_carried_out_again(tmp_path: Path, clock: ManualClock) -> None:
    async with Node(tmp_path, clock) as first:
        first.sender.script = answers(FAILED)
        await first.create(retry=RetryConfig(min_backoff=10 * SECOND))
        (task,) = await first.add("a", due=NOW + DAY)
        await first.run(task)
        await first.calm()
        await first.crash()
    async with Node(tmp_path, clock) as second:
        assert second.sent == []
        await second.pass_time(HOUR)
        assert second.sent == [(10 * SECOND, "a")]


async def test_a_paused_queue_is_paused_after_a_restart(tmp_path: Path, clock: ManualClock) -> None:
    async with Node(tmp_path, clock) as first:
        await first.create()
        await first.pause()
        await first.add("a")
    async with Node(tmp_path, clock) as second:
        await second.pass_time(HOUR)
        assert second.sent == []


# tokens


async def test_a_new_queue_starts_with_a_full_bucket(tmp_path: Path) -> None:
    async with Node(tmp_path) as node:
        await node.create(limits=SLOW)
        await node.add(*"abcd")
        await node.calm()
        assert node.tasks_sent == ["a", "b", "c"]


async def test_a_clean_stop_saves_the_tokens(tmp_path: Path, clock: ManualClock) -> None:
    async with Node(tmp_path, clock) as first:
        await first.create(limits=SLOW)
        await first.add("a")
        await first.calm()
    async with Node(tmp_path, clock) as second:
        await second.add(*"bcde")
        await second.pass_time(10 * SECOND)
        assert second.sent == [(0, "b"), (0, "c"), (10 * SECOND, "d")]
    clock.turn(NOW + 15 * SECOND)
    async with Node(tmp_path, clock) as third:
        await third.pass_time(HOUR)
        assert third.sent == [(20 * SECOND, "e")]


async def test_after_a_crash_a_bucket_is_empty(tmp_path: Path, clock: ManualClock) -> None:
    async with Node(tmp_path, clock) as first:
        await first.create(limits=SLOW)
        await first.calm()
        await first.crash()
    async with Node(tmp_path, clock) as second:
        await second.add(*"ab")
        await second.pass_time(HOUR)
        assert second.sent == [(10 * SECOND, "a"), (20 * SECOND, "b")]
        await second.crash()
    async with Node(tmp_path, clock) as third:
        await third.add("c")
        await third.pass_time(HOUR)
        assert third.sent == [(HOUR + 10 * SECOND, "c")]


async def test_a_queue_that_could_not_be_claimed_is_claimed_with_the_next_one(
    tmp_path: Path, clock: ManualClock
) -> None:
    async with Node(tmp_path, clock) as first:
        first.store.deaf = True
        await first.create(limits=SLOW)
        await first.add("a")
        await first.calm()
        assert first.tasks_sent == ["a"]
        first.store.deaf = False
        await first.create("other")
        await first.calm()
    async with Node(tmp_path, clock) as second:
        assert second.berth().lane.bucket.level_at(NOW) == 2


async def test_a_queue_made_again_under_its_name_is_a_new_one(tmp_path: Path) -> None:
    async with Node(tmp_path) as node:
        await node.create(limits=SLOW)
        await node.add(*"abcd")
        await node.calm()
        await node.delete_queue()
        await node.create(limits=SLOW)
        await node.add(*"efg")
        await node.calm()
        assert node.tasks_sent == ["a", "b", "c", "e", "f", "g"]


# stopping


async def test_stopping_twice_is_fine(tmp_path: Path) -> None:
    async with Node(tmp_path) as node:
        await node.create()
        await node.stop()
        await node.stop()


async def test_stopping_lets_open_attempts_end(tmp_path: Path, clock: ManualClock) -> None:
    async with Node(tmp_path, clock, drain=60) as node:
        node.sender.script = answers(None)
        await node.create()
        await node.add("a")
        await node.calm()
        node.scheduler.refuse()
        await node.add("b")
        stopping = asyncio.ensure_future(node.scheduler.stop())
        await asyncio.sleep(0)
        node.sender.answer("a", OK)
        await stopping
    async with Node(tmp_path, clock) as second:
        assert second.tasks_sent == ["b"]


async def test_stopping_can_be_cut_short(tmp_path: Path, clock: ManualClock) -> None:
    async with Node(tmp_path, clock, drain=60) as node:
        node.sender.script = answers(None)
        await node.create()
        await node.add("a")
        await node.calm()
        stopping = asyncio.ensure_future(node.scheduler.stop())
        await asyncio.sleep(0)
        node.scheduler.cut()
        await stopping
    async with Node(tmp_path, clock) as second:
        assert second.tasks_sent == ["a"]


async def test_buckets_that_cannot_be_saved_do_not_hold_up_the_stop(
    tmp_path: Path, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with Node(tmp_path, clock) as node:
        await node.create(limits=SLOW)
        node.store.mute = True
        with caplog.at_level(logging.WARNING, "kumotasks.dispatch"):
            await node.scheduler.stop()
        assert "the queues could not be handed back" in caplog.text
    async with Node(tmp_path, clock) as second:
        await second.add("a")
        assert second.berth().lane.bucket.level_at(NOW) == 0
        assert second.berth().lane.queue.name == queue_name()
