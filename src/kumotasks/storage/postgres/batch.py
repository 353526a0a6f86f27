"""One transaction on PostgreSQL with whatever is not plain: named tasks, retries, records of attempts; and operations.

Results and additions are written with a statement per kind, in hope; Surprised where a row had no effect, and then each
job is done by its own operation.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import cast

from kumotasks.domain.errors import KumoError, StorageUnavailable
from kumotasks.domain.task import Task
from kumotasks.storage import tasks
from kumotasks.storage.bulk import Surprised
from kumotasks.storage.ended import Ended
from kumotasks.storage.job import Adding, Job, Operating, Outcome, Settling
from kumotasks.storage.operation import Row
from kumotasks.storage.postgres.rumours import (
    CHANNEL,
    Note,
    RecordsTouched,
    addressee,
    channel,
    lines_of,
    notes_of,
    parts,
    texts,
)
from kumotasks.storage.postgres.session import Session
from kumotasks.storage.records import RecordChanged
from kumotasks.storage.remains import surplus_row
from kumotasks.storage.settled import Settled
from kumotasks.storage.store import Settlement, StoredQueue, TaskAdded, Wake
from kumotasks.storage.tasks import task_row

_Name = tuple[int, str]


async def tell(session: Session, teller: str, node: str, notes: Sequence[Note], *, alone: bool = False) -> None:
    """Tell other nodes: of a queue, its home, if that is another; of what concerns everybody, all. `alone`: there is
    nothing else in this transaction."""
    said = [(addressee(note), line) for note in notes for line in lines_of(note)]
    for_all = [line for number, line in said if number is None]
    for_homes = [each for each in said if each[0] is not None]
    if for_all:
        await session.link.fetch("tell_all", CHANNEL, texts(teller, for_all))
    if for_homes:
        numbers, lines = zip(*for_homes, strict=True)
        await session.link.fetch(
            "tell", channel(""), teller, numbers, parts(lines), lines, node, "off" if alone else "on"
        )


def as_operation(job: Job, ended: Ended) -> Operating:
    """The same job by its own operation."""
    match job:
        case Adding():
            return Operating(job.waiter, partial(tasks.add_tasks, job.tasks))
        case Settling():
            return Operating(job.waiter, partial(tasks.settle, job.settlement, ended))
        case Operating():
            return job


class Batch:
    """Made for one transaction, which the caller begins and commits."""

    def __init__(self, session: Session, ended: Ended, node: str) -> None:
        self._session = session
        self._ended = ended
        self._node = node
        self._at_home: set[int] = set()
        self.outcome = Outcome()

    async def operate(self, jobs: Iterable[Operating]) -> list[Note]:
        """Each operation in order; what other nodes are to be told."""
        notes: list[Note] = []
        for job in jobs:
            try:
                done = await self._session.drive(job.begin())
            except StorageUnavailable:
                raise
            except (KumoError, RecordChanged) as refusal:
                self.outcome.refusals.append((job.waiter, refusal))
                continue
            wakes = _from_anywhere(done.wakes)
            self.outcome.note(job.waiter, replace(done, wakes=wakes))
            if not job.hearsay:
                notes += notes_of(wakes, done.rumours)
                if done.touched:
                    notes.append(RecordsTouched())
        return notes

    async def write(self, settling: Sequence[Settling], adding: Sequence[tuple[StoredQueue, Adding]]) -> list[Note]:
        """All of it in bulk. What the queues are is looked up and held until the commit. Surprised."""
        numbers = {job.settlement.number for job in settling} | {stored.number for stored, _ in adding}
        rows = await self._session.link.fetch("guard_queues", sorted(numbers), self._node)
        guard = {cast("int", number): (generation, epoch) for number, generation, epoch, _ in rows}
        self._at_home = {cast("int", number) for number, _, _, here in rows if here}
        await self._settle([job for job in settling if self._stands(job, guard.get(job.settlement.number))])
        for stored, _ in adding:
            if guard.get(stored.number, (None,))[0] != stored.generation:
                raise Surprised
        await self._add(adding)
        return notes_of(self.outcome.wakes, ())

    def _stands(self, job: Settling, guard: tuple[object, ...] | None) -> bool:
        settlement = job.settlement
        stands = guard is not None and guard[0] == settlement.generation and settlement.epoch in (None, guard[1])
        self.outcome.answers.append((job.waiter, stands))
        return stands

    async def _settle(self, jobs: Sequence[Settling]) -> None:
        rows = Settled()
        for job in sorted(jobs, key=_place):
            rows.collect(job.settlement, self._ended)
        await self._each("end_task", rows.ended)
        await self._each("rest_name", rows.rested)
        await self._each("answer_run", rows.answered, surely=False)  # a run's request may be gone
        await self._each("retry_task", rows.retried)
        await self._each("add_dead_letter", rows.buried, surely=False)
        if rows.remembered:
            await self._each("forget_attempt", rows.outlived, surely=False)
            await self._each("add_attempt", rows.remembered, surely=False)
            await self._session.link.fetch("forget_surplus", *surplus_row(len(rows.remembered)))

    async def _each(self, statement: str, rows: list[Row], *, surely: bool = True) -> None:
        if rows and (await self._session.each(statement, rows))[0][0] != len(rows) and surely:
            raise Surprised

    async def _add(self, adding: Sequence[tuple[StoredQueue, Adding]]) -> None:
        if not adding:
            return
        free = await self._take_new_names(adding)
        rows: list[Row] = []
        again: list[tuple[Adding, int, list[Task | KumoError]]] = []
        for stored, job in adding:
            kept: list[Task | KumoError] = list(job.tasks)
            for place, (task, definition) in enumerate(zip(job.tasks, job.definitions, strict=True)):
                name = stored.number, task.name.task
                if task.named and name not in free:
                    again.append((job, place, kept))
                    continue
                free.discard(name)
                rows.append(task_row(stored, task, definition))
                self.outcome.wakes.append(TaskAdded(stored.number, task, stored.number not in self._at_home))
            self.outcome.answers.append((job.waiter, kept))
        if rows:
            await self._session.each("add_task", rows)
        for job, place, kept in again:
            kept[place] = await self._add_again(job.tasks[place])

    async def _take_new_names(self, adding: Sequence[tuple[StoredQueue, Adding]]) -> set[_Name]:
        """The names that had no row yet, and are taken now."""
        names = [
            (stored.number, task.name.task, stored.generation)
            for stored, job in adding
            for task in job.tasks
            if task.named
        ]
        if not names:
            return set()
        return {cast("_Name", row) for row in await self._session.each("take_new_name", sorted(set(names)))}

    async def _add_again(self, task: Task) -> Task | KumoError:
        """Add a task whose name was used before."""
        done = await self._session.drive(tasks.add_tasks((task,)))
        self.outcome.wakes += _from_anywhere(done.wakes)
        return done.value[0]


def _from_anywhere(wakes: Iterable[Wake]) -> tuple[Wake, ...]:
    """Of a rare operation: who is home is not asked, and what was added is looked up by whoever is."""
    return tuple(TaskAdded(wake.number, wake.task, True) if isinstance(wake, TaskAdded) else wake for wake in wakes)


def _place(job: Settling) -> tuple[int, str]:
    settlement: Settlement = job.settlement
    return settlement.number, settlement.task.name.task
