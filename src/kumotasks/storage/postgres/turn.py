"""The hot path of PostgreSQL: ends of unnamed tasks and new unnamed tasks, in one statement that is one transaction.

It says of each row whether it took effect, so nothing needs to be hoped for: a task whose queue was purged, deleted or
unknown here comes back, to be added by its own operation.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from operator import itemgetter
from typing import cast

from kumotasks.domain.names import QueueName
from kumotasks.storage.directory import Directory
from kumotasks.storage.ended import Ended
from kumotasks.storage.job import Adding, Job, Outcome, Settling
from kumotasks.storage.operation import Row
from kumotasks.storage.postgres.link import Link
from kumotasks.storage.postgres.rumours import Note, brought_away
from kumotasks.storage.store import Settlement, StoredQueue, TaskAdded
from kumotasks.storage.tasks import task_key, task_row

_ENDED_COLUMNS, _ADDED_COLUMNS = 5, 9
_Answer = tuple[list[int] | None, list[str] | None, list[int] | None, int]


class Turn:
    """Plain jobs. `notes` are what other nodes, home of a queue, are to be told."""

    def __init__(self, known: Directory, ended: Ended) -> None:
        self._known = known
        self._ended = ended
        self._adding: list[tuple[StoredQueue, Adding]] = []
        self._settling: list[Settling] = []
        self.notes: Sequence[Note] = ()

    def takes(self, job: Job) -> bool:
        """Take `job` if it is plain."""
        match job:
            case Settling(settlement=settlement) if _is_plain(settlement):
                self._settling.append(job)
                return True
            case Adding(tasks=tasks) if not any(task.named for task in tasks):
                stored = self._known.find(_queue(job))
                if stored is None:
                    return False
                self._adding.append((stored, job))
                return True
        return False

    @property
    def jobs(self) -> list[Job]:
        return [*self._settling, *(job for _, job in self._adding)]

    async def run(self, link: Link, node: str) -> tuple[Outcome, list[Job]]:
        """What the jobs came to, and those that are to be done by their own operations."""
        self._settling.sort(key=_place)  # everybody touches rows in the same order: nobody waits in a circle
        ends = [_end_row(job.settlement) for job in self._settling]
        adds = sorted((row for stored, job in self._adding for row in _rows(stored, job)), key=itemgetter(0, 1, 2))
        numbers = sorted({cast("int", row[0]) for row in adds})
        await link.open()
        rows = await link.fetch("turn", *_columns(ends, _ENDED_COLUMNS), *_columns(adds, _ADDED_COLUMNS), numbers, node)
        places, ids, away, version = cast("_Answer", rows[0])
        outcome = Outcome()
        self._answer_ends(outcome, places)
        again = self._answer_adds(outcome, ids, frozenset(away or ()))
        if away:
            kept = [each for each in self._adding if each[1] not in again and each[0].number in away]
            self.notes = brought_away(kept, version)
        return outcome, again

    def _answer_ends(self, outcome: Outcome, places: list[int] | None) -> None:
        effective = None if places is None else frozenset(places)
        for place, job in enumerate(self._settling, 1):
            there = effective is None or place in effective
            if there:
                self._ended.remember(job.settlement.number, job.settlement.task.name.task)
            outcome.answers.append((job.waiter, there))

    def _answer_adds(self, outcome: Outcome, ids: list[str] | None, away: frozenset[int]) -> list[Job]:
        kept = None if ids is None else frozenset(ids)
        again: list[Job] = []
        for stored, job in self._adding:
            number = stored.number
            if kept is not None and f"{number}/{job.tasks[0].name.task}" not in kept:
                again.append(job)
                continue
            outcome.wakes += [TaskAdded(number, task, number in away) for task in job.tasks]
            outcome.answers.append((job.waiter, list(job.tasks)))
        return again


def _queue(job: Adding) -> QueueName:
    return job.tasks[0].name.queue


def _rows(stored: StoredQueue, job: Adding) -> Iterator[Row]:
    for task, definition in zip(job.tasks, job.definitions, strict=True):
        yield task_row(stored, task, definition)


def _is_plain(settlement: Settlement) -> bool:
    """Whether the end of the task is all there is to write."""
    return (
        settlement.ended
        and not settlement.task.named
        and settlement.attempt is None
        and settlement.dead is None
        and not settlement.run
        and settlement.handed_over is None
    )


def _place(job: Settling) -> tuple[int, str]:
    return job.settlement.number, job.settlement.task.name.task


def _end_row(settlement: Settlement) -> Row:
    return *task_key(settlement.number, settlement.generation, settlement.task), settlement.epoch


def _columns(rows: list[Row], count: int) -> list[tuple[object, ...]]:
    return list(zip(*rows, strict=True)) if rows else [()] * count
