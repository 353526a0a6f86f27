"""Rows of log entries and stretches of them, as tests of shelves need them."""

from __future__ import annotations

from kumotasks.domain.log_row import LogRow, Place, Stretch
from tests.factory import NOW

LOG, OTHER = "projects/p/logs/l", "projects/p/logs/o"
FOREVER = 1 << 62


def a_row(insert_id: str, at: int = 0, log: str = LOG, severity: int = 0, content: bytes = b"{}") -> LogRow:
    return LogRow(NOW + at, log.split("/")[1], log, severity, insert_id, content)


def a_stretch(
    *logs: str,
    low: int = -FOREVER,
    high: int = FOREVER,
    severity: int = 0,
    newest_first: bool = False,
    after: Place | None = None,
    limit: int = 100,
) -> Stretch:
    return Stretch(logs or (LOG,), low, high, severity, newest_first, after, limit)


def ids(found: tuple[list[LogRow], bool]) -> str:
    return "".join(row.insert_id for row in found[0])
