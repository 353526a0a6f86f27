"""When to send: it plans the lanes that something happened to, and sleeps until the next instant that matters.

One timer for all queues, no tick, nothing per idle queue. A turn gives each lane that is ready a share, in order,
within the attempts that may be in flight in this process. What a lane decides is `domain/lane`'s, what an attempt does
is the delivery's, and which queues are at home here is a tenancy's.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Coroutine, Iterable, Sequence
from typing import Protocol

from kumotasks.dispatch.alarms import Alarms
from kumotasks.dispatch.delivery import Delivery
from kumotasks.dispatch.home import Berth, Homes
from kumotasks.dispatch.lease import Tenure
from kumotasks.dispatch.reading import Reading
from kumotasks.domain.clock import SECOND, Clock
from kumotasks.domain.task import Task
from kumotasks.storage.store import RunRequested, Store, Wake

_SHARE = 64  # attempts a lane may begin before the next lane has its turn


class House(Protocol):
    """What a tenancy asks of whoever drives the lanes."""

    def ready(self, berths: Iterable[Berth]) -> None:
        """Plan them; and all that waited, where the lease holds again."""

    def run(self, number: int, task: Task) -> None:
        """Send a task for which a run was requested."""

    def reload(self, berths: Sequence[Berth]) -> None:
        """Read anew what waits in them."""

    def read(self, reading: Coroutine[None, None, None]) -> None:
        """Read something in the background; nobody is idle meanwhile."""

    async def changed(self) -> None:
        """Wait until a turn was made, or an attempt or a read has ended."""


class Tenancy(Protocol):
    """How queues come to be at home here, and cease to be."""

    @property
    def lease(self) -> Tenure: ...
    async def move_in(self, house: House) -> None:
        """Become home of what there is."""

    def run_requested(self, number: int, task: Task) -> None:
        """A run of a task was asked for here."""

    async def hand_over(self) -> None:
        """A stop has begun: part with what others can carry on."""

    async def move_out(self) -> None:
        """No attempt is open any more."""


class Scheduler:
    """Component: drives every lane of this node."""

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        homes: Homes,
        delivery: Delivery,
        tenancy: Tenancy,
        max_in_flight: int,
        drain: float = 10.0,
    ) -> None:
        self._store = store
        self._clock = clock
        self._homes = homes
        self._delivery = delivery
        delivery.on_rest = self._tell
        delivery.on_close = self._closed
        self._tenancy = tenancy
        self._lease = tenancy.lease
        self._max_in_flight = max_in_flight
        self._drain = drain  # seconds of real time
        self._patience: asyncio.Timeout | None = None
        self._ready: deque[Berth] = deque()
        self._alarms = Alarms(clock, self._ring)
        self._reading = Reading(store, clock, self._alarms, self._mark)
        self._turning = False
        self._running = False
        self._loop: asyncio.AbstractEventLoop | None = None  # to find it anew costs a system call
        self._loads: set[asyncio.Task[None]] = set()
        self._watchers: list[asyncio.Future[None]] = []

    async def start(self) -> None:
        """Move in and carry on where the last process stopped."""
        self._running = True
        self._loop = asyncio.get_running_loop()
        self._store.listen(self.on_wakes)
        await self._tenancy.move_in(self)

    def refuse(self) -> None:
        """Begin no attempt any more."""
        self._running = False
        self._alarms.stop()

    def cut(self) -> None:
        """Wait no longer for open attempts."""
        self._drain = 0.0
        if self._patience is not None:
            self._patience.reschedule(asyncio.get_running_loop().time())

    async def stop(self) -> None:
        """Hand over, let open attempts end, break off what outlasts the drain, move out."""
        self.refuse()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._drain) as self._patience:
                await self._tenancy.hand_over()
                while self._delivery.open or self._loads:
                    await self.changed()
        for load in self._loads:
            load.cancel()
        await asyncio.gather(*self._loads, self._delivery.break_off(), return_exceptions=True)
        await self._tenancy.move_out()

    # what comes in

    def on_wakes(self, wakes: Sequence[Wake]) -> None:
        """The store committed something."""
        now = self._clock.now()
        apply = self._homes.apply
        for wake in wakes:
            berth = apply(wake, now)
            if berth is not None and not berth.ready:
                self._mark(berth)
            if isinstance(wake, RunRequested):
                self._tenancy.run_requested(wake.number, wake.task)

    def ready(self, berths: Iterable[Berth]) -> None:
        for berth in berths:
            self._mark(berth)
        self._turn_soon()

    def run(self, number: int, task: Task) -> None:
        berth = self._homes.berths.get(number)
        if berth is not None and berth.parting is None and self._running and self._lease.holds():
            self._delivery.begin(berth, task, run=True)

    def reload(self, berths: Sequence[Berth]) -> None:
        self.read(self._reading.reload(berths))

    def read(self, reading: Coroutine[None, None, None]) -> None:
        load = asyncio.get_running_loop().create_task(reading)
        self._loads.add(load)
        load.add_done_callback(self._loaded)

    # what there is to see

    @property
    def in_flight(self) -> int:
        return len(self._delivery.open)

    def idle(self) -> bool:
        """Nothing is open, and nothing is due that could go."""
        now = self._clock.now()
        return not self.busy() and all(berth.lane.idle(now) for berth in self._homes.berths.values())

    def busy(self) -> bool:
        return bool(self._delivery.open or self.reading)

    @property
    def reading(self) -> bool:
        """A lane is to be planned, or tasks are being read for one."""
        return bool(self._loads or (self._ready and self._running and self.in_flight < self._max_in_flight))

    async def changed(self) -> None:
        """Wait until a turn was made, or an attempt or a read has ended."""
        watcher = asyncio.get_running_loop().create_future()
        self._watchers.append(watcher)
        await watcher

    @property
    def committing(self) -> bool:
        """An attempt was answered and is not over yet, nor does its result wait to be tried again."""
        return self.in_flight > len(self.unanswered()) + self._delivery.resting

    def unanswered(self) -> frozenset[int]:
        """The attempts whose worker is yet to answer, by number."""
        return frozenset(number for number, attempt in self._delivery.open.items() if not attempt.answered)

    # turns

    def _mark(self, berth: Berth) -> None:
        if not berth.ready:
            berth.ready = True
            self._ready.append(berth)
            self._turn_soon()

    def _turn_soon(self) -> None:
        if not self._turning and self._running and self._loop is not None:
            self._turning = True
            self._loop.call_soon(self._turn)

    def _turn(self) -> None:
        self._turning = False
        if not self._running or not self._lease.holds():
            return
        now = self._clock.now()
        while self._ready and self.in_flight < self._max_in_flight:
            berth = self._ready.popleft()
            berth.ready = False
            if berth.parting is None:
                self._plan(berth, now)
        self._alarms.arm()
        self._tell()

    def _plan(self, berth: Berth, now: int) -> None:
        quota = min(_SHARE, self._max_in_flight - self.in_flight)
        if berth.throttle.effective is not None and berth.throttle.judge(now, _limit(berth)):
            berth.reshape(now)
        plan = berth.lane.plan(now, quota)
        for task in plan.send:
            self._delivery.begin(berth, task, run=False)
        if plan.load:
            berth.lane.begin_load()
            self.read(self._reading.load(berth, berth.lane.generation, now))
        if plan.wake is None:
            self._alarms.clear(berth.lane.number)
        elif plan.wake <= now:
            berth.ready = True
            self._ready.append(berth)
        else:
            # A slowed queue is looked at every second: its rate grows while it waits for a token.
            slowed = berth.throttle.effective is not None
            self._alarms.set(berth.lane.number, min(plan.wake, now + SECOND) if slowed else plan.wake)

    def _closed(self, berth: Berth) -> None:
        if berth.ready:
            self._turn_soon()  # it waited for an attempt to end
        else:
            self._mark(berth)
        if self._watchers:
            self._tell()

    def _tell(self) -> None:
        for watcher in self._watchers:
            if not watcher.done():
                watcher.set_result(None)
        self._watchers.clear()

    def _ring(self, numbers: list[int]) -> None:
        for number in numbers:
            berth = self._homes.berths.get(number)
            if berth is not None:
                self._mark(berth)

    def _loaded(self, load: asyncio.Task[None]) -> None:
        self._loads.discard(load)
        self._tell()


def _limit(berth: Berth) -> float:
    return berth.lane.queue.rate_limits.max_dispatches_per_second
