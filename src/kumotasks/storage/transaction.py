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
from kumotasks.domain.task import FRESH, Task
from kumotasks.storage import tasks
from kumotasks.storage.bulk import Bulk
from kumotasks.storage.directory import Directory
from kumotasks.storage.ended import Ended
from kumotasks.storage.job import Adding, Job, Outcome, Settling
from kumotasks.storage.operation import Begin
from kumotasks.storage.records import RecordChanged
from kumotasks.storage.session import Session
from kumotasks.storage.store import StoredQueue, TaskAdded, Waiter


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
            if isinstance(job, Settling):
                self._settle(job)
            elif isinstance(job, Adding):
                self._add(job)
            else:
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
        self._directory.apply(done.wakes)
        self._outcome.note(waiter, done)

    def _add(self, job: Adding) -> None:
        if not self._hopeful:
            self._operate(job.waiter, partial(tasks.add_tasks, job.tasks))
            return
        stored = self._directory.find(job.tasks[0].name.queue)
        if stored is None:
            self._outcome.answers.append((job.waiter, [QueueNotFound() for _ in job.tasks]))
            return
        kept: list[Task | KumoError] = []
        for place, task in enumerate(job.tasks):
            if task.progress is not FRESH or (task.named and not self._takes_new_name(stored, task)):
                kept.append(self._add_again(task))
                continue
            self._bulk.add(stored, task, job.definitions[place])
            self._outcome.wakes.append(TaskAdded(stored.number, task))
            kept.append(task)
        self._outcome.answers.append((job.waiter, kept))

    def _add_again(self, task: Task) -> Task | KumoError:
        """Add a task whose name was used before, or that was there before."""
        done = self._session.drive(tasks.add_tasks((task,)))
        self._outcome.wakes += done.wakes
        return done.value[0]

    def _takes_new_name(self, stored: StoredQueue, task: Task) -> bool:
        """Take a name that has no row yet."""
        place = stored.number, task.name.task, stored.generation
        return self._session.connection.execute(self._session.statements["take_new_name"], place).rowcount == 1

    def _settle(self, job: Settling) -> None:
        settlement = job.settlement
        if not self._hopeful or settlement.handed_over is not None:
            self._bulk.write()
            self._operate(job.waiter, partial(tasks.settle, settlement, self._ended))
            return
        there = self._directory.is_current(settlement.number, settlement.generation)
        self._outcome.answers.append((job.waiter, there))
        if there:
            self._bulk.settled.collect(settlement, self._ended)
