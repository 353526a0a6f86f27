"""The tail of the logs: entries as they are written, to those who watch.

A watcher who is too slow loses entries and is told how many; who writes never waits for him. A tail ends after an hour,
as Cloud Logging has it. Who watches, and over what, is unknown here.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kumotasks.domain.clock import HOUR, SECOND
from kumotasks.domain.errors import InvalidArgument, ResourceExhausted, TailTooLong
from kumotasks.logs.entry import encode, to_document

if TYPE_CHECKING:
    from kumotasks.logs.entry import LogEntry
    from kumotasks.logs.journal import Journal
    from kumotasks.service.logging import Sources, Wanted

WINDOW, MAX_WINDOW = 2 * SECOND, 60 * SECOND  # Cloud Logging: how long entries are gathered to be sorted
MAX_HELD = 1_000  # entries that a watcher has not taken yet
MAX_HELD_BYTES = 4 * 1024 * 1024  # of their JSON form
MAX_BATCH = 100  # entries told at once: they are made into messages without a pause
MAX_TAILS = 64
LONGEST = HOUR  # Cloud Logging


@dataclass(frozen=True, slots=True)
class TailBatch:
    """Entries in order of time, and how many more there were."""

    entries: Sequence[LogEntry]
    missed: int


class Tail:
    """What one watcher has not taken yet."""

    def __init__(self, wanted: Wanted) -> None:
        self._projects = frozenset(wanted.projects)
        self._filter = wanted.filter
        self._held: list[LogEntry] = []
        self._bytes = 0
        self._missed = 0
        self.arrived = asyncio.Event()

    def hear(self, entries: Sequence[LogEntry]) -> None:
        """Take those of the entries that the watcher asked for."""
        for entry in entries:
            if entry.project in self._projects:
                document = to_document(entry)
                if self._filter.matches(document):
                    self._take(entry, len(encode(document)))

    def taken(self) -> list[TailBatch]:
        """Everything that came, in order of time."""
        held = sorted(self._held, key=lambda entry: (entry.timestamp, entry.insert_id))
        missed, self._held, self._bytes, self._missed = self._missed, [], 0, 0
        self.arrived.clear()
        batches = [TailBatch(held[at : at + MAX_BATCH], 0) for at in range(0, len(held), MAX_BATCH)]
        return [*batches, TailBatch((), missed)] if missed else batches

    def _take(self, entry: LogEntry, size: int) -> None:
        if len(self._held) >= MAX_HELD or self._bytes + size > MAX_HELD_BYTES:
            self._missed += 1
        else:
            self._held.append(entry)
            self._bytes += size
        self.arrived.set()


class Tails:
    """Opens tails."""

    def __init__(self, journal: Journal, sources: Sources, *, longest: int = LONGEST) -> None:
        self._journal = journal
        self._sources = sources
        self._longest = longest
        self._open = 0

    async def open(
        self, resource_names: Sequence[str], filter_text: str, window: int | None
    ) -> AsyncGenerator[TailBatch, None]:
        """The entries from the first batch on, which is empty; `window` in microseconds. What is wrong with the call is
        said at once."""
        wanted = await self._sources.wanted(resource_names, filter_text)
        if window is not None and not 0 <= window <= MAX_WINDOW:
            raise InvalidArgument("buffer_window must be between 0 and 60 seconds.")
        if self._open >= MAX_TAILS:
            raise ResourceExhausted("There are too many tail sessions open.")
        return self._batches(Tail(wanted), WINDOW if window is None else window)

    async def _batches(self, tail: Tail, window: int) -> AsyncGenerator[TailBatch, None]:
        end = asyncio.get_running_loop().time() + self._longest / SECOND
        self._open += 1
        self._journal.subscribe(tail.hear)
        try:
            yield TailBatch((), 0)  # Google's clients give the caller nothing before the first answer
            while True:
                # A timeout around the whole would strike whoever takes the batches.
                async with asyncio.timeout_at(end):
                    await tail.arrived.wait()
                    if window:
                        await asyncio.sleep(window / SECOND)
                for batch in tail.taken():
                    yield batch
        except TimeoutError:
            raise TailTooLong from None
        finally:
            self._journal.unsubscribe(tail.hear)
            self._open -= 1
