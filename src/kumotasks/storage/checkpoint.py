"""Moves committed pages from SQLite's log into its file, on a thread and a connection of its own.

A checkpoint on the writer would be seen as latency of creation. Two rules keep it safe and the log bounded.

A checkpoint is begun only when a transaction that began after the last one ended has been committed. Then the log holds
pages that are not in the file yet, and no commit can reset the log under the checkpoint's first steps. SQLite before
3.51.3 has a race exactly there (sqlite.org/wal.html, "The WAL-Reset Bug") that can lose committed pages; in this order
it cannot happen on any version.

Under steady load the log is never reset, for some page always came meanwhile. Once it is long, the writer shortens it
between two batches; by then nearly all of it is in the file.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor

EVERY = 1_024  # pages, 4 MiB
LONG = 65_536  # pages, 256 MiB


class Checkpointer:
    """`wrote`, `is_long`, `shorten` and `reuse_log` are the writer's; the rest runs on the thread."""

    def __init__(self, connection: sqlite3.Connection, *, every: int = EVERY, long: int = LONG) -> None:
        self._connection = connection
        self._every = every
        self._long = long
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="kumo-checkpoint")
        self._lock = threading.Lock()
        self._running = False
        self._written = 0
        self.ended = 0
        self.is_long = False

    def wrote(self, pages: int, since: int) -> None:
        """A transaction that began when `since` checkpoints had ended has written about so many pages."""
        with self._lock:
            if self._running or since != self.ended:
                return
            self._written += pages
            if self._written < self._every:
                return
            self._running = True
        self._thread.submit(self._copy)

    def _copy(self) -> None:
        pages = 0
        # What fails here, a full disk, fails at a commit next, where somebody is told.
        with contextlib.suppress(sqlite3.Error):
            _, pages, _ = self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        with self._lock:
            self._running = False
            self._end()
            self.is_long = pages > self._long

    def _end(self) -> None:
        self.ended += 1
        self._written = 0

    def shorten(self, writer: sqlite3.Connection) -> None:
        """Empty the log; on the writer, between two transactions."""
        self._reset_log(writer, "TRUNCATE")

    def reuse_log(self, writer: sqlite3.Connection) -> None:
        """Let the log begin anew in the room it has: on a full disk that is all there is."""
        self._reset_log(writer, "RESTART")

    def _reset_log(self, writer: sqlite3.Connection, how: str) -> None:
        with self._lock:
            if self._running:
                return
            with contextlib.suppress(sqlite3.Error):
                writer.execute(f"PRAGMA wal_checkpoint({how})").fetchone()
            self._end()
            self.is_long = False

    def stop(self) -> None:
        """After the writer: move everything into the file."""
        self._thread.shutdown()
        with contextlib.suppress(sqlite3.Error):
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        self._connection.close()
