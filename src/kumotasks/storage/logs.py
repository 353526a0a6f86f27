"""Log entries in a SQLite file of their own, so that nothing that goes wrong with them reaches the tasks.

A commit is not synced: `kill -9` costs nothing that was appended, a power cut the last moments, and neither the file.
One thread writes, one reads. A file that cannot be opened, or has turned out damaged, is tried anew with the next call;
until then each call says StorageUnavailable, with SQLite's words as its cause. What entries mean is unknown here.
"""

from __future__ import annotations

import asyncio
import heapq
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from operator import attrgetter
from pathlib import Path
from typing import Protocol, TypeVar

from kumotasks.domain.log_row import LogRow, Place, Stretch
from kumotasks.storage.logfile import ENGINE, LogFile
from kumotasks.storage.statements import read_statements

_PASS = 1_000  # rows removed in one transaction
_ANSWER_BYTES = 4 * 1024 * 1024  # of content in one answer
_LAST_ID = "\U0010ffff"  # sorts behind every insert id

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], T]


class Shelf(Protocol):
    """Where log entries are kept. Every call may raise StorageFull or StorageUnavailable; instants in microseconds."""

    async def start(self) -> None: ...
    async def stop(self) -> None: ...
    async def append(self, rows: Sequence[LogRow]) -> None:
        """Keep rows; of two of one log, timestamp and insert id the first stays."""

    async def scan(self, stretch: Stretch) -> tuple[list[LogRow], bool]:
        """The next rows of a stretch, and whether there are more behind them."""

    async def names(self, project: str) -> list[str]:
        """The logs of a project that have rows, sorted."""

    async def delete(self, log_name: str) -> bool:
        """Remove some rows of a log; whether there are more."""

    async def prune(self, *, before: int, max_bytes: int) -> bool:
        """Remove some rows of before that instant, or, while all take up more than `max_bytes`, of those that came
        first; whether there are more to remove."""


class SqliteShelf:
    """The Shelf in the file `path`; `max_pages` bounds the file, in pages of 4 KiB."""

    def __init__(self, path: Path, *, max_pages: int | None = None) -> None:
        self._statements: Mapping[str, str] = read_statements(ENGINE)
        self._logs: dict[str, int] = {}  # as committed
        self._writing = LogFile(path, max_pages=max_pages, opened=self._read_logs)
        self._reading = LogFile(path)
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="kumo-log-writer")
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="kumo-log-reader")

    async def start(self) -> None:
        """Open the file, or make it."""
        await self._write(lambda connection: None)

    async def stop(self) -> None:
        await asyncio.to_thread(self._stop)

    def _stop(self) -> None:
        for thread, file in ((self._reader, self._reading), (self._writer, self._writing)):
            thread.shutdown()
            file.close()

    async def append(self, rows: Sequence[LogRow]) -> None:
        await asyncio.get_running_loop().run_in_executor(self._writer, self._append, rows)

    async def scan(self, stretch: Stretch) -> tuple[list[LogRow], bool]:
        return await self._read(lambda connection: self._scan(connection, stretch))

    async def names(self, project: str) -> list[str]:
        statement = self._statements["logs_of_project"]
        return await self._read(lambda connection: [name for (name,) in connection.execute(statement, (project,))])

    async def delete(self, log_name: str) -> bool:
        return await self._write(lambda connection: self._delete(connection, log_name))

    async def prune(self, *, before: int, max_bytes: int) -> bool:
        return await self._write(lambda connection: self._prune(connection, before, max_bytes))

    async def _write(self, work: Work[T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._writer, self._writing.run, work)

    async def _read(self, work: Work[T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._reader, self._reading.run, work)

    # on the writer's thread

    def _read_logs(self, connection: sqlite3.Connection) -> None:
        self._logs = {name: number for number, _, name in connection.execute(self._statements["every_log"])}

    def _append(self, rows: Sequence[LogRow]) -> None:
        self._logs = self._writing.run(lambda connection: self._insert(connection, rows))

    def _insert(self, connection: sqlite3.Connection, rows: Sequence[LogRow]) -> dict[str, int]:
        """The logs there are once this is committed."""
        logs = self._logs
        new = {row.log_name: row.project for row in rows if row.log_name not in logs}
        if new:
            add = self._statements["add_log"]
            added = {name: connection.execute(add, (project, name)).lastrowid for name, project in new.items()}
            logs = {**logs, **{name: number for name, number in added.items() if number is not None}}
        connection.executemany(
            self._statements["add_entry"],
            [(logs[row.log_name], row.timestamp, row.insert_id, row.severity, row.content) for row in rows],
        )
        return logs

    def _delete(self, connection: sqlite3.Connection, log_name: str) -> bool:
        number = self._logs.get(log_name)
        return number is not None and self._removed(connection, "delete_of_log", number, _PASS) == _PASS

    def _prune(self, connection: sqlite3.Connection, before: int, max_bytes: int) -> bool:
        for number in self._logs.values():
            if self._removed(connection, "delete_older", number, before, _PASS) == _PASS:
                return True
        if _used(connection) <= max_bytes:
            return False
        self._removed(connection, "delete_first", _PASS)
        return _used(connection) > max_bytes

    def _removed(self, connection: sqlite3.Connection, statement: str, *parameters: int) -> int:
        return connection.execute(self._statements[statement], parameters).rowcount

    # on the reader's thread

    def _scan(self, connection: sqlite3.Connection, stretch: Stretch) -> tuple[list[LogRow], bool]:
        streams = [self._rows_of(connection, name, stretch) for name in stretch.logs]
        rows: list[LogRow] = []
        size = 0
        for row in heapq.merge(*streams, key=attrgetter("place"), reverse=stretch.newest_first):
            if len(rows) == stretch.limit or size > _ANSWER_BYTES:
                return rows, True
            rows.append(row)
            size += len(row.content)
        return rows, False

    def _rows_of(self, connection: sqlite3.Connection, log_name: str, stretch: Stretch) -> Iterator[LogRow]:
        """One log's rows of a stretch, in its order."""
        found = connection.execute(self._statements["log_by_name"], (log_name,)).fetchone()
        if found is None:
            return
        number, project = found
        for timestamp, insert_id, severity, content in self._seek(connection, number, stretch):
            if _is_behind(Place(timestamp, insert_id, log_name), stretch):
                yield LogRow(timestamp, project, log_name, severity, insert_id, content)

    def _seek(self, connection: sqlite3.Connection, number: int, stretch: Stretch) -> sqlite3.Cursor:
        first, last = _ends(stretch)
        if stretch.newest_first:
            return connection.execute(
                self._statements["entries_backward"],
                (number, first.timestamp, last.timestamp, last.insert_id, stretch.least_severity),
            )
        return connection.execute(
            self._statements["entries_onward"],
            (number, first.timestamp, first.insert_id, last.timestamp, stretch.least_severity),
        )


def _ends(stretch: Stretch) -> tuple[Place, Place]:
    """The first and the last place of a stretch, in time, that a row may have; a page's first may be before it."""
    first, last = Place(stretch.low, ""), Place(stretch.high, _LAST_ID)
    if stretch.after is None:
        return first, last
    return (first, min(last, stretch.after)) if stretch.newest_first else (max(first, stretch.after), last)


def _is_behind(place: Place, stretch: Stretch) -> bool:
    if stretch.after is None:
        return True
    return place < stretch.after if stretch.newest_first else place > stretch.after


def _used(connection: sqlite3.Connection) -> int:
    """Bytes of the file that hold something."""
    pages, free, size = (
        connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
    )
    return int(pages - free) * int(size)
