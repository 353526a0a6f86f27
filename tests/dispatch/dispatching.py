"""Dispatch with everything real but time and the workers: a store on disk, a clock that stands, a script that answers.

A test says what workers answer, moves time, and looks at what was sent when.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from kumotasks.dispatch.delivery import Bearers, Delivery
from kumotasks.dispatch.home import Berth, Homes
from kumotasks.dispatch.janitor import Janitor
from kumotasks.dispatch.request import Request
from kumotasks.dispatch.scheduler import Scheduler
from kumotasks.dispatch.sole import Sole
from kumotasks.dispatch.travel import Idleness, Traveller
from kumotasks.dispatch.watch import OpenWatch
from kumotasks.domain.attempt import Answered, Outcome, TimedOut
from kumotasks.domain.clock import HOUR, ManualClock
from kumotasks.domain.deadlines import Wait
from kumotasks.domain.errors import StorageFull, StorageUnavailable
from kumotasks.domain.history import MEMORY, Memory
from kumotasks.domain.names import QueueName
from kumotasks.domain.queue import Queue, QueueState, RateLimits, RetryConfig
from kumotasks.domain.target import AppEngineHosts
from kumotasks.domain.task import Task
from kumotasks.domain.window import Room
from kumotasks.storage.sqlite import SqliteStore
from kumotasks.storage.sqlstore import SqlStore
from kumotasks.storage.store import Home, Settlement, StoredQueue, Waiter, Wake
from tests.factory import NOW, a_queue, a_task, queue_name

OK = Answered(200)
FAILED = Answered(500)
GENEROUS = RateLimits(500.0, 100, 1_000)


def own_headers(request: Request) -> dict[str, str]:
    """The service's headers of a request."""
    pairs = (line.split(": ", 1) for line in request.service.splitlines())
    return dict(pairs)


@dataclass(frozen=True, slots=True)
class Sent:
    """A request that went out at `instant`."""

    instant: int
    task: str
    request: Request

    @property
    def retries(self) -> str:
        return own_headers(self.request)["X-CloudTasks-TaskRetryCount"]


@dataclass(slots=True, eq=False)
class ScriptedSender:
    """Answers by `script`; where that is None it waits for `answer`, and lets the deadline end it."""

    clock: ManualClock
    script: Callable[[Request], Outcome | None] = lambda request: OK
    sent: list[Sent] = field(default_factory=list)
    waiting: list[tuple[str, asyncio.Future[Outcome]]] = field(default_factory=list)

    def send(self, request: Request, ended: Callable[[Outcome | BaseException], None]) -> Wait:
        task = own_headers(request)["X-CloudTasks-TaskName"]
        self.sent.append(Sent(self.clock.now(), task, request))
        waiting: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        waiting.add_done_callback(lambda answer: None if answer.cancelled() else ended(answer.result()))
        outcome = self.script(request)
        if outcome is None:
            self._wait(task, waiting, request.deadline)
        else:
            waiting.set_result(outcome)
        return waiting

    def _wait(self, task: str, waiting: asyncio.Future[Outcome], seconds: int) -> None:
        deadline = self.clock.call_at(self.clock.now() + seconds, lambda: self._resolve(waiting, TimedOut()))
        place = task, waiting
        self.waiting.append(place)
        waiting.add_done_callback(lambda _: (deadline.cancel(), self.waiting.remove(place)))

    def answer(self, task: str, outcome: Outcome) -> None:
        """The worker answers the oldest request for `task` that it has not answered."""
        self._resolve(next(each for name, each in self.waiting if name == task), outcome)

    @staticmethod
    def _resolve(waiting: asyncio.Future[Outcome], outcome: Outcome) -> None:
        if not waiting.done():
            waiting.set_result(outcome)


class ShakyStore(SqlStore):
    """A real store that can be made to refuse: `full` results, `blind` reads, `mute` handing back, `deaf` taking."""

    full = blind = mute = deaf = False
    reads = 0
    _held: list[asyncio.Future[None]] | None = None

    def hold_reads(self) -> list[asyncio.Future[None]]:
        """From now on each read, once it has read, waits for its place in the list, which is filled as they come."""
        self._held = []
        return self._held

    def free_reads(self) -> None:
        """Reads that come from now on are not held up."""
        self._held = None

    def settle_for(self, settlement: Settlement, waiter: Waiter) -> None:
        if self.full:
            waiter.set_exception(StorageFull())
        else:
            super().settle_for(settlement, waiter)

    async def due_tasks(self, stored: StoredQueue, **where: object) -> list[Task]:
        self.reads += 1
        if self.blind:
            raise StorageUnavailable
        tasks = await super().due_tasks(stored, **where)
        if self._held is not None:
            place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._held.append(place)
            await place
        return tasks

    async def take_homes(self) -> list[Home]:
        if self.deaf:
            raise StorageFull
        return await super().take_homes()

    async def release_homes(self, buckets: object) -> None:
        if self.mute:
            raise StorageFull
        await super().release_homes(buckets)


class Node:
    """One server's dispatch. `start`, `stop` or `crash`; made anew on the same directory it is the next process."""

    def __init__(
        self,
        directory: Path,
        clock: ManualClock | None = None,
        *,
        max_in_flight: int = 4_096,
        room: Room | None = None,
        drain: float = 0,
        bearers: Bearers | None = None,
        memory: Memory = MEMORY,
    ) -> None:
        self.clock = clock or ManualClock(NOW)
        self.store = ShakyStore(SqliteStore(directory / "kumo.db")._engine)
        self.in_flight: dict[int, Task] = {}
        self.sender = ScriptedSender(self.clock)
        self.watch = OpenWatch(self.store, self.clock)
        self.homes = Homes(room or Room())
        self.delivery = Delivery(
            store=self.store,
            clock=self.clock,
            sender=self.sender,
            watch=self.watch,
            hosts=AppEngineHosts(),
            in_flight=self.in_flight,
            name_rest=HOUR,
            bearers=bearers,
            memory=memory,
        )
        self.scheduler = Scheduler(
            store=self.store,
            clock=self.clock,
            homes=self.homes,
            delivery=self.delivery,
            tenancy=Sole(self.store, self.clock, self.homes),
            max_in_flight=max_in_flight,
            drain=drain,
        )
        self.janitor = Janitor(self.store, self.clock)
        self.traveller = Traveller(self.clock, self.scheduler, self.janitor)
        self.idleness = Idleness(self.scheduler)
        self.wakes: list[Wake] = []

    async def __aenter__(self) -> Node:
        await self.store.start()
        self.store.listen(self.wakes.extend)
        await self.scheduler.start()
        await self.calm()
        return self

    async def __aexit__(self, *error: object) -> None:
        self.store.full = self.store.blind = self.store.mute = False
        await self.stop()

    async def stop(self) -> None:
        """As the server does it; twice is fine."""
        self.scheduler.refuse()
        await self.janitor.stop()
        await self.watch.stop()
        await self.scheduler.stop()
        await self.store.stop()

    async def crash(self) -> None:
        """As `kill -9` leaves things: nothing handed back, nothing drained."""
        self.store.mute = True
        await self.stop()

    # what callers do

    async def create(
        self, queue: str = "q", *, limits: RateLimits = GENEROUS, retry: RetryConfig | None = None
    ) -> StoredQueue:
        return await self.store.create_queue(a_queue(queue, rate_limits=limits, retry_config=retry), self.clock.now())

    async def add(self, *names: str, queue: str = "q", due: int | None = None, named: bool = False) -> list[Task]:
        """Tasks of these ids, due now unless `due` says otherwise."""
        now = self.clock.now()
        tasks = [a_task(name, queue=queue, created=now, due=now if due is None else due, named=named) for name in names]
        kept = await self.store.add_tasks(tasks)
        assert list(kept) == tasks
        return tasks

    async def change(self, queue: str = "q", **parts: object) -> StoredQueue:
        def changed(before: Queue) -> Queue:
            return replace(before, **parts)

        return await self.store.change_queue(queue_name(queue), changed)

    async def pause(self, queue: str = "q") -> None:
        await self.change(queue, state=QueueState.PAUSED)

    async def resume(self, queue: str = "q") -> None:
        await self.change(queue, state=QueueState.RUNNING)

    async def run(self, task: Task) -> Task:
        answer = await self.store.request_run(task.name, self.clock.now())
        return self.in_flight.get(task.serial, answer)

    async def delete(self, task: Task) -> None:
        await self.store.delete_task(task.name, now=self.clock.now(), name_until=self.clock.now() + HOUR)

    async def purge(self, queue: str = "q") -> None:
        await self.store.purge_queue(queue_name(queue), now=self.clock.now(), names_until=self.clock.now() + HOUR)

    async def delete_queue(self, queue: str = "q") -> None:
        await self.store.delete_queue(queue_name(queue), now=self.clock.now(), name_until=self.clock.now())

    # time

    async def pass_time(self, duration: int) -> None:
        """Let so much time go by, event by event."""
        await self.traveller.advance(self.clock.now() + duration)

    async def calm(self) -> None:
        """Until everything that follows by itself has followed; attempts that wait for a worker stay open."""
        for _ in range(3):
            await self.store.note_open([])  # whatever was with the writer before is answered now
            while self.scheduler.reading:
                await self.scheduler.changed()
            for _ in range(5):
                await asyncio.sleep(0)

    # what there is to see

    @property
    def sent(self) -> list[tuple[int, str]]:
        """(microseconds since the beginning, task) of each request, in order."""
        return [(each.instant - NOW, each.task) for each in self.sender.sent]

    @property
    def tasks_sent(self) -> list[str]:
        return [each.task for each in self.sender.sent]

    def berth(self, name: QueueName | None = None) -> Berth:
        wanted = name or queue_name()
        return next(berth for berth in self.homes.berths.values() if berth.lane.queue.name == wanted)

    async def kept(self, queue: str = "q") -> list[Task]:
        """The tasks in the store, by id."""
        return await self.store.list_tasks(queue_name(queue), after="", limit=10_000, max_bytes=2**30)


def answers(*outcomes: Outcome | None) -> Callable[[Request], Outcome | None]:
    """These outcomes one after the other, the last one for ever."""
    rest: list[Outcome | None] = list(outcomes)
    return lambda request: rest.pop(0) if len(rest) > 1 else rest[0]


async def until(condition: Callable[[], object]) -> None:
    """Let others work until it holds."""
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - there is no event for what tests wait for
            await asyncio.sleep(0)


def names(tasks: Sequence[Task]) -> list[str]:
    return [task.name.task for task in tasks]
