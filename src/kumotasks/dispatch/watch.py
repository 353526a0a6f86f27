"""Attempts that stay open are written down after a second, so that a restart and other nodes see them.

Quick ones never cost that write. One timer for all of them: each waits the same time, so they come up in order.
"""

from __future__ import annotations

import asyncio
from collections import deque

from kumotasks.domain.clock import SECOND, Clock, Timer
from kumotasks.domain.errors import StorageFull, StorageUnavailable
from kumotasks.domain.lane import Lane
from kumotasks.domain.task import Task
from kumotasks.storage.store import Store

NOTED_AFTER = SECOND


class OpenWatch:
    """Notes the attempts that are still open a second after they began."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._begun: deque[tuple[int, Lane, int]] = deque()  # (began, lane, serial)
        self._timer: Timer | None = None
        self._writing: set[asyncio.Task[None]] = set()

    def began(self, lane: Lane, serial: int, now: int) -> None:
        """An attempt on the task `serial` was sent at `now`."""
        self._begun.append((now, lane, serial))
        if self._timer is None:
            self._timer = self._clock.call_at(now + NOTED_AFTER, self._look)

    async def start(self) -> None:
        """The first attempt sets the timer."""

    async def stop(self) -> None:
        """Note nothing more."""
        if self._timer is not None:
            self._timer.cancel()
        self._begun.clear()
        for writing in self._writing:
            writing.cancel()
        await asyncio.gather(*self._writing, return_exceptions=True)

    def _look(self) -> None:
        self._timer = None
        now = self._clock.now()
        noted = []
        while self._begun and self._begun[0][0] + NOTED_AFTER <= now:
            _, lane, serial = self._begun.popleft()
            opened = lane.find_open(serial)
            if opened is not None and not opened.dropped and not opened.settling:
                noted.append((lane.number, lane.generation, opened.task))
        if noted:
            writing = asyncio.get_running_loop().create_task(self._note(noted))
            self._writing.add(writing)
            writing.add_done_callback(self._writing.discard)
        if self._begun:
            self._timer = self._clock.call_at(self._begun[0][0] + NOTED_AFTER, self._look)

    async def _note(self, noted: list[tuple[int, int, Task]]) -> None:
        try:
            await self._store.note_open(noted)
        except (StorageFull, StorageUnavailable):
            return  # the note is a courtesy; the result of the attempt is what must be committed
