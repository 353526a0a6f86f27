"""The tenancy of one node of many: it keeps its lease, takes a fair share of the queues, and parts with what is more.

Each renewal says how many nodes and queues there are. Queues without a home are taken up to an equal share, beyond it
only where nobody else has taken them for a while; a surplus is handed back a few queues at a time, and only while none
is homeless, so that nothing flaps. Whoever's lease has ended loses his queues to whoever asks first. If that is this
node, all it had is void, and it begins anew.
"""

from __future__ import annotations

import asyncio
import logging

from kumotasks.dispatch.guests import Guests
from kumotasks.dispatch.hearsay import Hearsay
from kumotasks.dispatch.home import Homes
from kumotasks.dispatch.lease import Lease, Tenure
from kumotasks.dispatch.newcomers import Newcomers
from kumotasks.dispatch.parting import Parting, dismiss
from kumotasks.dispatch.runs import Runs
from kumotasks.dispatch.scheduler import House
from kumotasks.domain.clock import SECOND, Clock, Enduring
from kumotasks.domain.errors import KumoError
from kumotasks.domain.task import Task
from kumotasks.storage.store import Home, Standing, Store

logger = logging.getLogger("kumotasks.dispatch")
_RENEWALS = 6  # tries in the length of a lease: the dead are noticed no later than so much of it after its end
_PATIENCE = SECOND // 2  # for which a homeless queue is left to those who have less than their share
_COMPARED = 2  # standings, after a failure: its statement may have been carried out late
_GENTLE = 8  # queues handed back at a time, at least; a quarter of the surplus where that is more


class Tenant:
    """`wall` times the lease, `clock` the lanes: they differ where time is moved by hand."""

    def __init__(
        self, store: Store, clock: Clock, wall: Enduring, homes: Homes, parting: Parting, lease: Lease
    ) -> None:
        self._store = store
        self._clock = clock
        self._wall = wall
        self._homes = homes
        self._parting = parting
        self._lease = lease
        self._runs = Runs(store, homes, parting.delivery)
        self._guests = Guests(store, homes)
        self._newcomers = Newcomers(store, clock)
        self._hearsay = Hearsay(homes, self._newcomers, self._guests, self._runs, self.stir)
        self._house: House | None = None
        self._stirred = asyncio.Event()
        self._renewing: asyncio.Task[None] | None = None
        self._moving: asyncio.Task[None] | None = None
        self._standing: Standing | None = None  # as of the last renewal, where it is yet to be acted on
        self._homeless_since: int | None = None
        self._unsure = 0  # what was taken may not have been told: so many standings are still to be compared
        self._moves = 0  # begun and ended
        self._moves_seen = 0  # as of the last standing
        self._leaving = False

    @property
    def lease(self) -> Tenure:
        return self._lease

    async def move_in(self, house: House) -> None:
        self._house = house
        self._runs.begin(house)
        self._guests.begin(house)
        self._newcomers.begin(house)
        self._hearsay.begin(house)
        self._parting.begin(house)
        self._store.overhear(self._hearsay.hear)
        self._homes.stranger, self._homes.late = self._hearsay.meet, self._hearsay.come_late
        await self._renew()
        if self._moving is not None:
            await asyncio.wait([self._moving])
        self._renewing = asyncio.get_running_loop().create_task(self._renew_for_ever())

    async def hand_over(self) -> None:
        self._leaving = True
        if self._moving is not None:
            await asyncio.wait([self._moving])
        await self._resign()
        await self._parting.part([*self._homes.berths.values()])

    async def move_out(self) -> None:
        working = [work for work in (self._renewing, self._moving) if work is not None]
        self._renewing = self._moving = None
        for work in working:
            work.cancel()
        await asyncio.gather(*working, return_exceptions=True)
        if working:
            self._void()
            await self._leave()

    def run_requested(self, number: int, task: Task) -> None:
        if number in self._homes.berths:
            self._runs.read_soon()

    def stir(self) -> None:
        """Renew at once, and see what there is to take."""
        self._stirred.set()

    # the lease

    async def _renew_for_ever(self) -> None:
        while True:
            timer = self._wall.call_at(self._wall.now() + self._lease.length // _RENEWALS, self.stir)
            try:
                await self._stirred.wait()
            finally:
                timer.cancel()
            self._stirred.clear()
            await self._renew()

    async def _renew(self) -> None:
        try:
            standing = await self._ask() or await self._ask()
        except KumoError as refusal:
            logger.warning("the lease could not be renewed", extra={"reason": refusal.message})
            return
        if standing is not None and self._lease.holds():
            self._standing = standing
            self._move_soon()

    def _move_soon(self) -> None:
        if self._moving is None and self._standing is not None:
            standing, self._standing = self._standing, None
            self._moves += 1
            self._moving = asyncio.get_running_loop().create_task(self._move(standing))
            self._moving.add_done_callback(self._moved)

    async def _ask(self) -> Standing | None:
        asked, moves = self._lease.asked(), self._moves
        standing = await self._store.renew(self._lease.length)
        if standing is None:
            logger.warning("the lease has ended; this node begins anew")
            if self._moving is not None:
                self._moving.cancel()
                await asyncio.wait([self._moving])
            self._void()
            return None
        self._lease.granted(asked)
        self._moves_seen = moves
        if self._house is not None:
            self._house.ready(())  # what waited while the lease did not hold
        return standing

    def _void(self) -> None:
        """Nothing is at home here. What is open may still be settled, as long as nobody else has the queue."""
        self._lease.lost()
        for berth in self._homes.berths.values():
            dismiss(berth)
        self._homes.berths.clear()

    async def _resign(self) -> None:
        try:
            await self._store.resign()
        except KumoError as refusal:  # the others find homes for what is left all the same, in a while
            logger.warning("the node could not resign", extra={"reason": refusal.message})

    async def _leave(self) -> None:
        try:
            await self._store.leave()
        except KumoError as refusal:  # the lease ends by itself, then
            logger.warning("the lease could not be ended", extra={"reason": refusal.message})

    # moving

    async def _move(self, standing: Standing) -> None:
        try:
            await self._guests.look()
            if self._leaving:
                return
            newest = self._moves_seen == self._moves - 1  # it is not older than what was moved last
            if self._unsure and newest and await self._disown(standing):
                return
            await self._take(standing)
            await self._give(standing)
        except KumoError as refusal:  # the next renewal brings it up again
            logger.warning("queues could not be moved", extra={"reason": refusal.message})

    def _moved(self, moving: asyncio.Task[None]) -> None:
        if self._moving is moving:
            self._moving = None
            self._moves += 1
            if not moving.cancelled():
                self._move_soon()

    async def _disown(self, standing: Standing) -> bool:
        """Hand back what this node has and does not know of; whether there was such a queue."""
        self._unsure -= 1
        if standing.held <= len(self._homes.berths):
            return False
        self._unsure = _COMPARED  # until it is seen to be done
        await self._store.release_others([*self._homes.berths])
        self.stir()
        return True

    async def _take(self, standing: Standing) -> None:
        room = self._room(standing)
        if not standing.lapsed and (not standing.homeless or room <= 0):
            return
        self._hearsay.keep()
        try:
            homes = await self._store.take_homes(max(room, 0))
        except KumoError:
            self._unsure = _COMPARED
            raise
        finally:
            heard = self._hearsay.kept()
        self._settle_in(homes)
        self._hearsay.hear_of(heard, homes)
        if standing.lapsed:
            self.stir()  # there may be more than this node's share

    def _room(self, standing: Standing) -> int:
        """How many queues to take."""
        room = _share(standing) - max(standing.held, len(self._homes.berths))
        if not standing.homeless or room > 0:
            self._homeless_since = None
            return room
        now = self._wall.boot()
        if self._homeless_since is None:
            self._homeless_since = now
        if now - self._homeless_since >= _PATIENCE:
            self._homeless_since = None
            return -(-standing.homeless // standing.nodes)
        self._wall.call_at(self._wall.now() + _PATIENCE, self.stir)
        return room

    def _settle_in(self, homes: list[Home]) -> None:
        if not homes or self._house is None:
            return
        now = self._clock.now()
        self._house.ready([self._homes.add(home, now, epoch=home.epoch) for home in homes])
        self._guests.confirm_soon(homes)
        self._runs.read_soon()

    async def _give(self, standing: Standing) -> None:
        surplus = len(self._homes.berths) - _share(standing)
        if surplus <= 0 or standing.homeless or standing.lapsed:
            return
        quiet = sorted(self._homes.berths.values(), key=lambda berth: (berth.lane.open_count, berth.lane.waiting))
        await self._parting.part(quiet[: min(surplus, max(_GENTLE, surplus // 4))])


def _share(standing: Standing) -> int:
    """As many as everybody; of those left over, the nodes that have the most keep one each."""
    each, over = divmod(standing.queues, max(1, standing.nodes))
    return each + (standing.rank < over)
