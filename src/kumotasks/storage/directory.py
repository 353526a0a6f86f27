"""The queues there are, in memory, kept true by the wakes of commits, so that adding a task reads no row of its queue.

Wakes of a transaction that is not yet committed can be taken back. Where the queues came from is not known here.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import assert_never

from kumotasks.domain.names import QueueName
from kumotasks.storage.store import (
    QueueChanged,
    QueueDeleted,
    QueuePurged,
    RunRequested,
    StoredQueue,
    TaskAdded,
    TaskDeleted,
    Wake,
)


class Directory:
    """Queues by name and by number."""

    def __init__(self, queues: Iterable[StoredQueue] = ()) -> None:
        self._by_name: dict[str, StoredQueue] = {}
        self._by_number: dict[int, StoredQueue] = {}
        self._before: list[tuple[int, StoredQueue | None]] = []
        for stored in queues:
            self._put(stored.number, stored)

    def find(self, name: QueueName) -> StoredQueue | None:
        return self._by_name.get(name.text)

    def numbered(self, number: int) -> StoredQueue | None:
        return self._by_number.get(number)

    def differing(self, queues: Iterable[StoredQueue]) -> set[int]:
        """The numbers of the queues that are not here as they are in `queues`, or not there as they are here."""
        there = {stored.number: stored for stored in queues}
        numbers = there.keys() | self._by_number.keys()
        return {number for number in numbers if there.get(number) != self._by_number.get(number)}

    def is_current(self, number: int, generation: int) -> bool:
        """Whether rows of this number and generation are in force."""
        stored = self._by_number.get(number)
        return stored is not None and stored.generation == generation

    def apply(self, wakes: Iterable[Wake]) -> None:
        """Follow the wakes of an operation, until `keep` or `take_back`."""
        for wake in wakes:
            match wake:
                case QueueChanged(stored) | QueuePurged(stored):
                    self._change(stored.number, stored)
                case QueueDeleted(number):
                    self._change(number, None)
                case TaskAdded() | TaskDeleted() | RunRequested():
                    pass
                case _:
                    assert_never(wake)

    def keep(self) -> None:
        """The transaction was committed."""
        self._before.clear()

    def take_back(self) -> None:
        """The transaction was rolled back."""
        while self._before:
            self._put(*self._before.pop())

    def _change(self, number: int, stored: StoredQueue | None) -> None:
        self._before.append((number, self._by_number.get(number)))
        self._put(number, stored)

    def _put(self, number: int, stored: StoredQueue | None) -> None:
        if stored is not None:
            self._by_name[stored.queue.name.text] = stored
            self._by_number[number] = stored
        elif (gone := self._by_number.pop(number, None)) is not None:
            self._by_name.pop(gone.queue.name.text, None)
