"""The schema's history: numbered without gaps, applied once each, to the same end from any start."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest

from kumotasks.storage.migrate import latest_version, migrations
from kumotasks.storage.sqlite import SqliteStore
from kumotasks.storage.sqlitefile import ENGINE
from tests.factory import NOW, a_queue, queue_name

MADE_BY = {  # the youngest first, so that an index goes before its table
    5: ("INDEX record_age",),
    4: ("TABLE open_attempt",),
    3: ("TABLE attempt", "TABLE dead_letter"),
    2: ("TABLE record",),
}


def schema(path: Path) -> list[tuple[str, str]]:
    connection = sqlite3.connect(path)
    rows = connection.execute("SELECT name, sql FROM sqlite_schema ORDER BY name").fetchall()
    connection.close()
    return rows


async def start_once(path: Path) -> None:
    store = SqliteStore(path)
    await store.start()
    await store.stop()


def test_versions_begin_at_one_and_have_no_gaps() -> None:
    versions = [migration.version for migration in migrations(ENGINE)]
    assert versions == list(range(1, latest_version(ENGINE) + 1))


def test_only_what_is_behind_a_version_is_missing_from_it() -> None:
    assert [migration.version for migration in migrations(ENGINE, after=1)] == list(
        range(2, latest_version(ENGINE) + 1)
    )


@pytest.mark.parametrize("version", range(1, latest_version(ENGINE)))
async def test_a_store_of_any_earlier_version_is_brought_up_to_date(tmp_path: Path, version: int) -> None:
    new, old = tmp_path / "new.db", tmp_path / "old.db"
    await start_once(new)
    store = SqliteStore(old)
    await store.start()
    kept = await store.create_queue(a_queue(), NOW)
    await store.stop()
    connection = sqlite3.connect(old)
    younger = [each for since, made in MADE_BY.items() if since > version for each in made]
    connection.executescript(f"{''.join(f'DROP {each};' for each in younger)} PRAGMA user_version = {version}")
    connection.close()
    await store.start()
    assert await store.get_queue(queue_name()) == kept
    await store.stop()
    assert schema(old) == schema(new)


async def test_a_migration_that_fails_leaves_the_version_before(tmp_path: Path) -> None:
    path, before = tmp_path / "kumo.db", tmp_path / "before.db"
    await start_once(path)
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 1")  # and yet the table of the second is there
    connection.close()
    shutil.copy(path, before)
    with pytest.raises(Exception, match="already exists"):
        await start_once(path)
    assert schema(path) == schema(before)
