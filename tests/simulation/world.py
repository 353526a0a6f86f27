"""Some nodes, one database, a worker who sees every request, and what must never be seen by him.

A world is driven by one source of chance: the same seed makes the same history.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import cast

from kumotasks.dispatch.attempt import Attempt
from kumotasks.dispatch.delivery import Delivery
from kumotasks.dispatch.home import Homes
from kumotasks.dispatch.lease import Lease
from kumotasks.dispatch.parting import Parting
from kumotasks.dispatch.request import Request
from kumotasks.dispatch.scheduler import Scheduler
from kumotasks.dispatch.tenancy import Tenant
from kumotasks.dispatch.watch import OpenWatch
from kumotasks.domain.attempt import Answered, Outcome
from kumotasks.domain.bucket import Bucket, full
from kumotasks.domain.clock import HOUR, MILLISECOND, SECOND, ManualClock
from kumotasks.domain.deadlines import Wait
from kumotasks.domain.queue import RateLimits, RetryConfig
from kumotasks.domain.target import AppEngineHosts
from kumotasks.domain.task import Task
from kumotasks.domain.window import Room
from kumotasks.storage.store import LEASE, Settlement, Store
from tests.dispatch.dispatching import own_headers
from tests.factory import NOW, a_queue, a_task
from tests.simulation.clock import NodeClock
from tests.simulation.database import Database, Way, resolve

RETRY = RetryConfig(max_attempts=-1, min_backoff=SECOND // 5, max_backoff=2 * SECOND, max_doublings=3)
_TURNS = 12  # of the event loop, in which all follows that follows at one instant


@dataclass(slots=True, eq=False)
class Seen:
    """A request that the worker got. `disturbed`: its node stood still, was cut off or died before it was settled."""

    node: Node
    task: str
    run: bool
    disturbed: bool
    settled: bool = False
    answered: bool = False

    def answer(self) -> None:
        self.answered = True


@dataclass(slots=True, eq=False)
class Traffic:
    """What the worker saw of one queue."""

    bucket: Bucket
    limits: RateLimits
    number: int
    seen: dict[str, list[Seen]] = field(default_factory=dict)
    runs_asked: dict[str, int] = field(default_factory=dict)

    def busy(self) -> int:
        """Slots that nothing excuses from being counted."""
        return sum(
            not seen.answered and not seen.disturbed and not seen.run for each in self.seen.values() for seen in each
        )


class Node:
    """One process."""

    def __init__(self, world: World, number: int) -> None:
        self.number = number
        self.clock = NodeClock(world.clock)
        self.way = Way(world.database, self.clock)
        store = cast("Store", self.way)
        lease = Lease(self.clock, LEASE)
        self.homes = Homes(Room(tasks=8))
        self.watch = OpenWatch(store, self.clock, lease)
        self.delivery = Delivery(
            store=store,
            clock=self.clock,
            sender=Worker(world, self),
            watch=self.watch,
            hosts=AppEngineHosts(),
            in_flight={},
            name_rest=HOUR,
            lease=lease,
        )
        parting = Parting(store, self.clock, self.homes, self.delivery)
        self.tenancy = Tenant(store, self.clock, self.clock, self.homes, parting, lease)
        self.scheduler = Scheduler(
            store=store,
            clock=self.clock,
            homes=self.homes,
            delivery=self.delivery,
            tenancy=self.tenancy,
            max_in_flight=100,
            drain=3_600.0,
        )
        self._sent: set[Attempt] = set()
        self.living: asyncio.Task[None] | None = None
        self.ending = False
        self.dead = False

    def __repr__(self) -> str:
        return f"node {self.number}"

    @property
    def well(self) -> bool:
        return not (self.dead or self.ending or self.clock.frozen or self.way.cut)

    def sending(self, task: str) -> Attempt:
        """The attempt on `task` whose request has come: of a run and an attempt in its turn, the one begun first."""
        unsent = (each for each in self.delivery.open.values() if each not in self._sent)
        attempt = next(each for each in unsent if each.task.name.task == task)
        self._sent.add(attempt)
        return attempt


class Worker:
    """What a node's requests reach."""

    def __init__(self, world: World, node: Node) -> None:
        self._world = world
        self._node = node

    def send(self, request: Request, ended: Callable[[Outcome | BaseException], None]) -> Wait:
        headers = own_headers(request)
        seen = self._world.see(self._node, headers["X-CloudTasks-QueueName"], headers["X-CloudTasks-TaskName"])
        clock = self._node.clock
        answered: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        duration, status = self._world.answer()
        self._world.clock.call_at(clock.now() + duration, seen.answer)
        clock.call_at(clock.now() + duration, partial(resolve, answered))
        answered.add_done_callback(lambda _: None if answered.cancelled() else ended(Answered(status)))
        return answered


class World:
    """Nodes come and go, and are watched."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.clock = ManualClock(NOW)
        self.database = Database(self.clock, self.chance)
        self.database.settled = self._settled
        self.nodes: list[Node] = []
        self.traffic: dict[str, Traffic] = {}
        self.made: list[Task] = []
        self.wrong: list[str] = []
        self._doing: set[asyncio.Task[object]] = set()
        self._serials = NOW

    def answer(self) -> tuple[int, int]:
        """How long the worker needs this time, and its status."""
        duration = self.chance.choice((0, 5 * MILLISECOND, 50 * MILLISECOND, self.chance.randrange(6 * SECOND)))
        return duration, 200 if self.chance.random() < 0.8 else 500

    # what happens

    def join(self) -> None:
        node = Node(self, len(self.nodes))
        self.nodes.append(node)
        node.living = asyncio.get_running_loop().create_task(node.scheduler.start())
        self._doing.add(node.living)

    def stop(self, node: Node) -> None:
        """As SIGTERM does."""
        node.ending = True
        self._do(self._stop(node))

    async def _stop(self, node: Node) -> None:
        assert node.living is not None
        await asyncio.wait([node.living])
        await node.watch.stop()
        await node.scheduler.stop()
        self.database.ways.remove(node.way)

    def freeze(self, node: Node) -> None:
        node.clock.frozen = True
        self._disturb(node)

    def thaw(self, node: Node) -> None:
        self._disturb(node)
        node.clock.thaw()

    def crash(self, node: Node) -> None:
        """It stands still for ever."""
        self.freeze(node)
        node.dead = True

    def cut(self, node: Node) -> None:
        node.way.cut = True
        self._disturb(node)

    def mend(self, node: Node) -> None:
        self._disturb(node)
        node.way.cut = False
        node.way.unheard()

    def create_queue(self, node: Node, limits: RateLimits) -> None:
        name = f"q{len(self.traffic)}"
        bucket = full(limits.max_dispatches_per_second, limits.max_burst_size, self.clock.now())
        self.traffic[name] = Traffic(bucket, limits, 0)

        async def create() -> None:
            queue = a_queue(name, rate_limits=limits, retry_config=RETRY)
            self.traffic[name].number = (await node.way.create_queue(queue, self.clock.now())).number

        self._do(create())

    def create_task(self, node: Node, queue: str, *, after: int = 0) -> Task:
        self._serials += 1
        due = self.clock.now() + after
        task = a_task(f"t{self._serials - NOW}", queue=queue, due=due, created=self.clock.now(), serial=self._serials)

        async def create() -> None:
            await node.way.add_tasks([task])
            self.made.append(task)

        self._do(create())
        return task

    def run(self, node: Node, task: Task) -> None:
        asked = self.traffic[task.name.queue.queue].runs_asked
        asked[task.name.task] = asked.get(task.name.task, 0) + 1
        self._do(node.way.request_run(task, self.clock.now()))

    def known_queues(self) -> list[str]:
        return [name for name, traffic in self.traffic.items() if traffic.number]

    def _do(self, doing: object) -> None:
        self._doing.add(asyncio.ensure_future(doing))  # type: ignore[call-overload]

    # time

    async def pass_time(self, duration: int) -> None:
        end = self.clock.now() + duration
        await self._calm()
        while self.clock.turn(end):
            await self._calm()

    async def _calm(self) -> None:
        for _ in range(_TURNS):
            await asyncio.sleep(0)

    async def end(self) -> None:
        here = asyncio.current_task()
        for task in asyncio.all_tasks():
            if task is not here:
                task.cancel()
        await asyncio.gather(*self._doing, return_exceptions=True)
        await self._calm()

    # what is seen

    def see(self, node: Node, queue: str, task: str) -> Seen:
        """A request has come: was it right to send it? A node would take our fault for the attempt's, so it is kept."""
        try:
            return self._see(node, queue, task)
        except AssertionError as wrong:
            self.wrong.append(str(wrong))
            raise

    def _see(self, node: Node, queue: str, task: str) -> Seen:
        traffic, now = self.traffic[queue], self.clock.now()
        row, attempt = self.database.queues[traffic.number], node.sending(task)
        before = traffic.seen.setdefault(task, [])
        seen = Seen(node, task, attempt.run, disturbed=not node.well and not node.ending)
        assert not node.clock.frozen, f"{node} sends while it stands still"
        held = attempt.handed_over is not None or (row.home == node.way.node and row.epoch == attempt.berth.epoch)
        assert held, f"{node} sends {task} of {queue}, which is at home at {row.home or 'nobody'}"
        if attempt.run:
            runs = sum(each.run and not each.disturbed for each in before) + 1
            assert runs <= traffic.runs_asked.get(task, 0), f"{task} is run {runs} times"
        else:
            self._judge(traffic, before, row.tasks.get(task), task)
            traffic.bucket = traffic.bucket.take(now)
            assert traffic.bucket.level > -1e-6, f"{queue} is sent faster than it may: {traffic.bucket}"
            busy = traffic.busy() + 1
            assert busy <= traffic.limits.max_concurrent_dispatches, f"{queue} has {busy} open"
        before.append(seen)
        return seen

    def _judge(self, traffic: Traffic, before: list[Seen], there: Task | None, task: str) -> None:
        for each in before:
            assert each.settled or each.disturbed or each.run, f"{task} is sent again; it is open at {each.node}"
        if there is None:
            excused = any(each.disturbed and not each.settled for each in before)
            assert excused, f"{task} is sent after its end"
        else:
            assert there.schedule_time <= self.clock.now(), f"{task} is sent too early"

    def _settled(self, way: Way, settlement: Settlement, stands: bool) -> None:
        name = settlement.task.name
        for seen in self.traffic[name.queue.queue].seen.get(name.task, []):
            if seen.node.way is way and stands and seen.run == settlement.run:
                seen.settled = True  # a run and an attempt in its turn may be under way at once

    def _disturb(self, node: Node) -> None:
        for seen in self._open():
            if seen.node is node:
                seen.disturbed = True

    def _open(self) -> Iterator[Seen]:
        for traffic in self.traffic.values():
            for each in traffic.seen.values():
                yield from (seen for seen in each if not seen.settled)
