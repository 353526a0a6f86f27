"""Rows that a transaction has collected, written with few statements each: the hot path of SQLite.

Each row is expected to take effect; if one does not, nobody can say which, and the caller is told of a surprise.
"""

from __future__ import annotations

import sqlite3
from functools import cache

from kumotasks.domain.task import Task
from kumotasks.storage.operation import Row
from kumotasks.storage.remains import surplus_row
from kumotasks.storage.session import Session
from kumotasks.storage.settled import Settled
from kumotasks.storage.store import StoredQueue

# A statement per row costs a switch of threads per row: up to this many go in one, what is left over in smaller ones.
_CHUNKS = (64, 16, 4, 1)


class Surprised(Exception):
    """A row did not take effect; the transaction must be rolled back and its jobs run one by one."""


@cache
def _for_rows(insert: str, count: int) -> str:
    """An INSERT of one row, of its last line `VALUES (…)`, as one of `count` rows."""
    head, _, values = insert.rpartition("VALUES ")
    return f"{head}VALUES {', '.join([values] * count)}"


class Bulk:
    """Rows, to be added to; `write` empties it."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.settled = Settled()
        self.added: list[int | str | bytearray] = []  # flat: all columns of one task after those of another

    def add(self, stored: StoredQueue, task: Task, definition: bytes) -> None:
        """A task that no attempt was made on yet."""
        # For each value that is no int, float, str or bytearray, sqlite3 looks for an adapter: a microsecond, in vain.
        self.added += (
            stored.number,
            stored.generation,
            task.name.task,
            task.serial,
            task.schedule_time,
            task.create_time,
            int(task.named),
            bytearray(definition),
        )

    def write(self) -> None:
        """What makes room goes first. Surprised if a row had no effect."""
        settled = self.settled
        self._each("end_task", settled.ended)
        self._each("rest_name", settled.rested)
        self._each("answer_run", settled.answered, surely=False)  # a run's request may be gone
        self._each("retry_task", settled.retried)
        if settled.buried:
            self._each("add_dead_letter", settled.buried, surely=False)
        if settled.remembered:
            self._remember(settled)
        if self.added:
            self._insert()

    def _remember(self, settled: Settled) -> None:
        surplus = [surplus_row(len(settled.remembered))]
        self._each("forget_attempt", settled.outlived, surely=False)
        self._each("add_attempt", settled.remembered, surely=False)
        self._each("forget_surplus", surplus, surely=False)

    def _insert(self) -> None:
        insert = self._session.statements["add_fresh_task"]
        execute = self._session.connection.execute
        columns = insert.count("?")
        begin, end = 0, len(self.added)
        try:
            for rows in _CHUNKS:
                step = rows * columns
                while begin + step <= end:
                    execute(_for_rows(insert, rows), self.added[begin : begin + step])
                    begin += step
        except sqlite3.IntegrityError as taken:
            raise Surprised from taken
        self.added.clear()

    def _each(self, statement: str, rows: list[Row], *, surely: bool = True) -> None:
        if not rows:
            return
        changed = self._session.connection.executemany(self._session.statements[statement], rows).rowcount
        if surely and changed != len(rows):
            raise Surprised
        rows.clear()
