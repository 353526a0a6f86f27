"""Attempts that stay open are written down after a second; quick ones cost no write."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from kumotasks.dispatch.attempt import Attempt
from kumotasks.domain.clock import HOUR, SECOND
from kumotasks.domain.errors import StorageFull
from kumotasks.domain.queue import RetryConfig
from kumotasks.domain.task import Task
from tests.dispatch.dispatching import FAILED, OK, Node, answers
from tests.factory import NOW

Notes = list[tuple[str, int]]


@pytest.fixture
async def node(tmp_path: Path) -> Node:
    return Node(tmp_path)


def listen_to_notes(node: Node) -> Notes:
    """(task, dispatches) of each note, as it goes to the store."""
    notes: Notes = []
    write = node.store.note_open

    async def note_open(attempts: Sequence[tuple[int, int, Task]]) -> None:
        notes.extend((task.name.task, task.progress.dispatch_count) for _, _, task in attempts)
        await write(attempts)

    node.store.note_open = note_open  # type: ignore[method-assign]
    return notes


async def test_an_attempt_that_is_open_after_a_second_is_written_down(node: Node) -> None:
    async with node:
        node.sender.script = answers(None)
        notes = listen_to_notes(node)
        await node.create()
        await node.add("a")
        await node.pass_time(SECOND - 1)
        assert notes == []
        await node.pass_time(1)
        await node.calm()
        assert notes == [("a", 1)]
        (task,) = await node.kept()
        assert task.progress.dispatch_count == 1
        assert task.schedule_time == NOW
        await node.pass_time(5 * SECOND)
        assert notes == [("a", 1)]


async def test_a_quick_attempt_is_not_written_down(node: Node) -> None:
    async with node:
        notes = listen_to_notes(node)
        await node.create()
        await node.add("a", "b")
        await node.pass_time(HOUR)
        assert notes == []


async def test_a_later_attempt_on_the_same_task_is_not_taken_for_the_first(node: Node) -> None:
    async with node:
        node.sender.script = answers(FAILED, None)
        notes = listen_to_notes(node)
        await node.create(retry=RetryConfig(min_backoff=SECOND // 2))
        await node.add("a")
        await node.pass_time(SECOND)
        assert node.tasks_sent == ["a", "a"]
        assert notes == []
        await node.pass_time(SECOND // 2)
        assert notes == [("a", 2)]


async def test_a_task_that_is_gone_is_not_written_down(node: Node) -> None:
    async with node:
        node.sender.script = answers(None)
        notes = listen_to_notes(node)
        await node.create()
        (task,) = await node.add("a")
        await node.calm()
        await node.delete(task)
        await node.pass_time(SECOND)
        assert notes == []


async def test_a_result_on_its_way_is_not_overwritten_by_a_note(node: Node) -> None:
    async with node:
        node.sender.script = answers(None)
        notes = listen_to_notes(node)
        await node.create(retry=RetryConfig(min_backoff=HOUR))
        node.clock.call_at(NOW + SECOND, lambda: node.sender.answer("a", FAILED))
        await node.add("a")
        await node.calm()
        node.clock.turn(NOW + SECOND)  # the worker answers, and in the same moment the watch looks
        await node.calm()
        (task,) = await node.kept()
        assert notes == []
        assert (task.progress.dispatch_count, task.progress.response_count) == (1, 1)


async def test_attempts_are_written_down_together(node: Node) -> None:
    async with node:
        node.sender.script = answers(None)
        notes = listen_to_notes(node)
        await node.create()
        await node.add("a", "b")
        await node.calm()
        node.clock.turn(NOW + SECOND // 2)
        await node.add("c")
        await node.calm()
        node.clock.turn(NOW + SECOND)
        await node.calm()
        assert notes == [("a", 1), ("b", 1)]
        node.sender.answer("c", OK)
        await node.pass_time(HOUR // 60)
        assert notes == [("a", 1), ("b", 1)]


async def test_a_clock_that_was_set_back_lets_nothing_pile_up(node: Node) -> None:
    async with node:
        node.sender.script = answers(None)
        notes = listen_to_notes(node)
        await node.create()
        (task,) = await node.add("a")
        await node.calm()
        lane = node.berth().lane
        opened = lane.find_open(task.serial)
        assert opened is not None
        began = {101: NOW + HOUR, 102: NOW}  # the former when the clock went an hour ahead
        for number, instant in began.items():
            attempt = node.delivery.open[number] = Attempt(number, node.berth(), opened, task, task, run=False)
            node.watch.began(attempt, instant)
        await node.pass_time(2 * SECOND)
        assert notes == [("a", 1)] * 3
        for number in began:
            del node.delivery.open[number]


async def test_a_note_that_cannot_be_written_is_let_go(node: Node) -> None:
    async def note_open(attempts: object) -> None:
        raise StorageFull

    async with node:
        node.sender.script = answers(None)
        await node.create()
        await node.add("a")
        await node.calm()
        write, node.store.note_open = node.store.note_open, note_open  # type: ignore[method-assign]
        await node.pass_time(2 * SECOND)
        node.store.note_open = write  # type: ignore[method-assign]
        node.sender.answer("a", OK)
        await node.calm()
        assert await node.kept() == []
