"""PostgreSQL goes away, comes back, or only reads: callers are refused quickly, nothing answered is lost."""

from __future__ import annotations

import asyncio

import pytest

from kumotasks.domain.errors import StorageUnavailable
from kumotasks.domain.task import Task
from kumotasks.storage.postgres.engine import PostgresStore
from kumotasks.storage.rumour import Unheard
from kumotasks.storage.sqlstore import SqlStore
from kumotasks.storage.store import StoredQueue
from tests.factory import NOW, a_named_task, a_queue, a_task, ended, queue_name
from tests.postgres import cut_off, postgres
from tests.storage.conformance.places import PostgresPlace
from tests.storage.postgres.conftest import Hearing


async def every_task(store: SqlStore) -> list[Task]:
    return await store.list_tasks(queue_name(), after="", limit=10_000, max_bytes=10**9)


async def until_reached(store: SqlStore) -> None:
    """The store comes back by itself; a bounded number of looks."""
    for _ in range(200):
        try:
            await store.add_tasks([a_task()])
        except StorageUnavailable:
            await asyncio.sleep(0.05)
        else:
            return
    raise AssertionError("the store did not come back")


async def test_whatever_was_answered_is_there_after_cuts(here: SqlStore, place: PostgresPlace) -> None:
    await here.create_queue(a_queue(), NOW)
    answered: set[str] = set()
    refused = 0

    async def create(n: int) -> None:
        nonlocal refused
        try:
            (kept,) = await here.add_tasks([a_task() if n % 2 else a_named_task(f"n{n}")])
        except StorageUnavailable:
            refused += 1
        else:
            assert isinstance(kept, Task)
            answered.add(kept.name.task)

    cut = asyncio.create_task(asyncio.to_thread(postgres().execute, *[cut_off(place.database)] * 5))
    for begin in range(0, 4000, 50):
        await asyncio.gather(*(create(n) for n in range(begin, begin + 50)))
        if not cut.done():
            await asyncio.sleep(0)
    await cut
    await until_reached(here)
    assert answered <= {task.name.task for task in await every_task(here)}
    assert len(answered) + refused == 4000


async def test_after_a_cut_everything_is_to_be_read_anew(here: SqlStore, place: PostgresPlace) -> None:
    told = Hearing(here)
    await asyncio.to_thread(postgres().execute, cut_off(place.database))
    await told.rumour(Unheard())


async def test_what_other_nodes_did_meanwhile_is_known(
    here: SqlStore, there: SqlStore, place: PostgresPlace, q: StoredQueue
) -> None:
    told = Hearing(here)
    await asyncio.to_thread(postgres().execute, cut_off(place.database))
    await until_reached(there)
    await there.delete_queue(queue_name(), now=NOW, name_until=NOW)
    await told.until(lambda: any(getattr(wake, "number", 0) == q.number for wake in told.wakes))


async def test_a_period_of_reading_only_refuses_writes_and_ends(here: SqlStore, place: PostgresPlace) -> None:
    await here.create_queue(a_queue(), NOW)
    (kept,) = await here.add_tasks([a_task()])
    assert isinstance(kept, Task)
    only = f"ALTER DATABASE {place.database} SET default_transaction_read_only ="
    await asyncio.to_thread(postgres().execute, f"{only} on", cut_off(place.database))
    for write in (lambda: here.add_tasks([a_task()]), lambda: here.settle(ended(q_of(kept), kept))):
        for _ in range(3):
            with pytest.raises(StorageUnavailable):
                await write()
    await asyncio.to_thread(postgres().execute, f"{only} off")
    await until_reached(here)
    assert kept in await every_task(here)


def q_of(task: Task) -> StoredQueue:
    return StoredQueue(a_queue(task.name.queue.queue), 1, 0)


async def test_a_store_that_is_not_there_is_said_in_a_sentence() -> None:
    from kumotasks.storage.store import StoreUnusable

    with pytest.raises(StoreUnusable, match="the store postgresql://kumo@/db\\?host=/nowhere cannot be reached: "):
        await PostgresStore("postgresql://kumo:secret@/db?host=/nowhere").start()
