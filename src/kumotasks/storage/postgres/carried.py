"""Small tasks that travel whole within a note, so that their home need not look them up. A note is a line of text.

They carry the version under which they were committed: who has read tasks of a later one may have had them already.
"""

from __future__ import annotations

import binascii
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from kumotasks.domain.lane import WINDOW
from kumotasks.domain.names import QueueName
from kumotasks.domain.task import FRESH, Task
from kumotasks.storage.rows import NewTask, pack_new_tasks, unpack_new_task, unpack_new_tasks
from kumotasks.storage.rumour import TasksAdded, TasksBrought

LARGEST = 1_024  # bytes of a definition
_ROW = 64  # bytes of a row beside its definition
_LINE = 3_500  # bytes of a line's rows before the last, which base64 makes a third longer


@dataclass(frozen=True, slots=True)
class TasksCarried:
    """New tasks of this generation of a queue."""

    number: int
    generation: int
    version: int
    rows: list[NewTask]

    def named(self) -> TasksAdded:
        """To be looked up all the same."""
        return TasksAdded(self.number, tuple((due, task) for task, _, due, _, _ in self.rows))

    def brought(self, queue: QueueName) -> TasksBrought:
        """As tasks of `queue`. RowDamaged."""
        return TasksBrought(self.number, self.generation, tuple(unpack_new_task(queue, row) for row in self.rows))


def travels(task: Task, definition: bytes) -> bool:
    """Whether a task is small, and its home can use it at once."""
    return (
        len(definition) <= LARGEST
        and not task.named
        and task.schedule_time <= task.create_time + WINDOW
        and task.progress is FRESH
    )


def details(carried: TasksCarried) -> Iterator[str]:
    """`GENERATION VERSION ROWS`, each no longer than a line may be."""
    for rows in _in_lines(carried.rows):
        packed = binascii.b2a_base64(pack_new_tasks(rows), newline=False)
        yield f"{carried.generation} {carried.version} {packed.decode()}"


def _in_lines(rows: Iterable[NewTask]) -> Iterator[list[NewTask]]:
    line: list[NewTask] = []
    size = 0
    for row in rows:
        line.append(row)
        size += _ROW + len(row[4])
        if size > _LINE:
            yield line
            line, size = [], 0
    if line:
        yield line


def understood(number: int, detail: str) -> TasksCarried:
    """What `details` wrote."""
    generation, version, rows = detail.split(" ")
    return TasksCarried(number, int(generation), int(version), unpack_new_tasks(binascii.a2b_base64(rows)))
