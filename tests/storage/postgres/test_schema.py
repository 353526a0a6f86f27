"""The schema: made once by however many come at once, refused where it is too new."""

from __future__ import annotations

import asyncio
import re

import pytest

from kumotasks.storage.migrate import latest_version, migrations
from kumotasks.storage.postgres.engine import PostgresStore
from kumotasks.storage.postgres.schema import ENGINE
from kumotasks.storage.store import StoreUnusable
from tests.factory import NOW, a_queue
from tests.postgres import postgres
from tests.storage.conformance.places import PostgresPlace

KNOWN = latest_version(ENGINE)


def set_version(place: PostgresPlace, version: int) -> None:
    postgres().execute(f"UPDATE kumo_meta SET version = {version}", database=place.database)


def test_versions_begin_at_one_and_have_no_gaps() -> None:
    assert [migration.version for migration in migrations(ENGINE)] == list(range(1, KNOWN + 1))


@pytest.mark.parametrize("engine", ["sqlite", "postgres"])
def test_migrations_only_add(engine: str) -> None:
    for migration in migrations(engine):
        assert re.search(r"\b(DROP|RENAME|DELETE|TRUNCATE)\b|ALTER COLUMN \w+ (TYPE|SET NOT)", migration.script) is None


async def test_nodes_that_start_together_make_the_schema_once(place: PostgresPlace) -> None:
    empty = postgres().new_database("template0")
    stores = [PostgresStore(postgres().url(empty)) for _ in range(4)]
    await asyncio.gather(*(store.start() for store in stores))
    await stores[0].create_queue(a_queue(), NOW)
    assert await stores[1].get_queue(a_queue().name)
    await asyncio.gather(*(store.stop() for store in stores))
    assert postgres().fetch("SELECT version FROM kumo_meta", empty) == [(KNOWN,)]
    postgres().remove(empty)


async def test_a_node_works_on_a_schema_one_version_ahead(place: PostgresPlace) -> None:
    set_version(place, KNOWN + 1)
    store = place.store()
    await store.start()
    await store.create_queue(a_queue(), NOW)
    await store.stop()
    assert postgres().fetch("SELECT version FROM kumo_meta", place.database) == [(KNOWN + 1,)]


async def test_a_schema_further_ahead_is_refused(place: PostgresPlace) -> None:
    set_version(place, KNOWN + 2)
    with pytest.raises(StoreUnusable, match=f"newer version.* its schema is {KNOWN + 2}, this version knows {KNOWN}"):
        await place.store().start()


async def test_another_encoding_is_refused() -> None:
    postgres().execute("CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'")
    with pytest.raises(StoreUnusable, match="has the encoding LATIN1; UTF8 is needed"):
        await PostgresStore(postgres().url("latin")).start()
    postgres().remove("latin")
