"""One suite for every engine: `place` and `store` run each test once per engine.

Where tasks are added and settled SQLite runs twice: as it is, and with each job done by its own operation, as after a
surprise.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from kumotasks.storage.bulk import Bulk, Surprised
from kumotasks.storage.sqlstore import SqlStore
from kumotasks.storage.store import StoredQueue, Wake
from tests.factory import NOW, a_queue
from tests.storage.conformance.places import Place, SqlitePlace

ENGINES = {"sqlite": SqlitePlace}
ONE_BY_ONE = {"sqlite-one-by-one": SqlitePlace}
HOT = ("test_tasks", "test_names", "test_dispatch", "test_commit", "test_wakes", "test_history")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "place" in metafunc.fixturenames:
        hot = metafunc.module.__name__.endswith(HOT)
        metafunc.parametrize("engine", {**ENGINES, **(ONE_BY_ONE if hot else {})})


@pytest.fixture
def place(engine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    if engine in ONE_BY_ONE:
        monkeypatch.setattr(Bulk, "write", be_surprised)
    return {**ENGINES, **ONE_BY_ONE}[engine](tmp_path / "store")


def be_surprised(bulk: Bulk) -> None:
    """Stands in for `write`: whatever was collected is done one by one instead."""
    if bulk.added or bulk.retried or bulk.ended:
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
