"""Queues: created, read, listed, changed; what is refused."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from kumotasks.domain.errors import (
    EntityNotFound,
    InvalidArgument,
    QueueExists,
    QueueNameRetired,
    QueueNotFound,
)
from kumotasks.domain.queue import Queue, QueueState
from kumotasks.storage.sqlstore import SqlStore
from kumotasks.storage.store import StoredQueue
from tests.factory import NOW, a_full_queue, a_queue, location, queue_name


def pause(queue: Queue) -> Queue:
    return replace(queue, state=QueueState.PAUSED)


async def names(store: SqlStore, after: str = "", limit: int = 100) -> list[str]:
    return [stored.queue.name.queue for stored in await store.list_queues(location(), after=after, limit=limit)]


async def test_a_queue_reads_back_with_every_part(store: SqlStore) -> None:
    stored = await store.create_queue(a_full_queue(), NOW)
    assert stored.queue == a_full_queue()
    assert await store.get_queue(queue_name()) == stored
    assert await store.list_queues(location(), after="", limit=10) == [stored]


async def test_two_queues_have_two_numbers(store: SqlStore) -> None:
    assert (await store.create_queue(a_queue("a"), NOW)).number != (await store.create_queue(a_queue("b"), NOW)).number


async def test_a_queue_that_exists_is_not_created_again(store: SqlStore, q: StoredQueue) -> None:
    with pytest.raises(QueueExists):
        await store.create_queue(a_queue(), NOW)
    assert await store.get_queue(queue_name()) == q


async def test_a_queue_that_does_not_exist_is_not_found(store: SqlStore, q: StoredQueue) -> None:
    nowhere = queue_name("nowhere")
    with pytest.raises(QueueNotFound):
        await store.get_queue(nowhere)
    with pytest.raises(QueueNotFound):
        await store.change_queue(nowhere, pause)
    with pytest.raises(QueueNotFound):
        await store.purge_queue(nowhere, now=NOW, names_until=NOW)
    with pytest.raises(QueueNotFound):
        await store.list_tasks(nowhere, after="", limit=1, max_bytes=1)
    with pytest.raises(EntityNotFound):
        await store.delete_queue(nowhere, now=NOW, name_until=NOW)


async def test_queues_are_listed_by_id_in_pages(store: SqlStore) -> None:
    for name in ("c", "a", "B", "d"):
        await store.create_queue(a_queue(name), NOW)
    assert await names(store) == ["B", "a", "c", "d"]
    assert await names(store, limit=2) == ["B", "a"]
    assert await names(store, after="a", limit=2) == ["c", "d"]
    assert await names(store, after="d") == []


async def test_a_page_goes_on_behind_a_queue_that_was_deleted_meanwhile(store: SqlStore) -> None:
    for name in ("a", "b", "c"):
        await store.create_queue(a_queue(name), NOW)
    await store.delete_queue(queue_name("b"), now=NOW, name_until=NOW)
    assert await names(store, after="b") == ["c"]


async def test_queues_of_another_location_are_not_listed(store: SqlStore, q: StoredQueue) -> None:
    assert await store.list_queues(replace(location(), location="m"), after="", limit=10) == []
    assert await store.list_queues(replace(location(), project="o"), after="", limit=10) == []


async def test_a_change_is_read_back(store: SqlStore, q: StoredQueue) -> None:
    changed = await store.change_queue(queue_name(), pause)
    assert changed == replace(q, queue=pause(q.queue))
    assert await store.get_queue(queue_name()) == changed
    assert await store.list_queues(location(), after="", limit=1) == [changed]


async def test_what_a_change_raises_is_raised_and_nothing_changes(store: SqlStore, q: StoredQueue) -> None:
    def refuse(queue: Queue) -> Queue:
        raise InvalidArgument

    with pytest.raises(InvalidArgument):
        await store.change_queue(queue_name(), refuse)
    assert await store.get_queue(queue_name()) == q


async def test_changes_at_the_same_time_all_count(store: SqlStore, q: StoredQueue) -> None:
    def one_more(queue: Queue) -> Queue:
        retry = queue.retry_config
        return replace(queue, retry_config=replace(retry, max_attempts=retry.max_attempts + 1))

    await asyncio.gather(*(store.change_queue(queue_name(), one_more) for _ in range(5)))
    after = (await store.get_queue(queue_name())).queue
    assert after.retry_config.max_attempts == q.queue.retry_config.max_attempts + 5


async def test_the_name_of_a_deleted_queue_rests(store: SqlStore, q: StoredQueue) -> None:
    await store.delete_queue(queue_name(), now=NOW, name_until=NOW + 10)
    with pytest.raises(QueueNotFound):
        await store.get_queue(queue_name())
    with pytest.raises(QueueNameRetired):
        await store.create_queue(a_queue(), NOW + 9)
    again = await store.create_queue(a_queue(), NOW + 10)
    assert again.number != q.number


async def test_a_queue_deleted_twice_rests_until_the_later_time(store: SqlStore, q: StoredQueue) -> None:
    await store.delete_queue(queue_name(), now=NOW, name_until=NOW)
    await store.create_queue(a_queue(), NOW)
    await store.delete_queue(queue_name(), now=NOW, name_until=NOW + 10)
    with pytest.raises(QueueNameRetired):
        await store.create_queue(a_queue(), NOW + 9)


async def test_a_purge_sets_its_time(store: SqlStore, q: StoredQueue) -> None:
    purged = await store.purge_queue(queue_name(), now=NOW + 5, names_until=NOW)
    assert purged.queue == replace(q.queue, purge_time=NOW + 5)
    assert (purged.number, purged.generation) == (q.number, q.generation + 1)
    assert await store.get_queue(queue_name()) == purged
