"""Many callers at once: each has its own answer, and what is answered is there."""

from __future__ import annotations

import asyncio

import pytest

from kumotasks.domain.errors import KumoError, QueueExists, StorageUnavailable, TaskGone
from kumotasks.domain.task import Task
from kumotasks.storage.sqlstore import SqlStore
from kumotasks.storage.store import StoredQueue, Wake
from tests.factory import NOW, a_named_task, a_queue, a_task, ended, ids, queue_name, task_name
from tests.storage.conformance.places import Place


async def test_callers_at_the_same_time_are_answered_separately(store: SqlStore, q: StoredQueue) -> None:
    there = a_named_task("there")
    await store.add_tasks([there])
    await store.add_tasks([gone := a_task()])
    await store.settle(ended(q, gone))
    added, taken, nowhere, settled, late, created, again, deleted, vain = await asyncio.gather(
        store.add_tasks([a_named_task("new")]),
        store.add_tasks([a_named_task("there")]),
        store.add_tasks([a_task(queue="nowhere")]),
        store.settle(ended(q, there, name_until=NOW + 10**9)),
        store.settle(ended(q, gone)),
        store.create_queue(a_queue("other"), NOW),
        store.create_queue(a_queue(), NOW),
        store.delete_task(task_name("new"), now=NOW, name_until=NOW),
        store.delete_task(gone.name, now=NOW, name_until=NOW),
        return_exceptions=True,
    )
    assert isinstance(added, list)
    assert ids(added) == ["new"]
    assert ids(taken) in (["TaskExists"], ["TaskNameRetired"])  # type: ignore[arg-type]
    assert ids(nowhere) == ["QueueNotFound"]  # type: ignore[arg-type]
    assert (settled, late) == (True, False)
    assert isinstance(created, StoredQueue)
    assert isinstance(again, QueueExists)
    assert isinstance(deleted, Task)
    assert isinstance(vain, TaskGone)


async def test_of_many_that_want_one_name_one_gets_it(store: SqlStore, q: StoredQueue) -> None:
    answers = await asyncio.gather(*(store.add_tasks([a_named_task("n"), a_task()]) for _ in range(50)))
    names = [ids(answer)[0] for answer in answers]
    assert sorted(names) == ["TaskExists"] * 49 + ["n"]
    assert all(isinstance(answer[1], Task) for answer in answers)
    assert len(await store.list_tasks(queue_name(), after="", limit=100, max_bytes=10**9)) == 51


async def test_of_many_that_end_a_task_one_does(store: SqlStore, q: StoredQueue) -> None:
    tasks = [a_task() for _ in range(20)]
    await store.add_tasks(tasks)
    results = [store.settle(ended(q, task)) for task in tasks for _ in range(2)]
    assert sorted([await result for result in results]) == [False] * 20 + [True] * 20


async def test_a_batch_larger_than_one_transaction_is_kept_whole(
    store: SqlStore, q: StoredQueue, wakes: list[Wake]
) -> None:
    tasks = [a_task() for _ in range(5000)]
    kept = [await answer for answer in [store.add_tasks([task]) for task in tasks]]
    assert [task for (task,) in kept] == tasks
    assert len(wakes) == 5000


async def test_a_caller_that_went_away_harms_nobody(store: SqlStore, q: StoredQueue) -> None:
    leaver, stayer = a_task(), a_task()
    leaving = asyncio.ensure_future(store.add_tasks([leaver]))
    staying = store.add_tasks([stayer])
    leaving.cancel()
    assert list(await staying) == [stayer]
    assert await store.get_task(stayer.name, NOW) == stayer


async def test_what_was_asked_before_the_stop_is_answered(store: SqlStore, place: Place, q: StoredQueue) -> None:
    tasks = [a_task() for _ in range(100)]
    answers = [store.add_tasks([task]) for task in tasks]
    await store.stop()
    assert [(await answer)[0] for answer in answers] == tasks
    again = place.store()
    await again.start()
    assert len(await again.list_tasks(queue_name(), after="", limit=1000, max_bytes=10**9)) == 100
    await again.stop()


async def test_a_stopped_store_refuses_and_stops_twice(store: SqlStore, q: StoredQueue) -> None:
    await store.stop()
    await store.stop()
    for refused in (
        store.add_tasks([a_task()]),
        store.settle(ended(q, a_task())),
        store.create_queue(a_queue("b"), NOW),
        store.get_task(task_name("n"), NOW),
    ):
        with pytest.raises(StorageUnavailable):
            await refused


async def test_a_store_stopped_before_its_start_is_fine(place: Place) -> None:
    await place.store().stop()


async def test_a_refusal_is_one_of_the_domain(store: SqlStore, q: StoredQueue) -> None:
    with pytest.raises(KumoError):
        await store.create_queue(a_queue(), NOW)


async def test_a_result_is_told_to_whoever_is_named(store: SqlStore, q: StoredQueue) -> None:
    await store.add_tasks([task := a_task()])
    waiters = [asyncio.get_running_loop().create_future() for _ in range(2)]
    for waiter in waiters:
        store.settle_for(ended(q, task), waiter)
    assert [await waiter for waiter in waiters] == [True, False]


async def test_a_store_that_has_stopped_refuses_a_result_at_once(store: SqlStore, q: StoredQueue) -> None:
    await store.stop()
    waiter = asyncio.get_running_loop().create_future()
    store.settle_for(ended(q, a_task()), waiter)
    assert isinstance(waiter.exception(), StorageUnavailable)
