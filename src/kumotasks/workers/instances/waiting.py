"""Requests that wait for an instance, the first one first. Who gives them one, and what they are, is unknown here."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from kumotasks.domain.clock import Clock
from kumotasks.domain.run.scaling import LONGEST_WAIT
from kumotasks.workers.errors import NoInstance
from kumotasks.workers.instances.instance import Instance

Place = asyncio.Future[Instance]


class Waiting:
    """`coming`: an instance is on its way, which is waited for as long as it takes; without one ten seconds are
    enough."""

    def __init__(self, clock: Clock, coming: Callable[[], bool]) -> None:
        self._clock = clock
        self._coming = coming
        self._line: deque[Place] = deque()

    def __len__(self) -> int:
        return len(self._line)

    async def wait(self, joined: Callable[[], None], hand_back: Callable[[Instance], None]) -> Instance:
        """A place; `joined` is called once the request stands in line, `hand_back` with a place that came when nobody
        waited for it any more. NoInstance, or what `refuse` says."""
        place: Place = asyncio.get_running_loop().create_future()
        self._line.append(place)
        self._be_patient(place)
        joined()
        try:
            return await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled() and place.exception() is None:
                hand_back(place.result())
            raise
        finally:
            if place in self._line:
                self._line.remove(place)

    def serve(self, find: Callable[[], Instance | None]) -> None:
        """Give places as long as `find` has one."""
        while self._line:
            if self._line[0].done():
                self._line.popleft()
                continue
            found = find()
            if found is None:
                return
            self._line.popleft().set_result(found)

    def refuse(self, refusal: Exception) -> None:
        """Tell all who wait that it is in vain."""
        line, self._line = self._line, deque()
        for place in line:
            if not place.done():
                place.set_exception(refusal)

    def _be_patient(self, place: Place) -> None:
        timer = self._clock.call_at(self._clock.now() + LONGEST_WAIT, lambda: self._give_up(place))
        place.add_done_callback(lambda _: timer.cancel())

    def _give_up(self, place: Place) -> None:
        if place.done():
            return
        if self._coming():
            self._be_patient(place)
        else:
            place.set_exception(NoInstance())
