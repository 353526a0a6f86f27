"""One attempt, from the task to its committed result: request, send, classify, decide, settle.

It knows its lane only to say when the slot is free and what the task has become; when to send is the scheduler's.
Where its queue is handed over meanwhile, the attempt goes on, and is settled by the id it was handed over with.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, replace
from typing import Protocol

from kumotasks.auth.bearers import Refusal, TokenAsk
from kumotasks.dispatch.activity import Activity
from kumotasks.dispatch.home import Berth
from kumotasks.dispatch.lease import ALWAYS, Tenure
from kumotasks.dispatch.request import Request, build, signed
from kumotasks.dispatch.throttle import overloaded
from kumotasks.dispatch.watch import OpenWatch
from kumotasks.domain.attempt import CODE_NAMES, Answered, Outcome, Unreachable, Unsigned, classify
from kumotasks.domain.clock import SECOND, Clock
from kumotasks.domain.errors import StorageFull, StorageUnavailable
from kumotasks.domain.history import MEMORY, Memory
from kumotasks.domain.lane import Open
from kumotasks.domain.retry import RetryAt, Verdict, decide, dispatched
from kumotasks.domain.target import AppEngineHosts
from kumotasks.domain.task import Task
from kumotasks.storage.store import Settlement, Store

_COMMIT_AGAIN = SECOND
_RECOGNISED = 24  # characters by which a token is known, also where an excerpt ends in it; they give nothing away
logger = logging.getLogger("kumotasks.dispatch")


class Sender(Protocol):
    """Makes the request, within its deadline, and says how it ended."""

    async def send(self, request: Request) -> Outcome: ...


class Bearers(Protocol):
    """Has the tokens that requests ask for: at hand, or made now."""

    def ready(self, ask: TokenAsk) -> str | None: ...
    async def mint(self, ask: TokenAsk) -> str | Refusal: ...


@dataclass(slots=True)
class AttemptCounts:
    """What `/metrics` says of attempts: how many ended with which code, and how late they were sent in all."""

    ended: Counter[str] = field(default_factory=Counter)
    delay: int = 0  # microseconds, summed over every attempt
    sent: int = 0


@dataclass(slots=True, eq=False)
class Attempt:
    """One that is open. `run`: asked for by RunTask, outside the slots. `task` is as it was sent, `before` as it was
    before that. `answered`: yet to be committed; `settling`: its result is with the store. `handed_over` is its id for
    other nodes."""

    berth: Berth
    opened: Open
    task: Task
    before: Task
    run: bool
    answered: bool = False
    settling: bool = False
    handed_over: str | None = None


class Delivery:
    """Makes attempts. `in_flight` is shared with whoever reads tasks: serial -> the task as its open attempt has it."""

    def __init__(  # noqa: PLR0913 - all that an attempt needs meets here, by name
        self,
        *,
        store: Store,
        clock: Clock,
        sender: Sender,
        watch: OpenWatch,
        hosts: AppEngineHosts,
        in_flight: dict[int, Task],
        name_rest: int,
        bearers: Bearers | None = None,
        memory: Memory = MEMORY,
        activity: Activity | None = None,
        lease: Tenure = ALWAYS,
    ) -> None:
        self._store = store
        self._clock = clock
        self._sender = sender
        self._watch = watch
        self._hosts = hosts
        self._in_flight = in_flight
        self._name_rest = name_rest
        self._bearers = bearers
        self._memory = memory
        self._activity = activity
        self.counts = AttemptCounts()
        self._numbers = itertools.count()
        self._lease = lease
        self.open: dict[int, Attempt] = {}  # by number
        self.resting = 0  # so many of the latter wait until it is time to try the commit again
        self.on_rest: Callable[[], None] = _nobody  # told when one more of them begins to wait

    def begin(self, berth: Berth, task: Task, *, run: bool) -> Coroutine[None, None, None]:
        """Open an attempt on `task` at once; the coroutine sends it and commits what became of it.

        `run`: asked for by RunTask, outside the slots; its dispatch is counted already.
        """
        now = self._clock.now()
        late = now - task.schedule_time
        self.counts.sent += 1
        self.counts.delay += late if late > 0 and not run else 0
        current = self._counted(berth, task) if run else dispatched(task, now)
        opened = berth.lane.opened(current, in_slot=not run)
        self._in_flight[task.serial] = current
        if berth.lane.queue.stackdriver_logging_config is not None and self._activity is not None:
            self._activity.dispatched(berth.lane.queue, current, now, asked_for=run)
        number = next(self._numbers)
        attempt = self.open[number] = Attempt(berth, opened, current, task, run)
        return self._carry(number, attempt)

    def _counted(self, berth: Berth, task: Task) -> Task:
        """The task of a run request; an attempt that is open already is known here only, and counts before it."""
        opened = berth.lane.find_open(task.serial)
        return task if opened is None else dispatched(opened.task, self._clock.now())

    async def _carry(self, number: int, attempt: Attempt) -> None:
        lane, opened = attempt.berth.lane, attempt.opened
        again = False
        try:
            # It may have been deleted between the turn that opened it and this one, or the process stopped for long.
            if not self._lease.holds():
                again = await self._leave(attempt)
            else:
                outcome = None if opened.dropped else await self._send(number, attempt)
                attempt.answered = True
                if not attempt.run:
                    lane.slot_freed()
                if outcome is not None:
                    again = await self._finish(attempt, outcome)
        finally:
            del self.open[number]
            self._watch.ended(number)
            lane.closed(opened, again=again, now=self._clock.now())
            serial = attempt.task.serial
            if lane.find_open(serial) is None:
                self._in_flight.pop(serial, None)

    async def _leave(self, attempt: Attempt) -> bool:
        """Nothing was sent: the task is as it was. A request to run it is found in the store again."""
        berth, opened = attempt.berth, attempt.opened
        if not attempt.run:
            berth.lane.slot_freed()
        if opened.attempts == 1:
            opened.task = attempt.before
        if berth.parting is not None:
            await berth.parting.wait()
        if attempt.handed_over is not None:
            lane = berth.lane
            unsent = Settlement(lane.number, lane.generation, opened.task, False, 0, handed_over=attempt.handed_over)
            await self._commit(berth, opened, unsent)
        return not opened.dropped

    async def _send(self, number: int, attempt: Attempt) -> Outcome:
        task, lane = attempt.task, attempt.berth.lane
        try:
            request = build(lane.queue, task, self._hosts)
            self._watch.began(number, lane, attempt.opened, self._clock.now())
            if request.token is not None:
                return await self._send_signed(attempt.opened, request, request.token)
            return await self._sender.send(request)
        except Exception:  # whatever goes wrong with one attempt is that attempt's failure
            logger.exception("attempt failed inside the server", extra={"task": str(task.name)})
            return Unreachable("the attempt failed inside the server")

    async def _send_signed(self, opened: Open, request: Request, ask: TokenAsk) -> Outcome:
        if self._bearers is None:
            return Unsigned("this server makes no tokens")
        token = self._bearers.ready(ask)
        if token is None:
            made = await self._bearers.mint(ask)
            if isinstance(made, Refusal):
                return Unsigned(made.reason)
            if opened.dropped:  # while the token was made; what this says no one will read
                return Unsigned("the task is gone")
            token = made
        return _without(token, await self._sender.send(signed(request, token)))

    async def _finish(self, attempt: Attempt, outcome: Outcome) -> bool:
        """Decide what becomes of the task, and commit it; whether it is to be sent again."""
        berth, opened, task = attempt.berth, attempt.opened, attempt.task
        ended = self._clock.now()
        self._account(berth, task, outcome, ended)
        if berth.parting is not None:
            await berth.parting.wait()
        if opened.dropped and attempt.handed_over is None:
            self._log_end(berth, task, outcome, ended, None)
            return False
        base = _run_time(task) if attempt.run else None
        rules = berth.lane.queue.retry_config
        # Another attempt may have been counted meanwhile: the newest state is the one that goes on.
        verdict = decide(opened.task, outcome, queue_retry=rules, ended=ended, base=base)
        opened.task = verdict.task
        self._log_end(berth, task, outcome, ended, None if opened.dropped else verdict)
        record, dead = self._memory.of(task, outcome, verdict, queue_retry=rules, ended=ended)
        settlement = Settlement(
            berth.lane.number,
            berth.lane.generation,
            verdict.task,
            type(verdict) is not RetryAt,
            ended + self._name_rest,
            attempt.run,
            record,
            dead,
            berth.epoch,
            attempt.handed_over,
        )
        attempt.settling = True
        return await self._commit(berth, opened, settlement)

    def _log_end(self, berth: Berth, task: Task, outcome: Outcome, ended: int, verdict: Verdict | None) -> None:
        queue = berth.lane.queue
        if queue.stackdriver_logging_config is not None and self._activity is not None:
            retry_at = verdict.task.schedule_time if isinstance(verdict, RetryAt) else None
            self._activity.ended(queue, task, outcome, ended, retry_at=retry_at)

    def _account(self, berth: Berth, task: Task, outcome: Outcome, ended: int) -> None:
        self.counts.ended[CODE_NAMES[classify(outcome).code]] += 1
        limit = berth.lane.queue.rate_limits.max_dispatches_per_second
        if berth.throttle.record(ended, bad=overloaded(task.target, outcome), limit=limit):
            berth.reshape(ended)

    async def _commit(self, berth: Berth, opened: Open, settlement: Settlement) -> bool:
        """Settle, however long that takes; whether the task is to be sent again.

        While it cannot be committed the lane sends nothing new: what was delivered is not pushed again and again.
        """
        opened.settling += 1
        try:
            kept = await self._settle(berth, settlement)
        finally:
            opened.settling -= 1
        return kept and not settlement.ended

    async def _settle(self, berth: Berth, settlement: Settlement) -> bool:
        try:
            return await self._store.settle(settlement)
        except (StorageFull, StorageUnavailable):
            logger.warning("a result cannot be committed; the queue waits", extra={"queue": repr(berth.lane)})
        berth.lane.uncommitted += 1
        try:
            while True:
                await self._pause()
                try:
                    return await self._store.settle(settlement)
                except (StorageFull, StorageUnavailable):
                    continue
        finally:
            berth.lane.uncommitted -= 1

    async def _pause(self) -> None:
        rested = asyncio.Event()
        timer = self._clock.call_at(self._clock.now() + _COMMIT_AGAIN, rested.set)
        self.resting += 1
        self.on_rest()
        try:
            await rested.wait()
        finally:
            self.resting -= 1
            timer.cancel()


def _without(token: str, outcome: Outcome) -> Outcome:
    """`outcome`, its excerpt cut where the worker began to send the token back: others than he read excerpts."""
    if not isinstance(outcome, Answered):
        return outcome
    found = outcome.excerpt.find(token[:_RECOGNISED].encode())
    return outcome if found < 0 else replace(outcome, excerpt=outcome.excerpt[:found])


def _nobody() -> None:
    """Is told."""


def _run_time(task: Task) -> int | None:
    """When RunTask was called: the instant its dispatch was counted."""
    return task.progress.last_attempt.dispatch_time if task.progress.last_attempt else None
