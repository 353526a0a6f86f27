"""Tasks that other nodes have added to queues at home here: brought to this node whole, or named to it and then
fetched from the store.

One read at a time, for all queues: what is named meanwhile is read with the next one. Which of them are wanted now, and
what to do with them, is their lane's to say.
"""

from __future__ import annotations

from collections.abc import Sequence

from kumotasks.dispatch.home import Berth
from kumotasks.dispatch.scheduler import House
from kumotasks.domain.clock import Clock
from kumotasks.domain.errors import KumoError
from kumotasks.domain.lane import Fetch
from kumotasks.domain.task import Task
from kumotasks.domain.window import Place
from kumotasks.storage.rumour import TasksBrought
from kumotasks.storage.store import Store, StoredQueue

_AT_ONCE = 256  # tasks, which are small: larger ones are not named


class Newcomers:
    """Has lanes know them soon."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._house: House | None = None
        self._wanted: list[tuple[Berth, str]] = []
        self._fetching = False

    def begin(self, house: House) -> None:
        self._house = house

    def brought(self, berth: Berth, rumour: TasksBrought) -> None:
        """As if they had been added here."""
        if rumour.generation != berth.lane.generation:
            self.announced(berth, rumour.named().places)
            return
        now = self._clock.now()
        for task in rumour.tasks:
            berth.lane.offer(task, now)

    def announced(self, berth: Berth, places: Sequence[Place]) -> None:
        ids = berth.lane.announced(places, self._clock.now())
        self._wanted += [(berth, task) for task in ids]
        if ids and not self._fetching and self._house is not None:
            self._fetching = True
            self._house.read(self._fetch())

    async def _fetch(self) -> None:
        try:
            while self._wanted:
                wanted, self._wanted = self._wanted[:_AT_ONCE], self._wanted[_AT_ONCE:]
                await self._fetch_once(wanted)
        finally:
            self._fetching = False

    async def _fetch_once(self, wanted: Sequence[tuple[Berth, str]]) -> None:
        of: dict[Berth, list[str]] = {}
        for berth, task in wanted:
            of.setdefault(berth, []).append(task)
        fetches = [(berth, berth.lane.begin_fetch()) for berth in of]
        try:
            found = await self._store.find_tasks([(_stored(berth), ids) for berth, ids in of.items()])
        except KumoError:
            for berth, fetch in fetches:
                berth.lane.abandon_fetch(fetch)
        else:
            self._take_in(fetches, found)
        assert self._house is not None
        self._house.ready(of)

    def _take_in(self, fetches: Sequence[tuple[Berth, Fetch]], found: Sequence[tuple[int, Task]]) -> None:
        tasks: dict[int, list[Task]] = {}
        for number, task in found:
            tasks.setdefault(number, []).append(task)
        now = self._clock.now()
        for berth, fetch in fetches:
            berth.lane.end_fetch(fetch, tasks.get(berth.lane.number, ()), now)


def _stored(berth: Berth) -> StoredQueue:
    return StoredQueue(berth.lane.queue, berth.lane.number, berth.lane.generation)
