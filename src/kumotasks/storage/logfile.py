"""The file that log entries lie in, as one thread has it: opened when it is needed, and anew after it was damaged."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from kumotasks.domain.errors import StorageUnavailable
from kumotasks.storage.migrate import latest_version, migrations
from kumotasks.storage.session import as_refusal, result_code

ENGINE = "sqlite/logs"
_APPLICATION = 0x4B756D4C  # "KumL", in the file's header
_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_CACHE_KIB = 2 * 1024
_PRAGMAS = (
    "PRAGMA synchronous = NORMAL",
    "PRAGMA secure_delete = OFF",
    "PRAGMA temp_store = MEMORY",
    f"PRAGMA cache_size = -{_CACHE_KIB}",
)
_OPENING = threading.Lock()

T = TypeVar("T")


class LogFileRefused(Exception):
    """The file is not one of ours; the message is one clause."""


class LogFile:
    """A connection to the file, used by one thread at a time. `opened` is called with each new one."""

    def __init__(
        self,
        path: Path,
        *,
        max_pages: int | None = None,
        opened: Callable[[sqlite3.Connection], None] | None = None,
    ) -> None:
        self._path = path
        self._max_pages = max_pages
        self._opened = opened
        self._connection: sqlite3.Connection | None = None

    def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do work in a transaction. StorageFull, StorageUnavailable: then nothing was changed."""
        try:
            if self._connection is None:
                self._connection = self._open()
            return self._transact(self._connection, work)
        except sqlite3.Error as failure:
            if result_code(failure) in _DAMAGED:
                self.close()
            raise as_refusal(failure) from failure
        except (OSError, LogFileRefused) as failure:
            raise StorageUnavailable from failure

    def _transact(self, connection: sqlite3.Connection, work: Callable[[sqlite3.Connection], T]) -> T:
        connection.execute("BEGIN")
        try:
            done = work(connection)
            connection.execute("COMMIT")
        except BaseException:  # raised on, once the transaction is undone
            with contextlib.suppress(sqlite3.Error):  # SQLite may have rolled back by itself
                connection.execute("ROLLBACK")
            raise
        return done

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(sqlite3.Error):
                connection.close()

    def _open(self) -> sqlite3.Connection:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.touch(mode=0o600)
        connection = sqlite3.connect(self._path, timeout=30.0, isolation_level=None, check_same_thread=False)
        try:
            with _OPENING:  # writer and reader may both come first
                self._prepare(connection)
        except BaseException:  # raised on, once the file is let go
            connection.close()
            raise
        return connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        for pragma in _PRAGMAS:
            connection.execute(pragma)
        if self._max_pages is not None:
            connection.execute(f"PRAGMA max_page_count = {self._max_pages}")
        self._check(connection)
        connection.execute("PRAGMA journal_mode = WAL")
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        for migration in migrations(ENGINE, after=version):
            connection.executescript(
                f"BEGIN IMMEDIATE; {migration.script}; PRAGMA application_id = {_APPLICATION}; "
                f"PRAGMA user_version = {migration.version}; COMMIT"
            )
        if self._opened is not None:
            self._opened(connection)

    def _check(self, connection: sqlite3.Connection) -> None:
        """LogFileRefused where somebody else's tables are, or those of a newer version."""
        application = connection.execute("PRAGMA application_id").fetchone()[0]
        tables = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
        if application != _APPLICATION and (application or tables):
            raise LogFileRefused(f"the file {self._path} does not hold log entries of Kumo Tasks")
        version, known = connection.execute("PRAGMA user_version").fetchone()[0], latest_version(ENGINE)
        if version > known:
            raise LogFileRefused(
                f"the file {self._path} was written by a newer version of Kumo Tasks: "
                f"its schema is {version}, this version knows {known}"
            )
