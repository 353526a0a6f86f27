"""Every statement finds its rows by their keys, whatever PostgreSQL believes of its tables.

It believes what it last counted, and that may be long ago: tables are made with no row, and an autovacuum may come at
that moment. So each statement is planned on tables in every such state.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from kumotasks.storage.postgres.schema import ENGINE
from kumotasks.storage.statements import read_statements
from tests.postgres import postgres

STATEMENTS = read_statements(ENGINE)
MANY = 20_000

# Tables that are read without a key: once for each time that the table stands here.
SCANS_ALLOWED = {
    # A row for each node, queue, log, or attempt that was handed over; once at a start, a pass, or a page of entries.
    "lapsed_nodes": "node",
    "standing": "node node queue queue",
    "homeless_queues": "queue",
    "every_queue": "queue",
    "void_attempts_of": "open_attempt",
    "open_attempts": "open_attempt",
    "delete_older": "log",
    "delete_of_log": "log",
    "bytes_of_logs": "log",
    "entries_onward": "log",
    "entries_backward": "log",
    # Requests that nobody has answered yet.
    "open_runs": "run_request",
    "forget_vain_runs": "run_request",
    # The first rows of an index, as many as it answers or removes.
    "doomed_generation": "doomed",
    "next_expiries": "task task_name retired_queue",
    "oldest_tasks": "task",
    "oldest_attempt": "attempt",
    "oldest_letter": "dead_letter",
    "forget_old_attempts": "attempt",
    "forget_surplus": "attempt",  # the last one
    "forget_record_changes": "record_change",
    "delete_first": "log_entry",
}
# Looked up, or changed, one by one or as a batch.
BY_KEY = {
    "turn",
    "tell",
    *(name for name in STATEMENTS if name.endswith("_each")),
    *("task_is_there", "task_by_id", "name_rest", "retired_until", "dead_letter", "record"),
    *("queue_by_name", "queue_by_number", "current_generation", "guard_queue", "guard_queues"),
}
# Change every row of a node or of a generation, or pass those of a kind of records, which are few and seldom change.
MANY_CHANGED = {
    *("remove_record", "forget_records"),
    *("lapsed_nodes", "void_homes_of", "void_attempts_of", "remove_doomed_runs", "forget_vain_runs"),
}

# By which indexes the task path goes, and never by a sort.
HOT = {
    "turn": {"task_pkey", "queue_guard", "queue_pkey", "queue_of_home"},
    "end_task": {"task_pkey"},
    "end_task_each": {"task_pkey"},
    "retry_task": {"task_pkey"},
    "retry_task_each": {"task_pkey"},
    "note_progress_each": {"task_pkey"},
    "task_by_id": {"task_pkey"},
    "tasks_by_id": {"task_pkey"},
    "doomed_tasks": {"task_pkey"},
    "remove_doomed_task_each": {"task_pkey"},
    "tasks_due": {"task_due"},
    "first_due": {"task_due"},
    "oldest_tasks": {"task_created", "queue_guard", "queue_pkey"},
    "rest_name_each": {"task_name_pkey"},
    "add_attempt_each": set(),
}

FILL = """
    SELECT 'INSERT INTO ' || relname || ' (' || string_agg(quote_ident(attname), ', ') || ') SELECT '
        || string_agg(CASE
            WHEN attname IN ('queue', 'log') THEN 'i % 100'
            WHEN attname = 'generation' THEN '0'
            WHEN attname = 'kind' THEN '''x'' || i % 10'
            WHEN NOT attnotnull THEN 'CASE WHEN i % 2 = 0 THEN ' || filled || ' END'
            ELSE filled END, ', ')
        || ' FROM generate_series(1, $1) AS i ON CONFLICT DO NOTHING'
    FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid, LATERAL (SELECT CASE atttypid
        WHEN 'text'::regtype THEN '''x'' || i'
        WHEN 'bytea'::regtype THEN '''x''::bytea'
        WHEN 'boolean'::regtype THEN 'i % 2 = 0'
        WHEN 'smallint'::regtype THEN '1'
        ELSE 'i' END AS filled) AS by_type
    WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND attnum > 0 AND attidentity = ''
        AND relname <> 'kumo_meta'
    GROUP BY relname"""
KEYS = """
    SELECT indrelid::regclass::text, string_agg(attname, ' ') FROM pg_index
    JOIN pg_attribute ON attrelid = indrelid AND attnum = ANY (indkey)
    WHERE indisunique AND indpred IS NULL AND indrelid::regclass::text !~ '^pg_' GROUP BY indexrelid, indrelid
    UNION SELECT attrelid::regclass::text, attname FROM pg_attribute WHERE attidentity <> ''"""
LEADING = """
    SELECT relname, attname FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
    JOIN pg_attribute ON attrelid = indrelid AND attnum = indkey[0]"""
TABLES = """
    SELECT relname FROM pg_class
    WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND relname <> 'kumo_meta'"""


def fill(database: str, rows: int) -> list[str]:
    """The statements that put this many rows into every table, or as many as there are keys."""
    return [row[0].replace("$1", str(rows)) for row in postgres().fetch(FILL, database)]


def empty(database: str) -> list[str]:
    return [f"DELETE FROM {row[0]}" for row in postgres().fetch(TABLES, database)]


@dataclass(frozen=True, slots=True)
class Tables:
    """What was done to them, and how each statement is carried out then."""

    plans: Mapping[str, list[dict[str, Any]]]
    keys: Mapping[str, list[set[str]]]  # of each table
    leading: Mapping[str, str]  # the first column of each index

    def scans(self, name: str) -> list[dict[str, Any]]:
        return [step for step in self.plans[name] if step["Node Type"].endswith("Scan") and "Relation Name" in step]

    def by_whole_key(self, scan: dict[str, Any]) -> bool:
        return any(key <= sought(scan) for key in self.keys[scan["Relation Name"]])


def sought(scan: dict[str, Any]) -> set[str]:
    """The columns that an index is searched by: what stands on the left in each part of its condition."""
    sides = re.findall(r"\((?:ROW\()?([\w\", ]+?)\)? (?:=|[<>]=?) ", scan.get("Index Cond", ""))
    return {column.strip('"') for side in sides for column in side.split(", ")}


STATES: Mapping[str, Sequence[str | int]] = {
    "never counted": (),
    "counted while empty": ("VACUUM (ANALYZE)",),
    "counted while empty, then grown": ("VACUUM (ANALYZE)", MANY),
    "counted with one row": (1, "VACUUM (ANALYZE)"),
    "counted with one row, then grown": (1, "VACUUM (ANALYZE)", MANY),
    "counted with many rows": (MANY, "VACUUM (ANALYZE)"),
    "counted with many rows, then emptied": (MANY, "VACUUM (ANALYZE)", 0),
    "counted after rows had come and gone": (MANY, 0, "VACUUM (ANALYZE)"),
    "counted, not vacuumed, after rows had come and gone": (MANY, 0, "ANALYZE"),
}


@pytest.fixture(scope="module", params=STATES)
def tables(request: pytest.FixtureRequest) -> Iterator[Tables]:
    database = postgres().new_database()
    for step in STATES[request.param]:
        done = [step] if isinstance(step, str) else fill(database, step) if step else empty(database)
        postgres().execute(*done, database=database)
    keys: dict[str, list[set[str]]] = {}
    for table, columns in postgres().fetch(KEYS, database):
        keys.setdefault(table, []).append(set(columns.split()))
    leading = dict(postgres().fetch(LEADING, database))
    yield Tables(postgres().plans(STATEMENTS, database), keys, leading)
    postgres().remove(database)


def test_each_table_is_read_by_an_index_and_its_first_column(tables: Tables) -> None:
    flaws = {}
    for name in STATEMENTS:
        whole = [
            scan["Relation Name"]
            for scan in tables.scans(name)
            if tables.leading.get(scan.get("Index Name", "")) not in sought(scan)
        ]
        if not Counter(whole) <= Counter(SCANS_ALLOWED.get(name, "").split()):
            flaws[name] = whole
    assert flaws == {}


def test_what_is_looked_up_is_found_by_its_whole_key(tables: Tables) -> None:
    """By half of it, the rows of a whole queue would be read for each."""
    assert [(name, scan) for name in BY_KEY for scan in tables.scans(name) if not tables.by_whole_key(scan)] == []


def test_what_is_changed_is_found_by_its_whole_key(tables: Tables) -> None:
    flaws = []
    for name in STATEMENTS.keys() - MANY_CHANGED:
        changed = {step["Alias"] for step in tables.plans[name] if step["Node Type"] == "ModifyTable"}
        found = [scan for scan in tables.scans(name) if scan["Alias"] in changed]
        flaws += [(name, scan) for scan in found if not tables.by_whole_key(scan)]
    assert flaws == []


def test_the_task_path_goes_by_its_own_indexes_and_sorts_nothing(tables: Tables) -> None:
    for name, indexes in HOT.items():
        assert {scan.get("Index Name") for scan in tables.scans(name)} <= indexes, name
        assert not [step for step in tables.plans[name] if "Sort" in step["Node Type"]], name


def test_nothing_is_spread_over_several_processes(tables: Tables) -> None:
    assert [name for name in STATEMENTS if any("Gather" in step["Node Type"] for step in tables.plans[name])] == []


def test_only_statements_that_exist_have_rules() -> None:
    assert SCANS_ALLOWED.keys() | MANY_CHANGED | BY_KEY <= STATEMENTS.keys()
