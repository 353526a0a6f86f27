"""The janitor's pass: bounded, complete, and it says when it is next needed."""

from __future__ import annotations

import pytest

from kumotasks.domain.clock import DAY
from kumotasks.domain.errors import EntityNotFound, TaskGone
from kumotasks.domain.task import RETENTION
from kumotasks.storage.sqlstore import SqlStore
from kumotasks.storage.store import StoredQueue, Swept, TaskDeleted, Wake
from tests.factory import NOW, a_named_task, a_queue, a_request, a_task, ended, ids, queue_name


async def sweep_all(store: SqlStore, now: int, limit: int = 1000) -> list[Swept]:
    """Every pass until no more is asked for."""
    passes = [await store.sweep(now=now, limit=limit)]
    while passes[-1].more:
        passes.append(await store.sweep(now=now, limit=limit))
    return passes


async def test_an_empty_store_needs_no_sweep(store: SqlStore, q: StoredQueue) -> None:
    assert await store.sweep(now=NOW, limit=10) == Swept(removed=0, more=False, next_due=None)


async def test_purged_rows_go_in_bounded_passes(store: SqlStore, q: StoredQueue, wakes: list[Wake]) -> None:
    await store.add_tasks([a_task() for _ in range(25)])
    await store.purge_queue(queue_name(), now=NOW, names_until=NOW)
    survivor = a_task()
    await store.add_tasks([survivor])
    wakes.clear()
    passes = await sweep_all(store, NOW, limit=10)
    assert all(swept.removed <= 10 for swept in passes)
    assert sum(swept.removed for swept in passes) >= 25
    assert passes[-1] == Swept(removed=0, more=False, next_due=NOW + RETENTION)
    assert all(swept.doomed for swept in passes[:-1])
    assert await store.list_tasks(queue_name(), after="", limit=9, max_bytes=10**9) == [survivor]
    assert wakes == []


async def test_large_purged_rows_go_few_at_a_time(store: SqlStore, q: StoredQueue) -> None:
    await store.add_tasks([a_task(target=a_request(b"x" * 1_000_000)) for _ in range(12)])
    await store.purge_queue(queue_name(), now=NOW, names_until=NOW)
    first = await store.sweep(now=NOW, limit=1000)
    assert (first.removed, first.more) == (8, True)
    assert not (await sweep_all(store, NOW))[-1].more


async def test_two_purges_are_both_swept(store: SqlStore, q: StoredQueue) -> None:
    for name in ("a", "b"):
        await store.add_tasks([a_named_task(name)])
        await store.purge_queue(queue_name(), now=NOW, names_until=NOW + 10)
    passes = await sweep_all(store, NOW)
    assert passes[-1].next_due == NOW + 10
    assert ids(await store.add_tasks([a_named_task("a", serial=NOW), a_named_task("b", serial=NOW)])) == [
        "TaskNameRetired",
        "TaskNameRetired",
    ]


async def test_everything_of_a_deleted_queue_goes_and_its_name_when_it_has_rested(
    store: SqlStore, q: StoredQueue
) -> None:
    tasks = [a_named_task(f"n{n}") for n in range(25)]
    await store.add_tasks(tasks)
    assert await store.settle(ended(q, tasks[0], name_until=NOW + DAY))
    await store.delete_queue(queue_name(), now=NOW, name_until=NOW + 10)
    passes = await sweep_all(store, NOW, limit=10)
    assert all(swept.removed <= 10 for swept in passes)
    assert sum(swept.removed for swept in passes) >= 24 + 25
    assert passes[-1].next_due == NOW + 10
    assert await store.sweep(now=NOW + 10, limit=10) == Swept(removed=1, more=False, next_due=None)
    await store.create_queue(a_queue(), NOW + 10)


async def test_the_next_pass_is_due_when_the_first_name_has_rested(store: SqlStore, q: StoredQueue) -> None:
    tasks = [a_named_task(f"n{n}") for n in range(3)]
    await store.add_tasks(tasks)
    for task, until in zip(tasks, (NOW + 30, NOW + 10, NOW + 20), strict=True):
        await store.delete_task(task.name, now=NOW, name_until=until)
    assert await store.sweep(now=NOW, limit=10) == Swept(0, more=False, next_due=NOW + 10)
    assert await store.sweep(now=NOW + 20, limit=10) == Swept(2, more=False, next_due=NOW + 30)
    assert await store.sweep(now=NOW + 30, limit=10) == Swept(1, more=False, next_due=None)


async def test_names_of_living_tasks_are_never_swept(store: SqlStore, q: StoredQueue) -> None:
    await store.add_tasks([a_named_task("n")])
    await store.sweep(now=NOW + DAY, limit=10)
    assert ids(await store.add_tasks([a_named_task("n", serial=NOW + DAY)])) == ["TaskExists"]


async def test_tasks_past_their_retention_are_removed_and_told(
    store: SqlStore, q: StoredQueue, wakes: list[Wake]
) -> None:
    old = [a_task(created=NOW), a_task("n", named=True, created=NOW + 1)]
    young = a_task(created=NOW + 2)
    await store.add_tasks([*old, young])
    wakes.clear()
    assert await store.sweep(now=NOW + RETENTION - 1, limit=10) == Swept(0, more=False, next_due=NOW + RETENTION)
    swept = await store.sweep(now=NOW + RETENTION + 1, limit=10)
    assert swept.expired == tuple(old)
    assert wakes == [TaskDeleted(q.number, task) for task in old]
    assert await store.list_tasks(queue_name(), after="", limit=9, max_bytes=10**9) == [young]
    assert await sweep_all(store, NOW + RETENTION + 1) == [Swept(1, more=False, next_due=NOW + 2 + RETENTION)]
    with pytest.raises(TaskGone):
        await store.get_task(old[0].name, NOW)
    with pytest.raises(EntityNotFound):
        await store.get_task(old[1].name, NOW + RETENTION + 1)


async def test_retention_goes_in_bounded_passes(store: SqlStore, q: StoredQueue) -> None:
    await store.add_tasks([a_task() for _ in range(25)])
    passes = await sweep_all(store, NOW + RETENTION, limit=10)
    assert [len(swept.expired) for swept in passes] == [10, 10, 5]
    assert all(swept.next_due is None for swept in passes)


async def test_a_purged_task_does_not_expire(store: SqlStore, q: StoredQueue, wakes: list[Wake]) -> None:
    await store.add_tasks([a_task()])
    await store.purge_queue(queue_name(), now=NOW, names_until=NOW)
    wakes.clear()
    passes = await sweep_all(store, NOW + RETENTION)
    assert all(swept.expired == () for swept in passes)
    assert wakes == []
