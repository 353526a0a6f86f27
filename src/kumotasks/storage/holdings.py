"""All that a store holds while no server uses it: read whole, copied into another store, counted.

A copy is one transaction at its target and is read back before that ends: each table must have the very rows that were
read, or nothing stays. How an engine reads and writes them is unknown here, and so is what they mean.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from kumotasks.storage.operation import Row
from kumotasks.storage.store import StoreUnusable

# In the order in which they are written; each with what a person calls its rows. How far queue numbers have been given
# is no row of anybody's, but a number given twice would bring back what a deleted queue has left behind.
NUMBERING, RECORDS, LOG_ENTRIES = "numbering", "record", "log_entry"
TABLES: Mapping[str, str] = {
    NUMBERING: "queue numbering",
    "queue": "queues",
    "retired_queue": "names of deleted queues",
    "task": "tasks",
    "task_name": "names of tasks",
    "doomed": "purges under way",
    "run_request": "run requests",
    RECORDS: "records",
    "attempt": "attempts",
    "dead_letter": "dead letters",
    LOG_ENTRIES: "log entries",
}


class Holdings(Protocol):
    """One store's. `shown` is where it is, without a password."""

    shown: str

    def opened(self, *, new: bool = False) -> AbstractAsyncContextManager[None]:
        """In a transaction that ends with the block, well or not at all; `new` allows that no store is there yet. No
        server can use it meanwhile. StoreUnusable."""

    def rows(self, table: str) -> AsyncIterator[Sequence[Row]]:
        """Every row of a table, some at a time. StoreUnusable."""

    async def add(self, table: str, rows: Sequence[Row]) -> None:
        """StoreUnusable."""


@dataclass(slots=True)
class Tally:
    """How many rows, and a number that stands for what is in them, whatever their order."""

    count: int = 0
    sum: int = 0

    def take(self, rows: Sequence[Row]) -> None:
        self.count += len(rows)
        for row in rows:
            self.sum += int.from_bytes(hashlib.blake2b(repr(row).encode(), digest_size=16).digest(), "big")

    @property
    def digest(self) -> str:
        """The same for two stores that hold the same; short enough to compare by eye."""
        return f"{self.sum % (1 << 64):016x}"


async def tallied(holdings: Holdings) -> dict[str, Tally]:
    """Every table of an opened store, read whole."""
    found: dict[str, Tally] = {}
    for table in TABLES:
        tally = found[table] = Tally()
        async for rows in holdings.rows(table):
            tally.take(rows)
    return found


async def copied(source: Holdings, target: Holdings, *, without: frozenset[str] = frozenset()) -> dict[str, Tally]:
    """Put all of `source` into `target`, save records of the kinds `without`; both are opened. StoreUnusable, and then
    nothing must stay of it."""
    if await _present(source) is None:
        raise StoreUnusable(f"The store at {source.shown} holds nothing.")
    if (present := await _present(target)) is not None:
        raise StoreUnusable(f"The store at {target.shown} is not empty, it has {present}: copy into a new one.")
    taken: dict[str, Tally] = {}
    for table in TABLES:
        tally = taken[table] = Tally()
        async for found in source.rows(table):
            rows = [row for row in found if row[0] not in without] if table == RECORDS and without else found
            if rows:
                await target.add(table, rows)
                tally.take(rows)
    kept = await tallied(target)
    for table, word in TABLES.items():
        if kept[table] != taken[table]:
            raise StoreUnusable(
                f"The {word} at {target.shown} are not those at {source.shown} "
                f"({kept[table].count} of {taken[table].count}): nothing was copied."
            )
    return taken


async def _present(holdings: Holdings) -> str | None:
    """What people call the first rows that are found; None in an empty store."""
    for table, word in TABLES.items():
        if table != NUMBERING:
            async for _ in holdings.rows(table):
                return word
    return None
