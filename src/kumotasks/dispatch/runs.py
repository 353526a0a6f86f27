"""Requests to run a task now, where any node may have taken them: they are read from the store, each begun once."""

from __future__ import annotations

from kumotasks.dispatch.delivery import Delivery
from kumotasks.dispatch.home import Homes
from kumotasks.dispatch.scheduler import House
from kumotasks.domain.errors import KumoError
from kumotasks.storage.store import Store


class Runs:
    """A request that is under way, here or where it was begun before the queue was handed over, is left alone; so is a
    second one on the same task, which ends with the first."""

    def __init__(self, store: Store, homes: Homes, delivery: Delivery) -> None:
        self._store = store
        self._homes = homes
        self._delivery = delivery
        self._house: House | None = None
        self._reading = False
        self._again = False

    def begin(self, house: House) -> None:
        self._house = house

    def read_soon(self) -> None:
        self._again = True
        if not self._reading and self._house is not None:
            self._reading = True
            self._house.read(self._read())

    async def _read(self) -> None:
        try:
            while self._again:
                self._again = False
                await self._read_once()
        except KumoError:
            return  # where a connection was lost, Unheard follows
        finally:
            self._reading = False

    async def _read_once(self) -> None:
        # Known before the read: what ends during it is still among the requests. Those of a queue that comes home
        # during it are left to the next one, for that begins with what was handed over.
        homes = dict(self._homes.berths)
        under_way = {
            attempt.task.serial
            for attempt in self._delivery.open.values()
            if attempt.run and attempt.berth.parting is None
        }
        under_way.update(*(home.lane.elsewhere.serials for home in homes.values()))
        for number, task in await self._store.run_requests():
            berth = homes.get(number)
            if berth is None or self._homes.berths.get(number) is not berth or task.serial in under_way:
                continue
            assert self._house is not None
            self._house.run(number, task)
