"""One suite for every engine: `place` and `store` run each test once per engine.

Where tasks are added and settled each runs twice: as it is, and with each job done by its own operation, as after a
surprise.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from kumotasks.storage.bulk import Bulk, Surprised
from kumotasks.storage.postgres.batch import Batch
from kumotasks.storage.postgres.rumours import Note
from kumotasks.storage.postgres.turn import Turn
from kumotasks.storage.sqlstore import SqlStore
from kumotasks.storage.store import StoredQueue, Wake
from tests.factory import NOW, a_queue
from tests.storage.conformance.places import Place, PostgresPlace, SqlitePlace

ENGINES: dict[str, type[SqlitePlace | PostgresPlace]] = {"sqlite": SqlitePlace, "postgres": PostgresPlace}
ONE_BY_ONE = {f"{engine}-one-by-one": place for engine, place in ENGINES.items()}
HOT = ("test_tasks", "test_names", "test_dispatch", "test_commit", "test_wakes", "test_history")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "place" in metafunc.fixturenames:
        hot = metafunc.module.__name__.endswith(HOT)
        metafunc.parametrize("engine", {**ENGINES, **(ONE_BY_ONE if hot else {})})


@pytest.fixture
def place(engine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    if engine in ONE_BY_ONE:
        monkeypatch.setattr(Bulk, "write", be_surprised)
        monkeypatch.setattr(Turn, "takes", lambda turn, job: False)
        monkeypatch.setattr(Batch, "write", be_surprised_at_once)
    place = {**ENGINES, **ONE_BY_ONE}[engine](tmp_path / "store")
    yield place
    place.remove()


def be_surprised(bulk: Bulk) -> None:
    """Stands in for `write`: whatever was collected is done one by one instead."""
    if bulk.added or bulk.settled.retried or bulk.settled.ended:
        raise Surprised


async def be_surprised_at_once(batch: Batch, settling: object, adding: object) -> list[Note]:
    raise Surprised


@pytest.fixture
async def store(place: Place) -> AsyncIterator[SqlStore]:
    store = place.store()
    await store.start()
    yield store
    await store.stop()


@pytest.fixture
async def q(store: SqlStore) -> StoredQueue:
    """A queue that is there."""
    return await store.create_queue(a_queue(), NOW)


@pytest.fixture
def wakes(store: SqlStore) -> list[Wake]:
    """Every wake from here on, in order."""
    heard: list[Wake] = []
    store.listen(heard.extend)
    return heard
