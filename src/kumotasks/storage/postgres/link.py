"""A connection to PostgreSQL that is made when it is needed, and anew after it was lost. The only importer of asyncpg.

While the server cannot be reached nobody waits for it: after a failure whoever asks is refused at once until the next
try is due. What a statement means is unknown here.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol, cast

import asyncpg  # type: ignore[import-untyped]

from kumotasks.domain.errors import StorageFull, StorageUnavailable
from kumotasks.storage.operation import Row, Value
from kumotasks.storage.rows import RowDamaged

FAILURES = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # of a connection that was cut in the midst of a statement
    OSError,
    TimeoutError,
    EOFError,
    RowDamaged,
)
_COLLIDED = (asyncpg.SerializationError, asyncpg.DeadlockDetectedError, asyncpg.UniqueViolationError)
_BREAKING = (asyncpg.PostgresConnectionError, asyncpg.OperatorInterventionError, asyncpg.ReadOnlySQLTransactionError)
_CONNECT = 5.0  # seconds
_ANSWER = 15.0  # seconds for one statement
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 2.0  # seconds between two tries to connect
SETTINGS = {
    "application_name": "kumo",
    "synchronous_commit": "on",
    "timezone": "UTC",
    # Every statement finds its rows by index, however small a table was when it was planned, and is planned once.
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
    "enable_bitmapscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "enable_sort": "off",
    "jit": "off",
    # A node that stands still in the midst of a transaction must not hold others up for long.
    "idle_in_transaction_session_timeout": "5000",
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "3",
    "tcp_keepalives_count": "3",
}

Hear = Callable[[object, int, str, str], None]


class Cursor(Protocol):
    async def fetch(self, rows: int) -> Sequence[Iterable[Value]]: ...


class Statement(Protocol):
    """A prepared statement."""

    async def fetch(self, *parameters: object) -> Sequence[Iterable[Value]]: ...
    async def cursor(self, *parameters: object) -> Cursor: ...
    def get_attributes(self) -> tuple[object, ...]: ...
    def get_statusmsg(self) -> str: ...


class Transaction(Protocol):
    async def start(self) -> None: ...
    async def commit(self) -> None: ...
    async def rollback(self) -> None: ...


class Connection(Protocol):
    """What is used of asyncpg's connection."""

    async def prepare(self, query: str) -> Statement: ...
    async def execute(self, query: str) -> str: ...
    def transaction(self, *, isolation: str, readonly: bool) -> Transaction: ...
    async def add_listener(self, channel: str, callback: Hear) -> None: ...
    def add_termination_listener(self, callback: Callable[[object], None]) -> None: ...
    async def close(self, *, timeout: float) -> None: ...  # noqa: ASYNC109 - asyncpg's own
    def terminate(self) -> None: ...
    def is_closed(self) -> bool: ...


def as_refusal(failure: BaseException) -> StorageFull | StorageUnavailable:
    """The domain's word for a failure of the store."""
    return StorageFull() if isinstance(failure, asyncpg.DiskFullError) else StorageUnavailable()


def has_collided(failure: BaseException) -> bool:
    """Whether somebody else's transaction was in the way: the same may well succeed if done again."""
    return isinstance(failure, _COLLIDED)


def breaks_link(failure: BaseException) -> bool:
    """Whether the connection is of no more use: gone, unanswered, or led to a server that only reads."""
    if isinstance(failure, RowDamaged):
        return False
    if not isinstance(failure, asyncpg.PostgresError):
        return True
    return isinstance(failure, _BREAKING)


class Server:
    """Where the database is, and whether it is worth trying to reach it now."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._pause = 0.0
        self._closed_until = 0.0  # by the event loop's time

    @property
    def shown(self) -> str:
        """The URL without a password."""
        return re.sub(r"//([^/@]*?):[^/]*@", r"//\1@", self._url)

    async def connect(self) -> Connection:
        """StorageUnavailable, with what went wrong as its cause."""
        loop = asyncio.get_running_loop()
        if loop.time() < self._closed_until:
            raise StorageUnavailable
        try:
            connection = await asyncpg.connect(
                self._url, timeout=_CONNECT, command_timeout=_ANSWER, server_settings=SETTINGS
            )
        except (*FAILURES, ValueError) as failure:
            self._pause = min(_LONGEST_PAUSE, self._pause * 2 or _FIRST_PAUSE)
            self._closed_until = loop.time() + self._pause
            raise StorageUnavailable from failure
        self._pause = self._closed_until = 0.0
        return cast("Connection", connection)


class Link:
    """One connection, used by one at a time; its statements are prepared when they are first used."""

    def __init__(self, server: Server, statements: Mapping[str, str]) -> None:
        self._server = server
        self._texts = statements
        self._connection: Connection | None = None
        self._prepared: dict[str, Statement] = {}

    async def open(self) -> Connection:
        """The connection, made anew where it was lost. StorageUnavailable."""
        if self._connection is None or self._connection.is_closed():
            self._prepared = {}
            self._connection = await self._server.connect()
        return self._connection

    async def statement(self, name: str) -> Statement:
        """Of the connection that `open` made: another one would be outside the transaction that is under way."""
        found = self._prepared.get(name)
        if found is None:
            if self._connection is None:
                raise ConnectionResetError
            found = self._prepared[name] = await self._connection.prepare(self._texts[name])
        return found

    async def fetch(self, name: str, *parameters: object) -> list[Row]:
        """Every row that a statement answers; of one that writes and answers none, how many rows it changed."""
        statement = await self.statement(name)
        rows = await statement.fetch(*parameters)
        if statement.get_attributes():
            return [tuple(row) for row in rows]
        return [(int(statement.get_statusmsg().rsplit(" ", 1)[-1]),)]

    def drop(self) -> None:
        """Give the connection up; the next use makes another."""
        connection, self._connection = self._connection, None
        self._prepared = {}
        if connection is not None:
            connection.terminate()

    async def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None and not connection.is_closed():
            with contextlib.suppress(*FAILURES):
                await connection.close(timeout=_CONNECT)
