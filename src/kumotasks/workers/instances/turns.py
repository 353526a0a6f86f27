"""When a service is looked at: one look at a time for each, by whoever changed it or heard of a change.

Who took a change carries it out. A node that only heard of one serves as the record says, and carries it out itself if
that was not done after PATIENCE: the node that took it may be gone. What a look does is unknown here.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from kumotasks.domain.clock import MINUTE, Clock, Timer
from kumotasks.domain.errors import KumoError
from kumotasks.domain.run.service import ServiceName
from kumotasks.workers.instances.rollout import Overtaken

logger = logging.getLogger("kumotasks.workers")
PATIENCE = 5 * MINUTE  # longer than a start may take
RETRY_SECONDS = 1.0  # after a store that could not be read or written
Look = Callable[[ServiceName, bool], Awaitable[bool]]


class Turns:
    """`look` is told whether to carry out what the record says, and tells whether something is left to be."""

    def __init__(self, look: Look, clock: Clock) -> None:
        self._look = look
        self._clock = clock
        self._open: dict[ServiceName, asyncio.Task[None]] = {}
        self._heard: set[ServiceName] = set()  # while a look at them was under way
        self._expected: dict[ServiceName, Timer] = {}
        self._stopped = False

    def wake(self, name: ServiceName) -> None:
        """Carry out what the record says now; what was under way for it is broken off."""
        if not self._stopped:
            self._begin(name, carry=True)

    def hear(self, name: ServiceName) -> None:
        """Somebody, perhaps this node, has changed the record."""
        if name in self._open:
            self._heard.add(name)
        elif not self._stopped:
            self._begin(name, carry=False)

    async def stop(self) -> None:
        """Break off everything."""
        self._stopped = True
        for timer in self._expected.values():
            timer.cancel()
        turns = tuple(self._open.values())
        for turn in turns:
            turn.cancel()
        await asyncio.gather(*turns, return_exceptions=True)

    def _begin(self, name: ServiceName, *, carry: bool) -> None:
        turn = asyncio.get_running_loop().create_task(self._turn(name, self._open.get(name), carry))
        self._open[name] = turn
        turn.add_done_callback(lambda done: self._ended(name, done))

    def _ended(self, name: ServiceName, turn: asyncio.Task[None]) -> None:
        if self._open.get(name) is turn:
            del self._open[name]
            if name in self._heard:
                self._heard.discard(name)
                self.hear(name)

    async def _turn(self, name: ServiceName, before: asyncio.Task[None] | None, carry: bool) -> None:
        if before is not None:
            before.cancel()
            await asyncio.wait([before])
        while True:
            try:
                left = await self._look(name, carry)
            except Overtaken:
                continue
            except KumoError as refusal:
                logger.warning("a service is not carried out yet", extra={"service": str(name), "reason": str(refusal)})
                await asyncio.sleep(RETRY_SECONDS)
                continue
            self._expect(name, left)
            return

    def _expect(self, name: ServiceName, left: bool) -> None:
        timer = self._expected.pop(name, None)
        if timer is not None:
            timer.cancel()
        if left:
            self._expected[name] = self._clock.call_at(self._clock.now() + PATIENCE, lambda: self.wake(name))
