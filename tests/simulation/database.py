"""A database as a few dicts, and each node's way to it: commits are slow, answers get lost, rumours may never come.

It shares no code with the engines. What executes does so at once and whole; the way there and back takes time, and the
way back ends at a node that is frozen until it thaws.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TypeVar

from kumotasks.domain.bucket import Bucket
from kumotasks.domain.clock import MILLISECOND, ManualClock
from kumotasks.domain.errors import StorageUnavailable
from kumotasks.domain.queue import Queue
from kumotasks.domain.retry import dispatched
from kumotasks.domain.task import Task
from kumotasks.storage.rumour import (
    AttemptClosed,
    HomesFreed,
    Overhearer,
    Rumour,
    RunsArrived,
    TaskRemoved,
    TasksArrived,
    TasksBrought,
    Unheard,
)
from kumotasks.storage.store import (
    Home,
    Listener,
    OpenAttempt,
    Position,
    QueueChanged,
    RunRequested,
    Settlement,
    Standing,
    StoredQueue,
    TaskAdded,
    TaskDeleted,
    Waiter,
    Wake,
)
from tests.simulation.clock import NodeClock

T = TypeVar("T")

_LARGE = 0.2  # of the additions
_CARRIED = 0.5  # of the rest


def resolve(waiting: asyncio.Future[None]) -> None:
    if not waiting.done():
        waiting.set_result(None)


def pass_on(waiter: Waiter, settled: asyncio.Future[bool]) -> None:
    if settled.cancelled() or waiter.done():
        return
    failure = settled.exception()
    if isinstance(failure, Exception):
        waiter.set_exception(failure)
    else:
        waiter.set_result(settled.result())


@dataclass(frozen=True, slots=True)
class Carried:
    """Tasks that travel whole, and the version under which they were committed."""

    tasks: TasksBrought
    version: int


Told = Rumour | Wake | Carried


@dataclass(slots=True)
class QueueRow:
    stored: StoredQueue
    home: str = ""
    epoch: int = 0
    fresh: bool = True
    bucket: Bucket | None = None
    tasks: dict[str, Task] = field(default_factory=dict)
    runs: set[str] = field(default_factory=set)

    def first(self) -> int | None:
        return min((task.schedule_time for task in self.tasks.values()), default=None)


class Database:
    """`settled` is told of each result: who, which task, whether it stands."""

    def __init__(self, clock: ManualClock, chance: random.Random) -> None:
        self.clock = clock
        self.chance = chance
        self.queues: dict[int, QueueRow] = {}
        self.nodes: dict[str, int] = {}
        self.resigned: set[str] = set()
        self.open: dict[tuple[int, str], OpenAttempt] = {}
        self.ways: list[Way] = []
        self.settled: Callable[[Way, Settlement, bool], None] = lambda way, settlement, stands: None
        self.delay = self._some_delay
        self.version = 0  # of the next addition
        self._names = 0

    def _some_delay(self) -> int:
        return self.chance.choice((0, MILLISECOND, 3 * MILLISECOND, self.chance.randrange(200 * MILLISECOND)))

    def find(self, name: object) -> QueueRow:
        return next(row for row in self.queues.values() if row.stored.queue.name == name)

    def new_node(self) -> str:
        self._names += 1
        return f"n{self._names}"

    def alive(self, node: str) -> bool:
        return self.nodes.get(node, 0) > self.clock.now()

    def bury_lapsed(self) -> None:
        for node in [node for node in self.nodes if not self.alive(node)]:
            self.bury(node)

    def bury(self, node: str) -> None:
        self.nodes.pop(node, None)
        for row in self.queues.values():
            if row.home == node:
                row.home, row.epoch = "", row.epoch + 1
        self.open = {key: attempt for key, attempt in self.open.items() if attempt.node != node}

    def tell_home(self, teller: Way, rumour: Rumour | Carried, number: int) -> None:
        """As the engine does: only where the queue has a home by now, and that is another node."""
        home = self.queues[number].home
        for way in self.ways:
            if way is not teller and home and way.node == home:
                way.overhear_soon(rumour)

    def tell_all(self, teller: Way, told: Rumour | QueueChanged) -> None:
        for way in self.ways:
            if way is not teller:
                way.overhear_soon(told)


class Way:
    """A node's Store. `cut`: nothing gets through; `deaf`: no rumours do.

    A stream for each queue keeps its own order, as does the one of what is of no queue. `seen` is the version of the
    first addition that nothing that was read here has.
    """

    def __init__(self, database: Database, clock: NodeClock) -> None:
        self._database = database
        self._clock = clock
        self._streams: dict[int, asyncio.Lock] = {}
        self._listeners: list[Listener] = []
        self._overhearers: list[Overhearer] = []
        self.node = ""
        self.cut = self.deaf = False
        self.seen = 0
        database.ways.append(self)

    def listen(self, listener: Listener) -> None:
        self._listeners.append(listener)

    def overhear(self, listener: Overhearer) -> None:
        self._overhearers.append(listener)

    # travelling

    async def _travel(self, clock: ManualClock | NodeClock) -> None:
        arrived: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        clock.call_at(clock.now() + self._database.delay(), partial(resolve, arrived))
        await arrived
        if self.cut:
            raise StorageUnavailable

    async def _do(self, stream: int | None, act: Callable[[], tuple[T, Sequence[Wake]]], *, sees: bool = False) -> T:
        """`sees`: tasks are read that may be pushed here."""
        if stream is None:
            return await self._there_and_back(act, sees=sees)
        async with self._streams.setdefault(stream, asyncio.Lock()):
            return await self._there_and_back(act, sees=sees)

    async def _there_and_back(self, act: Callable[[], tuple[T, Sequence[Wake]]], *, sees: bool) -> T:
        if self.cut:
            await self._travel(self._clock)
        await self._travel(self._database.clock)
        answer, wakes = act()
        version = self._database.version
        await self._travel(self._clock)
        if sees:
            self.seen = max(self.seen, version)
        for listener in self._listeners if wakes else ():
            listener(wakes)
        return answer

    def overhear_soon(self, told: Told) -> None:
        def hear() -> None:
            if self.cut or self.deaf:
                return
            if isinstance(told, Wake):
                for listener in self._listeners:
                    listener((told,))
            else:
                for overhearer in self._overhearers:
                    overhearer((self._understood(told),))

        self._clock.call_at(self._clock.now() + self._database.delay(), hear)

    def _understood(self, told: Rumour | Carried) -> Rumour:
        if not isinstance(told, Carried):
            return told
        return told.tasks.named() if told.version < self.seen else told.tasks

    def unheard(self) -> None:
        self.overhear_soon(Unheard())

    # queues and tasks

    async def create_queue(self, queue: Queue, now: int) -> StoredQueue:
        def act() -> tuple[StoredQueue, Sequence[Wake]]:
            number = len(self._database.queues) + 1
            stored = StoredQueue(queue, number, 1)
            self._database.queues[number] = QueueRow(stored)
            self._database.tell_all(self, QueueChanged(stored))
            return stored, (QueueChanged(stored),)

        return await self._do(0, act)

    async def add_tasks(self, tasks: Sequence[Task]) -> Sequence[Task]:
        row = self._database.find(tasks[0].name.queue)
        number = row.stored.number

        def act() -> tuple[Sequence[Task], Sequence[Wake]]:
            row.tasks.update((task.name.task, task) for task in tasks)
            told, away = self._additions(row.stored, tasks), row.home != self.node
            self._after_commit(lambda: self._database.tell_home(self, told, number))
            return tasks, [TaskAdded(number, task, away) for task in tasks]

        return await self._do(number, act)

    def _additions(self, stored: StoredQueue, tasks: Sequence[Task]) -> Rumour | Carried:
        """Large tasks are told of by their time alone, small ones travel; chance says which are large and small."""
        chance = self._database.chance
        if chance.random() < _LARGE:
            return TasksArrived(stored.number, min(task.schedule_time for task in tasks))
        brought = TasksBrought(stored.number, stored.generation, tuple(tasks))
        self._database.version += 1
        return Carried(brought, self._database.version - 1) if chance.random() < _CARRIED else brought.named()

    def _after_commit(self, tell: Callable[[], None]) -> None:
        self._database.clock.call_at(self._database.clock.now() + self._database.delay(), tell)

    async def delete(self, task: Task) -> bool:
        row = self._database.find(task.name.queue)
        number = row.stored.number

        def act() -> tuple[bool, Sequence[Wake]]:
            there = row.tasks.pop(task.name.task, None)
            row.runs.discard(task.name.task)
            if there is None:
                return False, ()
            self._database.tell_home(self, TaskRemoved(number, there.serial), number)
            return True, (TaskDeleted(number, there),)

        return await self._do(number, act)

    async def request_run(self, task: Task, now: int) -> bool:
        row = self._database.find(task.name.queue)
        number = row.stored.number

        def act() -> tuple[bool, Sequence[Wake]]:
            there = row.tasks.get(task.name.task)
            if there is None:
                return False, ()
            counted = row.tasks[task.name.task] = dispatched(there, now)
            row.runs.add(task.name.task)
            self._database.tell_home(self, RunsArrived(number), number)
            return True, (RunRequested(number, counted),)

        return await self._do(number, act, sees=True)

    # leases

    async def renew(self, length: int) -> Standing | None:
        node = self.node or self._database.new_node()
        joining = not self.node

        def act() -> tuple[Standing | None, Sequence[Wake]]:
            database = self._database
            if not joining and not database.alive(node):
                return None, ()
            database.nodes[node] = database.clock.now() + length
            homes = [row.home for row in database.queues.values()]
            live = [each for each in database.nodes if database.alive(each)]
            lapsed = len(live) < len(database.nodes)
            sharing = sorted((homes.count(each), each) for each in live if each not in database.resigned)
            rank = sum(each > (homes.count(node), node) for each in sharing)
            return Standing(len(sharing), len(homes), homes.count(node), homes.count(""), lapsed, rank), ()

        standing = await self._do(0, act)
        self.node = "" if standing is None else node
        return standing

    async def take_homes(self, limit: int | None = None) -> list[Home]:
        node = self.node

        def act() -> tuple[list[Home], Sequence[Wake]]:
            database = self._database
            database.bury_lapsed()
            if not node or not database.alive(node):
                return [], ()
            rows = [row for row in database.queues.values() if not row.home][: limit if limit is not None else None]
            return [self._take(row, node) for row in rows], ()

        return await self._do(0, act, sees=True)

    def _take(self, row: QueueRow, node: str) -> Home:
        number = row.stored.number
        row.epoch += 1
        attempts = tuple(attempt for attempt in self._database.open.values() if attempt.number == number)
        home = Home(row.stored, row.bucket, row.fresh, row.first(), row.epoch, attempts)
        row.home, row.fresh, row.bucket = node, False, None
        return home

    async def release_homes(
        self, buckets: Sequence[tuple[int, Bucket]], open_attempts: Sequence[OpenAttempt] = ()
    ) -> None:
        node = self.node

        def act() -> tuple[None, Sequence[Wake]]:
            database = self._database
            held = {number for number, _ in buckets if node and database.queues[number].home == node}
            for number, bucket in buckets:
                if number in held:
                    row = database.queues[number]
                    row.home, row.bucket, row.epoch = "", bucket, row.epoch + 1
            for attempt in open_attempts:
                if attempt.number in held:
                    database.open[attempt.number, attempt.attempt] = replace(attempt, node=node)
            database.tell_all(self, HomesFreed())
            return None, ()

        await self._do(0, act)

    async def release_others(self, known: Sequence[int]) -> None:
        node = self.node

        def act() -> tuple[None, Sequence[Wake]]:
            for number, row in self._database.queues.items():
                if node and row.home == node and number not in known:
                    row.home, row.bucket, row.epoch = "", None, row.epoch + 1
            self._database.tell_all(self, HomesFreed())
            return None, ()

        await self._do(0, act)

    async def resign(self) -> None:
        node = self.node

        def act() -> tuple[None, Sequence[Wake]]:
            self._database.resigned.add(node)
            return None, ()

        await self._do(0, act)

    async def leave(self) -> None:
        node, self.node = self.node, ""

        def act() -> tuple[None, Sequence[Wake]]:
            self._database.bury(node)
            self._database.tell_all(self, HomesFreed())
            return None, ()

        await self._do(0, act)

    async def open_attempts(self, numbers: Sequence[int]) -> list[OpenAttempt]:
        def act() -> tuple[list[OpenAttempt], Sequence[Wake]]:
            self._database.bury_lapsed()
            return [each for each in self._database.open.values() if each.number in numbers], ()

        return await self._do(0, act)

    # dispatch

    async def due_tasks(
        self, stored: StoredQueue, *, after: Position | None, until: int, limit: int, max_bytes: int
    ) -> list[Task]:
        place = (0, "") if after is None else (after.schedule_time, after.task)

        def act() -> tuple[list[Task], Sequence[Wake]]:
            tasks = self._database.queues[stored.number].tasks.values()
            due = sorted((task.schedule_time, task.name.task, task) for task in tasks if task.schedule_time <= until)
            return [task for instant, name, task in due if (instant, name) > place][:limit], ()

        return await self._do(None, act, sees=True)

    async def find_tasks(self, wanted: Sequence[tuple[StoredQueue, Sequence[str]]]) -> list[tuple[int, Task]]:
        def act() -> tuple[list[tuple[int, Task]], Sequence[Wake]]:
            rows = [(self._database.queues[stored.number], ids) for stored, ids in wanted]
            return [(row.stored.number, row.tasks[task]) for row, ids in rows for task in ids if task in row.tasks], ()

        return await self._do(None, act)

    async def next_due(self, stored: StoredQueue, *, after: Position | None) -> int | None:
        place = (0, "") if after is None else (after.schedule_time, after.task)

        def act() -> tuple[int | None, Sequence[Wake]]:
            tasks = self._database.queues[stored.number].tasks.values()
            places = ((task.schedule_time, task.name.task) for task in tasks)
            return min((each[0] for each in places if each > place), default=None), ()

        return await self._do(None, act)

    def settle(self, settlement: Settlement) -> Awaitable[bool]:
        def act() -> tuple[bool, Sequence[Wake]]:
            stands = self._settle(settlement)
            self._database.settled(self, settlement, stands)
            return stands, ()

        return asyncio.ensure_future(self._do(settlement.number, act))

    def settle_for(self, settlement: Settlement, waiter: Waiter) -> None:
        asyncio.ensure_future(self.settle(settlement)).add_done_callback(partial(pass_on, waiter))

    def _settle(self, settlement: Settlement) -> bool:
        database, number, task = self._database, settlement.number, settlement.task
        row = database.queues[number]
        if settlement.handed_over is not None:
            if database.open.pop((number, settlement.handed_over), None) is None:
                return False
            database.tell_home(self, AttemptClosed(number, settlement.handed_over), number)
            if row.home == self.node:
                self.overhear_soon(AttemptClosed(number, settlement.handed_over))
        elif settlement.epoch != row.epoch:
            return False
        if task.name.task not in row.tasks:
            return False
        if settlement.run:
            row.runs.discard(task.name.task)
        if settlement.ended:
            del row.tasks[task.name.task]
        else:
            row.tasks[task.name.task] = task
        return True

    async def note_open(self, attempts: Sequence[tuple[int, int, Task]]) -> None:
        def act() -> tuple[None, Sequence[Wake]]:
            for number, _, task in attempts:
                row = self._database.queues[number]
                if task.name.task in row.tasks:
                    before = row.tasks[task.name.task]
                    row.tasks[task.name.task] = replace(before, progress=task.progress)
            return None, ()

        await self._do(attempts[0][0] if attempts else 0, act)

    async def run_requests(self) -> list[tuple[int, Task]]:
        def act() -> tuple[list[tuple[int, Task]], Sequence[Wake]]:
            queues = self._database.queues.items()
            asked = ((number, row, name) for number, row in queues for name in sorted(row.runs))
            return [(number, row.tasks[name]) for number, row, name in asked if name in row.tasks], ()

        return await self._do(None, act, sees=True)
