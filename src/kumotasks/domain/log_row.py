"""How log entries lie on a shelf: the values that the journal and the storage, strangers, have between them.

What an entry says is one `content` of bytes to both of them here. Instants in microseconds.
"""

from __future__ import annotations

from typing import NamedTuple


class Place(NamedTuple):
    """Where an entry stands in the order of time; no two entries stand at the same place."""

    timestamp: int
    insert_id: str
    log_name: str = ""


class LogRow(NamedTuple):
    """An entry as it is kept."""

    timestamp: int
    project: str
    log_name: str
    severity: int
    insert_id: str
    content: bytes

    @property
    def place(self) -> Place:
        return Place(self.timestamp, self.insert_id, self.log_name)


class Stretch(NamedTuple):
    """Which rows are wanted: of these logs, from `low` to `high` (both included), of at least this severity; behind the
    place `after` in the order asked for, at most `limit`."""

    logs: tuple[str, ...]
    low: int
    high: int
    least_severity: int
    newest_first: bool
    after: Place | None
    limit: int
