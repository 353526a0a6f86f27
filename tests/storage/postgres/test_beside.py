"""A node of this version works on beside one that has brought the schema a version further, while an installation is
updated node by node: whatever a later migration adds, as the rule of `migrate.py` lets it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from kumotasks.domain.bucket import Bucket
from kumotasks.storage.migrate import latest_version, migrations
from kumotasks.storage.postgres.schema import ENGINE
from kumotasks.storage.records import ABSENT
from kumotasks.storage.sqlstore import SqlStore
from kumotasks.storage.store import LEASE
from tests.factory import NOW, a_named_task, a_queue, a_record, a_task, ended, failed, ids, queue_name, task_name
from tests.postgres import postgres
from tests.storage.conformance.places import PostgresPlace
from tests.storage.shelving import a_row, a_stretch
from tests.storage.shelving import ids as insert_ids

ALLOWED = re.compile(
    r"CREATE (UNIQUE )?INDEX|CREATE TABLE|ALTER TABLE \w+ ALTER COLUMN \w+ SET STORAGE"
    r"|ALTER TABLE \w+ ADD COLUMN (?!.*\bNOT NULL\b(?!.*\bDEFAULT\b))"
)


def statements(script: str) -> list[str]:
    """Each statement of a migration, on one line, without comments."""
    bare = re.sub(r"--.*", "", script)
    return [" ".join(each.split()) for each in bare.split(";") if each.strip()]


def forbidden(script: str) -> list[str]:
    """Statements that a node of the version before may stumble over."""
    return [each for each in statements(script) if ALLOWED.match(each) is None]


@pytest.mark.parametrize("engine", ["sqlite", "postgres", "sqlite/logs"])
def test_every_migration_only_adds(engine: str) -> None:
    assert [each for migration in migrations(engine) for each in forbidden(migration.script)] == []


@pytest.mark.parametrize(
    "script",
    [
        "DROP TABLE task",
        "ALTER TABLE task RENAME COLUMN id TO name",
        "ALTER TABLE task ADD COLUMN colour TEXT NOT NULL",
        "ALTER TABLE task ALTER COLUMN id TYPE BIGINT",
        "ALTER TABLE task ADD CONSTRAINT positive CHECK (serial > 0)",
        "CREATE TRIGGER loud AFTER INSERT ON task EXECUTE FUNCTION shout()",
        "UPDATE task SET serial = 0",
    ],
)
def test_what_is_no_addition_is_found(script: str) -> None:
    assert forbidden(f"-- a comment; with a semicolon\n{script};") == [script]


@pytest.mark.parametrize("default", ["", " NOT NULL DEFAULT 'blue'"])
def test_a_new_column_may_be_empty_or_has_a_default(default: str) -> None:
    assert forbidden(f"ALTER TABLE task ADD COLUMN colour TEXT{default};") == []


@pytest.fixture
async def later(place: PostgresPlace) -> AsyncIterator[SqlStore]:
    """A node on a database where every table has two columns, and an index, that it knows nothing of."""
    tables = [
        name
        for (name,) in postgres().fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'", place.database)
    ]
    assert "task" in tables
    script = "".join(
        f"ALTER TABLE {table} ADD COLUMN coming_a BIGINT NOT NULL DEFAULT 7; "
        f"ALTER TABLE {table} ADD COLUMN coming_b TEXT; CREATE INDEX coming_{table} ON {table} (coming_a);"
        for table in tables
    )
    assert forbidden(script) == []
    version = latest_version(ENGINE) + 1
    postgres().execute(script, f"UPDATE kumo_meta SET version = {version}", database=place.database)
    store = place.store()
    await store.start()
    yield store
    await store.stop()


async def test_queues_and_tasks_are_as_ever(later: SqlStore) -> None:
    q = await later.create_queue(a_queue(), NOW)
    assert await later.renew(LEASE) is not None
    assert [home.stored for home in await later.take_homes()] == [q]
    added = await later.add_tasks([a_task("a"), a_named_task("b"), a_task("c")])
    assert ids(added) == ["a", "b", "c"]
    due = await later.due_tasks(q, after=None, until=NOW, limit=9, max_bytes=1 << 20)
    assert ids(due) == ["a", "b", "c"]
    assert await later.settle(ended(q, due[0]))
    assert await later.settle(ended(q, due[1], name_until=NOW + 1))
    assert await later.settle(failed(q, replace(due[2], schedule_time=NOW + 5), attempt=a_record(1)))
    assert await later.next_due(q, after=None) == NOW + 5
    await later.request_run(task_name("c"), NOW)
    assert [task.name.task for _, task in await later.run_requests()] == ["c"]
    again = await later.get_task(task_name("c"), NOW)
    assert await later.settle(ended(q, again, run=True, dead=a_record(2, next_at=None)))
    assert (await later.history.dead_letter(task_name("c"), None)).last.number == 2
    await later.purge_queue(queue_name(), now=NOW, names_until=NOW)
    await later.sweep(now=NOW + 2, limit=100)
    await later.release_homes([(q.number, Bucket(5.0, 10, 2.5, NOW))])
    (home,) = await later.take_homes()
    assert home.bucket == Bucket(5.0, 10, 2.5, NOW)
    await later.delete_queue(queue_name(), now=NOW, name_until=NOW)
    await later.leave()


async def test_records_and_log_entries_are_as_ever(later: SqlStore, place: PostgresPlace) -> None:
    await later.records.put_record("kind", "key", b"value", now=NOW, if_etag=ABSENT)
    (record,) = await later.records.list_records("kind", prefix="", after="", limit=9)
    assert record.value == b"value"
    assert await later.records.delete_record("kind", "key")
    shelf = place.shelf()
    await shelf.start()
    await shelf.append([a_row("a"), a_row("b", 1)])
    assert insert_ids(await shelf.scan(a_stretch())) == "ab"
    await shelf.stop()
