"""A stream of batches on one connection: it takes whatever has gathered, commits it at once, answers each waiter.

It never lingers: a batch is what arrived during the last commit. Plain jobs go first, in one statement; then what else
adds and settles, in one transaction; then operations, in another. What collides with another node's commit is done
again; after any other failure each job is tried once alone. What fails then is refused: nothing of it was written, save
where the connection broke during the commit: that nobody knows, and it is refused too.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from kumotasks.domain.errors import StorageUnavailable
from kumotasks.storage.bulk import Surprised
from kumotasks.storage.directory import Directory
from kumotasks.storage.ended import Ended
from kumotasks.storage.job import Adding, Job, Operating, Outcome, Settling
from kumotasks.storage.postgres.batch import Batch, as_operation, tell
from kumotasks.storage.postgres.link import FAILURES, as_refusal, breaks_link, has_collided
from kumotasks.storage.postgres.session import Session
from kumotasks.storage.postgres.turn import Turn
from kumotasks.storage.store import StoredQueue

_BATCH_JOBS = 1024
_BATCH_BYTES = 16 * 1024 * 1024
_TRIES = 20  # of a job alone that keeps colliding

Deliver = Callable[[Outcome], None]


class House:
    """What the streams of a node share: `teller`, its name in what it tells others, and `node`, its lease, which begins
    with that. `seen` is how far the store had come when this node last read tasks that it may push."""

    def __init__(self, teller: str) -> None:
        self.teller = teller
        self.node = ""
        self.known = Directory()
        self.ended = Ended()
        self.seen = 0
        self.lost: Callable[[], None] = lambda: None  # told when a connection was lost

    def saw(self, version: int) -> None:
        self.seen = max(self.seen, version)


class Stream:
    """`deliver` is called on the event loop, once per commit, in the order of the commits."""

    def __init__(self, session: Session, house: House, deliver: Deliver) -> None:
        self._session = session
        self._house = house
        self._deliver = deliver
        self._waiting: list[Job] = []
        self._in_hand: list[Job] = []
        self._stirred = asyncio.Event()
        self._closed = False
        self._running = asyncio.get_running_loop().create_task(self._run())

    def put(self, job: Job) -> None:
        """Have `job` done; StorageUnavailable for its waiter once the stream is closed."""
        if self._closed:
            job.waiter.set_exception(StorageUnavailable())
            return
        self._waiting.append(job)
        self._stirred.set()

    async def close(self) -> None:
        """Take nothing more, and do what was taken."""
        self._closed = True
        self._stirred.set()
        await self._running
        await self._session.link.close()

    async def _run(self) -> None:
        try:
            while not self._closed or self._waiting:
                await self._stirred.wait()
                self._stirred.clear()
                while self._waiting:
                    self._in_hand = self._gather()
                    await self._do(self._in_hand)
                    self._in_hand = []
        finally:
            self._refuse_rest()

    def _refuse_rest(self) -> None:
        """Closed, or broken by a fault of ours: nobody is left waiting."""
        self._closed = True
        jobs, self._in_hand, self._waiting = [*self._in_hand, *self._waiting], [], []
        if jobs:
            self._refuse(StorageUnavailable(), jobs)

    def _gather(self) -> list[Job]:
        size = 0
        for count, job in enumerate(self._waiting):
            if count == _BATCH_JOBS or (size + job.size > _BATCH_BYTES and count):
                jobs, self._waiting = self._waiting[:count], self._waiting[count:]
                return jobs
            size += job.size
        jobs, self._waiting = self._waiting, []
        return jobs

    async def _do(self, jobs: Sequence[Job]) -> None:
        """In order, save that additions go ahead: a result must not overtake what was noted of its attempt."""
        turn = self._turn_of_jobs()
        rest: list[Settling | Adding] = []
        operations: list[Operating] = []
        for job in jobs:
            if isinstance(job, Operating):
                operations.append(job)
                continue
            if operations and isinstance(job, Settling):
                await self._do_parts(turn, rest, operations)
                turn, rest, operations = self._turn_of_jobs(), [], []
            if not turn.takes(job):
                rest.append(job)
        await self._do_parts(turn, rest, operations)

    def _turn_of_jobs(self) -> Turn:
        return Turn(self._house.known, self._house.ended)

    async def _do_parts(self, turn: Turn, rest: Sequence[Settling | Adding], operations: Sequence[Operating]) -> None:
        if turn.jobs:
            await self._turn(turn)
        if rest:
            await self._write(rest)
        if operations:
            await self._operate(operations)

    async def _turn(self, turn: Turn) -> None:
        try:
            outcome, again = await turn.run(self._session.link, self._house.node)
        except (*FAILURES, StorageUnavailable) as failure:
            await self._after(failure, turn.jobs)
            return
        self._deliver(outcome)
        if again:
            await self._operate([as_operation(job, self._house.ended) for job in again])
        if turn.notes:
            await self._tell(turn)

    async def _tell(self, turn: Turn) -> None:
        """After the commit, for telling holds up everybody else who tells; a loss is made up for by Unheard."""
        try:
            await tell(self._session, self._house.teller, self._house.node, turn.notes, alone=True)
        except FAILURES as failure:
            self._note_loss(failure)

    async def _write(self, jobs: Sequence[Settling | Adding]) -> None:
        known = self._house.known
        settling = [job for job in jobs if isinstance(job, Settling) and job.settlement.handed_over is None]
        found = [(known.find(job.tasks[0].name.queue), job) for job in jobs if isinstance(job, Adding)]
        adding: list[tuple[StoredQueue, Adding]] = [(stored, job) for stored, job in found if stored is not None]
        bulk: list[Job] = [*settling, *(job for _, job in adding)]
        taken = {id(job) for job in bulk}
        singly = [as_operation(job, self._house.ended) for job in jobs if id(job) not in taken]
        batch = Batch(self._session, self._house.ended, self._house.node)
        try:
            if bulk:
                async with self._session.transaction("read_committed"):
                    notes = await batch.write(settling, adding)
                    await tell(self._session, self._house.teller, self._house.node, notes)
                self._deliver(batch.outcome)
        except Surprised:
            singly += [as_operation(job, self._house.ended) for job in bulk]
        except (*FAILURES, StorageUnavailable) as failure:
            await self._after(failure, bulk)
        if singly:
            await self._operate(singly)

    async def _operate(self, jobs: Sequence[Operating]) -> None:
        try:
            await self._transact(jobs)
        except (*FAILURES, StorageUnavailable) as failure:
            await self._after(failure, jobs)

    async def _transact(self, jobs: Sequence[Operating]) -> None:
        batch = Batch(self._session, self._house.ended, self._house.node)
        async with self._session.transaction("repeatable_read"):
            notes = await batch.operate(jobs)
            await tell(self._session, self._house.teller, self._house.node, notes)
        self._deliver(batch.outcome)

    async def _after(self, failure: BaseException, jobs: Sequence[Job]) -> None:
        """Do each job alone, unless the server cannot be reached."""
        if isinstance(failure, StorageUnavailable) or breaks_link(failure):
            self._note_loss(failure)
            self._refuse(failure, jobs)
            return
        for job in jobs:
            await self._alone(as_operation(job, self._house.ended))

    async def _alone(self, job: Operating) -> None:
        for tried in range(1, _TRIES + 1):
            try:
                await self._transact([job])
            except (*FAILURES, StorageUnavailable) as failure:
                if has_collided(failure) and tried < _TRIES:
                    continue
                self._note_loss(failure)
                self._refuse(failure, [job])
            return

    def _note_loss(self, failure: BaseException) -> None:
        if not isinstance(failure, StorageUnavailable) and breaks_link(failure):
            self._session.link.drop()
            self._house.lost()

    def _refuse(self, failure: BaseException, jobs: Sequence[Job]) -> None:
        refusal = failure if isinstance(failure, StorageUnavailable) else as_refusal(failure)
        self._deliver(Outcome(refusals=[(job.waiter, refusal) for job in jobs]))
