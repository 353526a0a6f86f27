"""When an attempt's time is over: waits that are cancelled at an instant, all of them under one timer of the clock.

A timer of its own for each attempt would cost a tenth of the attempt, and nearly all are cancelled a millisecond later.
Here an attempt costs an entry in a dict. The one timer stands at the earliest instant; what outlives a firing moves to
a heap, once, so that thousands of attempts that hang cost little more than their own expiry. It must never know what
it cancels.
"""

from __future__ import annotations

import heapq
import itertools
from typing import Protocol

from kumotasks.domain.clock import Clock, Timer


class Wait(Protocol):
    """What can be cancelled: a future or a task."""

    def cancel(self) -> object: ...


class Deadlines:
    """Cancels each wait at its instant, unless it is discarded before."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._young: dict[Wait, int] = {}
        self._old: set[Wait] = set()
        self._heap: list[tuple[int, int, Wait]] = []
        self._order = itertools.count()
        self._timer: Timer | None = None
        self._timer_at = 0

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    def add(self, wait: Wait, instant: int) -> None:
        """Cancel `wait` at `instant` (microseconds since the epoch)."""
        self._young[wait] = instant
        if self._timer is None or instant < self._timer_at:
            self._arm(instant)

    def discard(self, wait: Wait) -> bool:
        """Forget `wait`; False if it is known no more, because its time was over."""
        known = self._young.pop(wait, None) is not None
        if not known and wait in self._old:
            self._old.remove(wait)
            known = True
        if not self._young and not self._old:
            self._disarm()
        return known

    def cancel_all(self) -> None:
        """Every wait's time is over now."""
        waits = [*self._young, *self._old]
        self._young.clear()
        self._old.clear()
        self._disarm()
        for wait in waits:
            wait.cancel()

    def _arm(self, instant: int) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer_at = instant
        self._timer = self._clock.call_at(instant, self._fire)

    def _disarm(self) -> None:
        self._heap.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _fire(self) -> None:
        self._timer = None
        # A timer may be early by its resolution, and the wall may have been set back: what it was set for is due.
        now = max(self._clock.now(), self._timer_at)
        due = self._due(now)
        if self._heap:
            self._arm(self._heap[0][0])
        for wait in due:
            wait.cancel()

    def _due(self, now: int) -> list[Wait]:
        """Take out what is due; everything that is left stands in the heap, the earliest wanted one on top."""
        if len(self._heap) > 2 * len(self._old):
            self._heap = [entry for entry in self._heap if entry[2] in self._old]
            heapq.heapify(self._heap)
        for wait, instant in self._young.items():
            heapq.heappush(self._heap, (instant, next(self._order), wait))
        self._old.update(self._young)
        self._young.clear()
        due = []
        while self._heap and (self._heap[0][0] <= now or self._heap[0][2] not in self._old):
            wait = heapq.heappop(self._heap)[2]
            if wait in self._old:
                self._old.remove(wait)
                due.append(wait)
        return due
