"""What nodes tell each other through the database: short texts of some lines, and what they mean to whoever hears them.

A text names its teller, who ignores it when it comes back: he has told his own house himself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import assert_never

from kumotasks.domain.task import Task
from kumotasks.storage.job import Adding
from kumotasks.storage.postgres.carried import TasksCarried, details, travels, understood
from kumotasks.storage.rows import NewTask, new_task
from kumotasks.storage.rumour import (
    AttemptClosed,
    HomesFreed,
    Rumour,
    RunsArrived,
    TaskRemoved,
    TasksAdded,
    TasksArrived,
    TasksBrought,
    Unheard,
)
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

CHANNEL = "kumo"  # everybody's
_PART = 7_000  # bytes of a text; the server refuses 8,000
_LINE = 2_000  # bytes of a line with many places, before the last of them
_LARGE = 16 * 1024  # bytes of a body: of such tasks their home reads as many as it has room for


@dataclass(frozen=True, slots=True)
class QueueTouched:
    """A queue was created, changed, purged or deleted: everybody looks again."""

    number: int


@dataclass(frozen=True, slots=True)
class RecordsTouched:
    """Records were put or deleted: which ones is in the store."""


Note = Rumour | TasksCarried | QueueTouched | RecordsTouched


def notes_of(wakes: Sequence[Wake], rumours: Iterable[Rumour]) -> list[Note]:
    """What other nodes are to be told of a commit."""
    others = dict.fromkeys(_note_of(wake) for wake in wakes if not isinstance(wake, TaskAdded))
    return [*_added_away(wakes), *others, *rumours]


def _added_away(wakes: Iterable[Wake]) -> list[Rumour]:
    """Of tasks that were added away from home."""
    added: dict[int, list[Task]] = {}
    for wake in wakes:
        if isinstance(wake, TaskAdded) and wake.away:
            added.setdefault(wake.number, []).append(wake.task)
    return [note for number, tasks in added.items() for note in _additions(number, tasks)]


def brought_away(added: Iterable[tuple[StoredQueue, Adding]], version: int) -> list[Note]:
    """The same of whole jobs that were committed under `version`: what is small travels along."""
    small: dict[tuple[int, int], list[NewTask]] = {}
    large: dict[int, list[Task]] = {}
    for stored, job in added:
        for task, definition in zip(job.tasks, job.definitions, strict=True):
            if travels(task, definition):
                small.setdefault((stored.number, stored.generation), []).append(new_task(task, definition))
            else:
                large.setdefault(stored.number, []).append(task)
    carried = [TasksCarried(number, generation, version, rows) for (number, generation), rows in small.items()]
    return [*carried, *(note for number, tasks in large.items() for note in _additions(number, tasks))]


def _additions(number: int, tasks: Sequence[Task]) -> Iterator[Rumour]:
    small = tuple((task.schedule_time, task.name.task) for task in tasks if len(task.target.body) < _LARGE)
    if small:
        yield TasksAdded(number, small)
    if len(small) < len(tasks):
        yield TasksArrived(number, min(task.schedule_time for task in tasks if len(task.target.body) >= _LARGE))


def _note_of(wake: TaskDeleted | RunRequested | QueueChanged | QueuePurged | QueueDeleted) -> Note:
    match wake:
        case TaskDeleted(number, task):
            return TaskRemoved(number, task.serial)
        case RunRequested(number, _):
            return RunsArrived(number)
        case QueueChanged(stored) | QueuePurged(stored):
            return QueueTouched(stored.number)
        case QueueDeleted(number):
            return QueueTouched(number)
        case _:
            assert_never(wake)


def channel(teller: str) -> str:
    """The channel that only this node listens to."""
    return f"{CHANNEL}_{teller}"


def addressee(note: Note) -> int | None:
    """The queue whose home is to hear it; None is everybody."""
    return None if isinstance(note, QueueTouched | RecordsTouched | HomesFreed | Unheard) else note.number


def lines_of(note: Note) -> list[str]:
    """A note as lines of kind, queue number and detail."""
    kind = _KINDS[type(note)]
    match note:
        case TasksAdded(number, places):
            return [f"{kind} {number} {detail}" for detail in _listed(places)]
        case TasksCarried(number):
            return [f"{kind} {number} {detail}" for detail in details(note)]
        case TasksBrought():
            return lines_of(note.named())
        case TasksArrived(number, detail) | TaskRemoved(number, detail) | AttemptClosed(number, detail):
            return [f"{kind} {number} {detail}"]
        case RunsArrived(number) | QueueTouched(number):
            return [f"{kind} {number} "]
        case HomesFreed() | Unheard() | RecordsTouched():
            return [f"{kind} 0 "]
        case _:
            assert_never(note)


def _listed(places: Sequence[tuple[int, str]]) -> Iterator[str]:
    """`TIME:ID TIME:ID …`, no longer than a line may be."""
    listed, size = [], 0
    for instant, task in places:
        listed.append(f"{instant}:{task}")
        size += len(listed[-1]) + 1
        if size > _LINE:
            yield " ".join(listed)
            listed, size = [], 0
    if listed:
        yield " ".join(listed)


def parts(lines: Sequence[str]) -> list[int]:
    """For each line the number of the text it goes into, so that none grows too long."""
    numbers, part, size = [], 0, 0
    for line in lines:
        size += len(line) + 1
        if size > _PART:
            part, size = part + 1, len(line) + 1
        numbers.append(part)
    return numbers


def texts(teller: str, lines: Sequence[str]) -> list[str]:
    told: dict[int, list[str]] = {}
    for part, line in zip(parts(lines), lines, strict=True):
        told.setdefault(part, [teller]).append(line)
    return ["\n".join(each) for each in told.values()]


_KINDS: Mapping[type[Note], str] = {
    TasksAdded: "t",
    TasksBrought: "t",
    TasksCarried: "n",
    TasksArrived: "a",
    TaskRemoved: "d",
    RunsArrived: "r",
    AttemptClosed: "c",
    QueueTouched: "q",
    RecordsTouched: "k",
    HomesFreed: "h",
    Unheard: "u",
}
_MEANING: Mapping[str, Callable[[int, str], Note]] = {
    "t": lambda number, listed: TasksAdded(number, tuple(_place(each) for each in listed.split(" "))),
    "n": understood,
    "a": lambda number, earliest: TasksArrived(number, int(earliest)),
    "d": lambda number, serial: TaskRemoved(number, int(serial)),
    "r": lambda number, _: RunsArrived(number),
    "c": AttemptClosed,
    "q": lambda number, _: QueueTouched(number),
    "k": lambda _, __: RecordsTouched(),
    "h": lambda _, __: HomesFreed(),
    "u": lambda _, __: Unheard(),
}


def _place(text: str) -> tuple[int, str]:
    instant, _, task = text.partition(":")
    return int(instant), task


def heard(text: str, *, by: str) -> Iterator[Note]:
    """What a text means; nothing where it is of one's own, and of its lines none of a version that knows more."""
    teller, *lines = text.split("\n")
    if teller == by:
        return
    for line in lines:
        kind, number, detail = line.split(" ", 2)
        meaning = _MEANING.get(kind)
        if meaning is not None:
            yield meaning(int(number), detail)
