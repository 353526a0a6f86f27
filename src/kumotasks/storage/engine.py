"""What an engine does for the store: it begins and ends transactions, and hands over what they came to.

It knows SQL and commits, not what an operation means. Adding and settling are its own, since how to do many at once is
what engines differ in.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, TypeVar

from kumotasks.domain.errors import KumoError
from kumotasks.domain.names import QueueName
from kumotasks.domain.task import Task
from kumotasks.storage.ended import Ended
from kumotasks.storage.operation import Begin
from kumotasks.storage.rumour import Overhearer
from kumotasks.storage.store import Listener, Settlement, StoredQueue, Waiter

T = TypeVar("T")


class RecordEngine(Protocol):
    """As much of an engine as records need."""

    @property
    def shared(self) -> bool: ...

    def overhear_records(self, listener: Callable[[], None]) -> None: ...

    def read(self, begin: Begin[T]) -> Awaitable[T]: ...

    def write(self, begin: Begin[T], of: QueueName | None = None) -> Awaitable[T]: ...


class Engine(Protocol):
    """Everything answered is committed; StorageFull or StorageUnavailable where that could not be.

    `node` is the lease that this server has as a node, "" without one: set by whoever makes and loses it.
    """

    node: str

    def new_node(self) -> str:
        """A name for a lease that never was; where others share the store, they can tell by it whom to tell."""

    @property
    def shared(self) -> bool:
        """Whether other processes may write to the same store."""

    @property
    def ended(self) -> Ended: ...

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    def listen(self, listener: Listener) -> None: ...

    def overhear(self, listener: Overhearer) -> None: ...

    def overhear_records(self, listener: Callable[[], None]) -> None:
        """Call `listener` on the event loop soon after another process has touched records; it may be missed."""

    def read(self, begin: Begin[T], *, single: bool = False) -> Awaitable[T]:
        """Drive an operation that only reads, on one state of the store that has every answered commit. `single`: it
        asks once."""

    def write(self, begin: Begin[T], of: QueueName | None = None) -> Awaitable[T]:
        """Drive an operation in a transaction, perhaps together with others. What is written of one queue is done in
        the order in which it was asked for."""

    async def find_queue(self, name: QueueName) -> StoredQueue | None:
        """The queue as it is; cheap where the engine keeps queues in memory."""

    def add_tasks(self, tasks: Sequence[Task]) -> Awaitable[Sequence[Task | KumoError]]: ...

    def settle_for(self, settlement: Settlement, waiter: Waiter) -> None: ...
