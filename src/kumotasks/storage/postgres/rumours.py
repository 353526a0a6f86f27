"""What nodes tell each other through the database: short texts, and what they mean to whoever hears them.

A text names its teller, who ignores it when it comes back: he has told his own house himself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import assert_never

from kumotasks.storage.store import (
    AttemptClosed,
    HomesFreed,
    QueueChanged,
    QueueDeleted,
    QueuePurged,
    Rumour,
    RunRequested,
    RunsArrived,
    TaskAdded,
    TaskDeleted,
    TaskRemoved,
    TasksArrived,
    Unheard,
    Wake,
)

CHANNEL = "kumo"


@dataclass(frozen=True, slots=True)
class QueueTouched:
    """A queue was created, changed, purged or deleted: everybody looks again."""

    number: int


@dataclass(frozen=True, slots=True)
class RecordsTouched:
    """Records were put or deleted: which ones is in the store."""


Note = Rumour | QueueTouched | RecordsTouched


def notes_of(wakes: Iterable[Wake], rumours: Iterable[Rumour]) -> list[Note]:
    """What other nodes are to be told of a commit; of tasks that were added, the earliest of each queue."""
    notes: dict[tuple[str, int, int | str], Note] = {}
    for wake in wakes:
        note = _note_of(wake)
        if isinstance(note, TasksArrived):
            before = notes.get(("a", note.number, 0))
            if isinstance(before, TasksArrived) and before.earliest <= note.earliest:
                continue
            notes["a", note.number, 0] = note
        else:
            notes[_text(note)] = note
    return [*notes.values(), *rumours]


def _note_of(wake: Wake) -> Note:
    match wake:
        case TaskAdded(number, task):
            return TasksArrived(number, task.schedule_time)
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


def addressee(note: Note) -> int | None:
    """The queue whose home is to hear it; None is everybody."""
    return None if isinstance(note, QueueTouched | RecordsTouched | HomesFreed | Unheard) else note.number


def payload(teller: str, note: Note) -> str:
    kind, number, detail = _text(note)
    return f"{teller} {kind} {number} {detail}"


def _text(note: Note) -> tuple[str, int, int | str]:
    match note:
        case TasksArrived(number, detail) | TaskRemoved(number, detail) | AttemptClosed(number, detail):
            return _KINDS[type(note)], number, detail
        case RunsArrived(number) | QueueTouched(number):
            return _KINDS[type(note)], number, 0
        case HomesFreed() | Unheard() | RecordsTouched():
            return _KINDS[type(note)], 0, 0
        case _:
            assert_never(note)


_KINDS: Mapping[type[Note], str] = {
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
    "a": lambda number, earliest: TasksArrived(number, int(earliest)),
    "d": lambda number, serial: TaskRemoved(number, int(serial)),
    "r": lambda number, _: RunsArrived(number),
    "c": AttemptClosed,
    "q": lambda number, _: QueueTouched(number),
    "k": lambda _, __: RecordsTouched(),
    "h": lambda _, __: HomesFreed(),
    "u": lambda _, __: Unheard(),
}


def heard(text: str, *, by: str) -> Note | None:
    """What a text means; None where it is of one's own, or of a version that knows more."""
    teller, _, rest = text.partition(" ")
    kind, _, rest = rest.partition(" ")
    number, _, detail = rest.partition(" ")
    meaning = _MEANING.get(kind)
    return None if teller == by or meaning is None else meaning(int(number), detail)
