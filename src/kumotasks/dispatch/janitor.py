"""Removes what is gone already for every reader: rows of purged and deleted queues, expired tasks, names, tombstones;
and attempts and dead letters that were kept long enough.

It sleeps until the store says that something expires, or until a purge or a deletion leaves rows behind; then it takes
them away in small passes, so that creation is never held up.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from kumotasks.domain.clock import DAY, MINUTE, SECOND, Clock, Timer
from kumotasks.domain.errors import KumoError
from kumotasks.storage.history import KEEP, Keep
from kumotasks.storage.store import QueueDeleted, QueuePurged, Store, Swept, Wake

PASS = 20  # rows a pass: about a millisecond of the writer, for each row may be on pages of its own
REST = 3  # after a pass, so many times as long as it took: the disk has time for others, and for the log's pages
LONG_REST = 16  # of a purge, while others use the store: what expires has to keep up with what comes, a purge has time
_LEAVING_ROWS = frozenset({QueuePurged, QueueDeleted})
_AGAIN = MINUTE  # after a failure; and the least time between two looks at what expires
_AT_LEAST = DAY  # what comes to be later may expire before what is there now; readers judge expiry themselves


class Janitor:
    """Component: one sweep after the other, when there is something to sweep."""

    def __init__(self, store: Store, clock: Clock, keep: Keep = KEEP) -> None:
        self._store = store
        self._clock = clock
        self._keep = keep
        self._timer: Timer | None = None
        self._sweeping: asyncio.Task[None] | None = None
        self._asked = False
        self._alone = True  # nobody has committed anything for us to hear since the last pass
        self._running = False

    async def start(self) -> None:
        """Sweep what the last process left behind."""
        self._running = True
        self._store.listen(self._on_wakes)
        self.sweep_soon()

    async def stop(self) -> None:
        """Break off between two passes."""
        self._running = False
        if self._timer is not None:
            self._timer.cancel()
        if self._sweeping is not None:
            self._sweeping.cancel()
            await asyncio.gather(self._sweeping, return_exceptions=True)

    async def swept(self) -> None:
        """Wait for the sweep that is under way, if one is."""
        if self._sweeping is not None:
            await asyncio.wait([self._sweeping])

    def sweep_soon(self) -> None:
        """Sweep now, or once more if a sweep is under way."""
        self._asked = True
        if self._sweeping is None and self._running:
            self._sweeping = asyncio.get_running_loop().create_task(self._sweep())

    def _on_wakes(self, wakes: Sequence[Wake]) -> None:
        self._alone = False
        if not _LEAVING_ROWS.isdisjoint(map(type, wakes)):  # asked of every wake, so without a step of ours for each
            self.sweep_soon()

    async def _sweep(self) -> None:
        next_due: int | None = None
        try:
            while self._asked:
                self._asked = False
                begun = self._clock.now()
                swept = await self._pass()
                self._asked = self._asked or swept.more
                next_due = swept.next_due
                if self._asked:
                    await self._rest(min(SECOND, self._leisure(swept) * (self._clock.now() - begun)))
        except KumoError:
            next_due = self._clock.now() + _AGAIN
        finally:
            self._sweeping = None
        self._sleep(next_due)

    async def _pass(self) -> Swept:
        return await self._store.sweep(now=self._clock.now(), limit=PASS, keep=self._keep)

    def _leisure(self, swept: Swept) -> int:
        """How many times as long as that pass took is rested after it."""
        alone, self._alone = self._alone, True
        return LONG_REST if swept.doomed and not alone else REST

    async def _rest(self, duration: int) -> None:
        if duration <= 0:
            return  # a clock that stands still until it is moved: nobody would wake us
        rested = asyncio.Event()
        timer = self._clock.call_at(self._clock.now() + duration, rested.set)
        try:
            await rested.wait()
        finally:
            timer.cancel()

    def _sleep(self, next_due: int | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._running:
            now = self._clock.now()
            latest = now + _AT_LEAST
            self._timer = self._clock.call_at(max(now + _AGAIN, min(latest, next_due or latest)), self.sweep_soon)
