"""The only thread that writes to SQLite: it takes whatever has gathered, commits it at once, answers each waiter.

It never lingers: a batch is what arrived during the last commit. One refusal fails its own waiter. A failure of the
disk rolls the batch back and tries once more by kind: ends, retries, additions, the rest, so that what makes room does
not wait for what needs it; what fails again is refused, and the next batch starts anew. Answers go to the event loop in
one call per commit.
"""

from __future__ import annotations

import asyncio
import enum
import threading
from collections.abc import Callable, Iterator
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

Deliver = Callable[[Outcome], None]


class Kind(enum.IntEnum):
    """Which jobs are tried together after a failure, in this order."""

    END = 1
    RETRY = 2
    ADDITION = 3
    OTHER = 4


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
        self._inbox: SimpleQueue[Job | None] = SimpleQueue()
        self._in_hand: list[Job] = []
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="kumo-writer", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def put(self, job: Job) -> None:
        """Have `job` done; StorageUnavailable for its waiter once the writer is closed."""
        if self._closed:
            job.waiter.set_exception(StorageUnavailable())
        else:
            self._inbox.put(job)

    def close(self) -> None:
        """Take nothing more; `join` waits, off the event loop, until what was taken is done."""
        self._closed = True
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
        self._in_hand = [job for job in gathered if job is not None]
        if len(self._in_hand) < len(gathered):
            self._inbox.put(None)
        return bool(self._in_hand)

    def _commit(self, jobs: list[Job]) -> None:
        """Do `jobs`, by kind if not together, and refuse what cannot be done."""
        try:
            self._commit_once(jobs)
        except FAILURES:
            self._checkpointer.reset_log(self._session.connection)
            for kind in sorted(set(map(_kind, jobs))):
                self._commit_or_refuse([job for job in jobs if _kind(job) is kind])

    def _commit_or_refuse(self, jobs: list[Job]) -> None:
        try:
            self._commit_once(jobs)
        except FAILURES as failure:
            self._hand_over(Outcome(refusals=[(job.waiter, as_refusal(failure)) for job in jobs]))

    def _commit_once(self, jobs: list[Job]) -> None:
        since = self._checkpointer.ended
        changes = self._session.connection.total_changes
        try:
            outcome = self._transact(jobs, hopeful=True)
        except Surprised:
            outcome = self._transact(jobs, hopeful=False)
        self._hand_over(outcome)
        # An estimate: a commit writes a few pages, neighbours share theirs. A checkpoint tells the log's true length.
        rows = self._session.connection.total_changes - changes
        self._checkpointer.wrote(4 + rows // 4 + sum(job.size for job in jobs) // _PAGE, since)

    def _transact(self, jobs: list[Job], *, hopeful: bool) -> Outcome:
        """The one place where a transaction begins and ends."""
        connection = self._session.connection
        try:
            connection.execute("BEGIN IMMEDIATE")
            outcome = Transaction(self._session, self._directory, self._ended, hopeful=hopeful).run(jobs)
            connection.execute("COMMIT")
        except BaseException:
            self._directory.take_back()
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        self._directory.keep()
        return outcome

    def _hand_over(self, outcome: Outcome) -> None:
        self._loop.call_soon_threadsafe(self._deliver, outcome)

    def _refuse_rest(self) -> None:
        """Closed, or broken by a fault of ours: nobody is left waiting."""
        self._closed = True
        jobs = self._in_hand
        while not self._inbox.empty():
            job = self._inbox.get()
            if job is not None:
                jobs.append(job)
        if jobs:
            self._hand_over(Outcome(refusals=[(job.waiter, StorageUnavailable()) for job in jobs]))


def _kind(job: Job) -> Kind:
    match job:
        case Settling(settlement=settlement):
            return Kind.END if settlement.ended else Kind.RETRY
        case Adding():
            return Kind.ADDITION
        case Operating():
            return Kind.OTHER


def _batches(jobs: list[Job]) -> Iterator[list[Job]]:
    """`jobs` in order, in as few batches as the bounds on one allow."""
    begin = size = 0
    for end, job in enumerate(jobs):
        if end - begin >= _BATCH_JOBS or (size + job.size > _BATCH_BYTES and end > begin):
            yield jobs[begin:end]
            begin, size = end, 0
        size += job.size
    yield jobs[begin:]
