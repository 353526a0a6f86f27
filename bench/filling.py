"""A store with millions of waiting tasks, in minutes: one real task, copied by SQL while no server has the file."""

from __future__ import annotations

import sqlite3
from pathlib import Path

BLOCK = 500_000
FAR = 20 * 24 * 3600 * 1_000_000  # microseconds within which the copies are due; the first of them in ten days

# Ids rise with time, so the copies come before the task they are made of. 7919 is a prime: they are due in no order.
COPY = """
WITH RECURSIVE copy (number) AS (SELECT :first UNION ALL SELECT number + 1 FROM copy WHERE number + 1 < :behind)
INSERT INTO task (queue, generation, id, serial, schedule_time, create_time, named, definition)
SELECT queue, generation, CAST(CAST(id AS INTEGER) - :count + number AS TEXT), serial - :count + number,
    create_time + :far / 2 + (number * 7919 % :count) * (:far / 2 / :count), create_time, named, definition
FROM copy, (SELECT * FROM task LIMIT 1)
"""


def fill(store: Path, count: int) -> None:
    """Make `count` copies of the one task that is in the store."""
    connection = sqlite3.connect(store / "kumo.db", isolation_level=None)
    try:
        connection.execute("PRAGMA synchronous = OFF")
        for first in range(0, count, BLOCK):
            behind = min(first + BLOCK, count)
            connection.execute(COPY, {"first": first, "behind": behind, "count": count, "far": FAR})
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        connection.close()
