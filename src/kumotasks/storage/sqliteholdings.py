"""What a SQLite file and its file of log entries hold, while no server has them."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path

from kumotasks.domain.errors import StorageFull, StorageUnavailable
from kumotasks.storage.holdings import LOG_ENTRIES, NUMBERING
from kumotasks.storage.logfile import LogFile
from kumotasks.storage.operation import Row
from kumotasks.storage.sqlitefile import ENGINE, SqliteFile, unusable
from kumotasks.storage.statements import read_statements
from kumotasks.storage.store import StoreUnusable

_CACHE = 32 * 1024 * 1024  # bytes
_ROWS = 500  # read at a time


class SqliteHoldings:
    """Those of the file `path`, whose log entries are in `logs`."""

    def __init__(self, path: Path, logs: Path) -> None:
        self.shown = str(path)
        self._path = path
        self._logs = logs
        self._file = SqliteFile(path)
        self._statements = read_statements(f"{ENGINE}/holdings")
        self._connection: sqlite3.Connection | None = None

    @asynccontextmanager
    async def opened(self, *, new: bool = False) -> AsyncIterator[None]:
        if not new and not self._path.exists():
            raise StoreUnusable(f"There is no store at {self.shown}.")
        with self._locked(), closing(self._connected()) as connection:
            self._connection = connection
            try:
                connection.execute("BEGIN IMMEDIATE")
                yield
                with self._told():
                    connection.execute("COMMIT")
                    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            finally:
                self._connection = None
                if connection.in_transaction:
                    connection.execute("ROLLBACK")

    async def rows(self, table: str) -> AsyncIterator[Sequence[Row]]:
        with self._told():
            cursor = self._open().execute(self._statements[f"read_{table}"])
            found: list[Row] = cursor.fetchmany(_ROWS)
        while found:
            yield found
            with self._told():
                found = cursor.fetchmany(_ROWS)

    async def add(self, table: str, rows: Sequence[Row]) -> None:
        connection = self._open()
        with self._told():
            if table == LOG_ENTRIES:
                connection.executemany(self._statements["write_log"], {(row[0], row[1]) for row in rows})
                rows = [row[1:] for row in rows]
            elif table == NUMBERING:
                connection.execute(self._statements["clear_numbering"])
            connection.executemany(self._statements[f"write_{table}"], rows)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self._file.open()
        try:
            yield
        finally:
            self._file.close()

    def _connected(self) -> sqlite3.Connection:
        """To both files; that of the log entries is made if it is not there."""
        logs = LogFile(self._logs)
        try:
            logs.run(lambda connection: None)
        except (StorageFull, StorageUnavailable) as failure:
            why = " ".join(str(failure.__cause__).split())
            raise StoreUnusable(f"The log entries at {self._logs} cannot be used: {why}.") from failure
        finally:
            logs.close()
        with self._told():
            connection = self._file.connect(cache_bytes=_CACHE)
            connection.execute("ATTACH DATABASE ? AS logs", (str(self._logs),))
        return connection

    def _open(self) -> sqlite3.Connection:
        assert self._connection is not None, "it is opened first"
        return self._connection

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as failure:
            raise unusable(self._path, failure) from failure
