"""The contract of the task path: what any store does for queues and tasks, in the domain's verbs.

Whatever a verb has answered survives `kill -9` and a power cut. A verb refuses by raising an error of `domain/errors`,
or StorageFull and StorageUnavailable when nothing could be written. Engines, SQL and files are unknown here; so is who
calls.

Two things keep the path cheap. Creation writes one row and success deletes it: nothing is written when a task is sent.
And whoever dispatches learns of a change from a Wake, handed over on the event loop after the commit and before the
caller is answered, in the order of the commits of each queue.

Where many nodes share a store, each queue has one home, the node whose lane sends its tasks. What another node commits
comes as a Rumour: a hint of what to read, soon after the commit, perhaps never (Unheard makes up for that), perhaps
twice. Changes to queues come as the ordinary wakes, on every node.

A node is a lease. `renew` makes it and keeps it; its end is judged by the store's clock alone. Once a lease has ended
it is never renewed: the queues are homeless for whoever asks, and results under their old epochs are refused. So a node
may send as long as its own clock, one that counts while the machine sleeps, has not passed the moment it *asked* for
the last renewal that was granted plus the length, less a margin.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from kumotasks.domain.bucket import Bucket
from kumotasks.domain.clock import SECOND
from kumotasks.domain.errors import KumoError
from kumotasks.domain.history import AttemptRecord
from kumotasks.domain.names import LocationName, QueueName, TaskName
from kumotasks.domain.queue import Queue
from kumotasks.domain.task import Task
from kumotasks.domain.value import value
from kumotasks.storage.history import KEEP, Keep
from kumotasks.storage.rumour import Overhearer


class StoreUnusable(Exception):
    """The store cannot be opened; the message is one clear sentence for the operator."""


@dataclass(frozen=True, slots=True)
class StoredQueue:
    """A queue and where its rows are: `number` changes when it is deleted and made again, `generation` with a purge.

    Rows of an earlier number or generation are gone for every read from that commit on; the janitor removes them.
    """

    queue: Queue
    number: int
    generation: int


@dataclass(frozen=True, slots=True)
class OpenAttempt:
    """An attempt that was under way when its queue `number` was handed over.

    `attempt` is the id that its `node` gave it, unique in the queue; that node alone settles it, with
    `Settlement.handed_over`. `task` and `serial` name the task. `deadline` is when it ends at the latest, by the clock
    of `node`; it ends earlier if that node's lease does.
    """

    number: int
    attempt: str
    task: str
    serial: int
    node: str
    deadline: int


@dataclass(frozen=True, slots=True)
class Home:
    """A queue as its home takes it over: `bucket` as it was left, None after a crash; `fresh` if it never had a home.

    `next_due` is the schedule time of its earliest task, None without tasks, as of the taking. `epoch` goes into every
    Settlement. `open` are attempts that other nodes still have under way: each is a slot in use, and its task is left
    alone until it is settled or void (AttemptClosed, `open_attempts`).
    """

    stored: StoredQueue
    bucket: Bucket | None
    fresh: bool
    next_due: int | None
    epoch: int = 0
    open: tuple[OpenAttempt, ...] = ()


@dataclass(frozen=True, slots=True)
class Standing:
    """What a node learns with its renewal: how many nodes share the queues, queues in all, how many it is home of, how
    many have no home. `lapsed`: a node's lease has ended, and its queues wait to be taken by whoever asks next. `rank`:
    how many of the nodes are home of more than this one; of those with as many, it is behind some and before others."""

    nodes: int
    queues: int
    held: int
    homeless: int
    lapsed: bool
    rank: int


@value
class Settlement:
    """What an attempt made of a task: `ended` removes it (its name stays taken until `name_until`), else its progress
    and schedule time are replaced. `run` says that a run request is answered with it. `attempt` is to be remembered;
    `dead` is the last attempt of a task that goes to its queue's dead letters.

    `epoch` is that of the Home under which the attempt was begun: where the queue has another home since, nothing is
    written and the answer is False. `handed_over` is the attempt's id if it was handed over with its queue: then that
    decides, and no epoch. With neither, as where one node has the store, nobody is fenced off."""

    number: int
    generation: int
    task: Task
    ended: bool
    name_until: int
    run: bool = False
    attempt: AttemptRecord | None = None
    dead: AttemptRecord | None = None
    epoch: int | None = None
    handed_over: str | None = None


@dataclass(frozen=True, slots=True)
class Position:
    """A place in a queue's order of dispatch; the next task is the first behind it."""

    schedule_time: int
    task: str


@dataclass(frozen=True, slots=True)
class Swept:
    """What one pass of the janitor did. `more` asks for another at once, `next_due` for one at that instant; `expired`
    are the tasks whose retention has ended. `doomed`: all of it was of queues that were purged or deleted."""

    removed: int
    more: bool
    next_due: int | None
    expired: tuple[Task, ...] = ()
    doomed: bool = False


@value
class TaskAdded:
    """`away`: at the commit this node was not the home of the queue. If it has become so since, the task may be over
    already: it is looked up."""

    number: int
    task: Task
    away: bool = False


@dataclass(frozen=True, slots=True)
class TaskDeleted:
    number: int
    task: Task


@dataclass(frozen=True, slots=True)
class RunRequested:
    """`task` is to be sent now, outside bucket, slots and pause; its dispatch is counted already."""

    number: int
    task: Task


@dataclass(frozen=True, slots=True)
class QueueChanged:
    """Created, updated, paused, resumed."""

    stored: StoredQueue


@dataclass(frozen=True, slots=True)
class QueuePurged:
    stored: StoredQueue


@dataclass(frozen=True, slots=True)
class QueueDeleted:
    number: int


Wake = TaskAdded | TaskDeleted | RunRequested | QueueChanged | QueuePurged | QueueDeleted
Listener = Callable[[Sequence[Wake]], None]
LEASE = 10 * SECOND


class Waiter(Protocol):
    """Is told what a verb came to, on the event loop, once, unless it is done by then. A future is one. What it raises
    is reported, and nobody else's answer waits for it."""

    def done(self) -> bool: ...
    def set_result(self, result: object, /) -> object: ...
    def set_exception(self, failure: Exception, /) -> object: ...


class Store(Protocol):
    """Queues and tasks, kept safely. Instants in microseconds."""

    async def start(self) -> None:
        """Open, migrate and lock; StoreUnusable if that cannot be."""

    async def stop(self) -> None:
        """Answer what is under way, then close. Twice is fine."""

    def listen(self, listener: Listener) -> None:
        """Hand every Wake to `listener`, on the event loop."""

    # queues

    async def create_queue(self, queue: Queue, now: int) -> StoredQueue:
        """QueueExists; QueueNameRetired while the name of a deleted queue rests."""

    async def get_queue(self, name: QueueName) -> StoredQueue:
        """QueueNotFound."""

    async def list_queues(self, parent: LocationName, *, after: str, limit: int) -> list[StoredQueue]:
        """At most `limit` queues of `parent` by rising queue id, behind the id `after` ("" is the beginning)."""

    async def change_queue(self, name: QueueName, change: Callable[[Queue], Queue]) -> StoredQueue:
        """Replace a queue by what `change` makes of it, in one transaction; what `change` raises is raised here."""

    async def purge_queue(self, name: QueueName, *, now: int, names_until: int) -> StoredQueue:
        """Every task of before is gone; names of tasks stay taken until `names_until`. Sets `purge_time`."""

    async def delete_queue(self, name: QueueName, *, now: int, name_until: int) -> None:
        """The queue and all its tasks are gone, its name rests until `name_until`. EntityNotFound if there is none."""

    # tasks

    def add_tasks(self, tasks: Sequence[Task]) -> Awaitable[Sequence[Task | KumoError]]:
        """Keep each task, or say why not: QueueNotFound, TaskExists, TaskNameRetired. One refusal spares the others.

        All tasks are of one queue. A generated name that is taken is replaced by another; the answer has the task kept.
        StorageFull and StorageUnavailable are raised: then none was kept.
        """

    async def get_task(self, name: TaskName, now: int) -> Task:
        """TaskGone if it was there a while ago, else EntityNotFound."""

    async def list_tasks(self, queue: QueueName, *, after: str, limit: int, max_bytes: int) -> list[Task]:
        """At most `limit` tasks by rising id behind the id `after`, and no more than fill `max_bytes`, but one at least
        if there is one. QueueNotFound."""

    async def delete_task(self, name: TaskName, *, now: int, name_until: int) -> Task:
        """Remove a task, sent or not. TaskGone, EntityNotFound."""

    async def request_run(self, name: TaskName, now: int) -> Task:
        """Count a dispatch at `now` and ask the queue's home to send the task at once. TaskGone, EntityNotFound."""

    # dispatch

    def overhear(self, listener: Overhearer) -> None:
        """Hand every Rumour to `listener`, on the event loop."""

    async def renew(self, length: int) -> Standing | None:
        """Be a node for `length` from now, by the store's clock. None: the lease had ended before; this node is home of
        nothing, every epoch it has is void, and the next call makes it a node anew. With one node to a store it always
        stands."""

    async def take_homes(self, limit: int | None = None) -> list[Home]:
        """Become the home of queues that have none, of at most `limit`; first, whoever's lease has ended loses his.

        Without a lease, one of LEASE is made; after it has ended the answer is empty until `renew`. A wake or rumour of
        a queue in the answer may come before the answer does: whoever asks keeps those of queues he does not know, or
        reads `next_due` once he knows them.
        """

    async def release_homes(
        self, buckets: Sequence[tuple[int, Bucket]], open_attempts: Sequence[OpenAttempt] = ()
    ) -> None:
        """Hand back clean: each queue number with its bucket as it stands, and the attempts still under way in those
        queues (their `node` is set here). In one commit: whoever takes the queues finds the attempts. What is home
        elsewhere by now is left alone."""

    async def release_others(self, known: Sequence[int]) -> None:
        """Hand back every queue but these, without a bucket: a node that was not told what it took knows no more."""

    async def resign(self) -> None:
        """This node is about to stop: it counts no more among those who share the queues. Its lease goes on."""

    async def leave(self) -> None:
        """End the lease at once, as the last thing before the stop: what was not handed back is homeless, attempts that
        were handed over and not settled are void."""

    async def open_attempts(self, numbers: Sequence[int]) -> list[OpenAttempt]:
        """The attempts that were handed over with these queues and are neither settled nor void. One that a home was
        told of and that is missing here is over: free its slot and read its task anew."""

    async def due_tasks(
        self, stored: StoredQueue, *, after: Position | None, until: int, limit: int, max_bytes: int
    ) -> list[Task]:
        """The next tasks in order of (schedule time, id) behind `after`, scheduled at or before `until`; at most
        `limit`, and no more than fill `max_bytes`, but one at least if there is one."""

    async def find_tasks(self, wanted: Sequence[tuple[StoredQueue, Sequence[str]]]) -> list[tuple[int, Task]]:
        """Of each queue the tasks of these ids, as far as they are there: (queue number, task), in no order."""

    async def next_due(self, stored: StoredQueue, *, after: Position | None) -> int | None:
        """The schedule time of the first task behind `after`, None if there is none."""

    def settle(self, settlement: Settlement) -> Awaitable[bool]:
        """Commit the result of an attempt; False if the task was gone before, or is another one of the same name."""

    def settle_for(self, settlement: Settlement, waiter: Waiter) -> None:
        """`settle`, and `waiter` is told: with a result for every task, futures would cost more than the rest of it. A
        store that has stopped refuses before this returns."""

    async def note_open(self, attempts: Sequence[tuple[int, int, Task]]) -> None:
        """Write down attempts that have been open for a while: (queue number, generation, task as dispatched)."""

    async def run_requests(self) -> list[tuple[int, Task]]:
        """Run requests that are not answered: after a start, those of before the last stop: (queue number, task)."""

    # janitor

    async def sweep(self, *, now: int, limit: int, keep: Keep = KEEP) -> Swept:
        """Remove at most `limit` rows: of purged and deleted queues, of tasks past their retention, of names and
        tombstones that have expired, of attempts and dead letters that were kept long enough."""
