"""What a node hears of what another has committed: hints of what to read. Values only; nothing is known of who tells.

A rumour comes soon after its commit, perhaps never (Unheard makes up for that), perhaps twice.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from kumotasks.domain.task import Task


@dataclass(frozen=True, slots=True)
class TasksAdded:
    """Another node added tasks to a queue at home here: `find_tasks` has them. A place is a schedule time and an id."""

    number: int
    places: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True)
class TasksBrought:
    """The same, and here they are: committed after everything that this node has read of any queue's tasks, so that it
    cannot have pushed them yet. Told once. They are of this generation of the queue."""

    number: int
    generation: int
    tasks: tuple[Task, ...]

    def named(self) -> TasksAdded:
        """For where something may have been read meanwhile."""
        return TasksAdded(self.number, tuple((task.schedule_time, task.name.task) for task in self.tasks))


@dataclass(frozen=True, slots=True)
class TasksArrived:
    """The same, where they are too large to be named: the earliest is due at `earliest`, `due_tasks` has them."""

    number: int
    earliest: int


@dataclass(frozen=True, slots=True)
class TaskRemoved:
    """Another node deleted a task of a queue at home here, or it reached the end of its retention."""

    number: int
    serial: int


@dataclass(frozen=True, slots=True)
class RunsArrived:
    """Another node asked for runs of a queue at home here: `run_requests` has them, and those under way already."""

    number: int


@dataclass(frozen=True, slots=True)
class AttemptClosed:
    """An attempt that was handed over to this home is settled: its slot is free, its task as the store has it."""

    number: int
    attempt: str


@dataclass(frozen=True, slots=True)
class HomesFreed:
    """Some queue has no home any more: `take_homes` gives it to whoever asks first."""


@dataclass(frozen=True, slots=True)
class Unheard:
    """Rumours may have been missed, or a commit's answer: what rests on them is to be read anew. Also told at times."""


Rumour = TasksAdded | TasksBrought | TasksArrived | TaskRemoved | RunsArrived | AttemptClosed | HomesFreed | Unheard
Overhearer = Callable[[Sequence[Rumour]], None]
