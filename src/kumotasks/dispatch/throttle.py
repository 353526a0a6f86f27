"""How overload slows a queue down. Pure: outcomes and instants come in, the effective rate comes out.

Google's algorithm is unpublished; this one is ours. At most once a second, if at least 10 attempts ended in the last
10 s and more than 10 % of them were 429 or 503, the effective rate halves, never below 0.1/s; otherwise it grows by
10 % a second up to the limit. Of App Engine's answers only 503 counts.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from kumotasks.domain.attempt import OVERLOAD, Answered, Outcome
from kumotasks.domain.clock import SECOND
from kumotasks.domain.target import HttpRequest, Target

FLOOR = 0.1
_PERIOD = 10  # seconds looked back on
_ENOUGH = 10
_TOLERATED = 0.1
_GROWTH = 1.1
_APP_ENGINE_OVERLOAD = frozenset({503})


def overloaded(target: Target, outcome: Outcome) -> bool:
    """Whether the worker said that it has too much to do."""
    if not isinstance(outcome, Answered):
        return False
    return outcome.status in (OVERLOAD if isinstance(target, HttpRequest) else _APP_ENGINE_OVERLOAD)


@dataclass(slots=True, eq=False)
class Throttle:
    """The effective rate of one queue. `None` as long as it is not slowed down: the limit itself then holds."""

    effective: float | None = None
    judged: int = 0
    # [second, ended, overloaded], one per second with events
    _seconds: deque[list[int]] = field(default_factory=lambda: deque(maxlen=_PERIOD + 1))

    def record(self, now: int, *, bad: bool, limit: float) -> bool:
        """Count an attempt that ended at `now`; True if the effective rate changed."""
        second = now // SECOND
        while self._seconds and self._seconds[-1][0] > second:
            self._seconds.pop()  # the wall clock was set back
        if not self._seconds or self._seconds[-1][0] != second:
            self._seconds.append([second, 0, 0])
        last = self._seconds[-1]
        last[1] += 1
        last[2] += bad
        return (bad or self.effective is not None) and self.judge(now, limit)

    def judge(self, now: int, limit: float) -> bool:
        """Slow down or speed up, at most once a second; True if the effective rate changed."""
        if 0 <= now - self.judged < SECOND:
            return False
        while self._seconds and self._seconds[0][0] <= now // SECOND - _PERIOD:
            self._seconds.popleft()
        ended = sum(second[1] for second in self._seconds)
        bad = sum(second[2] for second in self._seconds)
        before = self.effective
        if ended >= _ENOUGH and bad > ended * _TOLERATED:
            self.effective = max(FLOOR, min(before or limit, limit) / 2)
        elif before is not None:
            self._grow(now, before, limit)
        else:
            return False  # nothing was judged: what tips the balance may come within this second
        self.judged = now
        return self.effective != before

    def rate(self, limit: float) -> float:
        """The rate in force under the queue's limit."""
        return limit if self.effective is None else min(limit, self.effective)

    def _grow(self, now: int, before: float, limit: float) -> None:
        seconds = min(600, max(1, (now - self.judged) // SECOND))
        grown = before * _GROWTH**seconds
        self.effective = None if grown >= limit else grown
