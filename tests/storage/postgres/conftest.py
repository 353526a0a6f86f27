"""Two nodes on one database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from kumotasks.storage.rumour import Rumour
from kumotasks.storage.sqlstore import SqlStore
from kumotasks.storage.store import StoredQueue, Wake
from tests.factory import NOW, a_queue
from tests.storage.conformance.places import PostgresPlace


@pytest.fixture
def place(tmp_path: Path) -> Iterator[PostgresPlace]:
    place = PostgresPlace(tmp_path)
    yield place
    place.remove()


@pytest.fixture
async def here(place: PostgresPlace) -> AsyncIterator[SqlStore]:
    store = place.store()
    await store.start()
    yield store
    await store.stop()


@pytest.fixture
async def there(place: PostgresPlace) -> AsyncIterator[SqlStore]:
    store = place.store()
    await store.start()
    yield store
    await store.stop()


@pytest.fixture
async def q(here: SqlStore, there: SqlStore) -> StoredQueue:
    """A queue that both know."""
    learnt = Hearing(there)
    stored = await here.create_queue(a_queue(), NOW)
    await learnt.until(lambda: bool(learnt.wakes))
    return stored


class Hearing:
    """What a node is told from here on."""

    def __init__(self, store: SqlStore) -> None:
        self.wakes: list[Wake] = []
        self.rumours: list[Rumour] = []
        self._told = asyncio.Event()
        store.listen(lambda wakes: self._add(self.wakes, wakes))
        store.overhear(lambda rumours: self._add(self.rumours, rumours))

    def _add(self, to: list[object], told: object) -> None:
        to.extend(told)  # type: ignore[call-overload]
        self._told.set()

    async def until(self, there: Callable[[], bool]) -> None:
        async with asyncio.timeout(30):
            while not there():
                self._told.clear()
                await self._told.wait()

    async def rumour(self, rumour: Rumour) -> None:
        await self.until(lambda: rumour in self.rumours)
