"""The token bucket of a queue: a dispatch takes a token, tokens accrue at the rate, never above the burst size.

So the dispatches in any window of t seconds are at most burst + rate·t. A value: every change makes a new one. Whoever
holds it says what time it is.
"""

from __future__ import annotations

import math
from dataclasses import replace

from kumotasks.domain.clock import DAY, SECOND
from kumotasks.domain.value import value

# A token is whole once it lacks no more than rounding error; far below the microsecond at any allowed rate.
_WHOLE = 1.0 - 1e-9
_FAR = 366 * DAY


@value
class Bucket:
    """`level` tokens at the instant `at`; `rate` tokens accrue per second up to `burst`."""

    rate: float
    burst: float
    level: float
    at: int

    def level_at(self, now: int) -> float:
        """Tokens at `now`; an instant before `at` (the wall clock was set back) adds none."""
        if now <= self.at:
            return self.level
        return min(self.burst, self.level + self.rate * (now - self.at) / SECOND)

    def seen(self, now: int) -> Bucket:
        """The same tokens, counted from `now` on where the wall clock was set back before `at`."""
        return self if now >= self.at else replace(self, at=now)

    def take(self, now: int, tokens: int = 1) -> Bucket:
        """The bucket after `tokens` dispatches at `now`."""
        return Bucket(self.rate, self.burst, self.level_at(now) - tokens, now)

    def whole_tokens(self, now: int) -> int:
        """How many dispatches may go at `now`."""
        return int(self.level_at(now) + (1.0 - _WHOLE))

    def next_token(self, now: int) -> int:
        """The earliest instant, not before `now`, at which a dispatch may go."""
        missing = 1.0 - self.level_at(now)
        if missing <= 1.0 - _WHOLE:
            return now
        if self.rate <= 0:
            return now + _FAR
        return now + min(_FAR, math.ceil(missing / self.rate * SECOND))

    def reshape(self, now: int, *, rate: float, burst: float) -> Bucket:
        """The same tokens under another rate and size."""
        level = min(self.level_at(now), burst)
        return replace(self, rate=rate, burst=burst, level=level, at=max(now, self.at))


def full(rate: float, burst: float, now: int) -> Bucket:
    """The bucket of a queue that was never dispatched from."""
    return Bucket(rate, burst, burst, now)


def empty(rate: float, burst: float, now: int) -> Bucket:
    """The bucket after a crash: what was spent before is unknown, so it starts from nothing."""
    return Bucket(rate, burst, 0.0, now)
