"""The use cases of Cloud Logging over a real journal, for tests."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from kumotasks.auth.projects import Projects
from kumotasks.domain.clock import ManualClock
from kumotasks.domain.principal import ANONYMOUS, Principal
from kumotasks.logs.entry import LogEntry
from kumotasks.service.log_tail import Tails
from kumotasks.service.log_writing import Batch, Draft, LogWriting
from kumotasks.service.logging import Asked, EntryPage, Logging, Sources
from tests.logs.journaling import Open
from tests.service.granting import Grants

BLANK = LogEntry("", "", 0)


class Kept(Open):
    """A journal while it is open, with who reads and writes it."""

    def __init__(self, directory: Path, clock: ManualClock, projects: Projects, grants: Grants | None = None) -> None:
        super().__init__(directory, clock)
        self.sources = Sources(projects)
        self.logging = Logging(self.journal, self.sources, clock)
        self.writing = LogWriting(self.journal, self.sources, grants, clock)  # type: ignore[arg-type]
        self.tails = Tails(self.journal, self.sources)

    async def put(self, *entries: LogEntry, by: Principal = ANONYMOUS, **parts: object) -> None:
        """Write entries as a call does, to projects/p/logs/l and as of `global` unless they say otherwise."""
        drafts = tuple(Draft(entry, 100) for entry in entries)
        await self.writing.write(
            replace(Batch(drafts, 1_000, log_name="projects/p/logs/l", resource_type="global"), **parts), by
        )

    async def page(self, filter: str = "", *, of: tuple[str, ...] = ("projects/p",), **parts: object) -> EntryPage:
        return await self.logging.list(replace(Asked(of, filter), **parts))

    async def said(self, filter: str = "", **parts: object) -> list[object]:
        return [entry.payload for entry in (await self.page(filter, **parts)).entries]


def blank(text: str = "", **parts: object) -> LogEntry:
    """An entry as a caller sends it."""
    return replace(BLANK, payload=text, **parts)
