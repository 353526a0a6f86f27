"""PostgreSQL for SQLAlchemy by asyncpg, from threads: a PEP 249 connection that runs asyncpg's on an event loop of its
own. Knows no table.

SQLAlchemy's own asyncpg dialect wants every caller to be a greenlet; here a caller is the thread of a request.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Coroutine, Sequence
from types import ModuleType
from typing import TypeVar

import asyncpg  # type: ignore[import-untyped]
from sqlalchemy import URL
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.postgresql.base import PGDialect

DRIVER = "postgresql+asyncpg_by_thread"
T = TypeVar("T")
Row = tuple[object, ...]

apilevel, threadsafety, paramstyle = "2.0", 1, "numeric_dollar"


class Error(Exception):
    """What PEP 249 says of a failure."""


class DatabaseError(Error):
    """PostgreSQL refused."""


class OperationalError(DatabaseError):
    """PostgreSQL is not there, or went away."""


class IntegrityError(DatabaseError):
    """A constraint was not kept."""


class Connection:
    """One connection, for one thread at a time. A transaction begins with the first statement."""

    def __init__(self, dsn: str) -> None:
        self._loop = asyncio.SelectorEventLoop()
        self._open = False
        try:
            self._link = self.wait_for(asyncpg.connect(dsn))
        except BaseException:
            self._loop.close()
            raise

    def cursor(self) -> Cursor:
        return Cursor(self)

    def run(self, statement: str, parameters: Sequence[object]) -> tuple[list[str], list[Row], str]:
        """Names of columns, rows, and PostgreSQL's word on it ("UPDATE 1")."""
        self._begin()
        return self.wait_for(self._run(statement, parameters))

    def run_each(self, statement: str, rows: Sequence[Sequence[object]]) -> None:
        self._begin()
        self.wait_for(self._link.executemany(statement, rows))

    def commit(self) -> None:
        self._end("COMMIT")

    def rollback(self) -> None:
        self._end("ROLLBACK")

    def close(self) -> None:
        if not self._loop.is_closed():
            try:
                self.wait_for(self._link.close(timeout=5))
            finally:
                self._loop.close()

    @property
    def closed(self) -> bool:
        return self._loop.is_closed() or bool(self._link.is_closed())

    def wait_for(self, work: Coroutine[object, object, T]) -> T:
        """The result; failures in the words of PEP 249."""
        try:
            return self._loop.run_until_complete(work)
        except asyncpg.IntegrityConstraintViolationError as refused:
            raise IntegrityError(str(refused)) from refused
        except (asyncpg.PostgresConnectionError, asyncpg.InterfaceError, OSError) as gone:
            raise OperationalError(str(gone)) from gone
        except asyncpg.PostgresError as refused:
            raise DatabaseError(str(refused)) from refused

    async def _run(self, statement: str, parameters: Sequence[object]) -> tuple[list[str], list[Row], str]:
        prepared = await self._link.prepare(statement)
        rows = [tuple(row) for row in await prepared.fetch(*parameters)]
        return [column.name for column in prepared.get_attributes()], rows, prepared.get_statusmsg() or ""

    def _begin(self) -> None:
        if not self._open:
            self.wait_for(self._link.execute("BEGIN"))
            self._open = True

    def _end(self, statement: str) -> None:
        if self._open:
            self._open = False
            self.wait_for(self._link.execute(statement))


class Cursor:
    """What one statement gave."""

    arraysize = 1

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._rows: list[Row] = []
        self.description: list[tuple[str, None, None, None, None, None, None]] | None = None
        self.rowcount = -1

    def execute(self, statement: str, parameters: Sequence[object] = ()) -> None:
        names, self._rows, word = self._connection.run(statement, parameters)
        self.description = [(name, None, None, None, None, None, None) for name in names] or None
        count = word.rpartition(" ")[2]
        self.rowcount = int(count) if count.isdecimal() else -1

    def executemany(self, statement: str, rows: Sequence[Sequence[object]]) -> None:
        self._connection.run_each(statement, rows)
        self.rowcount = len(rows)

    def fetchone(self) -> Row | None:
        return self._rows.pop(0) if self._rows else None

    def fetchmany(self, size: int = 1) -> list[Row]:
        taken, self._rows = self._rows[:size], self._rows[size:]
        return taken

    def fetchall(self) -> list[Row]:
        taken, self._rows = self._rows, []
        return taken

    def close(self) -> None:
        self._rows = []


connect = Connection


class Dialect(PGDialect):
    """SQLAlchemy's PostgreSQL over the connection above."""

    driver = "asyncpg_by_thread"
    default_paramstyle = paramstyle
    supports_statement_cache = True
    supports_sane_multi_rowcount = False

    @classmethod
    def import_dbapi(cls) -> ModuleType:
        return sys.modules[__name__]

    def create_connect_args(self, url: URL) -> tuple[list[str], dict[str, object]]:
        return [url.set(drivername="postgresql").render_as_string(hide_password=False)], {}

    def is_disconnect(self, e: Exception, connection: object, cursor: object) -> bool:
        return isinstance(e, OperationalError) or getattr(connection, "closed", False)


registry.register(DRIVER.replace("+", "."), __name__, "Dialect")
