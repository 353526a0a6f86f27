"""Rows that a transaction has collected, written with few statements each: the hot path of SQLite.

Each row is expected to take effect; if one does not, nobody can say which, and the caller is told of a surprise.
"""

from __future__ import annotations

import sqlite3
from functools import cache

from kumotasks.storage.operation import Row, Value
from kumotasks.storage.session import Session

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
    """Collects by kind; `write` empties it."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._added: list[Value] = []  # flat: the columns of one task after those of another
        self._columns = 1
        self._retried: list[Row] = []
        self._ended: list[Row] = []
        self._rested: list[Row] = []
        self._answered: list[Row] = []

    def add(self, row: Row) -> None:
        """The columns of `add_task`."""
        self._columns = len(row)
        self._added += row

    def retry(self, row: Row) -> None:
        """The parameters of `retry_task`."""
        self._retried.append(row)

    def end(self, key: Row) -> None:
        """The parameters of `end_task`."""
        self._ended.append(key)

    def rest(self, row: Row) -> None:
        """The parameters of `rest_name`."""
        self._rested.append(row)

    def answer_run(self, key: Row) -> None:
        """The parameters of `answer_run`; there may be no such run."""
        self._answered.append(key)

    def write(self) -> None:
        """What makes room goes first. Surprised if a row had no effect."""
        self._each("end_task", self._ended)
        self._each("rest_name", self._rested)
        self._each("answer_run", self._answered, surely=False)
        self._each("retry_task", self._retried)
        if self._added:
            self._insert()

    def _insert(self) -> None:
        insert = self._session.statements["add_task"]
        execute = self._session.connection.execute
        begin, end = 0, len(self._added)
        try:
            for rows in _CHUNKS:
                step = rows * self._columns
                while begin + step <= end:
                    execute(_for_rows(insert, rows), self._added[begin : begin + step])
                    begin += step
        except sqlite3.IntegrityError as taken:
            raise Surprised from taken
        self._added.clear()

    def _each(self, statement: str, rows: list[Row], *, surely: bool = True) -> None:
        if not rows:
            return
        changed = self._session.connection.executemany(self._session.statements[statement], rows).rowcount
        if surely and changed != len(rows):
            raise Surprised
        rows.clear()
