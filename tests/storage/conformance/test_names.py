"""Names that callers chose: taken while the task lives, resting afterwards, then free."""

from __future__ import annotations

import pytest

from kumotasks.domain.errors import EntityNotFound, TaskGone
from kumotasks.domain.names import TaskName
from kumotasks.storage.sqlstore import SqlStore
from kumotasks.storage.store import StoredQueue
from tests.factory import NOW, a_named_task, a_queue, ended, failed, ids, queue_name, task_name

NAME = task_name("n")
REST = 100


async def added(store: SqlStore, now: int, name: TaskName = NAME) -> str:
    """What adding a task of that name comes to at `now`."""
    return ids(await store.add_tasks([a_named_task(name.task, queue=name.queue.queue, serial=now)]))[0]


async def test_a_name_is_taken_while_its_task_lives(store: SqlStore, q: StoredQueue) -> None:
    assert await added(store, NOW) == "n"
    assert await added(store, NOW + 10 * REST) == "TaskExists"


async def test_a_name_rests_after_an_end_and_is_then_free(store: SqlStore, q: StoredQueue) -> None:
    await added(store, NOW)
    assert await store.settle(ended(q, a_named_task("n", serial=NOW), name_until=NOW + REST))
    assert await added(store, NOW + REST - 1) == "TaskNameRetired"
    with pytest.raises(TaskGone):
        await store.get_task(NAME, NOW + REST - 1)
    with pytest.raises(EntityNotFound):
        await store.get_task(NAME, NOW + REST)
    assert await added(store, NOW + REST) == "n"
    assert await added(store, NOW + REST + 1) == "TaskExists"


async def test_a_name_rests_after_a_deletion_and_is_then_free(store: SqlStore, q: StoredQueue) -> None:
    await added(store, NOW)
    await store.delete_task(NAME, now=NOW, name_until=NOW + REST)
    assert await added(store, NOW + REST - 1) == "TaskNameRetired"
    assert await added(store, NOW + REST) == "n"


async def test_a_name_without_rest_is_free_at_once(store: SqlStore, q: StoredQueue) -> None:
    await added(store, NOW)
    await store.delete_task(NAME, now=NOW, name_until=NOW)
    assert await added(store, NOW + 1) == "n"
    assert await store.settle(ended(q, a_named_task("n", serial=NOW + 1), name_until=NOW + 1))
    assert await added(store, NOW + 2) == "n"


async def test_a_purge_leaves_names_resting_swept_or_not(store: SqlStore, q: StoredQueue) -> None:
    await added(store, NOW)
    await store.purge_queue(queue_name(), now=NOW, names_until=NOW + REST)
    for _ in range(2):
        assert await added(store, NOW + REST - 1) == "TaskNameRetired"
        with pytest.raises(TaskGone):
            await store.get_task(NAME, NOW + REST - 1)
        with pytest.raises(EntityNotFound):
            await store.get_task(NAME, NOW + REST)
        while (await store.sweep(now=NOW, limit=100)).more:
            pass
    assert await added(store, NOW + REST) == "n"


async def test_a_purge_without_rest_frees_names_before_the_sweep(store: SqlStore, q: StoredQueue) -> None:
    await added(store, NOW)
    purged = await store.purge_queue(queue_name(), now=NOW, names_until=NOW)
    assert await added(store, NOW + 1) == "n"
    while (await store.sweep(now=NOW + 1, limit=100)).more:
        pass
    assert await added(store, NOW + 2) == "TaskExists"
    assert await store.settle(ended(purged, a_named_task("n", serial=NOW + 1), name_until=NOW + REST))
    assert await added(store, NOW + 2) == "TaskNameRetired"


async def test_a_name_that_rested_before_a_purge_keeps_its_own_time(store: SqlStore, q: StoredQueue) -> None:
    await added(store, NOW)
    await store.delete_task(NAME, now=NOW, name_until=NOW + REST)
    await store.purge_queue(queue_name(), now=NOW, names_until=NOW + 10 * REST)
    assert await added(store, NOW + REST) == "n"


async def test_names_are_the_queues_own(store: SqlStore, q: StoredQueue) -> None:
    await store.create_queue(a_queue("other"), NOW)
    assert await added(store, NOW) == "n"
    assert await added(store, NOW, task_name("n", "other")) == "n"


async def test_a_failure_keeps_the_name_taken(store: SqlStore, q: StoredQueue) -> None:
    await added(store, NOW)
    assert await store.settle(failed(q, a_named_task("n", serial=NOW)))
    assert await added(store, NOW + 10 * REST) == "TaskExists"


async def test_a_stale_end_leaves_the_name_of_a_later_task_alone(store: SqlStore, q: StoredQueue) -> None:
    await added(store, NOW)
    await store.delete_task(NAME, now=NOW, name_until=NOW)
    await added(store, NOW + 1)
    assert await store.settle(ended(q, a_named_task("n", serial=NOW), name_until=NOW)) is False
    assert await added(store, NOW + 2) == "TaskExists"
