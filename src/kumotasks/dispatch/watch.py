"""Attempts that stay open are written down after a second, so that a restart and other nodes see them.

Quick ones never cost that write. One timer for all of them: each waits the same time, so they come up in order.
"""

from __future__ import annotations

import asyncio
import itertools

from kumotasks.dispatch.lease import ALWAYS, Tenure
from kumotasks.domain.clock import SECOND, Clock, Timer
from kumotasks.domain.errors import StorageFull, StorageUnavailable
from kumotasks.domain.lane import Lane, Open
from kumotasks.storage.store import Store

NOTED_AFTER = SECOND


class OpenWatch:
    """Notes the attempts that are still open a second after they began."""

    def __init__(self, store: Store, clock: Clock, lease: Tenure = ALWAYS) -> None:
        self._store = store
        self._clock = clock
        self._lease = lease
        self._young: dict[int, tuple[int, Lane, Open]] = {}  # by attempt: (began, lane, open); the oldest first
        self._timer: Timer | None = None
        self._writing: set[asyncio.Task[None]] = set()

    def began(self, attempt: int, lane: Lane, opened: Open, now: int) -> None:
        """An attempt on an open task was sent at `now`."""
        self._young[attempt] = (now, lane, opened)
        if self._timer is None:
            self._timer = self._clock.call_at(now + NOTED_AFTER, self._look)

    def ended(self, attempt: int) -> None:
        """It is over: what is quick is gone again before anybody looks."""
        self._young.pop(attempt, None)

    async def start(self) -> None:
        """The first attempt sets the timer."""

    async def stop(self) -> None:
        """Note nothing more."""
        if self._timer is not None:
            self._timer.cancel()
        self._young.clear()
        for writing in self._writing:
            writing.cancel()
        await asyncio.gather(*self._writing, return_exceptions=True)

    def _look(self) -> None:
        self._timer = None
        now = self._clock.now()
        noted = []
        # What began in the future did so before the wall clock was set back.
        ripe = itertools.takewhile(lambda each: not now - NOTED_AFTER < each[1][0] <= now, self._young.items())
        for attempt, (_, lane, opened) in tuple(ripe):
            del self._young[attempt]
            if _is_open(lane, opened):
                noted.append((lane, opened))
        if noted and self._lease.holds():  # else another node may have counted further
            writing = asyncio.get_running_loop().create_task(self._note(noted))
            self._writing.add(writing)
            writing.add_done_callback(self._writing.discard)
        if self._young:
            oldest, *_ = next(iter(self._young.values()))
            self._timer = self._clock.call_at(oldest + NOTED_AFTER, self._look)

    async def _note(self, noted: list[tuple[Lane, Open]]) -> None:
        # Judged anew, for a result that went ahead to the store must not be overwritten.
        attempts = [(lane.number, lane.generation, opened.task) for lane, opened in noted if _is_open(lane, opened)]
        try:
            await self._store.note_open(attempts)
        except (StorageFull, StorageUnavailable):
            return  # the note is a courtesy; the result of the attempt is what must be committed


def _is_open(lane: Lane, opened: Open) -> bool:
    """Whether that attempt, not a later one on the same task, still waits for its worker."""
    return lane.find_open(opened.task.serial) is opened and not opened.dropped and not opened.settling
