"""What a database holds, while no node uses it. Meanwhile none can begin to: the table of nodes is locked."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager

from kumotasks.domain.errors import StorageUnavailable
from kumotasks.storage.holdings import LOG_ENTRIES
from kumotasks.storage.migrate import latest_version
from kumotasks.storage.operation import Row
from kumotasks.storage.postgres.link import FAILURES, Link, Server
from kumotasks.storage.postgres.schema import ENGINE, bring_up_to_date
from kumotasks.storage.postgres.session import Session
from kumotasks.storage.rows import columns
from kumotasks.storage.statements import read_statements
from kumotasks.storage.store import StoreUnusable

_ROWS = 500  # read at a time
# The snapshot that everything is read from is taken after the lock. The other store may take its time.
_BEGIN = "SET LOCAL idle_in_transaction_session_timeout = 0; LOCK TABLE node IN SHARE MODE"


class PostgresHoldings:
    """Those of the database at `url`."""

    def __init__(self, url: str) -> None:
        self._server = Server(url)
        self._session = Session(
            Link(self._server, {**read_statements(ENGINE), **read_statements(f"{ENGINE}/holdings")})
        )
        self.shown = self._server.shown

    @asynccontextmanager
    async def opened(self, *, new: bool = False) -> AsyncIterator[None]:
        await bring_up_to_date(self._server)
        try:
            with self._told():
                async with self._session.transaction("repeatable_read"):
                    await (await self._session.link.open()).execute(_BEGIN)
                    await self._check()
                    yield
        finally:
            await self._session.link.close()

    async def rows(self, table: str) -> AsyncIterator[Sequence[Row]]:
        with self._told():
            cursor = await (await self._session.link.statement(f"read_{table}")).cursor()
            found = [tuple(row) for row in await cursor.fetch(_ROWS)]
        while found:
            yield found
            with self._told():
                found = [tuple(row) for row in await cursor.fetch(_ROWS)]

    async def add(self, table: str, rows: Sequence[Row]) -> None:
        with self._told():
            if table == LOG_ENTRIES:
                logs = sorted({(str(row[0]), str(row[1])) for row in rows})
                await self._session.link.fetch("add_logs", *zip(*logs, strict=True))
                await self._session.link.fetch("add_entries", *zip(*(row[1:] for row in rows), strict=True))
            else:
                await self._session.each(f"write_{table}", rows)

    async def _check(self) -> None:
        version, known = await self._number("version"), latest_version(ENGINE)
        if version != known:
            raise StoreUnusable(
                f"The store at {self.shown} was written by a newer version of Kumo Tasks: "
                f"its schema is {version}, this version knows {known}."
            )
        if await self._number("live_nodes"):
            raise StoreUnusable(
                f"A server is using the store at {self.shown}; stop it first. One that was killed counts until its "
                "lease ends, ten seconds later."
            )

    async def _number(self, statement: str) -> int:
        return columns((await self._session.link.fetch(statement))[0], tuple[int])[0]

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except (*FAILURES, StorageUnavailable) as failure:
            said = " ".join(str(failure).split()) or type(failure).__name__
            raise StoreUnusable(f"The store at {self.shown} cannot be used: {said}.") from failure
