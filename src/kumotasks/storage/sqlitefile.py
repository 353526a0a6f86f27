"""The file that a SQLite store is: found to be ours, locked, made or brought up to date, and connected to.

Whatever stands in the way is one sentence in StoreUnusable, and then the file is as it was: it is looked at before
anything is opened for writing. A new store is made under another name and renamed when it is whole.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from contextlib import ExitStack
from pathlib import Path

from kumotasks.storage.migrate import latest_version, migrations
from kumotasks.storage.store import StoreUnusable

ENGINE = "sqlite"
_APPLICATION = 0x4B756D6F  # "Kumo", in the file's header
_MAGIC = b"SQLite format 3\0"
_HEADER = 100
_USER_VERSION = slice(60, 64)
_APPLICATION_ID = slice(68, 72)
_CHECKED_WHOLE = 64 * 1024 * 1024  # bytes: checking a larger file would be felt at start

_DAMAGED_CODES = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)

# synchronous=FULL: a commit is on the disk when it is answered; fullfsync is what that takes on macOS.
# Checkpoints are made elsewhere. What is deleted need not be overwritten with zeros, as Debian's build would.
_PRAGMAS = (
    "PRAGMA synchronous = FULL",
    "PRAGMA fullfsync = ON",
    "PRAGMA checkpoint_fullfsync = ON",
    "PRAGMA wal_autocheckpoint = 0",
    "PRAGMA secure_delete = OFF",
    "PRAGMA temp_store = MEMORY",
)


class SqliteFile:
    """`open` it once; connections are the caller's to close, the lock goes with `close`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: int | None = None

    def open(self) -> None:
        """StoreUnusable if the file is not ours to use."""
        try:
            self._open()
        except OSError as error:
            self.close()
            raise StoreUnusable(f"The store at {self.path} cannot be used: {error.strerror}.") from error
        except sqlite3.Error as error:
            self.close()
            raise unusable(self.path, error) from error
        except StoreUnusable:
            self.close()
            raise

    def close(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def connect(self, *, cache_bytes: int, max_pages: int | None = None) -> sqlite3.Connection:
        """A connection in WAL mode, in autocommit, for one thread at a time."""
        connection = sqlite3.connect(
            self.path, timeout=30.0, isolation_level=None, check_same_thread=False, cached_statements=256
        )
        for pragma in (*_PRAGMAS, f"PRAGMA cache_size = -{cache_bytes // 1024}"):
            connection.execute(pragma)
        if max_pages is not None:
            connection.execute(f"PRAGMA max_page_count = {max_pages}")
        return connection

    def connect_to_read(self) -> sqlite3.Connection:
        """A connection that only reads, for one thread at a time, also while a server uses the file: nothing is locked,
        made or brought up to date. StoreUnusable."""
        try:
            if not self._check_header():
                raise StoreUnusable(f"There is no store at {self.path}.")
            where = f"{self.path.absolute().as_uri()}?mode=ro"
            connection = sqlite3.connect(where, uri=True, timeout=30.0, isolation_level=None, check_same_thread=False)
            with ExitStack() as undo:
                undo.callback(connection.close)
                self._check_readable(connection.execute("PRAGMA user_version").fetchone()[0])
                undo.pop_all()
        except OSError as error:
            raise StoreUnusable(f"The store at {self.path} cannot be used: {error.strerror}.") from error
        except sqlite3.Error as error:
            raise unusable(self.path, error) from error
        return connection

    def _check_readable(self, version: int) -> None:
        self._check_version(version)
        if version < latest_version(ENGINE):
            told = "is of an older version of Kumo Tasks: start its server first."
            raise StoreUnusable(f"The store at {self.path} {told}")

    def _open(self) -> None:
        self._check_header()
        self.path.parent.mkdir(0o700, parents=True, exist_ok=True)
        self._take_lock()
        if self._check_header():
            self._check_content()
        else:
            self._create()
        self._migrate()

    def _check_header(self) -> bool:
        """Whether there is a file, which then is ours and of no newer version."""
        try:
            with self.path.open("rb") as file:
                header = file.read(_HEADER)
        except FileNotFoundError:
            return False
        if not header:
            return False
        if header[: len(_MAGIC)] != _MAGIC or int.from_bytes(header[_APPLICATION_ID], "big") != _APPLICATION:
            raise StoreUnusable(f"The file {self.path} is not a store of Kumo Tasks.")
        self._check_version(int.from_bytes(header[_USER_VERSION], "big"))
        return True

    def _check_version(self, version: int) -> None:
        known = latest_version(ENGINE)
        if version > known:
            raise StoreUnusable(
                f"The store at {self.path} was written by a newer version of Kumo Tasks: "
                f"its schema is {version}, this version knows {known}."
            )

    def _take_lock(self) -> None:
        self._lock = os.open(f"{self.path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StoreUnusable(f"Another server is using the store at {self.path}.") from None

    def _check_content(self) -> None:
        """Look into the file without touching it, and into its log, if a crash has left one."""
        log, index = self._beside("-wal"), self._beside("-shm")
        had_index = index.exists()
        how = "mode=ro" if log.exists() else "mode=ro&immutable=1"
        connection = sqlite3.connect(f"{self.path.absolute().as_uri()}?{how}", uri=True)
        try:
            self._check_version(connection.execute("PRAGMA user_version").fetchone()[0])
            if self.path.stat().st_size <= _CHECKED_WHOLE:
                _check_pages(connection)
        finally:
            connection.close()
            if not had_index:
                index.unlink(missing_ok=True)

    def _create(self) -> None:
        if self._beside("-wal").exists():
            raise StoreUnusable(f"The store at {self.path} is missing, though its log {self.path}-wal is there.")
        new = self._beside(".new")
        for leftover in (new, self._beside(".new-journal")):
            leftover.unlink(missing_ok=True)
        new.touch(mode=0o600)
        connection = sqlite3.connect(new, isolation_level=None)
        try:
            connection.execute("PRAGMA synchronous = OFF")  # what a crash leaves of it is made anew
            connection.execute(f"PRAGMA application_id = {_APPLICATION}")
            _apply_migrations(connection)
            connection.execute("PRAGMA journal_mode = WAL")
        finally:
            connection.close()
        _sync(new)
        new.replace(self.path)
        _sync(self.path.parent)

    def _migrate(self) -> None:
        connection = self.connect(cache_bytes=1024 * 1024)
        try:
            mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
            if mode != "wal":
                raise StoreUnusable(f"The file system of {self.path} cannot keep a write-ahead log.")
            _apply_migrations(connection)
        finally:
            connection.close()

    def _beside(self, suffix: str) -> Path:
        return self.path.with_name(self.path.name + suffix)


def unusable(path: Path, flaw: Exception) -> StoreUnusable:
    """What is said of a file in which something is wrong."""
    damaged = isinstance(flaw, _Damaged) or getattr(flaw, "sqlite_errorcode", 0) & 0xFF in _DAMAGED_CODES
    what = "is damaged" if damaged else "cannot be used"
    return StoreUnusable(f"The store at {path} {what}: {' '.join(str(flaw).split())}.")


class _Damaged(sqlite3.DatabaseError):
    """A page contradicts another."""


def _check_pages(connection: sqlite3.Connection) -> None:
    found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if found != "ok":
        raise _Damaged(found)


def _apply_migrations(connection: sqlite3.Connection) -> None:
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    for migration in migrations(ENGINE, after=version):
        connection.executescript(
            f"BEGIN IMMEDIATE; {migration.script}; PRAGMA user_version = {migration.version}; COMMIT"
        )


def _sync(path: Path) -> None:
    """Onto the disk: what a file holds, or which names a folder has."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
