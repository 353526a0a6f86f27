"""Log entries in PostgreSQL, beside the tasks and shared by every node, on connections of their own.

A commit of entries is not waited for by the disk: a crash of the database server costs the last moments. What entries
mean is unknown here.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence

from kumotasks.domain.log_row import LogRow, Stretch
from kumotasks.storage.operation import Row
from kumotasks.storage.postgres.link import FAILURES, Link, Server, as_refusal
from kumotasks.storage.postgres.schema import ENGINE, bring_up_to_date
from kumotasks.storage.postgres.session import Session
from kumotasks.storage.rows import columns
from kumotasks.storage.statements import read_statements

_PASS = 1_000  # rows removed in one transaction
_ANSWER_BYTES = 4 * 1024 * 1024  # of content in one answer


class PostgresShelf:
    """The Shelf in the database at `url`."""

    def __init__(self, url: str) -> None:
        self._server = Server(url)
        statements = read_statements(ENGINE)
        self._writing, self._reading = (Session(Link(self._server, statements)) for _ in range(2))
        self._busy = {self._writing: asyncio.Lock(), self._reading: asyncio.Lock()}

    async def start(self) -> None:
        """The tables are there."""
        await bring_up_to_date(self._server)

    async def stop(self) -> None:
        await self._writing.link.close()
        await self._reading.link.close()

    async def append(self, rows: Sequence[LogRow]) -> None:
        if not rows:
            return
        logs = sorted({(row.project, row.log_name) for row in rows})
        entries = [(row.log_name, row.timestamp, row.insert_id.encode(), row.severity, row.content) for row in rows]
        async with self._at_work(self._writing) as link:
            await link.fetch("commit_soon")
            await link.fetch("add_logs", *zip(*logs, strict=True))
            await link.fetch("add_entries", *zip(*entries, strict=True))

    async def scan(self, stretch: Stretch) -> tuple[list[LogRow], bool]:
        statement = "entries_backward" if stretch.newest_first else "entries_onward"
        async with self._at_work(self._reading, readonly=True):
            rows, cut = await self._reading.fetch_up_to(_ANSWER_BYTES, statement, *_parameters(stretch))
        return [_unpack(row) for row in rows[: stretch.limit]], cut or len(rows) > stretch.limit

    async def names(self, project: str) -> list[str]:
        async with self._at_work(self._reading, readonly=True) as link:
            return [columns(row, tuple[str])[0] for row in await link.fetch("logs_of_project", project)]

    async def delete(self, log_name: str) -> bool:
        async with self._at_work(self._writing) as link:
            return _count(await link.fetch("delete_of_log", log_name, _PASS)) == _PASS

    async def prune(self, *, before: int, max_bytes: int) -> bool:
        async with self._at_work(self._writing) as link:
            if _count(await link.fetch("delete_older", before, _PASS)) == _PASS:
                return True
            if _count(await link.fetch("bytes_of_logs")) <= max_bytes:
                return False
            await link.fetch("delete_first", _PASS)
            return _count(await link.fetch("bytes_of_logs")) > max_bytes

    @contextlib.asynccontextmanager
    async def _at_work(self, session: Session, *, readonly: bool = False) -> AsyncIterator[Link]:
        """In a transaction; one at a time on each session."""
        try:
            async with self._busy[session], session.transaction("read_committed", readonly=readonly):
                yield session.link
        except FAILURES as failure:
            raise as_refusal(failure) from failure


def _parameters(stretch: Stretch) -> tuple[object, ...]:
    after = stretch.after
    place = (None, None, None) if after is None else (after.timestamp, after.insert_id.encode(), after.log_name)
    return (stretch.logs, stretch.least_severity, stretch.low, stretch.high, *place, stretch.limit + 1)


def _unpack(row: Row) -> LogRow:
    timestamp, project, name, severity, insert_id, content = columns(row, tuple[int, str, str, int, bytes, bytes])
    return LogRow(timestamp, project, name, severity, insert_id.decode(), content)


def _count(rows: list[Row]) -> int:
    return columns(rows[0], tuple[int])[0]
