"""Records of a file that a server uses, read by another process."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest

from kumotasks.domain.clock import SECOND, ManualClock
from kumotasks.domain.errors import StorageFull, StorageUnavailable
from kumotasks.storage.migrate import latest_version
from kumotasks.storage.sqlite import SqliteStore
from kumotasks.storage.sqlitebeside import SqliteBeside
from kumotasks.storage.sqlitefile import SqliteFile
from kumotasks.storage.sqlrecords import SqlRecords
from kumotasks.storage.sqlstore import SqlStore
from kumotasks.storage.store import StoreUnusable
from tests.factory import NOW


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "kumo.db"


@asynccontextmanager
async def serving(path: Path) -> AsyncIterator[SqlStore]:
    store = SqliteStore(path)
    await store.start()
    yield store
    await store.stop()


@asynccontextmanager
async def beside(path: Path) -> AsyncIterator[tuple[SqliteBeside, ManualClock]]:
    clock = ManualClock(NOW)
    found = SqliteBeside(path, clock)
    await found.start()
    yield found, clock
    await found.stop()


async def put(store: SqlStore, value: bytes) -> None:
    await store.records.put_record("kind", "key", value, now=NOW, if_etag=None)


async def value(found: SqliteBeside) -> bytes | None:
    record = await SqlRecords(found).get_record("kind", "key")
    return None if record is None else record.value


async def test_what_a_server_writes_is_read_while_it_runs_and_when_it_is_away(path: Path) -> None:
    async with serving(path) as store:
        await put(store, b"1")
        async with beside(path) as (found, _):
            assert await value(found) == b"1"
            await put(store, b"2")
            assert await value(found) == b"2"
    async with beside(path) as (found, _):
        assert await value(found) == b"2"
        async with serving(path) as store:
            await put(store, b"3")
            assert await value(found) == b"3"


async def test_a_change_is_told_at_the_next_look_and_a_look_holds_for_a_second(path: Path) -> None:
    heard: list[str] = []
    async with serving(path) as store, beside(path) as (found, clock):
        found.watch("kind", heard.append)
        assert not found.current()
        await asyncio.gather(found.confirm(), found.confirm())
        assert (found.current(), heard) == (True, [""])
        await put(store, b"1")
        clock.turn(NOW + SECOND - 1)
        assert found.current()
        clock.turn(NOW + SECOND)
        assert not found.current()
        await found.confirm()
        await found.confirm()
        assert heard == ["", ""]


async def test_nothing_is_written_and_no_server_is_kept_away(path: Path) -> None:
    async with serving(path):
        pass
    async with beside(path) as (found, _), serving(path):
        with pytest.raises(StorageFull, match="only read here"):
            await SqlRecords(found).put_record("kind", "key", b"", now=NOW, if_etag=None)
    with pytest.raises(StorageUnavailable):
        await value(found)


def test_what_cannot_be_read_is_one_sentence(path: Path) -> None:
    def refusal() -> str:
        with pytest.raises(StoreUnusable) as refused:
            SqliteFile(path).connect_to_read()
        return str(refused.value)

    assert refusal() == f"There is no store at {path}."
    assert not path.exists()
    SqliteFile(path).open()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {latest_version('sqlite') - 1}")
    assert refusal() == f"The store at {path} is of an older version of Kumo Tasks: start its server first."
    path.write_bytes(b"diary" * 100)
    assert refusal() == f"The file {path} is not a store of Kumo Tasks."
