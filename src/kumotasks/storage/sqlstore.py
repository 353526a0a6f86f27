"""The contract of `store.py` over named SQL, once for every engine: each verb names its operation."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from kumotasks.domain.bucket import Bucket
from kumotasks.domain.errors import KumoError, QueueNotFound
from kumotasks.domain.names import LocationName, QueueName, TaskName
from kumotasks.domain.queue import Queue
from kumotasks.domain.task import Task
from kumotasks.storage import homes, queues, tasks
from kumotasks.storage.engine import Engine
from kumotasks.storage.history import KEEP, Keep
from kumotasks.storage.rumour import Overhearer
from kumotasks.storage.sqlhistory import SqlHistory
from kumotasks.storage.sqlrecords import SqlRecords
from kumotasks.storage.store import (
    LEASE,
    Home,
    Listener,
    OpenAttempt,
    Position,
    Settlement,
    Standing,
    StoredQueue,
    Swept,
    Waiter,
)
from kumotasks.storage.sweep import sweep


class SqlStore:
    """Component: a Store on an engine, each verb as described there; `records` and `history` are in the same place."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.records = SqlRecords(engine)
        self.history = SqlHistory(engine)

    async def start(self) -> None:
        await self._engine.start()

    async def stop(self) -> None:
        await self._engine.stop()

    def listen(self, listener: Listener) -> None:
        self._engine.listen(listener)

    def overhear(self, listener: Overhearer) -> None:
        self._engine.overhear(listener)

    async def create_queue(self, queue: Queue, now: int) -> StoredQueue:
        return await self._engine.write(partial(queues.create_queue, queue, now), queue.name)

    async def get_queue(self, name: QueueName) -> StoredQueue:
        stored = await self._engine.find_queue(name)
        if stored is None:
            raise QueueNotFound
        return stored

    async def list_queues(self, parent: LocationName, *, after: str, limit: int) -> list[StoredQueue]:
        return await self._engine.read(partial(queues.list_queues, parent, after, limit))

    async def change_queue(self, name: QueueName, change: Callable[[Queue], Queue]) -> StoredQueue:
        """`change` runs here, in the caller's own time; if the queue has changed meanwhile, it runs again."""
        expected = await self.get_queue(name)
        while True:
            replace = partial(queues.replace_queue, expected, change(expected.queue))
            stored = await self._engine.write(replace, name)
            if stored is not None:
                return stored
            expected = await self._engine.read(partial(queues.get_queue, name))

    async def purge_queue(self, name: QueueName, *, now: int, names_until: int) -> StoredQueue:
        return await self._engine.write(partial(queues.purge_queue, name, now, names_until), name)

    async def delete_queue(self, name: QueueName, *, now: int, name_until: int) -> None:
        await self._engine.write(partial(queues.delete_queue, name, name_until), name)

    def add_tasks(self, tasks: Sequence[Task]) -> Awaitable[Sequence[Task | KumoError]]:
        return self._engine.add_tasks(tasks)

    async def get_task(self, name: TaskName, now: int) -> Task:
        return await self._engine.read(partial(tasks.get_task, name, now, self._engine.ended))

    async def list_tasks(self, queue: QueueName, *, after: str, limit: int, max_bytes: int) -> list[Task]:
        return await self._engine.read(partial(tasks.list_tasks, queue, after, limit, max_bytes))

    async def delete_task(self, name: TaskName, *, now: int, name_until: int) -> Task:
        delete = partial(tasks.delete_task, name, now, name_until, self._engine.ended)
        return await self._engine.write(delete, name.queue)

    async def request_run(self, name: TaskName, now: int) -> Task:
        return await self._engine.write(partial(tasks.request_run, name, now, self._engine.ended), name.queue)

    async def renew(self, length: int) -> Standing | None:
        node = self._engine.node or await self._join(length)
        standing = await self._engine.write(partial(homes.renew, node, length))
        if standing is None:
            self._engine.node = ""
        return standing

    async def _join(self, length: int) -> str:
        node = self._engine.new_node()
        await self._engine.write(partial(homes.join, node, length))
        self._engine.node = node
        return node

    async def take_homes(self, limit: int | None = None) -> list[Home]:
        node = self._engine.node or await self._join(LEASE)
        return await self._engine.write(partial(homes.take_homes, node, limit))

    async def release_homes(
        self, buckets: Sequence[tuple[int, Bucket]], open_attempts: Sequence[OpenAttempt] = ()
    ) -> None:
        await self._engine.write(partial(homes.release_homes, self._engine.node, buckets, open_attempts))

    async def release_others(self, known: Sequence[int]) -> None:
        await self._engine.write(partial(homes.release_others, self._engine.node, known))

    async def resign(self) -> None:
        await self._engine.write(partial(homes.resign, self._engine.node))

    async def leave(self) -> None:
        node, self._engine.node = self._engine.node, ""
        if node:
            await self._engine.write(partial(homes.leave, node))

    async def open_attempts(self, numbers: Sequence[int]) -> list[OpenAttempt]:
        return await self._engine.write(partial(homes.open_attempts, numbers))

    async def due_tasks(
        self, stored: StoredQueue, *, after: Position | None, until: int, limit: int, max_bytes: int
    ) -> list[Task]:
        return await self._engine.read(partial(tasks.due_tasks, stored, after, until, limit, max_bytes))

    async def find_tasks(self, wanted: Sequence[tuple[StoredQueue, Sequence[str]]]) -> list[tuple[int, Task]]:
        return await self._engine.read(partial(tasks.find_tasks, wanted), single=True)

    async def next_due(self, stored: StoredQueue, *, after: Position | None) -> int | None:
        return await self._engine.read(partial(tasks.next_due, stored, after))

    def settle(self, settlement: Settlement) -> Awaitable[bool]:
        waiter = asyncio.get_running_loop().create_future()
        self.settle_for(settlement, waiter)
        return waiter

    def settle_for(self, settlement: Settlement, waiter: Waiter) -> None:
        self._engine.settle_for(settlement, waiter)

    async def note_open(self, attempts: Sequence[tuple[int, int, Task]]) -> None:
        of: dict[QueueName, list[tuple[int, int, Task]]] = {}
        for attempt in attempts:
            of.setdefault(attempt[2].name.queue, []).append(attempt)
        noted: list[tuple[QueueName | None, list[tuple[int, int, Task]]]] = [*of.items()] or [(None, [])]
        writes = [self._engine.write(partial(tasks.note_open, each), name) for name, each in noted]
        await asyncio.gather(*writes)

    async def run_requests(self) -> list[tuple[int, Task]]:
        return await self._engine.read(tasks.run_requests)

    async def sweep(self, *, now: int, limit: int, keep: Keep = KEEP) -> Swept:
        return await self._engine.write(partial(sweep, now, limit, self._engine.ended, keep))
