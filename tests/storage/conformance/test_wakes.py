"""What dispatch is told, when, and in which order."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from kumotasks.domain.errors import TaskGone
from kumotasks.domain.task import Task
from kumotasks.storage.sqlstore import SqlStore
from kumotasks.storage.store import (
    QueueChanged,
    QueueDeleted,
    QueuePurged,
    RunRequested,
    StoredQueue,
    TaskAdded,
    TaskDeleted,
    Wake,
)
from tests.factory import NOW, a_named_task, a_queue, a_task, ended, failed, queue_name


def wherever(wakes: list[Wake]) -> list[Wake]:
    """What was added, at home or away."""
    return [TaskAdded(wake.number, wake.task) if isinstance(wake, TaskAdded) else wake for wake in wakes]


async def test_every_change_is_told(store: SqlStore, wakes: list[Wake]) -> None:
    created = await store.create_queue(a_queue(), NOW)
    task, other = a_task(), a_named_task("n")
    await store.add_tasks([task, other])
    asked = await store.request_run(task.name, NOW)
    await store.delete_task(task.name, now=NOW, name_until=NOW)
    changed = await store.change_queue(queue_name(), lambda queue: queue)
    purged = await store.purge_queue(queue_name(), now=NOW, names_until=NOW)
    await store.delete_queue(queue_name(), now=NOW, name_until=NOW)
    assert wherever(wakes) == [
        QueueChanged(created),
        TaskAdded(created.number, task),
        TaskAdded(created.number, other),
        RunRequested(created.number, asked),
        TaskDeleted(created.number, asked),
        QueueChanged(changed),
        QueuePurged(purged),
        QueueDeleted(created.number),
    ]


async def test_a_generated_id_is_told_as_it_was_kept(store: SqlStore, q: StoredQueue, wakes: list[Wake]) -> None:
    await store.add_tasks([a_task("7" * 20)])
    (kept,) = await store.add_tasks([a_task("7" * 20)])
    assert isinstance(kept, Task)
    assert wherever(wakes)[-1] == TaskAdded(q.number, kept)


async def test_results_and_refusals_are_not_told(store: SqlStore, q: StoredQueue, wakes: list[Wake]) -> None:
    first, second = a_named_task("a"), a_named_task("b")
    await store.add_tasks([first, second])
    wakes.clear()
    await store.settle(failed(q, first))
    await store.settle(ended(q, second, name_until=NOW + 9))
    await store.add_tasks([a_named_task("a")])
    await store.add_tasks([a_task(queue="nowhere")])
    await store.note_open([(q.number, q.generation, first)])
    await store.take_homes()
    with pytest.raises(TaskGone):
        await store.delete_task(second.name, now=NOW, name_until=NOW)
    assert wakes == []


async def test_the_listener_hears_before_the_caller_does(store: SqlStore, q: StoredQueue) -> None:
    order: list[str] = []

    async def add() -> None:
        await store.add_tasks([a_task()])
        order.append("answered")

    store.listen(lambda wakes: order.append("told"))
    await add()
    assert order == ["told", "answered"]


async def test_every_listener_hears(store: SqlStore, q: StoredQueue, wakes: list[Wake]) -> None:
    other: list[Wake] = []
    store.listen(other.extend)
    await store.add_tasks([a_task()])
    assert other == wakes != []


async def test_wakes_come_in_the_order_of_the_commits(store: SqlStore, wakes: list[Wake]) -> None:
    """An addition is told after its queue's creation and before its queue's deletion, however many run at once."""

    async def live(name: str) -> int:
        number = (await store.create_queue(a_queue(name), NOW)).number
        adding = store.add_tasks([a_task(queue=name)])
        await store.delete_queue(queue_name(name), now=NOW, name_until=NOW)
        await adding
        return number

    numbers = await asyncio.gather(*(live(f"q{n}") for n in range(20)))
    for number in numbers:
        told = [type(wake) for wake in wakes if number_of(wake) == number]
        assert told == [QueueChanged, TaskAdded, QueueDeleted]


def number_of(wake: Wake) -> int:
    return wake.stored.number if isinstance(wake, QueueChanged | QueuePurged) else wake.number


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_a_listener_that_fails_leaves_nobody_waiting(store: SqlStore, q: StoredQueue) -> None:
    def fail(wakes: Sequence[Wake]) -> None:
        raise ArithmeticError

    loop = asyncio.get_running_loop()
    faults: list[object] = []
    loop.set_exception_handler(lambda loop, context: faults.append(context.get("exception")))
    store.listen(fail)
    task = a_task()
    assert list(await store.add_tasks([task])) == [task]
    assert [type(fault) for fault in faults] == [ArithmeticError]
