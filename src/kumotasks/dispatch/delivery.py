"""One attempt, from the task to its committed result: request, send, classify, decide, settle.

It is carried on by whoever it waits for, first the sender, then the store, in three steps: begun, answered, settled. It
has no task of its own, which would cost as much as these. What waits for anything else is an errand, and has one.

It knows its lane only to say when the slot is free and what the task has become; when to send is the scheduler's.
Where its queue is handed over meanwhile, the attempt goes on, and is settled by the id it was handed over with.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
from collections.abc import Callable, Coroutine
from dataclasses import replace
from functools import partial
from typing import Protocol

from kumotasks.auth.bearers import Refusal, TokenAsk
from kumotasks.dispatch.activity import Activity
from kumotasks.dispatch.attempt import Attempt, AttemptCounts, Settling
from kumotasks.dispatch.home import Berth
from kumotasks.dispatch.lease import ALWAYS, Tenure
from kumotasks.dispatch.request import Request, build, signed
from kumotasks.dispatch.throttle import overloaded
from kumotasks.dispatch.watch import OpenWatch
from kumotasks.domain.attempt import CODE_NAMES, Answered, Outcome, Unreachable, Unsigned, classify
from kumotasks.domain.clock import SECOND, Clock
from kumotasks.domain.deadlines import Wait
from kumotasks.domain.errors import StorageFull, StorageUnavailable
from kumotasks.domain.history import MEMORY, Memory
from kumotasks.domain.retry import RetryAt, Verdict, decide, dispatched
from kumotasks.domain.target import AppEngineHosts
from kumotasks.domain.task import Task
from kumotasks.storage.store import Settlement, Store

_COMMIT_AGAIN = SECOND
_NOT_NOW = (StorageFull, StorageUnavailable)
_RECOGNISED = 24  # characters by which a token is known, also where an excerpt ends in it; they give nothing away
logger = logging.getLogger("kumotasks.dispatch")


class Sender(Protocol):
    """Makes the request, within its deadline, and says later how it ended; an exception is a mistake of its own."""

    def send(self, request: Request, ended: Callable[[Outcome | BaseException], None]) -> Wait: ...


class Bearers(Protocol):
    """Has the tokens that requests ask for: at hand, or made now."""

    def ready(self, ask: TokenAsk) -> str | None: ...
    async def mint(self, ask: TokenAsk) -> str | Refusal: ...


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
        self.open = watch.open  # by number
        self.resting = 0  # so many of the latter wait until it is time to try the commit again
        self.on_rest: Callable[[], None] = _nobody  # told when one more of them begins to wait
        self.on_close: Callable[[Berth], None] = _nobody  # told when an attempt is over
        self._errands: set[asyncio.Task[None]] = set()

    def begin(self, berth: Berth, task: Task, *, run: bool) -> None:
        """Open an attempt on `task`, and send it.

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
        attempt = self.open[number] = Attempt(number, berth, opened, current, task, run)
        if self._lease.holds():  # the process may have stopped for long since the turn began
            self._send(attempt, now)
        else:
            self._run_errand(attempt, self._leave(attempt))

    async def break_off(self) -> None:
        """End what is open, wherever it stands. What is with the store may be committed all the same."""
        for attempt in tuple(self.open.values()):
            self._close(attempt, again=False)
            if attempt.wait is not None:
                attempt.wait.cancel()
        await asyncio.gather(*self._errands, return_exceptions=True)

    def _counted(self, berth: Berth, task: Task) -> Task:
        """The task of a run request; an attempt that is open already is known here only, and counts before it."""
        opened = berth.lane.find_open(task.serial)
        return task if opened is None else dispatched(opened.task, self._clock.now())

    def _send(self, attempt: Attempt, now: int) -> None:
        lane = attempt.berth.lane
        try:
            request = build(lane.queue, attempt.task, self._hosts)
            self._watch.began(attempt, now)
            if request.token is not None:
                self._sign(attempt, request, request.token)
            else:
                attempt.wait = self._sender.send(request, partial(self._answered, attempt))
        except Exception as failure:  # noqa: BLE001 - whatever goes wrong with one attempt is that attempt's failure
            attempt.wait = asyncio.get_running_loop().call_soon(self._answered, attempt, failure)

    def _sign(self, attempt: Attempt, request: Request, ask: TokenAsk) -> None:
        token = self._bearers.ready(ask) if self._bearers is not None else None
        if token is None:
            self._run_errand(attempt, self._mint(attempt, request, ask))
        else:
            self._send_signed(attempt, request, token)

    async def _mint(self, attempt: Attempt, request: Request, ask: TokenAsk) -> None:
        try:
            made = Refusal("this server makes no tokens") if self._bearers is None else await self._bearers.mint(ask)
            if attempt.opened.dropped:  # while the token was made; what this says no one will read
                made = Refusal("the task is gone")
            if isinstance(made, str):
                self._send_signed(attempt, request, made)
                return
        except Exception as failure:  # noqa: BLE001 - as above
            self._answered(attempt, failure)
            return
        self._answered(attempt, Unsigned(made.reason))

    def _send_signed(self, attempt: Attempt, request: Request, token: str) -> None:
        attempt.token = token
        attempt.wait = self._sender.send(signed(request, token), partial(self._answered, attempt))

    async def _leave(self, attempt: Attempt) -> None:
        """Nothing was sent: the task is as it was. A request to run it is found in the store again."""
        berth, opened = attempt.berth, attempt.opened
        if not attempt.run:
            berth.lane.slot_freed()
        if opened.attempts == 1:
            opened.task = attempt.before
        if berth.parting is not None:
            await berth.parting.wait()
        if attempt.handed_over is None:
            self._close(attempt, again=not opened.dropped)
        else:
            lane = berth.lane
            unsent = Settlement(lane.number, lane.generation, opened.task, False, 0, handed_over=attempt.handed_over)
            self._settle(attempt, unsent)

    def _answered(self, attempt: Attempt, outcome: Outcome | BaseException) -> None:
        """The worker answered, or was given up."""
        if attempt.number not in self.open:
            return  # so was the attempt itself
        try:
            attempt.answered = True
            berth = attempt.berth
            if not attempt.run:
                berth.lane.slot_freed()
            if isinstance(outcome, BaseException):
                name = str(attempt.task.name)
                logger.error("attempt failed inside the server", exc_info=outcome, extra={"task": name})
                outcome = Unreachable("the attempt failed inside the server")
            elif attempt.token is not None:
                outcome = _without(attempt.token, outcome)
            ended = self._clock.now()
            self._account(berth, attempt.task, outcome, ended)
            if berth.parting is None:
                self._finish(attempt, outcome, ended)
            else:
                self._run_errand(attempt, self._finish_parted(attempt, outcome, ended, berth.parting))
        except Exception:  # raised on, once nobody waits for the attempt
            self._close(attempt, again=False)
            raise

    async def _finish_parted(self, attempt: Attempt, outcome: Outcome, ended: int, parted: asyncio.Event) -> None:
        await parted.wait()
        self._finish(attempt, outcome, ended)

    def _finish(self, attempt: Attempt, outcome: Outcome, ended: int) -> None:
        """Decide what becomes of the task, and have it committed."""
        berth, opened, task = attempt.berth, attempt.opened, attempt.task
        if opened.dropped and attempt.handed_over is None:
            self._log_end(berth, task, outcome, ended, None)
            self._close(attempt, again=False)
            return
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
        self._settle(attempt, settlement)

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

    def _settle(self, attempt: Attempt, settlement: Settlement) -> None:
        """Commit, however long that takes.

        While it cannot be committed the lane sends nothing new: what was delivered is not pushed again and again.
        """
        attempt.settling = True
        attempt.opened.settling += 1
        attempt.wait = None
        try:
            self._store.settle_for(settlement, Settling(attempt, settlement, self.open, self._settled))
        except Exception:  # raised on, once nobody waits for the attempt
            self._close(attempt, again=False)
            raise

    def _settled(self, attempt: Attempt, settlement: Settlement, kept: object) -> None:
        """It was committed, if the task was still there; or why not."""
        if isinstance(kept, _NOT_NOW):
            attempt.berth.lane.uncommitted += 1
            self._run_errand(attempt, self._settle_again(attempt, settlement))
            return
        self._close(attempt, again=kept is True and not settlement.ended)
        if isinstance(kept, Exception):
            raise kept

    async def _settle_again(self, attempt: Attempt, settlement: Settlement) -> None:
        lane = attempt.berth.lane
        logger.warning("a result cannot be committed; the queue waits", extra={"queue": repr(lane)})
        try:
            kept = await self._until_kept(settlement)
        finally:
            lane.uncommitted -= 1
        self._close(attempt, again=kept and not settlement.ended)

    async def _until_kept(self, settlement: Settlement) -> bool:
        while True:
            await self._pause()
            with contextlib.suppress(*_NOT_NOW):
                return await self._store.settle(settlement)

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

    def _run_errand(self, attempt: Attempt, errand: Coroutine[None, None, None]) -> None:
        """Something that takes its time; if it fails by a mistake of ours, the attempt is over."""
        attempt.wait = task = asyncio.get_running_loop().create_task(errand)
        self._errands.add(task)
        task.add_done_callback(partial(self._errand_ended, attempt))

    def _errand_ended(self, attempt: Attempt, errand: asyncio.Task[None]) -> None:
        self._errands.discard(errand)
        if attempt.wait is errand:
            self._close(attempt, again=False)

    def _close(self, attempt: Attempt, *, again: bool) -> None:
        """The attempt is over; whether its task is to be sent again."""
        if self.open.pop(attempt.number, None) is None:
            return
        lane, opened, serial = attempt.berth.lane, attempt.opened, attempt.task.serial
        opened.settling -= attempt.settling
        lane.closed(opened, again=again, now=self._clock.now())
        if lane.find_open(serial) is None:
            self._in_flight.pop(serial, None)
        self.on_close(attempt.berth)


def _without(token: str, outcome: Outcome) -> Outcome:
    """`outcome`, its excerpt cut where the worker began to send the token back: others than he read excerpts."""
    if not isinstance(outcome, Answered):
        return outcome
    found = outcome.excerpt.find(token[:_RECOGNISED].encode())
    return outcome if found < 0 else replace(outcome, excerpt=outcome.excerpt[:found])


def _nobody(*_: object) -> None:
    """Is told."""


def _run_time(task: Task) -> int | None:
    """When RunTask was called: the instant its dispatch was counted."""
    return task.progress.last_attempt.dispatch_time if task.progress.last_attempt else None
