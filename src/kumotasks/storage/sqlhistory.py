"""The contract of `history.py` over named SQL, once for every engine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from kumotasks.domain.errors import EntityNotFound, QueueNotFound
from kumotasks.domain.names import QueueName, TaskName
from kumotasks.domain.task import FRESH, Task, whole_seconds
from kumotasks.storage.engine import Engine
from kumotasks.storage.history import DeadLetter, LetterKey, Past
from kumotasks.storage.operation import Ask, AskEach, Asking, Done, Operation
from kumotasks.storage.queues import find_queue, guard
from kumotasks.storage.rows import unpack_letter, unpack_past
from kumotasks.storage.store import StoredQueue, TaskAdded
from kumotasks.storage.tasks import keep_again


class SqlHistory:
    """Attempts and dead letters, each verb as described there."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def attempts(self, name: TaskName, *, after: tuple[int, int], limit: int) -> list[Past]:
        return await self._engine.read(partial(_attempts, name, after, limit))

    async def dead_letters(self, queue: QueueName, *, after: LetterKey, limit: int, max_bytes: int) -> list[DeadLetter]:
        return await self._engine.read(partial(_dead_letters, queue, after, limit, max_bytes))

    async def dead_letter(self, name: TaskName, serial: int | None) -> DeadLetter:
        return await self._engine.read(partial(_dead_letter, name, serial))

    async def redrive(self, queue: QueueName, letters: Sequence[LetterKey], *, now: int, first: int) -> list[Task]:
        return await self._engine.write(partial(_redrive, queue, letters, now, first), queue)

    async def remove(self, queue: QueueName, letters: Sequence[LetterKey]) -> int:
        return await self._engine.write(partial(_remove, queue, letters), queue)


def _there(queue: QueueName) -> Asking[StoredQueue]:
    stored = yield from find_queue(queue)
    if stored is None:
        raise QueueNotFound
    return stored


def _attempts(name: TaskName, after: tuple[int, int], limit: int) -> Operation[list[Past]]:
    stored = yield from _there(name.queue)
    rows = yield Ask("attempts_of_task", (stored.number, name.task, *after, limit))
    return Done([unpack_past(row) for row in rows])


def _dead_letters(queue: QueueName, after: LetterKey, limit: int, max_bytes: int) -> Operation[list[DeadLetter]]:
    stored = yield from _there(queue)
    rows = yield Ask("dead_letters", (stored.number, after.task, after.serial, limit), max_bytes)
    return Done([unpack_letter(queue, row) for row in rows])


def _dead_letter(name: TaskName, serial: int | None) -> Operation[DeadLetter]:
    stored = yield from find_queue(name.queue)
    if stored is None:
        raise EntityNotFound
    if serial is None:
        rows = yield Ask("newest_dead_letter", (stored.number, name.task))
    else:
        rows = yield Ask("dead_letter", (stored.number, name.task, serial))
    if not rows:
        raise EntityNotFound
    return Done(unpack_letter(name.queue, rows[0]))


def _redrive(queue: QueueName, letters: Sequence[LetterKey], now: int, first: int) -> Operation[list[Task]]:
    stored = yield from _there(queue)
    if not (yield from guard(stored.number, stored.generation)):
        raise QueueNotFound
    driven: list[Task] = []
    for serial, letter in enumerate(letters, first):
        rows = yield Ask("dead_letter", (stored.number, letter.task, letter.serial))
        if rows:
            before = unpack_letter(queue, rows[0]).task
            yield Ask("remove_dead_letter", (stored.number, letter.task, letter.serial))
            driven.append((yield from keep_again(stored, _anew(before, now, serial))))
    return Done(driven, tuple(TaskAdded(stored.number, task) for task in driven))


def _anew(task: Task, now: int, serial: int) -> Task:
    """The task as if it had been created now."""
    return replace(task, schedule_time=now, create_time=whole_seconds(now), serial=serial, progress=FRESH)


def _remove(queue: QueueName, letters: Sequence[LetterKey]) -> Operation[int]:
    stored = yield from _there(queue)
    rows = yield AskEach("remove_dead_letter", [(stored.number, each.task, each.serial) for each in letters])
    return Done(int(rows[0][0] or 0))
