"""The journal: takes entries without making anybody wait, keeps them on a shelf, and finds them again.

It never hurts who writes: entries lie in a bounded buffer until they are moved to the shelf, off the event loop, and
where that cannot be done they are dropped, which is said once. Readers see everything that was written before they
asked. Work on many entries is done in slices, between which the loop turns. Where the shelf stands is unknown here.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace

from kumotasks.domain.clock import DAY, MINUTE, Clock
from kumotasks.domain.errors import KumoError
from kumotasks.domain.log_row import LogRow
from kumotasks.logs.entry import InsertIds, LogEntry, encode, project_of, to_document
from kumotasks.logs.query import LogPage, LogQuery, read_page
from kumotasks.logs.shelf import Shelf

Listener = Callable[[Sequence[LogEntry]], None]

_FLUSH_SECONDS = 0.5  # how long an entry lies in the buffer at most
_FLUSH_AT = 1_000  # entries, and then not that long; also what is kept in one transaction
_MOST_HELD = 100_000  # entries in the buffer: some 200 MB if it comes to that
_MOST_HELD_TEXT = 32 * 1024 * 1024  # characters of text in the buffer
_SLICE = 64  # entries encoded before the loop turns: half a millisecond
_BACKLOG_PARTS = 8  # but no less than such a part of those that wait, or a busy loop would never come to an end
_PRUNE_EVERY = MINUTE
_PRUNE_PARTS = 64  # of what may be kept: so much more, and the shelf is looked through before its time

logger = logging.getLogger("kumotasks.logs")


class Journal:
    """Component."""

    def __init__(self, shelf: Shelf, clock: Clock, *, keep: int = 30 * DAY, max_bytes: int = 1 << 30) -> None:
        self.ids = InsertIds()  # of this node; two givers of ids could give the same
        self._shelf = shelf
        self._clock = clock
        self._keep = keep
        self._max_bytes = max_bytes
        self._buffer: list[LogEntry] = []
        self._text = 0  # characters in the buffer
        self._listeners: list[Listener] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._work: set[asyncio.Task[None]] = set()
        self._flushing = asyncio.Lock()
        self._flush_asked = False
        self._losing_since: int | None = None
        self._lost = 0  # since then
        self.dropped = 0  # entries, ever
        self._pruned = 0
        self._added = 0  # bytes since
        self._pruning = False

    async def start(self) -> None:
        """Open the shelf; without one, entries are dropped."""
        self._loop = asyncio.get_running_loop()
        try:
            await self._shelf.start()
        except KumoError as refusal:
            self._say_lost(_reason(refusal), 0)
        if self._buffer:
            self._flush_soon()

    async def stop(self) -> None:
        """Everything that was written is kept."""
        if self._loop is None:
            return
        if self._timer is not None:
            self._timer.cancel()
        await self._flush()
        self._loop = None
        for work in self._work:
            work.cancel()
        await asyncio.gather(*self._work, return_exceptions=True)
        await self._shelf.stop()

    # writing

    def write(self, entries: Sequence[LogEntry]) -> None:
        """Take entries; they are kept within a second, or dropped where that cannot be. An entry without `insert_id`
        gets one, one without `receive_timestamp` the present."""
        taken = self._completed(entries)
        self._tell(taken)
        text = 0
        for each in taken:
            if type(each.payload) is str:
                text += len(each.payload)
        if len(self._buffer) + len(taken) > _MOST_HELD or self._text + text > _MOST_HELD_TEXT:
            self._say_lost("they come faster than they can be kept", len(taken))
            return
        self._buffer += taken
        self._text += text
        if self._timer is None and self._loop is not None:
            self._timer = self._loop.call_later(_FLUSH_SECONDS, self._flush_soon)
        if len(self._buffer) >= _FLUSH_AT and self._loop is not None:
            self._flush_soon()

    async def keep(self, entries: Sequence[LogEntry]) -> None:
        """Take entries and wait until they are kept. StorageFull, StorageUnavailable."""
        taken = self._completed(entries)
        await self._append(taken)
        self._tell(taken)

    def _completed(self, entries: Sequence[LogEntry]) -> Sequence[LogEntry]:
        for each in entries:
            if not (each.insert_id and each.receive_timestamp):
                break
        else:
            return entries
        now = self._clock.now()
        return [
            replace(
                each,
                insert_id=each.insert_id or self.ids.next(now),
                receive_timestamp=each.receive_timestamp or now,
            )
            for each in entries
        ]

    def _tell(self, entries: Sequence[LogEntry]) -> None:
        for listener in tuple(self._listeners):
            listener(entries)

    def subscribe(self, listener: Listener) -> None:
        """Hand every entry that is taken from now on to `listener`, on the event loop."""
        self._listeners.append(listener)

    def unsubscribe(self, listener: Listener) -> None:
        self._listeners.remove(listener)

    # keeping

    def _flush_soon(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self._flush_asked:
            self._flush_asked = True
            self._begin(self._flush())

    def _begin(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._work.add(task)
        task.add_done_callback(self._work.discard)
        return task

    async def _flushed(self) -> None:
        """Wait until everything that was written before is kept, or dropped; who waits no longer takes nothing away."""
        if self._buffer or self._flushing.locked():
            await asyncio.shield(self._begin(self._flush()))

    async def _flush(self) -> None:
        """Keep, or drop, everything that was written before."""
        async with self._flushing:
            self._flush_asked = False
            entries, self._buffer, self._text = self._buffer, [], 0
            if not entries:
                return
            try:
                await self._append(entries)
            except KumoError as refusal:
                self._say_lost(_reason(refusal), len(entries))
            else:
                self._say_kept()

    async def _append(self, entries: Sequence[LogEntry]) -> None:
        for begin in range(0, len(entries), _FLUSH_AT):
            rows = await self._rows(entries[begin : begin + _FLUSH_AT])
            await self._shelf.append(rows)
            self._added += sum(len(row.content) for row in rows)
        self._prune_in_time()

    async def _rows(self, entries: Sequence[LogEntry]) -> list[LogRow]:
        """Made here and not on another thread, which would hold the interpreter for longer at a time than a slice."""
        rows: list[LogRow] = []
        while len(rows) < len(entries):
            many = max(_SLICE, len(self._buffer) // _BACKLOG_PARTS)
            rows += [_row(entry) for entry in entries[len(rows) : len(rows) + many]]
            await asyncio.sleep(0)
        return rows

    def _say_lost(self, reason: str, count: int) -> None:
        if self._losing_since is None:
            self._losing_since = self._clock.now()
            logger.warning("log entries are dropped", extra={"reason": reason})
        self._lost += count
        self.dropped += count

    def _say_kept(self) -> None:
        """Not at once: where some are dropped now and then, two lines a minute are enough."""
        if self._losing_since is not None and self._clock.now() - self._losing_since >= MINUTE:
            logger.warning("log entries are kept again", extra={"dropped": self._lost})
            self._losing_since, self._lost = None, 0

    def _prune_in_time(self) -> None:
        now = self._clock.now()
        crowded = self._added * _PRUNE_PARTS > self._max_bytes
        if not self._pruning and self._loop is not None and (crowded or now - self._pruned >= _PRUNE_EVERY):
            self._pruning, self._pruned, self._added = True, now, 0
            self._begin(self._prune(now))

    async def _prune(self, now: int) -> None:
        try:
            while await self._shelf.prune(before=now - self._keep, max_bytes=self._max_bytes):
                pass
        except KumoError:
            pass  # what fails here fails at the next entries, and is said there
        finally:
            self._pruning = False

    # reading

    async def read(self, query: LogQuery) -> LogPage:
        """The next page. StorageUnavailable."""
        await self._flushed()
        return await read_page(self._shelf, query, since=self._clock.now() - self._keep)

    async def names(self, project: str, prefix: str = "") -> list[str]:
        """The full names of the project's logs that have entries, sorted; `prefix` is of the full name."""
        await self._flushed()
        return [name for name in await self._shelf.names(project) if name.startswith(prefix)]

    async def delete(self, log_name: str) -> bool:
        """Delete every entry of a log; False if it had none."""
        await self._flushed()
        if log_name not in await self._shelf.names(project_of(log_name)):
            return False
        while await self._shelf.delete(log_name):
            pass
        return True


def _row(entry: LogEntry) -> LogRow:
    return LogRow(
        entry.timestamp, entry.project, entry.log_name, entry.severity, entry.insert_id, encode(to_document(entry))
    )


def _reason(refusal: KumoError) -> str:
    return str(refusal.__cause__ or refusal.message)
