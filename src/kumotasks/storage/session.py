"""A SQLite connection that knows its statements by name and drives operations on them."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import TypeVar

from kumotasks.domain.errors import StorageFull, StorageUnavailable
from kumotasks.storage.operation import AskEach, Asked, Done, Operation, Row, Rows, SeekEach, weight
from kumotasks.storage.rows import RowDamaged

T = TypeVar("T")

# What a statement can fail with: the disk, the file, or a row that is not ours.
FAILURES = (sqlite3.Error, RowDamaged)
_PRIMARY = 0xFF  # the last byte of an extended result code


def as_refusal(failure: Exception) -> StorageFull | StorageUnavailable:
    """The domain's word for a failure of the store."""
    if isinstance(failure, sqlite3.Error) and result_code(failure) == sqlite3.SQLITE_FULL:
        return StorageFull()
    return StorageUnavailable()


def result_code(failure: sqlite3.Error) -> int:
    """SQLite's primary result code; 0 where Python itself refused."""
    return getattr(failure, "sqlite_errorcode", 0) & _PRIMARY


class Session:
    """One connection, used by one thread at a time."""

    def __init__(self, connection: sqlite3.Connection, statements: Mapping[str, str]) -> None:
        self.connection = connection
        self.statements = statements

    def close(self) -> None:
        self.connection.close()

    def drive(self, operation: Operation[T]) -> Done[T]:
        """Run an operation inside the transaction that is open."""
        try:
            ask = next(operation)
            while True:
                ask = operation.send(self._answer(ask))
        except StopIteration as end:
            done: Done[T] = end.value
            return done

    def read(self, operation: Operation[T]) -> T:
        """Run an operation that only reads, on one state of the store."""
        self.connection.execute("BEGIN")
        try:
            return self.drive(operation).value
        finally:
            self.connection.execute("COMMIT")

    def _answer(self, ask: Asked) -> Rows:
        statement = self.statements[ask.statement]
        if isinstance(ask, AskEach):
            return [(self.connection.executemany(statement, ask.parameters).rowcount,)]
        if isinstance(ask, SeekEach):
            return [row for each in ask.parameters for row in self.connection.execute(statement, each)]
        cursor = self.connection.execute(statement, ask.parameters)
        if cursor.description is None:
            return [(cursor.rowcount,)]
        return cursor.fetchall() if ask.max_bytes is None else _up_to(cursor, ask.max_bytes)


def _up_to(cursor: sqlite3.Cursor, max_bytes: int) -> Rows:
    """The rows whose weight together stays within `max_bytes`, but one at least."""
    rows: list[Row] = []
    left = max_bytes
    for row in cursor:
        left -= weight(row)
        if left < 0 and rows:
            break
        rows.append(row)
    cursor.close()
    return rows
