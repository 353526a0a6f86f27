"""The tasks that a lane holds in memory: in the order they are due, within a room.

Which part of a queue is held, and what of it may go, is the lane's to say.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field

from kumotasks.domain.task import Task

Place = tuple[int, str]  # in a queue's order of dispatch: schedule time, id
_STALE = 64  # entries of tasks that are gone; more of them, beyond one for each that is held, are cleared away


@dataclass(frozen=True, slots=True)
class Room:
    """What a lane may hold: tasks, and bytes of their bodies, of which it must be able to hold the largest."""

    tasks: int = 2_048
    bytes: int = 8 * 1024 * 1024


@dataclass(slots=True, eq=False)
class Window:
    """Holds twice its room at most; from half of it on, it is crowded."""

    room: Room
    tasks: dict[int, Task] = field(default_factory=dict)  # those held, by serial; for reading only
    _heap: list[tuple[int, str, int]] = field(default_factory=list)  # what `tasks` does not confirm is stale
    _bytes: int = 0

    def __len__(self) -> int:
        return len(self.tasks)

    @property
    def crowded(self) -> bool:
        """Too full to take in a room more."""
        return len(self.tasks) * 2 > self.room.tasks or self._bytes * 2 > self.room.bytes

    @property
    def overfull(self) -> bool:
        return len(self.tasks) > 2 * self.room.tasks or (self._bytes > 2 * self.room.bytes and len(self.tasks) > 1)

    def hold(self, task: Task) -> None:
        self.tasks[task.serial] = task
        self._bytes += len(task.target.body)
        heapq.heappush(self._heap, (task.schedule_time, task.name.task, task.serial))
        if len(self._heap) > 2 * len(self.tasks) + _STALE:
            self._heap = self._in_order()

    def release(self, serial: int) -> None:
        """Hold the task no longer, if it is held."""
        task = self.tasks.pop(serial, None)
        if task is not None:
            self._bytes -= len(task.target.body)

    def release_from(self, instant: int) -> None:
        """Let go of those due at `instant` or later."""
        for task in [task for task in self.tasks.values() if task.schedule_time >= instant]:
            self.release(task.serial)
        self._heap = self._in_order()

    def clear(self) -> None:
        self.tasks.clear()
        self._heap.clear()
        self._bytes = 0

    def first_due(self) -> int | None:
        """The earliest schedule time."""
        heap, tasks = self._heap, self.tasks
        while heap:
            task = tasks.get(heap[0][2])
            if task is not None and task.schedule_time == heap[0][0]:
                return task.schedule_time
            heapq.heappop(heap)
        return None

    def pop_due(self, now: int, most: int) -> tuple[Task, ...]:
        """Let go of those that are due, in their order, `most` at most."""
        due: list[Task] = []
        heap, tasks = self._heap, self.tasks
        while heap and len(due) < most and heap[0][0] <= now:
            schedule_time, _, serial = heapq.heappop(heap)
            task = tasks.get(serial)
            if task is not None and task.schedule_time == schedule_time:
                del tasks[serial]
                self._bytes -= len(task.target.body)
                due.append(task)
        return tuple(due)

    def cut(self) -> tuple[Place, int]:
        """Overfull, let go of those due last: (the place of the last one kept, the first schedule time let go)."""
        entries = self._in_order()
        kept, size = 1, len(self.tasks[entries[0][2]].target.body)
        for _, _, serial in entries[1 : self.room.tasks]:
            size += len(self.tasks[serial].target.body)
            if size > self.room.bytes:
                break
            kept += 1
        for _, _, serial in entries[kept:]:
            self.release(serial)
        self._heap = entries[:kept]
        return entries[kept - 1][:2], entries[kept][0]

    def _in_order(self) -> list[tuple[int, str, int]]:
        """Those held, the first one first: a heap without stale entries."""
        return sorted((task.schedule_time, task.name.task, task.serial) for task in self.tasks.values())
