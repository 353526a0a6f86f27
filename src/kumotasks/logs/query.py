"""What is asked of the journal, and a page of the answer: from the shelf, judged by the filter.

Work on many entries is done in slices, between which the loop turns. A page ends when it is full, when it has become
large, or when so much was looked through that the caller should ask again.
"""

from __future__ import annotations

import asyncio
import logging

from kumotasks.domain.log_row import LogRow, Place, Stretch
from kumotasks.domain.value import value
from kumotasks.logs.bounds import bounds_of, may_be_in
from kumotasks.logs.entry import LogEntry, decode, from_document
from kumotasks.logs.filter import Filter
from kumotasks.logs.shelf import Shelf

_SLICE_BYTES = 6 * 1024  # of entries judged before the loop turns: half a millisecond
_BATCH = 1_000  # entries read from the shelf at once
_MOST_SCANNED = 10_000  # entries judged for one page
_PAGE_BYTES = 3 * 1024 * 1024
logger = logging.getLogger("kumotasks.logs")


@value
class LogQuery:
    """Entries of these projects (ids) that `filter` lets through, in order of time, behind the place `after`."""

    projects: tuple[str, ...]
    filter: Filter
    newest_first: bool = False
    page_size: int = 50
    after: Place | None = None


@value
class LogPage:
    """At most `page_size` entries; it may be empty and not the last. `next` is the `after` of the next page, None on
    the last."""

    entries: tuple[LogEntry, ...]
    next: Place | None


async def read_page(shelf: Shelf, query: LogQuery, *, since: int) -> LogPage:
    """The next page of entries that are no older than `since`. StorageUnavailable."""
    bounds = bounds_of(query.filter.expression)
    low = max(bounds.low, since)
    if low > bounds.high:
        return LogPage((), None)
    stretch = Stretch(
        logs=await _logs(shelf, query),
        low=low,
        high=bounds.high,
        least_severity=bounds.least_severity,
        newest_first=query.newest_first,
        after=query.after,
        limit=min(_BATCH, query.page_size + 1),
    )
    reading = _Reading(query)
    while True:
        rows, more = await shelf.scan(stretch)
        if await reading.take(rows, more=more):
            return LogPage(tuple(reading.found), reading.next)
        stretch = stretch._replace(after=rows[-1].place, limit=_BATCH)


async def _logs(shelf: Shelf, query: LogQuery) -> tuple[str, ...]:
    """The logs that the query can find anything in."""
    names = [name for project in dict.fromkeys(query.projects) for name in await shelf.names(project)]
    return tuple(name for name in names if may_be_in(name, query.filter.expression))


class _Reading:
    """A page while it is read; `next` is where the one after it begins, None if there is none."""

    def __init__(self, query: LogQuery) -> None:
        self._query = query
        self.found: list[LogEntry] = []
        self.next: Place | None = None
        self._scanned = 0
        self._size = 0

    async def take(self, rows: list[LogRow], *, more: bool) -> bool:
        """Judge these rows; whether the page is done."""
        unturned = 0
        for number, row in enumerate(rows, 1):
            unturned += len(row.content)
            if unturned > _SLICE_BYTES:
                unturned = 0
                await asyncio.sleep(0)
            if self._judge(row) and self._full():
                self.next = row.place if more or number < len(rows) else None
                return True
        self._scanned += len(rows)
        self.next = rows[-1].place if more else None
        return not more or self._scanned >= _MOST_SCANNED

    def _judge(self, row: LogRow) -> bool:
        try:
            document = decode(row.content)
            if not self._query.filter.matches(document):
                return False
            self.found.append(from_document(document))
        except ValueError:
            logger.warning("a log entry is damaged and was passed over", extra={"place": row.place})
            return False
        self._size += len(row.content)
        return True

    def _full(self) -> bool:
        return len(self.found) >= self._query.page_size or self._size > _PAGE_BYTES
