"""The instances of one revision, and the requests that wait for one of them.

How many there are is planned by domain/run/scaling.py each time something happened; nothing ticks in between. What a
request is, and which revision it is for, is unknown here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine

from kumotasks.domain.clock import SECOND, Clock, Timer
from kumotasks.domain.run import scaling
from kumotasks.domain.run.scaling import Bounds
from kumotasks.workers.errors import StartFailed
from kumotasks.workers.instances.instance import Instance, Reason, StartRefused
from kumotasks.workers.instances.waiting import Waiting

NOTHING = Bounds(1, 0, 0)
_STOPPED = "The instance was stopped before it was ready."


class Retired(Exception):
    """The revision gets no traffic any more."""


class Fleet:
    """`make` gives an instance that was not begun; `idle` is how long one is kept without a request."""

    def __init__(self, make: Callable[[], Instance], limits: Bounds, clock: Clock, *, idle: int) -> None:
        self._make = make
        self._limits = limits
        self._clock = clock
        self._idle = idle
        self._seats: list[Instance] = []
        self._waiting = Waiting(clock, lambda: any(not seat.ready for seat in self._seats))
        self._checks: list[asyncio.Future[str]] = []
        self._failures = 0  # starts and lives in a row that came to nothing
        self._pause: asyncio.TimerHandle | None = None
        self._timer: Timer | None = None
        self._work: set[asyncio.Task[None]] = set()
        self._lives: dict[str, asyncio.Task[None]] = {}  # by instance
        self._retired = self._closed = False

    @property
    def instances(self) -> tuple[Instance, ...]:
        return tuple(self._seats)

    # requests

    async def acquire(self) -> Instance:
        """The least busy instance that has room; one is started if need be. NoInstance, StartFailed, Retired."""
        seat = (None if self._waiting else self._place()) or await self._wait()
        seat.look_after()
        return seat

    def release(self, instance: Instance, *, failed: bool) -> None:
        instance.open -= 1
        instance.idle_since = self._clock.now()
        if failed:
            self._doubt(instance)
        else:
            self._failures = 0
        if self._waiting:
            self._serve()
        if not instance.open:
            self._turn()

    async def _wait(self) -> Instance:
        if self._retired:
            raise Retired
        return await self._waiting.wait(self._turn, lambda instance: self.release(instance, failed=False))

    def _serve(self) -> None:
        self._waiting.serve(self._place)

    def _place(self) -> Instance | None:
        seat = scaling.place(self._seats, self._limits.concurrency)
        if seat is not None:
            seat.open += 1
        return seat

    def _doubt(self, instance: Instance) -> None:
        """It gets no request before somebody is seen to listen there: its end may not be known yet."""
        if instance in self._seats and instance.ready:
            instance.ready = False
            self._begin(self._ask_again(instance))

    async def _ask_again(self, instance: Instance) -> None:
        lives = await instance.lives()
        if instance not in self._seats:
            return
        if lives:
            instance.ready = True
            self._serve()
        elif not instance.over:  # it runs, and nobody listens in it: no request can reach it any more
            self._end(instance)
            self._hold_back()
        self._turn()

    # how many

    def limit(self, limits: Bounds) -> None:
        self._limits = limits
        self._serve()
        self._turn()

    async def check(self) -> str:
        """Whether an instance comes up; one is started if none is there. "" or why it does not."""
        if any(seat.ready for seat in self._seats):
            return ""
        found: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._checks.append(found)
        if not self._seats:
            self._start(Reason.DEPLOYMENT)
        try:
            return await found
        finally:
            self._checks.remove(found)

    def _turn(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._closed:
            return
        now, waiting = self._clock.now(), len(self._waiting)
        plan = scaling.plan(self._seats, waiting, self._limits, idle=self._idle, now=now)
        for seat in [seat for seat in self._seats if seat.id in plan.stop]:
            self._end(seat)
        if self._pause is None:
            for _ in range(plan.start):
                self._start(Reason.TRAFFIC if waiting else Reason.MINIMUM)
        if plan.look_again is not None:
            self._timer = self._clock.call_at(plan.look_again, self._turn)

    def _start(self, reason: Reason) -> None:
        instance = self._make()
        self._seats.append(instance)
        life = self._lives[instance.id] = self._begin(self._live(instance, reason))
        life.add_done_callback(lambda _: self._lives.pop(instance.id, None))

    def _end(self, instance: Instance) -> None:
        """It is no longer counted; one that is not up yet is given up."""
        self._seats.remove(instance)
        if instance.begun:
            self._begin(instance.stop())
        else:
            self._lives[instance.id].cancel()

    async def _live(self, instance: Instance, reason: Reason) -> None:
        try:
            await instance.begin(reason)
        except StartRefused as refusal:
            self._seats.remove(instance)
            self._fail(str(refusal))
            return
        self._tell("")
        self._serve()
        self._turn()
        await instance.ended()
        if instance in self._seats:
            self._seats.remove(instance)
            self._hold_back()

    def _fail(self, text: str) -> None:
        self._tell(text)
        if not self._seats:
            self._waiting.refuse(StartFailed(text))
        self._hold_back()

    def _hold_back(self) -> None:
        """The more often in a row it came to nothing, the longer before the next start."""
        self._failures += 1
        if self._pause is None:
            seconds = scaling.pause(self._failures) / SECOND
            self._pause = asyncio.get_running_loop().call_later(seconds, self._go_on)

    def _go_on(self) -> None:
        self._pause = None
        self._turn()

    def _tell(self, text: str) -> None:
        for each in self._checks:
            if not each.done():
                each.set_result(text)

    # ends

    async def retire(self) -> None:
        """Take nothing new; stop each instance when its last request has ended. Returns when all have."""
        self._retired = True
        self._waiting.refuse(Retired())
        for seat in [seat for seat in self._seats if not seat.begun]:
            self._end(seat)
        self.limit(NOTHING)
        while self._work:
            await asyncio.wait(self._work)

    async def stop(self) -> None:
        """Stop everything now."""
        self._closed = self._retired = True
        if self._timer is not None:
            self._timer.cancel()
        if self._pause is not None:
            self._pause.cancel()
        self._waiting.refuse(Retired())
        self._tell(_STOPPED)
        for seat in tuple(self._seats):
            self._end(seat)
        while self._work:
            await asyncio.wait(self._work)

    def _begin(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._work.add(task)
        task.add_done_callback(self._work.discard)
        return task
