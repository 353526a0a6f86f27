"""The SQLite engine: one file, one server, one writer; everything else reads beside it.

Here the parts are connected, locked and ended, and what a commit came to is handed over on the event loop: wakes to the
listeners first, in the order of the transactions, then each waiter's own answer.
"""

from __future__ import annotations

import asyncio
import secrets
import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from kumotasks.domain.errors import KumoError, StorageUnavailable
from kumotasks.domain.names import QueueName
from kumotasks.domain.task import Task
from kumotasks.storage.checkpoint import Checkpointer
from kumotasks.storage.directory import Directory
from kumotasks.storage.ended import Ended
from kumotasks.storage.homes import void_homes
from kumotasks.storage.job import Job, Operating, Outcome, Settling, adding
from kumotasks.storage.operation import Begin
from kumotasks.storage.queues import every_queue
from kumotasks.storage.readers import Readers
from kumotasks.storage.rows import RowDamaged
from kumotasks.storage.rumour import Overhearer
from kumotasks.storage.session import Session
from kumotasks.storage.sqlitefile import ENGINE, SqliteFile, unusable
from kumotasks.storage.sqlstore import SqlStore
from kumotasks.storage.statements import read_statements
from kumotasks.storage.store import Listener, Settlement, StoredQueue, Waiter
from kumotasks.storage.writer import Writer

_WRITER_CACHE = 32 * 1024 * 1024
_READER_CACHE = 4 * 1024 * 1024
_READERS = 2

T = TypeVar("T")


def SqliteStore(path: Path, *, max_pages: int | None = None) -> SqlStore:  # noqa: N802 - reads as the class it makes
    """The store in the file `path`; `max_pages` bounds the file, in pages of 4 KiB."""
    return SqlStore(SqliteEngine(path, max_pages=max_pages))


@dataclass(frozen=True, slots=True)
class _Parts:
    """What is open while the engine runs; `undo` closes all of it."""

    session: Session
    readers: Readers
    checkpointer: Checkpointer
    queues: list[StoredQueue]
    undo: ExitStack


class SqliteEngine:
    """Component: an Engine on a file."""

    shared = False

    def __init__(self, path: Path, *, max_pages: int | None = None) -> None:
        self.ended = Ended()
        self.node = ""
        self._file = SqliteFile(path)
        self._max_pages = max_pages
        self._statements = read_statements(ENGINE)
        self._listeners: list[Listener] = []
        self._overhearers: list[Overhearer] = []
        self._known = Directory()
        self._parts: _Parts | None = None
        self._writer: Writer | None = None
        self._put: Callable[[Job], None] = _refuse
        self._loop: asyncio.AbstractEventLoop | None = None  # to find it anew costs a system call

    def new_node(self) -> str:
        return secrets.token_hex(8)

    async def start(self) -> None:
        parts = await asyncio.to_thread(self._open)
        self._loop = asyncio.get_running_loop()
        self._parts = parts
        self._known = Directory(parts.queues)
        writer = Writer(parts.session, parts.checkpointer, Directory(parts.queues), self.ended, self._deliver)
        writer.start()
        self._writer, self._put = writer, writer.put

    async def stop(self) -> None:
        writer, parts = self._writer, self._parts
        self._writer, self._put, self._parts = None, _refuse, None
        if writer is not None and parts is not None:
            writer.close()
            await asyncio.to_thread(writer.join)
            await asyncio.to_thread(parts.undo.close)

    def _open(self) -> _Parts:
        try:
            with ExitStack() as undo:
                self._file.open()
                undo.callback(self._file.close)
                session = self._session(_WRITER_CACHE)
                undo.callback(session.close)
                queues = _begin_anew(session)
                readers = Readers([self._session(_READER_CACHE) for _ in range(_READERS)])
                undo.callback(readers.stop)
                thread = ThreadPoolExecutor(1, thread_name_prefix="kumo-checkpoint")
                checkpointer = Checkpointer(self._file.connect(cache_bytes=_READER_CACHE), thread)
                undo.callback(checkpointer.stop)
                return _Parts(session, readers, checkpointer, queues, undo.pop_all())
        except (sqlite3.Error, RowDamaged) as flaw:
            raise unusable(self._file.path, flaw) from flaw

    def _session(self, cache_bytes: int) -> Session:
        return Session(self._file.connect(cache_bytes=cache_bytes, max_pages=self._max_pages), self._statements)

    def listen(self, listener: Listener) -> None:
        self._listeners.append(listener)

    def overhear(self, listener: Overhearer) -> None:
        self._overhearers.append(listener)

    def overhear_records(self, listener: Callable[[], None]) -> None:
        """Nobody else writes here."""

    async def find_queue(self, name: QueueName) -> StoredQueue | None:
        return self._known.find(name)

    async def read(self, begin: Begin[T], *, single: bool = False) -> T:
        if self._parts is None:
            raise StorageUnavailable
        return await self._parts.readers.read(begin)

    def write(self, begin: Begin[T], of: QueueName | None = None) -> Awaitable[T]:
        waiter = (self._loop or asyncio.get_running_loop()).create_future()
        self._put(Operating(waiter, begin))
        return waiter

    def add_tasks(self, tasks: Sequence[Task]) -> Awaitable[Sequence[Task | KumoError]]:
        waiter = (self._loop or asyncio.get_running_loop()).create_future()
        if tasks:
            self._put(adding(waiter, tasks))
        else:
            waiter.set_result(())
        return waiter

    def settle_for(self, settlement: Settlement, waiter: Waiter) -> None:
        self._put(Settling(waiter, settlement))

    def _deliver(self, outcome: Outcome) -> None:
        self._known.apply(outcome.changes)
        self._known.keep()
        try:
            if outcome.wakes:
                for listener in self._listeners:
                    listener(outcome.wakes)
            if outcome.rumours:
                for overhearer in self._overhearers:
                    overhearer(outcome.rumours)
        finally:
            outcome.hand_out()


def _refuse(job: Job) -> None:
    job.waiter.set_exception(StorageUnavailable())


def _begin_anew(session: Session) -> list[StoredQueue]:
    """Void what a crash has left behind; every queue there is."""
    session.connection.execute("BEGIN IMMEDIATE")
    session.drive(void_homes())
    session.connection.execute("COMMIT")
    return session.read(every_queue())
