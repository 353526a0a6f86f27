"""Named statements: parsed, complete, and none of the task path reads more rows than it answers."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator

import pytest

from kumotasks.storage.migrate import migrations
from kumotasks.storage.statements import parse, read_statements

STATEMENTS = read_statements("sqlite")

# Read the whole of a table of queues or of marks, once at a start or once a pass; none has a row per task.
SCANS_ALLOWED = {
    "every_queue": "queue",
    "void_homes": "queue",
    "void_homes_of": "queue",
    "void_attempts_of": "open_attempt",
    "open_attempts": "open_attempt",
    "standing": "queue",
    "homes_held": "queue",
    "homeless_queues": "queue",
    "open_runs": "run_request",
    "forget_vain_runs": "run_request",
    "doomed_generation": "doomed",
    "next_expiries": "task",  # the first row only
    "oldest_tasks": "task",  # by rowid, as many as it answers
    "oldest_attempt": "attempt",  # the first row only
    "oldest_letter": "dead_letter",
    "forget_old_attempts": "attempt",  # by rowid, as many as it removes
    "forget_old_letters": "dead_letter",
}


@pytest.fixture(scope="module")
def database() -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(":memory:")
    for migration in migrations("sqlite"):
        connection.executescript(migration.script)
    yield connection
    connection.close()


def test_each_statement_has_the_name_above_it() -> None:
    text = "-- about\n\n-- name: one\nSELECT 1;\n\n-- name: two\n-- why\nSELECT\n  2;\n"
    assert dict(parse(text)) == {"one": "SELECT 1", "two": "-- why\nSELECT\n  2"}


def test_text_without_names_has_no_statements() -> None:
    assert list(parse("SELECT 1;")) == []


@pytest.mark.parametrize("name", STATEMENTS)
def test_a_statement_finds_its_rows_by_index(database: sqlite3.Connection, name: str) -> None:
    statement = STATEMENTS[name]
    plan = database.execute(f"EXPLAIN QUERY PLAN {statement}", (None,) * statement.count("?")).fetchall()
    steps = [str(row[3]) for row in plan]
    scanned = {match[1] for step in steps if (match := re.match(r"SCAN (?!CONSTANT)(\w+)", step))}
    assert scanned <= {SCANS_ALLOWED.get(name, "")}
    assert not any("TEMP B-TREE" in step for step in steps)


@pytest.mark.parametrize("name", [name for name in STATEMENTS if name.startswith("remove_")])
def test_what_is_removed_is_found_by_its_whole_key(database: sqlite3.Connection, name: str) -> None:
    """An index by half a key would pass the rows of a whole queue for each row that goes."""
    (table,) = re.findall(r"^DELETE FROM (\w+)", STATEMENTS[name], re.MULTILINE)
    key = [row[1] for row in database.execute(f"PRAGMA table_info({table})") if row[5]]
    plan = str(
        database.execute(f"EXPLAIN QUERY PLAN {STATEMENTS[name]}", (None,) * STATEMENTS[name].count("?")).fetchall()
    )
    searched = re.search(rf"SEARCH {table} USING [\w ]*\(([^)]*)\)", plan)
    assert searched is not None
    assert searched[1].count("=?") == len(key) or name == "remove_doomed_runs"  # of a generation: all of them


@pytest.mark.parametrize("name", ["tasks_due", "first_due"])
def test_due_tasks_are_found_behind_a_place_by_index(database: sqlite3.Connection, name: str) -> None:
    statement = STATEMENTS[name]
    plan = database.execute(f"EXPLAIN QUERY PLAN {statement}", (None,) * statement.count("?")).fetchall()
    assert "task_due" in str(plan)
    assert "schedule_time" in str(plan).split("generation=?")[1]
