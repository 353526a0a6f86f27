"""The only thread that writes to SQLite: it takes whatever has gathered, commits it at once, answers each waiter.

It never lingers: a batch is what arrived during the last commit. One refusal fails its own waiter. A failure of the
disk rolls the batch back and tries once more in parts (ends, deaths, retries, additions, any other job alone), so that
what makes room does not wait for what needs it, and without records of attempts; what fails again is refused, and the
next batch starts anew. Answers go to the event loop in one call per commit.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from operator import attrgetter
from queue import SimpleQueue

from kumotasks.domain.errors import StorageUnavailable
from kumotasks.storage.bulk import Surprised
from kumotasks.storage.checkpoint import Checkpointer
from kumotasks.storage.directory import Directory
from kumotasks.storage.ended import Ended
from kumotasks.storage.job import Adding, Job, Operating, Outcome, Settling
from kumotasks.storage.session import FAILURES, Session, as_refusal
from kumotasks.storage.transaction import Transaction

_BATCH_JOBS = 2048
_BATCH_BYTES = 16 * 1024 * 1024
_PAGE = 4096
_size: Callable[[Job], int] = attrgetter("size")

Deliver = Callable[[Outcome], None]


class Writer:
    """`deliver` is called on the event loop, once per commit. Made, started and stopped on the event loop."""

    def __init__(
        self, session: Session, checkpointer: Checkpointer, directory: Directory, ended: Ended, deliver: Deliver
    ) -> None:
        self._session = session
        self._checkpointer = checkpointer
        self._directory = directory
        self._ended = ended
        self._deliver = deliver
        self._loop = asyncio.get_running_loop()
        self._coming: list[Job] = []  # of this turn of the loop: waking the thread costs more than a job
        self._inbox: SimpleQueue[list[Job] | None] = SimpleQueue()
        self._in_hand: list[Job] = []
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="kumo-writer", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def put(self, job: Job) -> None:
        """Have `job` done; StorageUnavailable for its waiter once the writer is closed."""
        if self._closed:
            job.waiter.set_exception(StorageUnavailable())
            return
        self._coming.append(job)
        if len(self._coming) == 1:
            self._loop.call_soon(self._send)

    def _send(self) -> None:
        jobs, self._coming = self._coming, []
        if jobs:
            self._inbox.put(jobs)

    def close(self) -> None:
        """Take nothing more; `join` waits, off the event loop, until what was taken is done."""
        self._closed = True
        self._send()
        self._inbox.put(None)

    def join(self) -> None:
        self._thread.join()

    def _run(self) -> None:
        try:
            while self._gather():
                for jobs in _batches(self._in_hand):
                    self._commit(jobs)
                    if self._checkpointer.is_long:
                        self._checkpointer.reset_log(self._session.connection)
        finally:
            self._refuse_rest()

    def _gather(self) -> bool:
        """Wait for a job and take all that are there; False when the writer is closed."""
        gathered = [self._inbox.get()]
        gathered += [self._inbox.get() for _ in range(self._inbox.qsize())]
        self._in_hand = [job for jobs in gathered if jobs is not None for job in jobs]
        if None in gathered:
            self._inbox.put(None)
        return bool(self._in_hand)

    def _commit(self, jobs: list[Job]) -> None:
        """Do `jobs`, in parts if not together, and refuse what cannot be done."""
        try:
            self._commit_once(jobs)
        except FAILURES:
            self._checkpointer.reset_log(self._session.connection)
            for part in _parts(jobs):
                self._commit_or_refuse(part)

    def _commit_or_refuse(self, jobs: list[Job]) -> None:
        try:
            if jobs:
                self._commit_once(jobs)
        except FAILURES as failure:
            self._hand_over(Outcome(refusals=[(job.waiter, as_refusal(failure)) for job in jobs]))

    def _commit_once(self, jobs: list[Job]) -> None:
        try:
            outcome = self._transact(jobs, hopeful=True)
        except Surprised:
            outcome = self._transact(jobs, hopeful=False)
        self._hand_over(outcome)

    def _transact(self, jobs: list[Job], *, hopeful: bool) -> Outcome:
        """The one place where a transaction begins and ends."""
        connection = self._session.connection
        since, changes = self._checkpointer.ended, connection.total_changes
        try:
            connection.execute("BEGIN IMMEDIATE")
            outcome = Transaction(self._session, self._directory, self._ended, hopeful=hopeful).run(jobs)
            connection.execute("COMMIT")
        except BaseException:  # raised on, once the transaction is undone
            self._directory.take_back()
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        self._directory.keep()
        rows = connection.total_changes - changes
        if rows:
            self._checkpointer.wrote(_pages(rows, jobs), since)
        return outcome

    def _hand_over(self, outcome: Outcome) -> None:
        self._loop.call_soon_threadsafe(self._deliver, outcome)

    def _refuse_rest(self) -> None:
        """Closed, or broken by a fault of ours: nobody is left waiting."""
        self._closed = True
        jobs = self._in_hand
        while not self._inbox.empty():
            jobs += self._inbox.get() or []
        if jobs:
            self._hand_over(Outcome(refusals=[(job.waiter, StorageUnavailable()) for job in jobs]))


def _parts(jobs: list[Job]) -> Iterator[list[Job]]:
    """`jobs` as they are tried after a failure: what makes room first, and whatever is rare alone."""
    settlements = [_unremembered(job) for job in jobs if isinstance(job, Settling)]
    yield [job for job in settlements if job.settlement.ended and job.settlement.dead is None]
    yield [job for job in settlements if job.settlement.dead is not None]
    yield [job for job in settlements if not job.settlement.ended]
    yield [job for job in jobs if isinstance(job, Adding)]
    for job in jobs:
        if isinstance(job, Operating):
            yield [job]


def _unremembered(job: Settling) -> Settling:
    """A result is worth more than what would be remembered of its attempt."""
    return Settling(job.waiter, replace(job.settlement, attempt=None))


def _pages(rows: int, jobs: list[Job]) -> int:
    """About how long a commit made the log: neighbours share their pages. A checkpoint tells the true length."""
    return 4 + rows // 4 + _bytes(jobs) // _PAGE


def _bytes(jobs: Iterable[Job]) -> int:
    return sum(map(_size, jobs))


def _batches(jobs: list[Job]) -> Iterator[list[Job]]:
    """`jobs` in order, in as few batches as the bounds on one allow."""
    if len(jobs) <= _BATCH_JOBS and _bytes(jobs) <= _BATCH_BYTES:
        yield jobs
        return
    begin = size = 0
    for end, job in enumerate(jobs):
        if end - begin >= _BATCH_JOBS or (size + job.size > _BATCH_BYTES and end > begin):
            yield jobs[begin:end]
            begin, size = end, 0
        size += job.size
    yield jobs[begin:]
