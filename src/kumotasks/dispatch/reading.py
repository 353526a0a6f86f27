"""Reading tasks into lanes: on from a lane's edge, or all of it anew. When a lane wants that is its own to say."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from kumotasks.dispatch.alarms import Alarms
from kumotasks.dispatch.home import Berth
from kumotasks.domain.clock import SECOND, Clock
from kumotasks.domain.errors import KumoError
from kumotasks.domain.lane import WINDOW
from kumotasks.domain.window import Place
from kumotasks.storage.store import Position, Store, StoredQueue

_READ_AGAIN = SECOND


class Reading:
    """`mark` is told of each lane that has something new."""

    def __init__(self, store: Store, clock: Clock, alarms: Alarms, mark: Callable[[Berth], None]) -> None:
        self._store = store
        self._clock = clock
        self._alarms = alarms
        self._mark = mark

    async def load(self, berth: Berth, generation: int, now: int) -> None:
        """Read the tasks behind the lane's edge that are due within the window; the lane knows that it is read for."""
        lane = berth.lane
        stored = StoredQueue(lane.queue, lane.number, generation)
        after = Position(*lane.edge)
        until, room = now + WINDOW, lane.room
        try:
            tasks = await self._store.due_tasks(
                stored, after=after, until=until, limit=room.tasks, max_bytes=room.bytes
            )
            edge: Place = (tasks[-1].schedule_time, tasks[-1].name.task) if tasks else lane.edge
            unloaded = await self._store.next_due(stored, after=Position(*edge))
        except KumoError:
            if lane.generation == generation:
                lane.abandon_load()
            self._alarms.set(lane.number, self._clock.now() + _READ_AGAIN)
            self._alarms.arm()
            return
        if lane.generation == generation:
            lane.end_load(tasks, edge=edge, unloaded=unloaded, now=self._clock.now())
        self._mark(berth)

    async def reload(self, berths: Iterable[Berth]) -> None:
        """All that waits, lane by lane: nobody else who reads is held up."""
        for berth in berths:
            if berth.parting is None:
                berth.lane.reread()
                if berth.lane.loading:
                    self._mark(berth)  # that read is void now
                else:
                    berth.lane.begin_load()
                    await self.load(berth, berth.lane.generation, self._clock.now())
