"""Attempts that stay open are written down after a second, so that a restart and other nodes see them.

Quick ones never cost that write. One timer for all of them: each waits the same time, so they come up in order.
"""

from __future__ import annotations

import asyncio

from kumotasks.dispatch.attempt import Attempt
from kumotasks.dispatch.lease import ALWAYS, Tenure
from kumotasks.domain.clock import SECOND, Clock, Timer
from kumotasks.domain.errors import StorageFull, StorageUnavailable
from kumotasks.storage.store import Store

NOTED_AFTER = SECOND


class OpenWatch:
    """Notes the attempts that are still open a second after they began."""

    def __init__(self, store: Store, clock: Clock, lease: Tenure = ALWAYS) -> None:
        self.open: dict[int, Attempt] = {}  # by number, the oldest first; kept by the delivery, whose they are
        self._store = store
        self._clock = clock
        self._lease = lease
        self._timer: Timer | None = None
        self._writing: set[asyncio.Task[None]] = set()

    def began(self, attempt: Attempt, now: int) -> None:
        """One of those that are open was sent at `now`. What is quick is gone again before anybody looks."""
        attempt.young_since = now
        if self._timer is None:
            self._timer = self._clock.call_at(now + NOTED_AFTER, self._look)

    async def start(self) -> None:
        """The first attempt sets the timer."""

    async def stop(self) -> None:
        """Note nothing more."""
        if self._timer is not None:
            self._timer.cancel()
        for writing in self._writing:
            writing.cancel()
        await asyncio.gather(*self._writing, return_exceptions=True)

    def _look(self) -> None:
        self._timer = None
        now = self._clock.now()
        noted = []
        for attempt in self.open.values():
            began = attempt.young_since
            if began is None:
                continue
            if now - NOTED_AFTER < began <= now:  # else it began before the wall clock was set back
                self._timer = self._clock.call_at(began + NOTED_AFTER, self._look)
                break
            attempt.young_since = None
            if _is_open(attempt):
                noted.append(attempt)
        if noted and self._lease.holds():  # else another node may have counted further
            writing = asyncio.get_running_loop().create_task(self._note(noted))
            self._writing.add(writing)
            writing.add_done_callback(self._writing.discard)

    async def _note(self, noted: list[Attempt]) -> None:
        # Judged anew, for a result that went ahead to the store must not be overwritten.
        still = [(attempt.berth.lane, attempt.opened.task) for attempt in noted if _is_open(attempt)]
        try:
            await self._store.note_open([(lane.number, lane.generation, task) for lane, task in still])
        except (StorageFull, StorageUnavailable):
            return  # the note is a courtesy; the result of the attempt is what must be committed


def _is_open(attempt: Attempt) -> bool:
    """Whether that attempt, not a later one on the same task, still waits for its worker."""
    lane, opened = attempt.berth.lane, attempt.opened
    return lane.find_open(opened.task.serial) is opened and not opened.dropped and not opened.settling
