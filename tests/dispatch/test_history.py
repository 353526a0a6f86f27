"""What dispatch leaves of attempts and of tasks it gives up."""

from __future__ import annotations

from pathlib import Path

import pytest

from kumotasks.domain.attempt import Answered, TimedOut
from kumotasks.domain.clock import DAY, HOUR, SECOND
from kumotasks.domain.history import AttemptRecord, Memory, Remembered
from kumotasks.domain.queue import RetryConfig
from kumotasks.storage.history import DeadLetter, LetterKey
from tests.dispatch.dispatching import FAILED, OK, Node, answers
from tests.factory import NOW, queue_name, task_name

TWICE = RetryConfig(max_attempts=2, min_backoff=10 * SECOND)


async def attempts(node: Node, task: str) -> list[AttemptRecord]:
    found = await node.store.history.attempts(task_name(task), after=(0, 0), limit=1_000)
    return [past.record for past in found]


async def letters(node: Node) -> list[DeadLetter]:
    return await node.store.history.dead_letters(queue_name(), after=LetterKey("", 0), limit=99, max_bytes=10**9)


async def test_each_attempt_after_a_failure_is_remembered(tmp_path: Path) -> None:
    async with Node(tmp_path) as node:
        node.sender.script = answers(Answered(500, None, b"oh"), OK)
        await node.create(retry=TWICE)
        await node.add("a")
        await node.pass_time(HOUR)
        first, second = await attempts(node, "a")
        assert (first.number, first.due, first.sent, first.ended) == (1, NOW, NOW, NOW)
        assert (first.status, first.excerpt, first.reason) == (500, b"oh", "backoff 10 s after failure 1")
        assert first.next_at == second.due == second.sent == NOW + 10 * SECOND
        assert (second.number, second.status, second.next_at) == (2, 200, None)
        assert await letters(node) == []


async def test_a_first_success_is_remembered_only_where_all_are(tmp_path: Path) -> None:
    for memory, count in ((Memory(), 0), (Memory(Remembered.ALL), 1)):
        async with Node(tmp_path / str(count), memory=memory) as node:
            await node.create()
            await node.add("a")
            await node.calm()
            assert len(await attempts(node, "a")) == count


async def test_a_task_that_is_given_up_is_a_dead_letter(tmp_path: Path) -> None:
    async with Node(tmp_path) as node:
        node.sender.script = answers(FAILED, TimedOut())
        await node.create(retry=TWICE)
        (task,) = await node.add("a", named=True)
        await node.pass_time(HOUR)
        (letter,) = await letters(node)
        assert letter.last == (await attempts(node, "a"))[-1]
        assert (letter.last.reason, letter.last.code) == ("last of 2 attempts", 4)
        assert letter.task.target == task.target
        assert (letter.task.progress.dispatch_count, letter.task.progress.response_count) == (2, 1)


async def test_what_is_off_is_not_kept(tmp_path: Path) -> None:
    async with Node(tmp_path, memory=Memory(Remembered.OFF, dead_letters=False)) as node:
        node.sender.script = answers(FAILED)
        await node.create(retry=TWICE)
        await node.add("a")
        await node.pass_time(HOUR)
        assert (len(node.sent), await attempts(node, "a"), await letters(node)) == (2, [], [])


async def test_a_task_driven_again_is_sent_as_if_it_were_new(tmp_path: Path) -> None:
    async with Node(tmp_path) as node:
        node.sender.script = answers(FAILED, FAILED, OK)
        await node.create(retry=TWICE)
        await node.add("a", named=True)
        await node.pass_time(HOUR)
        (letter,) = await letters(node)
        now = node.clock.now()
        await node.store.history.redrive(queue_name(), [letter.key], now=now, first=now)
        await node.calm()
        assert node.sent[-1] == (HOUR, "a")
        assert node.sender.sent[-1].retries == "0"
        assert (await node.kept(), await letters(node)) == ([], [])


async def test_an_attempt_asked_for_by_run_is_told_beside_one_that_is_open(tmp_path: Path) -> None:
    async with Node(tmp_path) as node:
        node.sender.script = answers(None, FAILED, OK)
        await node.create(retry=RetryConfig(min_backoff=10 * SECOND))
        (task,) = await node.add("a")
        await node.calm()
        await node.run(task)
        await node.calm()
        node.sender.answer("a", FAILED)
        await node.calm()
        assert [record.number for record in await attempts(node, "a")] == [1, 2]
        await node.pass_time(HOUR)
        assert [(record.number, record.status) for record in await attempts(node, "a")] == [
            (1, 500),
            (2, 500),
            (3, 200),
        ]


async def test_what_a_deleted_tasks_attempt_brings_is_forgotten(tmp_path: Path) -> None:
    async with Node(tmp_path) as node:
        node.sender.script = answers(None)
        await node.create(retry=RetryConfig(max_attempts=1))
        (task,) = await node.add("a")
        await node.calm()
        await node.delete(task)
        node.sender.answer("a", FAILED)
        await node.calm()
        assert (await attempts(node, "a"), await letters(node)) == ([], [])


async def test_a_result_that_cannot_be_committed_yet_is_remembered_once_it_is(tmp_path: Path) -> None:
    async with Node(tmp_path) as node:
        node.sender.script = answers(FAILED)
        await node.create(retry=RetryConfig(max_attempts=1))
        await node.add("a")
        node.store.full = True
        await node.calm()
        assert await letters(node) == []
        node.store.full = False
        await node.pass_time(2 * SECOND)
        assert (len(await attempts(node, "a")), len(await letters(node)), len(node.sent)) == (1, 1, 1)


async def test_numbers_go_on_after_a_crash(tmp_path: Path) -> None:
    first = Node(tmp_path)
    async with first:
        first.sender.script = answers(FAILED)
        await first.create(retry=TWICE)
        await first.add("a")
        await first.calm()
        await first.crash()
    async with Node(tmp_path, first.clock) as node:
        node.sender.script = answers(FAILED)
        await node.pass_time(HOUR)
        assert [record.number for record in await attempts(node, "a")] == [1, 2]
        assert len(await letters(node)) == 1


@pytest.mark.parametrize(("kept", "left"), [(7 * DAY - SECOND, 1), (8 * DAY, 0)])
async def test_the_janitor_forgets_in_time(kept: int, left: int, tmp_path: Path) -> None:
    async with Node(tmp_path) as node:
        await node.janitor.start()
        node.sender.script = answers(FAILED)
        await node.create(retry=RetryConfig(max_attempts=1))
        await node.add("a")
        await node.pass_time(kept)
        assert len(await attempts(node, "a")) == left
