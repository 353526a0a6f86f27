"""One timer for many queues: each key has at most one alarm, and an idle key costs nothing."""

from __future__ import annotations

import heapq
from collections.abc import Callable

from kumotasks.domain.clock import Clock, Timer

_STALE = 64  # alarms that were replaced or cleared; more of them, beyond one for each that stands, are cleared away


class Alarms:
    """Calls `ring(keys)` when the alarms of `keys` (queue numbers) have come; a later `set` replaces an earlier one."""

    def __init__(self, clock: Clock, ring: Callable[[list[int]], None]) -> None:
        self._clock = clock
        self._ring = ring
        self._instants: dict[int, int] = {}
        self._heap: list[tuple[int, int]] = []  # (instant, key); an entry that `_instants` does not confirm is stale
        self._timer: Timer | None = None
        self._timer_at = 0

    def set(self, key: int, instant: int) -> None:
        """Ring for `key` at `instant`."""
        if self._instants.get(key) != instant:
            self._instants[key] = instant
            heapq.heappush(self._heap, (instant, key))
            if len(self._heap) > 2 * len(self._instants) + _STALE:
                self._heap = sorted((at, each) for each, at in self._instants.items())

    def clear(self, key: int) -> None:
        """Do not ring for `key`."""
        self._instants.pop(key, None)

    def arm(self) -> None:
        """Bring the timer in line with the earliest alarm; called once after any number of changes."""
        heap = self._heap
        while heap and self._instants.get(heap[0][1]) != heap[0][0]:
            heapq.heappop(heap)
        if not heap or (self._timer is not None and self._timer_at <= heap[0][0]):
            return  # a timer that fires early finds nothing due and arms itself anew
        if self._timer is not None:
            self._timer.cancel()
        self._timer_at = heap[0][0]
        self._timer = self._clock.call_at(self._timer_at, self._fire)

    def stop(self) -> None:
        """Ring no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._instants.clear()
        self._heap.clear()

    def _fire(self) -> None:
        self._timer = None
        # The wall may have been set back: what the timer was set for is due. Who is rung too early sets another alarm.
        now = max(self._clock.now(), self._timer_at)
        due = []
        while self._heap and self._heap[0][0] <= now:
            instant, key = heapq.heappop(self._heap)
            if self._instants.get(key) == instant:
                del self._instants[key]
                due.append(key)
        if due:
            self._ring(due)
        self.arm()
