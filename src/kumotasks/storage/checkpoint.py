"""Moves committed pages from SQLite's log into its file, on a thread and a connection of its own.

A checkpoint on the writer would be seen as latency of creation. Two rules keep it safe and the log bounded.

A checkpoint is begun only when a transaction that began after the last one ended has been committed. Then the log holds
pages that are not in the file yet, and no commit can reset the log under the checkpoint's first steps. SQLite before
3.51.3 has a race exactly there (sqlite.org/wal.html, "The WAL-Reset Bug") that can lose committed pages; in this order
it cannot happen on any version.

Under steady load the log would never be reset, for some page always came meanwhile. Once it is long, the writer lets it
begin anew between two batches; by then nearly all of it is in the file. It does not wait for whoever reads from the log
at that moment: a slow read would be seen as latency of creation, and the next checkpoint brings the next try. The log
then keeps its room on the disk: a commit that need not make its file longer is a third faster, and on a full disk that
room is all there is.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import Executor

EVERY = 1_024  # pages, 4 MiB
LONG = 4_096  # pages, 16 MiB
_TOO_LONG = 4  # times as long: more room than the log should keep


@contextlib.contextmanager
def impatient(connection: sqlite3.Connection) -> Iterator[None]:
    """Within, the connection gives up at once where it would wait for another one's lock."""
    (patience,) = connection.execute("PRAGMA busy_timeout").fetchone()
    connection.execute("PRAGMA busy_timeout = 0")
    try:
        yield
    finally:
        connection.execute(f"PRAGMA busy_timeout = {patience}")


class Checkpointer:
    """`wrote`, `is_long` and `reset_log` are the writer's; the rest runs on the thread."""

    def __init__(
        self, connection: sqlite3.Connection, thread: Executor, *, every: int = EVERY, long: int = LONG
    ) -> None:
        self._connection = connection
        self._thread = thread
        self._every = every
        self._long = long
        self._lock = threading.Lock()
        self._running = False
        self._written = 0
        self._length = 0
        self.ended = 0
        self.is_long = False

    def wrote(self, pages: int, since: int) -> None:
        """A transaction that began when `since` checkpoints had ended has written about so many pages, not none."""
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
            self._end(pages)

    def _end(self, length: int) -> None:
        self.ended += 1
        self._written = 0
        self._length = length
        self.is_long = length > self._long

    def reset_log(self, writer: sqlite3.Connection) -> None:
        """Let the log begin anew; on the writer, between two transactions."""
        with self._lock:
            if self._running:
                return
            how = "TRUNCATE" if self._length > _TOO_LONG * self._long else "RESTART"
            with contextlib.suppress(sqlite3.Error), impatient(writer):
                writer.execute(f"PRAGMA wal_checkpoint({how})").fetchone()
            self._end(0)

    def stop(self) -> None:
        """After the writer: move everything into the file."""
        self._thread.shutdown()
        with contextlib.suppress(sqlite3.Error):
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        self._connection.close()
