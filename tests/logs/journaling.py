"""Journals and entries for tests, and a plain list that says what a journal must answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from kumotasks.domain.clock import DAY, ManualClock
from kumotasks.domain.errors import StorageFull
from kumotasks.domain.log_row import LogRow
from kumotasks.logs.entry import LogEntry, to_document
from kumotasks.logs.filter import parse
from kumotasks.logs.journal import Journal
from kumotasks.logs.query import LogPage, LogQuery
from kumotasks.storage.logs import SqliteShelf
from tests.factory import NOW


def an_entry(text: str = "", *, at: int = NOW, log: str = "projects/p/logs/l", **parts: object) -> LogEntry:
    return replace(LogEntry(log, "global", at, text), **parts)


class ShakyShelf(SqliteShelf):
    """A real shelf that can be made to refuse rows: `full`."""

    full = False

    async def append(self, rows: Sequence[LogRow]) -> None:
        if self.full:
            raise StorageFull
        await super().append(rows)


class Open:
    """A journal on a shelf in a directory, while it is open."""

    def __init__(
        self, directory: Path, clock: ManualClock | None = None, *, keep: int = 30 * DAY, max_bytes: int = 1 << 30
    ) -> None:
        self.clock = clock or ManualClock(NOW)
        self.shelf = ShakyShelf(directory / "logs.db")
        self.journal = Journal(self.shelf, self.clock, keep=keep, max_bytes=max_bytes)

    async def __aenter__(self) -> Open:
        await self.journal.start()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.journal.stop()

    async def read(self, filter: str = "", **parts: object) -> LogPage:
        return await self.journal.read(replace(LogQuery(("p",), parse(filter), page_size=1_000), **parts))

    async def texts(self, filter: str = "", **parts: object) -> list[object]:
        return [entry.payload for entry in (await self.read(filter, **parts)).entries]

    async def walk(self, filter: str = "", **parts: object) -> list[LogEntry]:
        """Every entry, page by page."""
        found: list[LogEntry] = []
        page = await self.read(filter, **parts)
        while True:
            found += page.entries
            if page.next is None:
                return found
            page = await self.read(filter, **{**parts, "after": page.next})


def expected(
    entries: Sequence[LogEntry], filter: str, projects: Sequence[str], *, newest_first: bool
) -> list[LogEntry]:
    """What a journal must answer that was written these, in this order."""
    first: dict[tuple[object, ...], LogEntry] = {}
    for entry in entries:
        first.setdefault((entry.timestamp, entry.insert_id, entry.log_name), entry)
    wanted = parse(filter)
    places = sorted(first, reverse=newest_first)
    return [
        first[place]
        for place in places
        if first[place].project in projects and wanted.matches(to_document(first[place]))
    ]
