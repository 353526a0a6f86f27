"""The PostgreSQL engine: a stream of batches for all queues, another for what is of no queue, and reads.

One stream for all queues makes the largest batches, which is what a task costs least in.

Here the parts are connected and ended, and what a commit came to is handed over on the event loop: wakes to the
listeners first, then each waiter's own answer. Queues are kept in memory, kept true by what other nodes tell; nothing
that is written rests on that: a batch looks the queue up where it matters.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar, cast

from kumotasks.domain.errors import KumoError, StorageUnavailable
from kumotasks.domain.names import QueueName
from kumotasks.domain.task import Task
from kumotasks.storage import queues
from kumotasks.storage.directory import Directory
from kumotasks.storage.ended import Ended
from kumotasks.storage.job import Job, Operating, Outcome, Settling, adding
from kumotasks.storage.operation import Begin
from kumotasks.storage.postgres.carried import TasksCarried
from kumotasks.storage.postgres.ears import Ears
from kumotasks.storage.postgres.link import Link, Server
from kumotasks.storage.postgres.rumours import CHANNEL, Note, QueueTouched, RecordsTouched, channel, heard
from kumotasks.storage.postgres.schema import ENGINE, bring_up_to_date
from kumotasks.storage.postgres.session import Readers, Session
from kumotasks.storage.postgres.stream import House, Stream
from kumotasks.storage.rows import RowDamaged
from kumotasks.storage.rumour import Overhearer, Rumour, Unheard
from kumotasks.storage.sqlstore import SqlStore
from kumotasks.storage.statements import read_statements
from kumotasks.storage.store import Listener, Settlement, StoredQueue, StoreUnusable, Waiter

_READERS = 3

T = TypeVar("T")


def PostgresStore(url: str) -> SqlStore:  # noqa: N802 - reads as the class it makes
    """The store in the database at `url`, `postgresql://…`."""
    return SqlStore(PostgresEngine(url))


@dataclass(frozen=True, slots=True)
class _Parts:
    """What is open while the engine runs. `cold` is the stream of what is of no queue."""

    hot: Stream
    cold: Stream
    readers: Readers
    ears: Ears

    def of(self, name: QueueName | None) -> Stream:
        return self.cold if name is None else self.hot


class PostgresEngine:
    """Component: an Engine on a database that other nodes may use as well."""

    shared = True

    def __init__(self, url: str) -> None:
        self._server = Server(url)
        self._statements = read_statements(ENGINE)
        self._listeners: list[Listener] = []
        self._overhearers: list[Overhearer] = []
        self._record_listeners: list[Callable[[], None]] = []
        self._house = House(secrets.token_hex(4))
        self._looking: set[asyncio.Task[None]] = set()
        self._parts: _Parts | None = None
        self._loop: asyncio.AbstractEventLoop | None = None  # to find it anew costs a system call

    @property
    def ended(self) -> Ended:
        return self._house.ended

    @property
    def node(self) -> str:
        return self._house.node

    @node.setter
    def node(self, node: str) -> None:
        self._house.node = node

    def new_node(self) -> str:
        return f"{self._house.teller}-{secrets.token_hex(4)}"

    async def start(self) -> None:
        await bring_up_to_date(self._server)
        self._loop = asyncio.get_running_loop()
        self._house = House(secrets.token_hex(4))
        self._house.lost = self._unheard
        ears = Ears(self._server, (CHANNEL, channel(self._house.teller)), self._hear, self._unheard)
        try:
            await ears.start()
            readers = Readers([self._session() for _ in range(_READERS)])
            every = await readers.read(queues.every_queue)
        except StorageUnavailable as failure:
            await ears.stop()
            raise StoreUnusable(f"the store {self._server.shown} cannot be reached") from failure
        self._house.known = Directory(every)
        hot, cold = (Stream(self._session(), self._house, self._deliver_soon) for _ in range(2))
        self._parts = _Parts(hot, cold, readers, ears)

    async def stop(self) -> None:
        parts, self._parts = self._parts, None
        if parts is not None:
            await parts.ears.stop()
            await asyncio.gather(parts.hot.close(), parts.cold.close())
            await parts.readers.stop()

    def _session(self) -> Session:
        return Session(Link(self._server, self._statements), self._house.saw)

    def listen(self, listener: Listener) -> None:
        self._listeners.append(listener)

    def overhear(self, listener: Overhearer) -> None:
        self._overhearers.append(listener)

    def overhear_records(self, listener: Callable[[], None]) -> None:
        self._record_listeners.append(listener)

    async def find_queue(self, name: QueueName) -> StoredQueue | None:
        known = self._house.known.find(name)
        return known if known is not None else await self.read(partial(queues.seek_queue, name))

    async def read(self, begin: Begin[T], *, single: bool = False) -> T:
        if self._parts is None:
            raise StorageUnavailable
        return await self._parts.readers.read(begin, single=single)

    def write(self, begin: Begin[T], of: QueueName | None = None) -> Awaitable[T]:
        waiter = self._waiter()
        self._put(Operating(waiter, begin), of)
        return cast("Awaitable[T]", waiter)

    def add_tasks(self, tasks: Sequence[Task]) -> Awaitable[Sequence[Task | KumoError]]:
        waiter = self._waiter()
        if tasks:
            self._put(adding(waiter, tasks), tasks[0].name.queue)
        else:
            waiter.set_result(())
        return cast("Awaitable[Sequence[Task | KumoError]]", waiter)

    def settle_for(self, settlement: Settlement, waiter: Waiter) -> None:
        self._put(Settling(waiter, settlement), settlement.task.name.queue)

    def _waiter(self) -> asyncio.Future[object]:
        return (self._loop or asyncio.get_running_loop()).create_future()

    def _put(self, job: Job, of: QueueName | None) -> None:
        if self._parts is None:
            job.waiter.set_exception(StorageUnavailable())
        else:
            self._parts.of(of).put(job)

    # what commits came to

    def _deliver_soon(self, outcome: Outcome) -> None:
        """In a turn of its own: a listener's fault must not end a stream."""
        assert self._loop is not None
        self._house.known.apply(outcome.changes)
        self._house.known.keep()
        self._loop.call_soon(self._deliver, outcome)

    def _deliver(self, outcome: Outcome) -> None:
        try:
            if outcome.wakes:
                for listener in self._listeners:
                    listener(outcome.wakes)
            if outcome.rumours:
                self._tell(outcome.rumours)
        finally:
            outcome.hand_out()

    # what other nodes did

    def _hear(self, text: str) -> None:
        rumours: list[Rumour] = []
        for note in self._understood(text):
            if isinstance(note, QueueTouched):
                self._look_again(note.number)
            elif isinstance(note, RecordsTouched):
                self._tell_of_records()
            elif isinstance(note, TasksCarried):
                rumours.append(self._brought(note))
            else:
                rumours.append(note)
        self._tell(rumours)

    def _understood(self, text: str) -> list[Note]:
        """What another version, or a stranger, says in words of its own is in the store all the same."""
        try:
            return list(heard(text, by=self._house.teller))
        except (ValueError, RowDamaged):
            self._unheard()
            return []

    def _brought(self, carried: TasksCarried) -> Rumour:
        """Only what was committed after all that was read here can be pushed unseen; the rest is looked up."""
        stored = self._house.known.numbered(carried.number)
        if stored is None or carried.version < self._house.seen:
            return carried.named()
        try:
            return carried.brought(stored.queue.name)
        except RowDamaged:
            return carried.named()

    def _tell(self, rumours: Sequence[Rumour]) -> None:
        for overhearer in self._overhearers:
            overhearer(rumours)

    def _tell_of_records(self) -> None:
        for listener in self._record_listeners:
            listener()

    def _unheard(self) -> None:
        """Look at every queue again, and have everybody else read anew."""
        self._tell_of_records()
        if self._parts is None or self._loop is None:
            return
        reading = self._loop.create_task(self._look_at_all())
        self._looking.add(reading)
        reading.add_done_callback(self._looking.discard)

    async def _look_at_all(self) -> None:
        try:
            there = await self.read(queues.every_queue)
        except StorageUnavailable:
            return  # it is not reached yet; the ears say so again once it is
        for number in self._house.known.differing(there):
            self._look_again(number)
        self._tell((Unheard(),))

    def _look_again(self, number: int) -> None:
        """Through the stream of the queue, so that it comes in order with what is done to the queue here."""
        before = self._house.known.numbered(number)
        waiter = self._waiter()
        waiter.add_done_callback(_forget)
        looking = Operating(waiter, lambda: queues.look_again(number, self._house.known.numbered(number)), hearsay=True)
        self._put(looking, None if before is None else before.queue.name)


def _forget(waiter: asyncio.Future[object]) -> None:
    """A look that failed is made up for once the connection is back."""
    if not waiter.cancelled():
        waiter.exception()
