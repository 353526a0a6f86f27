"""Operations on tasks, by the names of their verbs in `store.py`, one task at a time.

An engine may add and settle in bulk, with the same result as these. A named task has a row for its name: taken while
the task lives, resting for a while after it. Where it rests under a generation that was purged, the purge says until
when.
"""

from __future__ import annotations

import enum
import itertools
import random
from collections.abc import Sequence
from dataclasses import replace
from typing import cast

from kumotasks.domain.errors import EntityNotFound, KumoError, QueueNotFound, TaskExists, TaskGone, TaskNameRetired
from kumotasks.domain.names import QueueName, TaskName
from kumotasks.domain.retry import dispatched
from kumotasks.domain.task import Task, generated_id
from kumotasks.storage.ended import Ended
from kumotasks.storage.operation import Ask, AskEach, Asking, Done, Operation, Row, SeekEach
from kumotasks.storage.queues import find_queue, guard, is_current
from kumotasks.storage.remains import leave_behind
from kumotasks.storage.rows import columns, pack_definition, pack_progress, unpack_queue, unpack_task
from kumotasks.storage.rumour import AttemptClosed
from kumotasks.storage.store import Position, RunRequested, Settlement, StoredQueue, TaskAdded, TaskDeleted

_BEFORE_ALL = (-(2**63), "")


class NameState(enum.Enum):
    """What stands against giving a task this name."""

    FREE = enum.auto()
    TAKEN = enum.auto()
    RESTING = enum.auto()


def task_row(stored: StoredQueue, task: Task, definition: bytes) -> Row:
    """The nine columns of a new task."""
    return (
        stored.number,
        stored.generation,
        task.name.task,
        task.serial,
        task.schedule_time,
        task.create_time,
        task.named,
        definition,
        pack_progress(task.progress),
    )


def task_key(number: int, generation: int, task: Task) -> Row:
    """Names this very task, not a later one of the same name."""
    return number, generation, task.name.task, task.serial


def name_state(stored: StoredQueue, task: str, now: int) -> Asking[NameState]:
    """Whether the name may be given to a new task at `now`."""
    rows = yield Ask("name_rest", (stored.number, task))
    if not rows:
        return NameState.FREE
    until, generation = columns(rows[0], tuple[int | None, int])
    if until is None:
        return NameState.TAKEN if generation == stored.generation else NameState.FREE
    return NameState.RESTING if until > now else NameState.FREE


def add_tasks(tasks: Sequence[Task]) -> Operation[Sequence[Task | KumoError]]:
    """Each task kept, or why not; they are all of one queue."""
    stored = (yield from find_queue(tasks[0].name.queue)) if tasks else None
    if stored is None or not (yield from guard(stored.number, stored.generation)):
        return Done([QueueNotFound() for _ in tasks])
    kept: list[Task | KumoError] = []
    for task in tasks:
        answer = yield from (_add_named if task.named else _add_unnamed)(stored, task)
        kept.append(answer)
    return Done(kept, tuple(TaskAdded(stored.number, task) for task in kept if isinstance(task, Task)))


def _add_named(stored: StoredQueue, task: Task) -> Asking[Task | KumoError]:
    # A serial is the clock's microseconds at the task's creation.
    state = yield from name_state(stored, task.name.task, task.serial)
    if state is NameState.RESTING:
        return TaskNameRetired()
    if state is NameState.TAKEN or (yield from _is_there(stored, task)):
        return TaskExists()
    yield Ask("take_name", (stored.number, task.name.task, stored.generation))
    yield Ask("add_task", task_row(stored, task, pack_definition(task)))
    return task


def _add_unnamed(stored: StoredQueue, task: Task) -> Asking[Task]:
    chosen = task
    for step in itertools.count(1):
        if not (yield from _is_there(stored, chosen)):
            break
        chosen = replace(task, name=TaskName(task.name.queue, generated_id(task.serial + step, random.SystemRandom())))
    yield Ask("add_task", task_row(stored, chosen, pack_definition(chosen)))
    return chosen


def keep_again(stored: StoredQueue, task: Task) -> Asking[Task]:
    """Add a task that was there before: under its name, though that rests, unless a task has it meanwhile."""
    state = yield from name_state(stored, task.name.task, task.serial)
    if not task.named or state is NameState.TAKEN or (yield from _is_there(stored, task)):
        return (yield from _add_unnamed(stored, replace(task, named=False)))
    yield Ask("take_name", (stored.number, task.name.task, stored.generation))
    yield Ask("add_task", task_row(stored, task, pack_definition(task)))
    return task


def _is_there(stored: StoredQueue, task: Task) -> Asking[bool]:
    return bool((yield Ask("task_is_there", (stored.number, stored.generation, task.name.task))))


def find_task(name: TaskName, now: int, ended: Ended) -> Asking[tuple[StoredQueue, Task]]:
    """The task and its queue; TaskGone if it was there a while ago, else EntityNotFound."""
    stored = yield from find_queue(name.queue)
    if stored is None:
        raise EntityNotFound
    rows = yield Ask("task_by_id", (stored.number, stored.generation, name.task))
    if rows:
        return stored, unpack_task(name.queue, rows[0])
    state = yield from name_state(stored, name.task, now)
    if state is NameState.RESTING or ended.remembers(stored.number, name.task):
        raise TaskGone
    raise EntityNotFound


def get_task(name: TaskName, now: int, ended: Ended) -> Operation[Task]:
    _, task = yield from find_task(name, now, ended)
    return Done(task)


def list_tasks(queue: QueueName, after: str, limit: int, max_bytes: int) -> Operation[list[Task]]:
    stored = yield from find_queue(queue)
    if stored is None:
        raise QueueNotFound
    rows = yield Ask("tasks_by_id", (stored.number, stored.generation, after, limit), max_bytes)
    return Done([unpack_task(queue, row) for row in rows])


def delete_task(name: TaskName, now: int, name_until: int, ended: Ended) -> Operation[Task]:
    stored, task = yield from find_task(name, now, ended)
    yield from end_task(Settlement(stored.number, stored.generation, task, True, name_until, run=True), ended)
    return Done(task, (TaskDeleted(stored.number, task),))


def settle(settlement: Settlement, ended: Ended) -> Operation[bool]:
    """Whether the task was there, and is this one."""
    if not (yield from _may_settle(settlement)):
        return Done(False)
    there = yield from (end_task(settlement, ended) if settlement.ended else _retry_task(settlement))
    if there:
        yield from leave_behind(settlement)
    closed = settlement.handed_over
    return Done(there, rumours=() if closed is None else (AttemptClosed(settlement.number, closed),))


def _may_settle(settlement: Settlement) -> Asking[bool]:
    """Whether the queue is as it was when the attempt began, or the attempt, handed over, still open."""
    number, task = settlement.number, settlement.task
    if settlement.handed_over is None:
        return (yield from guard(number, settlement.generation, settlement.epoch))
    rows = yield Ask("close_attempt", (number, settlement.handed_over, task.name.task, task.serial))
    return rows[0][0] == 1 and (yield from guard(number, settlement.generation))


def end_task(settlement: Settlement, ended: Ended) -> Asking[bool]:
    """Remove a task and let its name rest."""
    number, generation, task = settlement.number, settlement.generation, settlement.task
    yield from _answer_run(settlement)
    rows = yield Ask("end_task", task_key(number, generation, task))
    if rows[0][0] == 0:
        return False
    if task.named:
        yield Ask("rest_name", (settlement.name_until, number, task.name.task, generation))
    else:
        ended.remember(number, task.name.task)
    return True


def _retry_task(settlement: Settlement) -> Asking[bool]:
    number, generation, task = settlement.number, settlement.generation, settlement.task
    yield from _answer_run(settlement)
    key = task_key(number, generation, task)
    rows = yield Ask("retry_task", (pack_progress(task.progress), task.schedule_time, *key))
    return rows[0][0] == 1


def _answer_run(settlement: Settlement) -> Asking[None]:
    if settlement.run:
        yield Ask("answer_run", (settlement.number, settlement.generation, settlement.task.name.task))


def request_run(name: TaskName, now: int, ended: Ended) -> Operation[Task]:
    stored, before = yield from find_task(name, now, ended)
    task = dispatched(before, now)
    key = task_key(stored.number, stored.generation, task)
    yield Ask("note_progress", (pack_progress(task.progress), *key))
    yield Ask("request_run", key)
    return Done(task, (RunRequested(stored.number, task),), seen=(yield from version()))


def version() -> Asking[int]:
    """How far the store has come: what is committed under a later version is not in what was read so far."""
    return columns((yield Ask("version"))[0], tuple[int])[0]


def run_requests() -> Operation[list[tuple[int, Task]]]:
    rows = yield Ask("open_runs")
    found = [unpack_with_queue(row) for row in rows]
    return Done([(stored.number, task) for stored, task in found], seen=(yield from version()))


def unpack_with_queue(row: Row) -> tuple[StoredQueue, Task]:
    """From the three columns of a queue and the seven of a task."""
    stored = unpack_queue(row[:3])
    return stored, unpack_task(stored.queue.name, row[3:])


def note_open(attempts: Sequence[tuple[int, int, Task]]) -> Operation[None]:
    yield AskEach(
        "note_progress",
        [(pack_progress(task.progress), *task_key(number, generation, task)) for number, generation, task in attempts],
    )
    return Done(None)


def due_tasks(
    stored: StoredQueue, after: Position | None, until: int, limit: int, max_bytes: int
) -> Operation[list[Task]]:
    if not (yield from is_current(stored.number, stored.generation)):
        return Done([])
    place = _BEFORE_ALL if after is None else (after.schedule_time, after.task)
    rows = yield Ask("tasks_due", (stored.number, stored.generation, *place, until, limit), max_bytes)
    return Done([unpack_task(stored.queue.name, row) for row in rows], seen=(yield from version()))


def find_tasks(wanted: Sequence[tuple[StoredQueue, Sequence[str]]]) -> Operation[list[tuple[int, Task]]]:
    names = {stored.number: stored.queue.name for stored, _ in wanted}
    keys: list[Row] = [(stored.number, stored.generation, task) for stored, ids in wanted for task in ids]
    rows = yield SeekEach("current_task", keys)
    found = [(cast("int", row[0]), row[1:]) for row in rows]
    return Done([(number, unpack_task(names[number], row)) for number, row in found])


def next_due(stored: StoredQueue, after: Position | None) -> Operation[int | None]:
    if not (yield from is_current(stored.number, stored.generation)):
        return Done(None)
    place = _BEFORE_ALL if after is None else (after.schedule_time, after.task)
    rows = yield Ask("first_due", (stored.number, stored.generation, *place))
    return Done(columns(rows[0], tuple[int])[0] if rows else None)
