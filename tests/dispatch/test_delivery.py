"""What becomes of an attempt: retries on their schedule, the end of a task, RunTask, results not committed yet."""

from __future__ import annotations

import asyncio
import itertools
import logging
from pathlib import Path

import pytest

from kumotasks.dispatch.request import Request
from kumotasks.domain.attempt import Answered, Attempt, Outcome, Status, Unreachable
from kumotasks.domain.clock import DAY, HOUR, MINUTE, SECOND
from kumotasks.domain.errors import EntityNotFound, TaskGone
from kumotasks.domain.queue import UNLIMITED, RateLimits, RetryConfig
from kumotasks.storage.store import Waiter
from tests.dispatch.dispatching import FAILED, OK, Node, answers, until
from tests.factory import NOW, task_name

# The reference's worked case, and defaults but for the numbers it names.
TEN_TO_AN_HOUR = RetryConfig(min_backoff=10 * SECOND, max_backoff=HOUR, max_doublings=3)


def seconds(*values: float) -> list[int]:
    return [round(value * SECOND) for value in values]


# retries


async def test_a_failing_task_is_tried_on_the_exact_schedule(tmp_path: Path) -> None:
    async with Node(tmp_path) as node:
        node.sender.script = answers(*[FAILED] * 7, OK)
        await node.create(retry=TEN_TO_AN_HOUR)
        await node.add("a")
        await node.pass_time(DAY)
        instants = [instant for instant, _ in node.sent]
        gaps = [later - earlier for earlier, later in itertools.pairwise(instants)]
        assert gaps == seconds(10, 20, 40, 80, 160, 240, 320)
        assert [each.retries for each in node.sender.sent] == list("01234567")
        assert await node.kept() == []


async def test_the_interval_counts_from_the_end_of_the_attempt(tmp_path: Path) -> None:
    async with Node(tmp_path) as node:
        node.sender.script = answers(None, OK)
        await node.create(retry=TEN_TO_AN_HOUR)
        await node.add("a")
        await node.calm()
        node.clock.turn(NOW + 3 * SECOND)
        node.clock.turn(NOW + 3 * SECOND)
        node.sender.answer("a", FAILED)
        await node.calm()
        (task,) = await node.kept()
        assert task.schedule_time == NOW + 13 * SECOND
        await node.pass_time(HOUR)
        assert node.sent == [(0, "a"), (13 * SECOND, "a")]


async def test_a_retry_after_that_is_later_wins(tmp_path: Path) -> None:
    async with Node(tmp_path) as node:
        node.sender.script = answers(Answered(503, retry_after="33"), OK)
        await node.create(retry=TEN_TO_AN_HOUR)
        await node.add("a")
        await node.pass_time(HOUR)
        assert node.sent == [(0, "a"), (33 * SECOND, "a")]


async def test_a_task_remembers_its_attempts(tmp_path: Path) -> None:
    async with Node(tmp_path) as node:
        node.sender.script = answers(Answered(503), Unreachable("refused"), None)
        await node.create(retry=TEN_TO_AN_HOUR)
        await node.add("a")
        await node.calm()
        (task,) = await node.kept()
        unavailable = Status(14, "UNAVAILABLE(14): HTTP status code 503")
        assert task.progress.last_attempt == Attempt(NOW, NOW, NOW, unavailable)
        await node.pass_time(10 * SECOND)
        (task,) = await node.kept()
        then = NOW + 10 * SECOND
        assert (task.progress.dispatch_count, task.progress.response_count) == (2, 1)
        assert task.progress.first_dispatch_time == NOW
        assert task.progress.last_attempt == Attempt(then, then, None, Status(2, "UNKNOWN(2): refused"))


@pytest.mark.parametrize(
    ("retry", "instants"),
    [
        (RetryConfig(max_attempts=1), [0]),
        (RetryConfig(max_attempts=3, min_backoff=SECOND), [0, 1, 3]),
        (
            RetryConfig(max_attempts=3, max_retry_duration=MINUTE, min_backoff=10 * SECOND, max_backoff=10 * SECOND),
            [0, 10, 20, 30, 40, 50, 60],
        ),
        (
            RetryConfig(
                max_attempts=UNLIMITED, max_retry_duration=25 * SECOND, min_backoff=10 * SECOND, max_backoff=HOUR
            ),
            [0, 10, 30],
        ),
    ],
)
async def test_a_task_is_given_up_by_the_rules(retry: RetryConfig, instants: list[int], tmp_path: Path) -> None:
    async with Node(tmp_path) as node:
        node.sender.script = answers(FAILED)
        await node.create(retry=retry)
        (task,) = await node.add("a")
        await node.pass_time(DAY)
        assert [instant for instant, _ in node.sent] == seconds(*instants)
        with pytest.raises(TaskGone):
            await node.store.get_task(task.name, node.clock.now())


async def test_a_changed_retry_rule_holds_for_tasks_that_are_there(tmp_path: Path) -> None:
    async with Node(tmp_path) as node:
        node.sender.script = answers(FAILED)
        await node.create(retry=RetryConfig(min_backoff=SECOND, max_backoff=SECOND))
        await node.add("a")
        await node.pass_time(SECOND)
        await node.change(retry_config=RetryConfig(max_attempts=3, min_backoff=SECOND, max_backoff=SECOND))
        await node.pass_time(DAY)
        assert [instant for instant, _ in node.sent] == seconds(0, 1, 2)


async def test_a_fault_of_ours_in_an_attempt_is_that_attempts_failure(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def stumble(request: Request) -> Outcome:
        raise ZeroDivisionError

    async with Node(tmp_path) as node:
        node.sender.script = stumble
        await node.create(retry=TEN_TO_AN_HOUR)
        await node.add("a")
        with caplog.at_level(logging.ERROR, "kumotasks.dispatch"):
            await node.calm()
        node.sender.script = answers(OK)
        await node.pass_time(HOUR)
        assert node.sent == [(0, "a"), (10 * SECOND, "a")]
        assert [record.message for record in caplog.records] == ["attempt failed inside the server"]


@pytest.mark.parametrize("step", ["decide", "_run_time"])
async def test_a_fault_of_ours_in_judging_an_answer_leaves_nothing_open(
    step: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stumble(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    told: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
    async with Node(tmp_path) as node:
        monkeypatch.setattr(f"kumotasks.dispatch.delivery.{step}", stumble)
        await node.create()
        (task,) = await node.add("a", due=NOW + HOUR)
        await node.store.request_run(task.name, NOW)
        await node.calm()
        assert node.scheduler.in_flight == 0
        assert node.in_flight == {}
    assert any(isinstance(context["exception"], ZeroDivisionError) for context in told)


async def test_a_commit_that_fails_by_a_fault_of_ours_ends_its_attempt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(_: object, waiter: Waiter) -> None:
        asyncio.get_running_loop().call_soon(waiter.set_exception, ZeroDivisionError())

    told: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
    async with Node(tmp_path) as node:
        monkeypatch.setattr(node.store, "settle_for", failing)
        await node.create()
        await node.add("a")
        await node.calm()
        assert node.scheduler.in_flight == 0
        assert len(await node.kept()) == 1
    assert [type(context["exception"]) for context in told] == [ZeroDivisionError]


async def test_what_is_broken_off_at_a_stop_stays_to_be_sent_again(tmp_path: Path) -> None:
    async with Node(tmp_path) as node:
        node.sender.script = answers(None)
        await node.create()
        await node.add("a")
        await until(lambda: node.sender.waiting)
        await node.delivery.break_off()
        assert node.scheduler.in_flight == 0
        await until(lambda: not node.sender.waiting)
        assert len(await node.kept()) == 1


async def test_attempts_are_counted_by_how_they_ended_and_how_late_they_were(tmp_path: Path) -> None:
    async with Node(tmp_path) as node:
        node.sender.script = answers(OK, Answered(503), Answered(418), OK)
        await node.create(limits=RateLimits(1.0, 1, 1_000), retry=TEN_TO_AN_HOUR)
        await node.add(*"abc")
        await node.pass_time(2 * SECOND)
        counts = node.delivery.counts
        assert dict(counts.ended) == {"OK": 1, "UNAVAILABLE": 1, "UNKNOWN": 1}
        assert (counts.sent, counts.delay) == (3, 3 * SECOND)


# the attempt in flight


async def test_a_task_with_an_open_attempt_is_shown_as_that_attempt_has_it(tmp_path: Path) -> None:
    async with Node(tmp_path) as node:
        node.sender.script = answers(None)
        await node.create()
        (task,) = await node.add("a")
        await node.calm()
        assert node.in_flight[task.serial].progress.dispatch_count == 1
        node.sender.answer("a", FAILED)
        await node.calm()
        assert node.in_flight == {}


# RunTask


async def test_a_task_that_is_run_goes_at_once_outside_slots_tokens_and_pause(tmp_path: Path) -> None:
    async with Node(tmp_path) as node:
        node.sender.script = answers(None)
        await node.create(limits=RateLimits(0.1, 1, 1))
        await node.add("a")
        (task,) = await node.add("b", due=NOW + DAY)
        await node.calm()
        await node.pause()
        shown = await node.run(task)
        await node.calm()
        assert node.sent == [(0, "a"), (0, "b")]
        assert shown.progress.dispatch_count == 1
        assert shown.progress.last_attempt == Attempt(NOW + DAY, NOW)
        assert node.berth().lane.slots_used == 1


async def test_a_run_that_ends_frees_no_slot_of_others(tmp_path: Path) -> None:
    async with Node(tmp_path) as node:
        node.sender.script = answers(None)
        await node.create(limits=RateLimits(500, 100, 1))
        await node.add("a", "waits")
        (task,) = await node.add("b", due=NOW + DAY)
        await node.run(task)
        await node.calm()
        node.sender.answer("b", OK)
        await node.calm()
        assert node.tasks_sent == ["a", "b"]


async def test_a_task_that_was_run_and_succeeded_is_gone(tmp_path: Path) -> None:
    async with Node(tmp_path) as node:
        await node.create()
        (task,) = await node.add("a", due=NOW + DAY)
        await node.run(task)
        await node.pass_time(2 * DAY)
        assert node.sent == [(0, "a")]
        with pytest.raises(TaskGone):
            await node.run(task)
        with pytest.raises(EntityNotFound):
            await node.store.request_run(task_name("never"), NOW)


async def test_the_interval_after_a_run_counts_from_the_call(tmp_path: Path) -> None:
    async with Node(tmp_path) as node:
        node.sender.script = answers(None, OK)
        await node.create(retry=TEN_TO_AN_HOUR)
        (task,) = await node.add("a", due=NOW + DAY)
        await node.run(task)
        await node.calm()
        node.clock.turn(NOW + SECOND)
        node.clock.turn(NOW + 4 * SECOND)
        node.sender.answer("a", FAILED)
        await node.calm()
        (kept,) = await node.kept()
        assert kept.schedule_time == NOW + 10 * SECOND
        await node.pass_time(HOUR)
        assert node.sent == [(0, "a"), (10 * SECOND, "a")]


async def test_a_run_may_fail_back_to_the_very_time_the_task_was_due(tmp_path: Path) -> None:
    async with Node(tmp_path) as node:
        node.sender.script = answers(FAILED, OK)
        await node.create(retry=TEN_TO_AN_HOUR)
        (task,) = await node.add("a", due=NOW + 10 * SECOND)
        await node.run(task)
        await node.pass_time(HOUR)
        assert node.sent == [(0, "a"), (10 * SECOND, "a")]


async def test_a_task_may_be_run_while_it_is_running(tmp_path: Path) -> None:
    async with Node(tmp_path) as node:
        node.sender.script = answers(None, None, OK)
        await node.create(retry=TEN_TO_AN_HOUR)
        (task,) = await node.add("a")
        await node.calm()
        shown = await node.run(task)
        await node.calm()
        assert node.sent == [(0, "a"), (0, "a")]
        assert shown.progress.dispatch_count == 2
        node.sender.answer("a", FAILED)
        await node.calm()
        assert node.in_flight[task.serial].progress.dispatch_count == 2
        node.sender.answer("a", FAILED)
        await node.calm()
        assert node.in_flight == {}
        (kept,) = await node.kept()
        assert (kept.progress.dispatch_count, kept.progress.response_count) == (2, 2)
        assert kept.schedule_time == NOW + 20 * SECOND  # the second failure
        await node.pass_time(HOUR)
        assert node.sent[2:] == [(20 * SECOND, "a")]


async def test_a_task_under_two_attempts_is_done_when_the_first_succeeds(tmp_path: Path) -> None:
    async with Node(tmp_path) as node:
        node.sender.script = answers(None)
        await node.create()
        (task,) = await node.add("a")
        await node.calm()
        await node.run(task)
        await node.calm()
        node.sender.answer("a", OK)
        await node.calm()
        assert await node.kept() == []
        node.sender.answer("a", FAILED)
        await node.pass_time(DAY)
        assert await node.kept() == []
        assert node.tasks_sent == ["a", "a"]


async def test_the_last_attempt_may_be_a_run(tmp_path: Path) -> None:
    async with Node(tmp_path) as node:
        node.sender.script = answers(FAILED)
        await node.create(retry=RetryConfig(max_attempts=1))
        (task,) = await node.add("a", due=NOW + DAY)
        await node.run(task)
        await node.calm()
        assert await node.kept() == []


# a full disk


async def test_a_result_that_cannot_be_committed_stops_its_queue_and_nothing_is_pushed_twice(tmp_path: Path) -> None:
    async with Node(tmp_path) as node:
        node.sender.script = answers(OK)
        await node.create()
        await node.create("other")
        node.store.full = True
        await node.add("a")
        await node.calm()
        await node.add("b")
        await node.add("c", queue="other", due=NOW + SECOND)
        await node.pass_time(10 * SECOND)
        assert node.tasks_sent == ["a", "c"]
        assert repr(node.berth().lane) == "<q blocked: 1 waiting, 1 open>"
        node.store.full = False
        await node.pass_time(SECOND)
        await node.calm()
        assert node.tasks_sent == ["a", "c", "b"]
        assert await node.kept() == []


async def test_a_failure_that_is_committed_late_keeps_its_schedule(tmp_path: Path) -> None:
    async with Node(tmp_path) as node:
        node.sender.script = answers(FAILED, OK)
        await node.create(retry=TEN_TO_AN_HOUR)
        node.store.full = True
        await node.add("a")
        await node.pass_time(3 * SECOND)
        node.store.full = False
        await node.pass_time(SECOND)
        await node.calm()
        (task,) = await node.kept()
        assert task.schedule_time == NOW + 10 * SECOND
        await node.pass_time(HOUR)
        assert node.sent == [(0, "a"), (10 * SECOND, "a")]


async def test_a_task_deleted_while_its_result_waits_is_not_brought_back(tmp_path: Path) -> None:
    async with Node(tmp_path) as node:
        node.sender.script = answers(FAILED)
        await node.create(retry=TEN_TO_AN_HOUR)
        node.store.full = True
        (task,) = await node.add("a")
        await node.calm()
        await node.delete(task)
        node.store.full = False
        await node.pass_time(DAY)
        assert node.tasks_sent == ["a"]
        assert await node.kept() == []
