"""The only reading of time. Everywhere else `now` is an argument, or a Clock comes in by constructor.

An instant is an int: microseconds since the Unix epoch, or, of `boot`, since the machine's start. A duration is an
int: microseconds. SystemClock follows the wall; ManualClock stands still until it is told to move, and moves from event
to event, so that thirty days of backoff run in milliseconds. It knows nothing of what its timers do.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

MICROSECOND = 1
MILLISECOND = 1_000
SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

LONGEST_WAIT = MINUTE  # between two looks of a timer at the wall clock


class Timer(Protocol):
    """A call that will be made once, unless it is cancelled before."""

    def cancel(self) -> None: ...


class Clock(Protocol):
    """Tells the time and calls back when an instant is reached."""

    def now(self) -> int: ...
    def call_at(self, instant: int, callback: Callable[[], None]) -> Timer: ...


class Enduring(Clock, Protocol):
    """A clock that also tells how long the machine has run, its sleep included, however the wall is set."""

    def boot(self) -> int: ...


_BOOT = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)  # macOS has the latter only; there it counts sleep too


class SystemClock:
    """The wall clock, with timers on the running event loop."""

    def now(self) -> int:
        return time.time_ns() // 1_000

    def boot(self) -> int:
        return time.clock_gettime_ns(_BOOT) // 1_000

    def call_at(self, instant: int, callback: Callable[[], None]) -> Timer:
        # Whole milliseconds, rounded up: event loops count in them, and a timer that fires early is a turn for nothing.
        delay = max(0, -((self.now() - instant) // MILLISECOND))
        if delay <= LONGEST_WAIT // MILLISECOND:
            return asyncio.get_running_loop().call_later(delay / 1_000, callback)
        return LongTimer(self, instant, callback)


class LongTimer:
    """A timer that looks at the wall now and then: an event loop's time stands still while the machine sleeps, and
    knows nothing of a wall clock that is set."""

    __slots__ = ("_callback", "_clock", "_instant", "_timer")

    def __init__(self, clock: Clock, instant: int, callback: Callable[[], None]) -> None:
        self._clock = clock
        self._instant = instant
        self._callback = callback
        self._timer: Timer = self._next()

    def cancel(self) -> None:
        self._timer.cancel()

    def _next(self) -> Timer:
        soon = self._clock.now() + LONGEST_WAIT
        if self._instant <= soon:
            return self._clock.call_at(self._instant, self._callback)
        return self._clock.call_at(soon, self._look)

    def _look(self) -> None:
        self._timer = self._next()


@dataclass(slots=True, eq=False)
class ManualTimer:
    """A timer of ManualClock; a cancelled one stays in the heap until its instant and is then passed over."""

    callback: Callable[[], None] | None = field(repr=False)

    def cancel(self) -> None:
        self.callback = None


class ManualClock:
    """A clock that stands still. `turn` moves it to the next event, never past a given instant."""

    def __init__(self, start: int) -> None:
        self._now = start
        self._timers: list[tuple[int, int, ManualTimer]] = []
        self._order = itertools.count()

    def now(self) -> int:
        return self._now

    def boot(self) -> int:
        return self._now

    def call_at(self, instant: int, callback: Callable[[], None]) -> Timer:
        timer = ManualTimer(callback)
        heapq.heappush(self._timers, (max(instant, self._now), next(self._order), timer))
        return timer

    def next_event(self) -> int | None:
        """The instant of the earliest timer that is still wanted."""
        while self._timers and self._timers[0][2].callback is None:
            heapq.heappop(self._timers)
        return self._timers[0][0] if self._timers else None

    def turn(self, limit: int) -> bool:
        """Move to the next event at or before `limit` and run everything due then; False (and now == limit) if none."""
        instant = self.next_event()
        if instant is None or instant > limit:
            self._now = max(self._now, limit)
            return False
        self._now = instant
        due = []
        while self._timers and self._timers[0][0] <= instant:
            due.append(heapq.heappop(self._timers)[2])
        for timer in due:
            if timer.callback is not None:
                timer.callback()
        return True
