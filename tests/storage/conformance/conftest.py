"""One suite for every engine: `place` and `store` run each test once per engine.

SQLite runs it twice: as it is, and with every job done by its own operation, as after a surprise.
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

ENGINES = {"sqlite": SqlitePlace, "sqlite-one-by-one": SqlitePlace}


@pytest.fixture(params=ENGINES)
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    if request.param == "sqlite-one-by-one":
        monkeypatch.setattr(Bulk, "write", be_surprised)
    return ENGINES[request.param](tmp_path / "store")


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
