"""Handing queues over while attempts on them are open: these go on here, and their tasks are left alone elsewhere.

A queue that parts begins nothing more. What is with the store by then is waited for; what ends later waits until the
hand-over is committed, and is settled by the id that the attempt was handed over with.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Sequence

from kumotasks.dispatch.attempt import Attempt
from kumotasks.dispatch.delivery import Delivery
from kumotasks.dispatch.home import Berth, Homes
from kumotasks.dispatch.scheduler import House
from kumotasks.domain.bucket import Bucket
from kumotasks.domain.clock import SECOND, Clock
from kumotasks.domain.errors import KumoError
from kumotasks.domain.task import HTTP_DEADLINE
from kumotasks.storage.store import OpenAttempt, Store

_AGAIN = SECOND
logger = logging.getLogger("kumotasks.dispatch")


class Parting:
    """Parts with berths of `homes`."""

    def __init__(self, store: Store, clock: Clock, homes: Homes, delivery: Delivery) -> None:
        self._store = store
        self._clock = clock
        self._homes = homes
        self.delivery = delivery
        self._name = secrets.token_hex(4)  # attempts are numbered anew by each process
        self._house: House | None = None

    def begin(self, house: House) -> None:
        self._house = house

    async def part(self, berths: Sequence[Berth]) -> None:
        """Hand them over; until that is committed, or cancelled."""
        leaving = {id(berth) for berth in berths}
        left = [_stop(berth) for berth in berths]
        try:
            await self._until_settled(leaving)
            buckets = [
                (number, berth.lane.bucket) for number, berth in self._homes.berths.items() if id(berth) in leaving
            ]
            for number, _ in buckets:
                del self._homes.berths[number]
            await self._release(buckets, self._hand_over(leaving))
        finally:
            for event in left:
                event.set()

    async def _until_settled(self, leaving: set[int]) -> None:
        while any(attempt.settling and id(attempt.berth) in leaving for attempt in self.delivery.open.values()):
            assert self._house is not None
            await self._house.changed()

    def _hand_over(self, leaving: set[int]) -> list[OpenAttempt]:
        handed = []
        for number, attempt in self.delivery.open.items():
            if id(attempt.berth) in leaving:
                attempt.handed_over = f"{self._name}-{number}"
                handed.append(self._open_attempt(attempt, attempt.handed_over))
        return handed

    def _open_attempt(self, attempt: Attempt, identity: str) -> OpenAttempt:
        task = attempt.task
        deadline = self._clock.now() + (task.dispatch_deadline or HTTP_DEADLINE)
        return OpenAttempt(attempt.berth.lane.number, identity, task.name.task, task.serial, "", deadline)

    async def _release(self, buckets: list[tuple[int, Bucket]], handed: list[OpenAttempt]) -> None:
        """Said again, it is as if it had been said once; so what became of a commit need not be known."""
        while buckets:
            try:
                await self._store.release_homes(buckets, handed)
            except KumoError as refusal:
                logger.warning("queues could not be handed over", extra={"reason": refusal.message})
                await self._pause()
            else:
                return

    async def _pause(self) -> None:
        rested = asyncio.Event()
        timer = self._clock.call_at(self._clock.now() + _AGAIN, rested.set)
        try:
            await rested.wait()
        finally:
            timer.cancel()


def dismiss(berth: Berth) -> None:
    """It begins nothing more, and what it has open need not wait."""
    _stop(berth).set()


def _stop(berth: Berth) -> asyncio.Event:
    if berth.parting is None:
        berth.parting = asyncio.Event()
    return berth.parting
