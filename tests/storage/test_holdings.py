"""Everything a store holds, copied between all pairs of engines, and what a server finds afterwards."""

from __future__ import annotations

import asyncio
import itertools
import sqlite3
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from kumotasks.domain.bucket import Bucket
from kumotasks.domain.clock import HOUR, SECOND
from kumotasks.domain.errors import EntityNotFound, QueueNameRetired, TaskExists, TaskNameRetired
from kumotasks.storage.holdings import LOG_ENTRIES, NUMBERING, TABLES, Holdings, Tally, copied, tallied
from kumotasks.storage.operation import Row
from kumotasks.storage.postgres.holdings import PostgresHoldings
from kumotasks.storage.records import ABSENT
from kumotasks.storage.sqliteholdings import SqliteHoldings
from kumotasks.storage.store import StoreUnusable
from tests.factory import (
    NOW,
    a_full_queue,
    a_named_task,
    a_queue,
    a_record,
    a_task,
    an_app_engine_request,
    ended,
    failed,
    location,
    queue_name,
    task_name,
)
from tests.postgres import postgres
from tests.storage.conformance.places import Place, PostgresPlace, SqlitePlace
from tests.storage.shelving import LOG, OTHER, a_row, a_stretch

PAIRS = [
    pytest.param(source, target, id=f"{source}-to-{target}")
    for source, target in itertools.product(("sqlite", "postgres"), repeat=2)
]
ACROSS = PAIRS[1:3]
RETIRED = NOW + HOUR


class Site:
    """Where a store of one engine lies, and what it holds."""

    def __init__(self, engine: str, folder: Path) -> None:
        place = SqlitePlace(folder) if engine == "sqlite" else PostgresPlace(folder)
        self.place: Place = place
        self.folder = folder
        self.url = "" if isinstance(place, SqlitePlace) else place.url
        self.database = "" if isinstance(place, SqlitePlace) else place.database

    @property
    def holdings(self) -> Holdings:
        return (
            PostgresHoldings(self.url) if self.url else SqliteHoldings(self.folder / "kumo.db", self.folder / "logs.db")
        )

    async def tallied(self) -> dict[str, Tally]:
        holdings = self.holdings
        async with holdings.opened():
            return await tallied(holdings)

    async def copied_to(self, target: Site) -> dict[str, Tally]:
        here, there = self.holdings, target.holdings
        async with here.opened(), there.opened(new=True):
            return await copied(here, there)


@pytest.fixture
def sites(tmp_path: Path) -> Iterator[type[Site]]:
    made: list[Site] = []

    class Kept(Site):
        def __init__(self, engine: str) -> None:
            super().__init__(engine, tmp_path / f"{len(made)}" / "store")
            made.append(self)

    yield Kept
    for site in made:
        if site.database:
            site.place.remove()


async def fill(place: Place) -> None:
    """Something in every table, put there as a server does."""
    store = place.store()
    await store.start()
    q = await store.create_queue(a_queue(), NOW)
    await store.create_queue(a_full_queue("full"), NOW)
    await store.create_queue(a_queue("gone"), NOW)
    await store.add_tasks([a_task("left-behind", queue="gone", named=True)])
    await store.delete_queue(queue_name("gone"), now=NOW, name_until=RETIRED)
    lasting, over = a_named_task("lasting", due=NOW + HOUR), a_named_task("over")
    await store.add_tasks([a_task("plain", created=NOW - 5), lasting, over, a_task("dead"), a_task("run")])
    await store.add_tasks([a_task("other", queue="full", target=an_app_engine_request(), deadline=None)])
    await store.settle(ended(q, over, name_until=RETIRED))
    dead = await store.get_task(task_name("dead"), NOW)
    await store.settle(failed(q, replace(dead, schedule_time=NOW + SECOND), attempt=a_record(1)))
    await store.settle(ended(q, dead, attempt=a_record(2, next_at=None), dead=a_record(2, next_at=None)))
    await store.request_run(task_name("run"), NOW)
    await store.records.put_record("policy", "projects/p", b"\0bytes", now=NOW, if_etag=ABSENT)
    await store.take_homes()
    await store.release_homes([(q.number, Bucket(5.0, 10, 2.5, NOW))])
    await store.leave()
    await store.stop()
    shelf = place.shelf()
    await shelf.start()
    await shelf.append([a_row("b", 1), a_row("a\0☁", 1, OTHER, 500, b"\xff"), a_row("c", -1)])
    await shelf.stop()


@pytest.mark.parametrize(("source", "target"), PAIRS)
async def test_a_copy_has_every_row(sites: type[Site], source: str, target: str) -> None:
    here, there = sites(source), sites(target)
    await fill(here.place)
    told = await here.copied_to(there)
    assert told == await there.tallied() == await here.tallied()
    assert [table for table in TABLES if not told[table].count] == []


@pytest.mark.parametrize(("source", "target"), ACROSS)
async def test_a_server_goes_on_with_a_copy(sites: type[Site], source: str, target: str) -> None:
    here, there = sites(source), sites(target)
    await fill(here.place)
    await here.copied_to(there)
    store = there.place.store()
    await store.start()
    assert [each.queue for each in await store.list_queues(location(), after="", limit=9)] == [
        a_full_queue("full"),
        a_queue(),
    ]
    q = await store.get_queue(queue_name())
    assert [
        (task.name.task, task.create_time)
        for task in await store.list_tasks(queue_name(), after="", limit=9, max_bytes=1 << 20)
    ] == [("lasting", NOW), ("plain", NOW - 5), ("run", NOW)]
    assert (await store.get_task(task_name("other", "full"), NOW)).target == an_app_engine_request()
    refusals = await store.add_tasks([a_named_task("lasting"), a_named_task("over")])
    assert [type(each) for each in refusals] == [TaskExists, TaskNameRetired]
    with pytest.raises(QueueNameRetired):
        await store.create_queue(a_queue("gone"), NOW)
    past = await store.history.attempts(task_name("dead"), after=(0, 0), limit=9)
    assert [each.record.number for each in past] == [1, 2]
    assert (await store.history.dead_letter(task_name("dead"), None)).last.number == 2
    assert [(number, task.name.task) for number, task in await store.run_requests()] == [(q.number, "run")]
    record = await store.records.get_record("policy", "projects/p")
    assert record is not None
    assert record.value == b"\0bytes"
    homes = {home.stored.queue.name.queue: home for home in await store.take_homes()}
    assert homes["q"].bucket == Bucket(5.0, 10, 2.5, NOW)
    assert not homes["q"].fresh
    await store.stop()


@pytest.mark.parametrize(("source", "target"), ACROSS)
async def test_the_number_of_a_deleted_queue_is_given_to_no_other(sites: type[Site], source: str, target: str) -> None:
    here, there = sites(source), sites(target)
    await fill(here.place)
    await here.copied_to(there)
    store = there.place.store()
    await store.start()
    again = await store.create_queue(a_queue("gone"), RETIRED + 1)
    assert again.number == 4
    with pytest.raises(EntityNotFound):
        await store.get_task(task_name("left-behind", "gone"), NOW)
    await store.stop()


@pytest.mark.parametrize(("source", "target"), ACROSS)
async def test_log_entries_come_in_the_order_of_their_times(sites: type[Site], source: str, target: str) -> None:
    here, there = sites(source), sites(target)
    await fill(here.place)
    await here.copied_to(there)
    shelf = there.place.shelf()
    await shelf.start()
    rows, more = await shelf.scan(a_stretch(LOG, OTHER))
    assert rows == [a_row("c", -1), a_row("a\0☁", 1, OTHER, 500, b"\xff"), a_row("b", 1)]
    assert not more
    await shelf.stop()


async def test_what_log_entries_take_up_is_counted_in_a_database(sites: type[Site]) -> None:
    here, there = sites("sqlite"), sites("postgres")
    await fill(here.place)
    await here.copied_to(there)
    assert postgres().fetch("SELECT name, bytes FROM log ORDER BY name", there.database) == [(LOG, 204), (OTHER, 101)]


# What only running nodes know and tell each other, what says which version this is, and the names of logs, which are in
# every entry.
LEFT_OUT = {"node", "open_attempt", "kumo_meta", "log", "entry", "sqlite_sequence", "record_change"}


@pytest.mark.parametrize("engine", ["sqlite", "postgres"])
async def test_no_table_is_forgotten(sites: type[Site], engine: str) -> None:
    """A table that a migration adds is copied, or stands above."""
    here = sites(engine)
    await fill(here.place)
    if here.database:
        found = postgres().fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'", here.database)
    else:
        found = tables_of(here.folder / "kumo.db") + tables_of(here.folder / "logs.db")
    assert {name for (name,) in found} - LEFT_OUT == set(TABLES) - {NUMBERING, *([LOG_ENTRIES] * (not here.database))}


def tables_of(file: Path) -> list[tuple[str]]:
    with closing(sqlite3.connect(file)) as connection:
        return connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()


async def test_a_copy_goes_into_an_empty_store_only(sites: type[Site]) -> None:
    here, there = sites("sqlite"), sites("postgres")
    await fill(here.place)
    await fill(there.place)
    before = await there.tallied()
    with pytest.raises(StoreUnusable, match=r"not empty, it has queues: copy into a new one\."):
        await here.copied_to(there)
    assert await there.tallied() == before


@pytest.mark.parametrize("engine", ["sqlite", "postgres"])
async def test_nothing_to_copy_is_said(sites: type[Site], engine: str) -> None:
    here = sites(engine)
    store = here.place.store()
    await store.start()
    await store.stop()
    with pytest.raises(StoreUnusable, match=r"holds nothing\.$"):
        await here.copied_to(sites("sqlite"))


async def test_where_no_store_is_none_is_made(sites: type[Site]) -> None:
    here = sites("sqlite")
    with pytest.raises(StoreUnusable, match=r"^There is no store at .*kumo\.db\.$"):
        await here.tallied()
    assert not here.folder.exists()


@pytest.mark.parametrize("engine", ["sqlite", "postgres"])
@pytest.mark.parametrize("busy", ["source", "target"])
async def test_a_store_that_a_server_uses_is_refused(sites: type[Site], engine: str, busy: str) -> None:
    here, there = sites(engine), sites(engine)
    await fill(here.place)
    store = (here if busy == "source" else there).place.store()
    await store.start()
    await store.take_homes()
    with pytest.raises(StoreUnusable, match=r"(?i)server is using the store"):
        await here.copied_to(there)
    await store.leave()
    await store.stop()
    await here.copied_to(there)


async def test_a_node_joins_no_database_that_is_being_read(sites: type[Site]) -> None:
    here = sites("postgres")
    await fill(here.place)
    holdings, store = here.holdings, here.place.store()
    await store.start()
    async with holdings.opened():
        joining = asyncio.ensure_future(store.take_homes())
        await tallied(holdings)
        assert not joining.done()
    assert len(await joining) == 2
    await store.stop()


async def test_a_node_of_another_version_must_copy_what_it_alone_knows(sites: type[Site]) -> None:
    here = sites("postgres")
    await fill(here.place)
    postgres().execute("UPDATE kumo_meta SET version = version + 1", database=here.database)
    with pytest.raises(StoreUnusable, match="was written by a newer version"):
        await here.tallied()


class Lossy(SqliteHoldings):
    """Drops a row of each task's table."""

    async def add(self, table: str, rows: Sequence[Row]) -> None:
        await super().add(table, rows[1:] if table == "task" else rows)


async def test_a_copy_that_is_not_the_same_is_undone(sites: type[Site]) -> None:
    here, there = sites("postgres"), sites("sqlite")
    await fill(here.place)
    lossy, holdings = Lossy(there.folder / "kumo.db", there.folder / "logs.db"), here.holdings
    with pytest.raises(StoreUnusable, match=r"The tasks at .* \(4 of 5\): nothing was copied\."):
        async with holdings.opened(), lossy.opened(new=True):
            await copied(holdings, lossy)
    assert {tally.count for tally in (await there.tallied()).values()} == {0}


class Interrupted(SqliteHoldings):
    """Its reader is told to end when it comes to the last table."""

    async def rows(self, table: str) -> AsyncIterator[Sequence[Row]]:
        if table == LOG_ENTRIES:
            raise asyncio.CancelledError
        async for rows in super().rows(table):
            yield rows


@pytest.mark.parametrize("engine", ["sqlite", "postgres"])
async def test_a_copy_that_is_broken_off_leaves_no_row(sites: type[Site], engine: str) -> None:
    here, there = sites("sqlite"), sites(engine)
    await fill(here.place)
    source, target = Interrupted(here.folder / "kumo.db", here.folder / "logs.db"), there.holdings
    with pytest.raises(asyncio.CancelledError):
        async with source.opened(), target.opened(new=True):
            await copied(source, target)
    found = await there.tallied()
    assert {tally.count for table, tally in found.items() if table != NUMBERING} == {0}
    await here.copied_to(there)
