"""A link that drives operations: each in a transaction, undone if it fails."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import TypeVar

from kumotasks.domain.errors import StorageUnavailable
from kumotasks.storage.operation import AskEach, Asked, Begin, Done, Operation, Row, Rows, SeekEach, weight
from kumotasks.storage.postgres.link import FAILURES, Connection, Link, breaks_link

_FIRST, _MOST = 16, 512  # rows fetched at a time where bytes count

T = TypeVar("T")


class Session:
    """One transaction at a time. `saw` is told how far the store had come when tasks were read."""

    def __init__(self, link: Link, saw: Callable[[int], None] | None = None) -> None:
        self.link = link
        self._saw = saw

    @contextlib.asynccontextmanager
    async def transaction(self, isolation: str, *, readonly: bool = False) -> AsyncIterator[None]:
        """The one place where a transaction begins and ends. After a failure nothing is done, save where the commit
        itself was cut: then nobody knows."""
        async with self.connected() as connection:
            transaction = connection.transaction(isolation=isolation, readonly=readonly)
            await transaction.start()
            try:
                yield
            except BaseException:  # raised on, once the transaction is undone
                await self._undo(transaction.rollback())
                raise
            await transaction.commit()

    @contextlib.asynccontextmanager
    async def connected(self) -> AsyncIterator[Connection]:
        """A connection, which is given up if it breaks: what is asked of it is a transaction each."""
        try:
            yield await self.link.open()
        except FAILURES as failure:
            if breaks_link(failure):
                self.link.drop()
            raise
        except asyncio.CancelledError:
            self.link.drop()
            raise

    async def _undo(self, rollback: Awaitable[None]) -> None:
        try:
            await rollback
        except FAILURES:
            self.link.drop()  # the server undoes what is not committed

    async def drive(self, operation: Operation[T]) -> Done[T]:
        """Run an operation inside the transaction that is open."""
        try:
            ask = next(operation)
            while True:
                ask = operation.send(await self._answer(ask))
        except StopIteration as end:
            done: Done[T] = end.value
            if done.seen and self._saw is not None:
                self._saw(done.seen)
            return done

    async def _answer(self, ask: Asked) -> Rows:
        if isinstance(ask, SeekEach) and not ask.parameters:
            return []
        if isinstance(ask, AskEach | SeekEach):
            return await self.each(ask.statement, ask.parameters)
        if ask.max_bytes is None:
            return await self.link.fetch(ask.statement, *ask.parameters)
        return (await self.fetch_up_to(ask.max_bytes, ask.statement, *ask.parameters))[0]

    async def each(self, statement: str, rows: Sequence[Row]) -> Rows:
        """One statement for all `rows`, each of its parameters a column of them."""
        if not rows:
            return [(0,)]
        return await self.link.fetch(f"{statement}_each", *zip(*rows, strict=True))

    async def fetch_up_to(self, max_bytes: int, statement: str, *parameters: object) -> tuple[list[Row], bool]:
        """The rows whose weight together stays within `max_bytes`, but one at least, and whether there are more of
        them; hardly more are fetched."""
        cursor = await (await self.link.statement(statement)).cursor(*parameters)
        rows: list[Row] = []
        used, count = 0, _FIRST
        while True:
            found = await cursor.fetch(count)
            for each in found:
                row = tuple(each)
                used += weight(row)
                if used > max_bytes and rows:
                    return rows, True
                rows.append(row)
            if len(found) < count:
                return rows, False
            count = max(1, min(_MOST, (max_bytes - used) * len(rows) // used))


class Readers:
    """Reads on connections of their own: a slow one delays no commit. Each sees every commit answered before."""

    def __init__(self, sessions: Sequence[Session]) -> None:
        self._sessions = list(sessions)
        self._idle = list(sessions)
        self._free = asyncio.Semaphore(len(sessions))

    async def read(self, begin: Begin[T], *, single: bool = False) -> T:
        """Drive an operation that only reads, on one state of the store; `single`: with one statement, for which no
        transaction need be opened. StorageUnavailable."""
        async with self._free:
            session = self._idle.pop()
            try:
                async with session.connected() if single else session.transaction("repeatable_read", readonly=True):
                    return (await session.drive(begin())).value
            except FAILURES as failure:
                raise StorageUnavailable from failure
            finally:
                self._idle.append(session)

    async def stop(self) -> None:
        for session in self._sessions:
            await session.link.close()
