"""One transaction on SQLite: the jobs that had gathered, and what each came to.

It hopes for the best: additions and settlements are collected and written in bulk. Where that meets a surprise (an id
that is taken, a task that is gone) the transaction is to be rolled back and run once more without hope, each job by its
own operation. A named task whose name was used before goes that way at once. Jobs keep their order, save that what was
collected between two other operations goes by kind: all of it is under way together, so nobody can tell.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from kumotasks.domain.errors import KumoError, QueueNotFound
from kumotasks.domain.task import Task
from kumotasks.storage import tasks
from kumotasks.storage.bulk import Bulk
from kumotasks.storage.directory import Directory
from kumotasks.storage.ended import Ended
from kumotasks.storage.job import Adding, Job, Operating, Outcome, Settling, Waiter
from kumotasks.storage.operation import Begin
from kumotasks.storage.records import RecordChanged
from kumotasks.storage.remains import attempt_row, letter_row, outlived_row
from kumotasks.storage.rows import pack_progress
from kumotasks.storage.session import Session
from kumotasks.storage.store import RunRequested, Settlement, StoredQueue, TaskAdded, TaskDeleted
from kumotasks.storage.tasks import task_key, task_row


class Transaction:
    """Does jobs, once; whoever makes it begins and commits."""

    def __init__(self, session: Session, directory: Directory, ended: Ended, *, hopeful: bool) -> None:
        self._session = session
        self._directory = directory
        self._ended = ended
        self._hopeful = hopeful
        self._bulk = Bulk(session)
        self._outcome = Outcome()

    def run(self, jobs: Iterable[Job]) -> Outcome:
        """Surprised if that cannot be done in hope."""
        for job in jobs:
            match job:
                case Adding():
                    self._add(job)
                case Settling():
                    self._settle(job)
                case Operating():
                    self._bulk.write()
                    self._operate(job.waiter, job.begin)
        self._bulk.write()
        return self._outcome

    def _operate(self, waiter: Waiter, begin: Begin[object]) -> None:
        try:
            done = self._session.drive(begin())
        except (KumoError, RecordChanged) as refusal:
            self._outcome.refusals.append((waiter, refusal))
            return
        changes = [wake for wake in done.wakes if not isinstance(wake, TaskAdded | TaskDeleted | RunRequested)]
        self._directory.apply(changes)
        self._outcome.changes += changes
        self._outcome.wakes += done.wakes
        self._outcome.answers.append((waiter, done.value))

    def _add(self, job: Adding) -> None:
        if not self._hopeful:
            self._operate(job.waiter, partial(tasks.add_tasks, job.tasks))
            return
        stored = self._directory.find(job.tasks[0].name.queue)
        if stored is None:
            self._outcome.answers.append((job.waiter, [QueueNotFound() for _ in job.tasks]))
            return
        kept: list[Task | KumoError] = []
        for task, definition in zip(job.tasks, job.definitions, strict=True):
            if task.named and not self._takes_new_name(stored, task):
                kept.append(self._add_again(task))
                continue
            self._bulk.added += task_row(stored, task, definition)
            self._outcome.wakes.append(TaskAdded(stored.number, task))
            kept.append(task)
        self._outcome.answers.append((job.waiter, kept))

    def _add_again(self, task: Task) -> Task | KumoError:
        """Add a task whose name was used before."""
        done = self._session.drive(tasks.add_tasks((task,)))
        self._outcome.wakes += done.wakes
        return done.value[0]

    def _takes_new_name(self, stored: StoredQueue, task: Task) -> bool:
        """Take a name that has no row yet."""
        place = stored.number, task.name.task, stored.generation
        return self._session.connection.execute(self._session.statements["take_new_name"], place).rowcount == 1

    def _settle(self, job: Settling) -> None:
        settlement = job.settlement
        if not self._hopeful:
            self._operate(job.waiter, partial(tasks.settle, settlement, self._ended))
            return
        number, task = settlement.number, settlement.task
        there = self._directory.is_current(number, settlement.generation)
        self._outcome.answers.append((job.waiter, there))
        if not there:
            return
        key = task_key(number, settlement.generation, task)
        if settlement.run:
            self._bulk.answered.append(key[:3])
        if settlement.attempt is not None or settlement.dead is not None:
            self._leave_behind(settlement)
        if not settlement.ended:
            self._bulk.retried.append((pack_progress(task.progress), task.schedule_time, *key))
            return
        self._bulk.ended.append(key)
        if task.named:
            self._bulk.rested.append((settlement.name_until, number, task.name.task, settlement.generation))
        else:
            self._ended.remember(number, task.name.task)

    def _leave_behind(self, settlement: Settlement) -> None:
        if settlement.dead is not None:
            self._bulk.buried.append(letter_row(settlement))
        if settlement.attempt is not None:
            self._bulk.remembered.append(attempt_row(settlement))
            outlived = outlived_row(settlement)
            if outlived is not None:
                self._bulk.outlived.append(outlived)
