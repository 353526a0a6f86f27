"""Where log entries are kept, as the journal sees it; who keeps them, and on what, is unknown here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from kumotasks.domain.log_row import LogRow, Stretch


class Shelf(Protocol):
    """Where entries are kept. Every call may raise StorageFull or StorageUnavailable."""

    async def start(self) -> None: ...
    async def stop(self) -> None: ...
    async def append(self, rows: Sequence[LogRow]) -> None:
        """Keep rows; one that stands at the place of another is dropped."""

    async def scan(self, stretch: Stretch) -> tuple[list[LogRow], bool]:
        """The next rows of a stretch, and whether there are more behind them."""

    async def names(self, project: str) -> list[str]:
        """The logs of a project that have rows, sorted."""

    async def delete(self, log_name: str) -> bool:
        """Remove some rows of a log; whether there are more."""

    async def prune(self, *, before: int, max_bytes: int) -> bool:
        """Remove some rows that are older, or too many; whether there are more of them."""
