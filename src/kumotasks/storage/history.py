"""The contract for what is left of attempts and of tasks that were given up: read, driven again, removed.

They are written with the settlement of the attempt (`store.py`), in its transaction. They outlive the task and a purge
of its queue, and are gone with the queue. Like every verb of the store these refuse by raising an error of the domain.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from kumotasks.domain.clock import DAY
from kumotasks.domain.history import AttemptRecord
from kumotasks.domain.names import QueueName, TaskName
from kumotasks.domain.task import Task

ATTEMPTS_OF_TASK = 100  # the last of each: a task may be tried for ever
ATTEMPTS = 1_000_000  # the last of all: about a gigabyte where workers answer at length


@dataclass(frozen=True, slots=True)
class Keep:
    """How long the janitor leaves attempts and dead letters, in microseconds."""

    attempts: int = 7 * DAY
    dead_letters: int = 30 * DAY


KEEP = Keep()


@dataclass(frozen=True, slots=True)
class Past:
    """An attempt that has ended; `serial` tells apart tasks that bore the name one after the other."""

    serial: int
    record: AttemptRecord


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A task that was given up, as its `last` attempt left it."""

    task: Task
    last: AttemptRecord

    @property
    def key(self) -> LetterKey:
        return LetterKey(self.task.name.task, self.task.serial)


@dataclass(frozen=True, slots=True, order=True)
class LetterKey:
    """A dead letter of a queue: the task's id and serial."""

    task: str
    serial: int


class History(Protocol):
    """Attempts and dead letters of the queues there are."""

    async def attempts(self, name: TaskName, *, after: tuple[int, int], limit: int) -> list[Past]:
        """Of every task that bore the name, by rising (serial, number), behind `after`. QueueNotFound."""

    async def dead_letters(self, queue: QueueName, *, after: LetterKey, limit: int, max_bytes: int) -> list[DeadLetter]:
        """By rising key behind `after`, no more than fill `max_bytes` but one at least if there is one.
        QueueNotFound."""

    async def dead_letter(self, name: TaskName, serial: int | None) -> DeadLetter:
        """That of the task with this name and serial; None is the newest of the name. EntityNotFound."""

    async def redrive(self, queue: QueueName, letters: Sequence[LetterKey], *, now: int, first: int) -> list[Task]:
        """Put the tasks back into their queue as new ones, due at `now`, with serials from `first` on; their letters
        are gone with the same commit. A name is kept unless a task of the queue has it: then another is generated.
        Letters that are not there are left out. QueueNotFound."""

    async def remove(self, queue: QueueName, letters: Sequence[LetterKey]) -> int:
        """How many of `letters` were there. QueueNotFound."""
