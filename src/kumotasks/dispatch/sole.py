"""The tenancy of a node that has its store to itself: it is home of every queue, from its creation on."""

from __future__ import annotations

import contextlib
import logging

from kumotasks.dispatch.home import Berth, Homes
from kumotasks.dispatch.lease import ALWAYS, Tenure
from kumotasks.dispatch.scheduler import House
from kumotasks.domain.clock import Clock
from kumotasks.domain.errors import KumoError
from kumotasks.domain.task import Task
from kumotasks.storage.store import Home, QueueChanged, QueuePurged, Store, Wake

logger = logging.getLogger("kumotasks.dispatch")


class Sole:
    """Takes every queue at start and hands all back at the end."""

    def __init__(self, store: Store, clock: Clock, homes: Homes) -> None:
        self._store = store
        self._clock = clock
        self._homes = homes
        self._house: House | None = None
        self._claiming = False
        homes.stranger = self._meet

    @property
    def lease(self) -> Tenure:
        return ALWAYS

    async def move_in(self, house: House) -> None:
        """A crash left the buckets empty."""
        self._house = house
        await self._take()
        for number, task in await self._store.run_requests():
            house.run(number, task)
        house.ready(self._homes.berths.values())

    def run_requested(self, number: int, task: Task) -> None:
        if self._house is not None:
            self._house.run(number, task)

    async def hand_over(self) -> None:
        """There is nobody else."""

    async def move_out(self) -> None:
        """Hand the queues back with their buckets as they stand."""
        self._house = None
        berths = self._homes.berths
        if not berths:
            return
        try:
            await self._store.release_homes([(number, berth.lane.bucket) for number, berth in berths.items()])
        except KumoError as refusal:  # as after a crash, then: the buckets start empty
            logger.warning("the queues could not be handed back", extra={"reason": refusal.message})
        berths.clear()

    def _meet(self, wake: Wake, now: int) -> Berth | None:
        """A queue that is created has its berth at once; the store is told, or its bucket would be new for ever."""
        if not isinstance(wake, QueueChanged | QueuePurged):
            return None
        if self._house is not None and not self._claiming:
            self._claiming = True
            self._house.read(self._claim())
        return self._homes.add(Home(wake.stored, bucket=None, fresh=True, next_due=None), now)

    async def _claim(self) -> None:
        self._claiming = False
        with contextlib.suppress(KumoError):  # the next queue that is created will bring it up again
            await self._take()

    async def _take(self) -> None:
        now = self._clock.now()
        for home in await self._store.take_homes():
            if home.stored.number not in self._homes.berths:
                self._homes.add(home, now)
