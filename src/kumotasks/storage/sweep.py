"""The janitor's operation: remove a bounded number of rows that are gone for every reader, or past their time.

One kind after the other: rows of purged and deleted queues first, so that what retention meets afterwards is alive.
"""

from __future__ import annotations

from itertools import accumulate, takewhile
from typing import NamedTuple

from kumotasks.domain.task import RETENTION, Task, expires_at
from kumotasks.storage.ended import Ended
from kumotasks.storage.history import Keep
from kumotasks.storage.operation import Ask, AskEach, Asking, Done, Operation, Row, Rows
from kumotasks.storage.rows import columns
from kumotasks.storage.store import Settlement, Swept, TaskDeleted
from kumotasks.storage.tasks import end_task, unpack_with_queue

_PASS_BYTES = 8 * 1024 * 1024  # a large body is many pages to free: a pass of those ends sooner


class _Doomed(NamedTuple):
    queue: int
    generation: int
    names_until: int | None


class _DoomedTask(NamedTuple):
    id: str
    named: int
    length: int


def sweep(now: int, limit: int, ended: Ended, keep: Keep) -> Operation[Swept]:
    """One pass, of at most `limit` rows."""
    doomed = yield Ask("doomed_generation")
    if doomed:
        removed = yield from _sweep_doomed(columns(doomed[0], _Doomed), limit)
        return Done(Swept(removed, more=True, next_due=None, doomed=True))
    removed = yield from _sweep_names(now, limit)
    expired = yield from _sweep_retention(now, limit - removed, ended)
    removed += len(expired)
    removed += yield from _sweep_remains(now, limit - removed, keep)
    next_due = yield from _next_expiry(keep)
    more = removed > 0 and next_due is not None and next_due <= now
    swept = Swept(removed, more, None if more else next_due, tuple(task for _, task in expired))
    return Done(swept, tuple(TaskDeleted(number, task) for number, task in expired))


def _sweep_doomed(doomed: _Doomed, limit: int) -> Asking[int]:
    queue, generation, names_until = doomed
    rows = yield Ask("doomed_tasks", (queue, generation, limit))
    tasks = _one_pass([columns(row, _DoomedTask) for row in rows])
    if not tasks:
        return (yield from _sweep_doomed_rest(doomed, limit))
    yield AskEach("remove_doomed_task", [(queue, generation, task.id) for task in tasks])
    if names_until is not None:
        yield AskEach("rest_name", [(names_until, queue, task.id, generation) for task in tasks if task.named])
    return len(tasks)


def _one_pass(tasks: list[_DoomedTask]) -> list[_DoomedTask]:
    """As many of `tasks` as are not too large together, but one at least."""
    sizes = accumulate(task.length for task in tasks)
    return [task for task, size in zip(tasks, sizes, strict=True) if size <= _PASS_BYTES] or tasks[:1]


def _sweep_doomed_rest(doomed: _Doomed, limit: int) -> Asking[int]:
    """What is left once a generation's tasks are removed: all else of a queue that is no more, and the mark itself."""
    queue, generation, names_until = doomed
    if names_until is None:
        removed = yield from _sweep_doomed_queue(queue, limit)
        if removed:
            return removed
    yield Ask("remove_doomed_runs", (queue, generation))
    yield Ask("remove_doomed", (queue, generation))
    return 1


def _sweep_doomed_queue(queue: int, limit: int) -> Asking[int]:
    """Names, attempts and dead letters: one kind a pass."""
    rows = yield Ask("remove_doomed_names", (queue, queue, limit))
    if rows[0][0] == 0:
        rows = yield Ask("forget_doomed_attempts", (queue, limit))
    if rows[0][0] == 0:
        rows = yield Ask("forget_doomed_letters", (queue, limit))
    return columns(rows[0], tuple[int])[0]


def _sweep_remains(now: int, limit: int, keep: Keep) -> Asking[int]:
    """Attempts and dead letters that were kept long enough, the oldest first."""
    attempts, letters = yield from _remains(keep)
    removed = 0
    if attempts is not None and attempts <= now:
        removed = yield from _remove("forget_old_attempts", (now - keep.attempts, limit))
    if letters is not None and letters <= now and removed < limit:
        removed += yield from _remove("forget_old_letters", (now - keep.dead_letters, limit - removed))
    return removed


def _remove(statement: str, parameters: Row) -> Asking[int]:
    rows = yield Ask(statement, parameters)
    return columns(rows[0], tuple[int])[0]


def _remains(keep: Keep) -> Asking[tuple[int | None, int | None]]:
    """When the oldest attempt and the oldest dead letter were kept long enough."""
    attempt, letter = (yield Ask("oldest_attempt")), (yield Ask("oldest_letter"))
    return _plus(attempt, keep.attempts), _plus(letter, keep.dead_letters)


def _plus(rows: Rows, duration: int) -> int | None:
    """The instant in the one row there may be, so much later."""
    return columns(rows[0], tuple[int])[0] + duration if rows else None


def _sweep_names(now: int, limit: int) -> Asking[int]:
    """Names of tasks and of queues that have rested long enough."""
    names = yield Ask("rested_names", (now, limit))
    yield AskEach("remove_name", names)
    rows = yield Ask("remove_rested_queue_names", (now, limit - len(names)))
    return len(names) + columns(rows[0], tuple[int])[0]


def _sweep_retention(now: int, limit: int, ended: Ended) -> Asking[list[tuple[int, Task]]]:
    """Remove the oldest tasks as far as they are past their retention; their names are free at once."""
    oldest = (yield from _expiries())[0]
    if oldest is None or oldest > now or limit == 0:
        return []
    rows = yield Ask("oldest_tasks", (limit,), _PASS_BYTES)
    found = [unpack_with_queue(row) for row in rows]
    expired = list(takewhile(lambda item: expires_at(item[1]) <= now, found))
    for stored, task in expired:
        yield from end_task(Settlement(stored.number, stored.generation, task, True, now, run=True), ended)
    return [(stored.number, task) for stored, task in expired]


def _next_expiry(keep: Keep) -> Asking[int | None]:
    expiries = (*(yield from _expiries()), *(yield from _remains(keep)))
    return min((instant for instant in expiries if instant is not None), default=None)


def _expiries() -> Asking[tuple[int | None, ...]]:
    """When the oldest task ends its retention, and the next name of a task and of a queue its rest."""
    rows = yield Ask("next_expiries")
    created, *rested = columns(rows[0], tuple[int | None, int | None, int | None])
    return (None if created is None else created + RETENTION, *rested)
