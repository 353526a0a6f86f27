"""Moving a ManualClock from event to event, and waiting until nothing is left to do. For tests of those who use Kumo.

At each instant everything that became due is sent, answered and committed before time goes on. An attempt that stays
unanswered for a grace of real time no longer holds time up, so that its deadline can fire.
"""

from __future__ import annotations

import asyncio

from kumotasks.dispatch.janitor import Janitor
from kumotasks.dispatch.scheduler import Scheduler
from kumotasks.domain.clock import ManualClock

GRACE = 0.2  # seconds of real time
_TURNS = 8  # turns of the event loop in which what a timer set off shows itself: a deadline unwinds task by task


class Idleness:
    """Waits until nothing is due and nothing is open."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler

    async def wait(self, timeout: float | None) -> bool:  # noqa: ASYNC109 - the answer says whether it came in time
        """True once idle; False if `timeout` seconds of real time went by before that."""
        try:
            async with asyncio.timeout(timeout):
                await _turns()
                while not self._scheduler.idle():
                    await self._scheduler.changed()
                    await _turns()
        except TimeoutError:
            return False
        return True


class Traveller:
    """Advances a ManualClock."""

    def __init__(self, clock: ManualClock, scheduler: Scheduler, janitor: Janitor) -> None:
        self._clock = clock
        self._scheduler = scheduler
        self._janitor = janitor
        self._slow: frozenset[int] = frozenset()
        self._moving = asyncio.Lock()

    async def advance(self, to: int) -> int:
        """Move to the instant `to`, stopping at every event before it; the time it is then. The past moves nothing."""
        async with self._moving:
            await self._settle()
            while self._clock.turn(to):
                await self._settle()
            return self._clock.now()

    async def _settle(self) -> None:
        """Wait for what is under way, but not for workers that have used up their grace."""
        await _turns()
        while True:
            await self._janitor.swept()
            if self._scheduler.reading or self._scheduler.committing:
                await self._scheduler.changed()
            elif self._scheduler.unanswered() - self._slow:
                await self._give_grace()
            else:
                return
            await _turns()

    async def _give_grace(self) -> None:
        try:
            async with asyncio.timeout(GRACE):
                await self._scheduler.changed()
        except TimeoutError:
            self._slow = self._scheduler.unanswered()


async def _turns() -> None:
    for _ in range(_TURNS):
        await asyncio.sleep(0)
