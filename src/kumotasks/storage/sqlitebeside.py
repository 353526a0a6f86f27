"""The records of a SQLite file as another process sees them: read beside the server that may be using it, and watched.

A file tells no more than that something in it was committed, so all that was remembered of it is forgotten then.
Nothing is written here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from kumotasks.domain.clock import SECOND, Enduring
from kumotasks.domain.errors import StorageFull, StorageUnavailable
from kumotasks.domain.names import QueueName
from kumotasks.storage.news import ANY, Hear
from kumotasks.storage.operation import Ask, Begin, Done, Operation
from kumotasks.storage.readers import Readers
from kumotasks.storage.rows import columns
from kumotasks.storage.session import Session
from kumotasks.storage.sqlitefile import ENGINE, SqliteFile
from kumotasks.storage.statements import read_statements

FRESH = 1 * SECOND  # a change by the server is seen by then
_VERSION = "data_version"
T = TypeVar("T")


class SqliteBeside:
    """Component: what `SqlRecords` needs of an engine, and the news of its records."""

    shared = False

    def __init__(self, path: Path, clock: Enduring) -> None:
        self._file = SqliteFile(path)
        self._clock = clock
        self._statements = {**read_statements(ENGINE), _VERSION: "PRAGMA data_version"}
        self._readers: Readers | None = None
        self._hearers: list[Hear] = []
        self._version: int | None = None
        self._confirmed: int | None = None
        self._turn = asyncio.Lock()

    async def start(self) -> None:
        """StoreUnusable."""
        connection = await asyncio.to_thread(self._file.connect_to_read)
        # One connection: what it says of changes is said to it alone.
        self._readers = Readers([Session(connection, self._statements)])

    async def stop(self) -> None:
        readers, self._readers = self._readers, None
        if readers is not None:
            await asyncio.to_thread(readers.stop)

    def overhear_records(self, listener: Callable[[], None]) -> None:
        """Nobody tells when; see `confirm`."""

    async def read(self, begin: Begin[T]) -> T:
        if self._readers is None:
            raise StorageUnavailable
        return await self._readers.read(begin)

    async def write(self, begin: Begin[T], of: QueueName | None = None) -> T:
        """StorageFull: whoever only tidies up goes on without it, as he does where there is no room."""
        raise StorageFull("The store is only read here.")

    def watch(self, kind: str, hear: Hear) -> None:
        self._hearers.append(hear)

    def current(self) -> bool:
        return self._confirmed is not None and 0 <= self._clock.boot() - self._confirmed < FRESH

    async def confirm(self) -> None:
        """Look whether anything was committed since the last look."""
        async with self._turn:
            now = self._clock.boot()
            version = await self.read(_data_version)
            changed, self._version = version != self._version, version
            self._confirmed = now
            for hear in self._hearers if changed else ():
                hear(ANY)


def _data_version() -> Operation[int]:
    return Done(columns((yield Ask(_VERSION))[0], tuple[int])[0])
