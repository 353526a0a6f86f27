"""A world around a lane: a store that is a plain dict, commits that are told of later, reads that are slow, a clock.

Everything that can happen is a small step, so that a test may take the steps in any order. Every step checks what must
never happen; `settle` checks what must not fail to happen.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction

from kumotasks.domain.attempt import Answered
from kumotasks.domain.bucket import full
from kumotasks.domain.lane import Lane, Open, Plan
from kumotasks.domain.names import TaskName
from kumotasks.domain.queue import Queue, QueueState, RateLimits, RetryConfig
from kumotasks.domain.retry import RetryAt, decide, dispatched
from kumotasks.domain.target import HttpRequest
from kumotasks.domain.task import Task
from kumotasks.domain.window import Place, Room
from tests.domain.factory import NOW, QUEUE, SECOND

LARGEST_BODY = 64
MANY = 10_000  # more turns than anything here can need


class Tokens:
    """What a token bucket allows, in exact arithmetic."""

    def __init__(self, rate: int, burst: int, now: int) -> None:
        self.rate, self.burst, self.level, self.at = Fraction(rate), Fraction(burst), Fraction(burst), now

    def refill(self, now: int) -> Fraction:
        self.level = min(self.burst, self.level + self.rate * (now - self.at) / SECOND)
        self.at = now
        return self.level

    def take(self, now: int) -> None:
        # The lane counts in floats; a millionth of a token is far below what any rate can tell.
        assert self.refill(now) >= 1 - Fraction(1, 10**6), "sent without a token"
        self.level -= 1

    def reshape(self, now: int, rate: int, burst: int) -> None:
        self.level = min(self.refill(now), Fraction(burst))
        self.rate, self.burst = Fraction(rate), Fraction(burst)


@dataclass(slots=True, eq=False)
class Attempt:
    """An attempt as its delivery carries it: sent, answered, committed, closed."""

    opened: Open
    generation: int
    in_slot: bool
    answered: bool = False
    result: Task | None = None
    ended: bool = False
    again: bool = False


@dataclass(slots=True, eq=False)
class Load:
    """A read under way: first the tasks behind the edge, then the next one behind those."""

    generation: int
    after: Place
    until: int
    tasks: list[Task] | None = None
    edge: Place = (0, "")
    unloaded: int | None = None
    complete: bool = False


def place(task: Task) -> Place:
    return task.schedule_time, task.name.task


class World:
    """The store's truth, what the lane has been told of it, and what is under way between the two."""

    def __init__(self, *, room: Room, rate: int = 10, burst: int = 10, slots: int = 3) -> None:
        self.now = NOW
        self.truth = _queue(rate, burst, slots)
        self.store: dict[int, Task] = {}
        self.generation = 0
        self.lane = Lane(self.truth, 1, 0, full(rate, burst, NOW), room=room)
        self.tokens = Tokens(rate, burst, NOW)
        self.notices: deque[Callable[[], None]] = deque()
        self.closing: deque[Attempt] = deque()
        self.attempts: list[Attempt] = []
        self.blocked: deque[Attempt] = deque()
        self.load: Load | None = None
        self.sent: Counter[int] = Counter()
        self.gone: set[int] = set()
        self.schedules: dict[int, int] = {}
        self.runs_to_tell = 0
        self._serial = 0

    # what callers do; the lane is told later

    def add(self, *, delay: int, tie: int, body: int) -> None:
        self._serial += 1
        name = TaskName(QUEUE, f"{tie}-{self._serial}")
        target = HttpRequest("https://example.com/", body=b"x" * body)
        task = Task(name, target, max(self.now, self.now + delay), self.now, self._serial)
        self._keep(task)
        self.notices.append(lambda: self.lane.offer(task, self.now))

    def delete(self, serial: int) -> None:
        del self.store[serial]

        def told() -> None:
            self.lane.forget(serial)
            self.gone.add(serial)

        self.notices.append(told)

    def run(self, serial: int) -> None:
        task = self.store[serial] = dispatched(self.store[serial], self.now)
        self.runs_to_tell += 1

        def told() -> None:
            self.runs_to_tell -= 1
            opened = self.lane.find_open(serial)
            self._begin(task if opened is None else dispatched(opened.task, self.now), in_slot=False)

        self.notices.append(told)

    def purge(self) -> None:
        dead = set(self.store)
        self.store.clear()
        self.generation += 1
        generation = self.generation

        def told() -> None:
            self.lane.reset(self.lane.queue, generation)
            self.gone |= dead

        self.notices.append(told)

    def change(self, *, rate: int, burst: int, slots: int) -> None:
        self._change(replace(_queue(rate, burst, slots), state=self.truth.state))

    def enter(self, state: QueueState) -> None:
        self._change(replace(self.truth, state=state))

    def _change(self, queue: Queue) -> None:
        self.truth = queue
        limits = queue.rate_limits
        rate, burst = round(limits.max_dispatches_per_second), limits.max_burst_size

        def told() -> None:
            self.lane.queue = queue
            self.lane.bucket = self.lane.bucket.reshape(self.now, rate=rate, burst=burst)
            self.tokens.reshape(self.now, rate, burst)

        self.notices.append(told)

    def _keep(self, task: Task) -> None:
        self.store[task.serial] = task
        self.schedules[task.serial] = task.schedule_time

    # what reaches the lane

    def tell(self) -> None:
        """The next commit's wake, or its answer."""
        self.notices.popleft()()

    def turn(self, quota: int) -> Plan:
        """Plan until nothing more goes now, as the scheduler does."""
        for _ in range(MANY):
            plan = self.lane.plan(self.now, quota)
            assert len(plan.send) <= quota
            for task in plan.send:
                self._send(task)
            if plan.load:
                assert self.load is None or self.load.generation != self.lane.generation
                self.lane.begin_load()
                self.load = Load(self.lane.generation, self.lane.edge, self.now + 60 * SECOND)
            if plan.wake is None or plan.wake > self.now:
                return plan
            assert plan.send, "the lane asks to be planned again at once, and sends nothing"
        raise AssertionError("a turn without an end")

    def _send(self, task: Task) -> None:
        assert task.serial not in self.gone, "sent after it was gone"
        assert self.lane.find_open(task.serial) is None, "sent while it is open"
        assert task.schedule_time == self.schedules[task.serial], "sent as it was before its last failure"
        assert task.schedule_time <= self.now, "sent before it is due"
        assert self.lane.queue.state is QueueState.RUNNING, "sent by a queue that is not running"
        assert not self.blocked, "sent while a result is uncommitted"
        self.tokens.take(self.now)
        self._begin(dispatched(task, self.now), in_slot=True)
        used = sum(attempt.in_slot and not attempt.answered for attempt in self.attempts)
        assert used <= self.lane.queue.rate_limits.max_concurrent_dispatches, "sent without a slot"

    def _begin(self, task: Task, *, in_slot: bool) -> None:
        self.sent[task.serial] += 1
        opened = self.lane.opened(task, in_slot=in_slot)
        self.attempts.append(Attempt(opened, self.lane.generation, in_slot))

    # reading

    def read(self) -> None:
        """The next part of the read that is under way."""
        load = self._reading()
        if load.tasks is None:
            self.read_tasks()
        elif not load.complete:
            self.read_next()
        else:
            self.end_load()

    def read_tasks(self) -> None:
        load = self._reading()
        room = self.lane.room
        found = self._behind(load.after) if load.generation == self.generation else []
        tasks: list[Task] = []
        for task in found:
            size = sum(len(each.target.body) for each in (*tasks, task))
            if task.schedule_time > load.until or len(tasks) == room.tasks or (tasks and size > room.bytes):
                break
            tasks.append(task)
        load.tasks = tasks

    def read_next(self) -> None:
        load = self._reading()
        assert load.tasks is not None
        load.edge = place(load.tasks[-1]) if load.tasks else self.lane.edge
        behind = self._behind(load.edge) if load.generation == self.generation else []
        load.unloaded = behind[0].schedule_time if behind else None
        load.complete = True

    def end_load(self) -> None:
        load = self._reading()
        assert load.tasks is not None
        while self.runs_to_tell:  # a run request that is read before it is told would be counted twice
            self.tell()
        self.load = None
        if load.generation == self.lane.generation:
            self.lane.end_load(load.tasks, edge=load.edge, unloaded=load.unloaded, now=self.now)

    def fail_load(self) -> None:
        load = self._reading()
        self.load = None
        if load.generation == self.lane.generation:
            self.lane.abandon_load()

    def _reading(self) -> Load:
        assert self.load is not None
        return self.load

    def _behind(self, edge: Place) -> list[Task]:
        return sorted((task for task in self.store.values() if place(task) > edge), key=place)

    # attempts

    def answer(self, attempt: Attempt, *, status: int, delay: int, disk_full: bool) -> None:
        """The worker answers; unless the task is gone, the result goes to the store, which may be full."""
        attempt.answered = True
        if attempt.in_slot:
            self.lane.slot_freed()
        if attempt.opened.dropped:
            self.closing.append(attempt)
            return
        retry = RetryConfig(min_backoff=delay, max_backoff=delay)
        verdict = decide(attempt.opened.task, Answered(status), queue_retry=retry, ended=self.now)
        attempt.opened.task = attempt.result = verdict.task
        attempt.ended = not isinstance(verdict, RetryAt)
        if disk_full or self.blocked:
            self.lane.uncommitted += 1
            self.blocked.append(attempt)
        else:
            self._commit(attempt, verdict.task)

    def unblock(self) -> None:
        """There is space again for the oldest result."""
        attempt = self.blocked.popleft()
        self.lane.uncommitted -= 1
        assert attempt.result is not None
        self._commit(attempt, attempt.result)

    def _commit(self, attempt: Attempt, task: Task) -> None:
        kept = attempt.generation == self.generation and task.serial in self.store
        attempt.again = kept and not attempt.ended
        if attempt.again:
            self._keep(task)
        elif kept:
            del self.store[task.serial]
        self.notices.append(lambda: self.closing.append(attempt))

    def close(self) -> None:
        """The oldest attempt whose result is committed, or void, lets go of its task."""
        attempt = self.closing.popleft()
        self.attempts.remove(attempt)
        if not attempt.again:
            self.gone.add(attempt.opened.task.serial)
        self.lane.closed(attempt.opened, again=attempt.again, now=self.now)

    def pending(self) -> list[Attempt]:
        """Attempts that wait for the worker."""
        return [attempt for attempt in self.attempts if not attempt.answered]

    # what must not fail to happen

    def settle(self) -> Plan:
        """Let everything under way arrive, without any time going by; nothing that could go stays behind."""
        for _ in range(MANY):
            while self.notices or self.closing:
                self.tell() if self.notices else self.close()
            plan = self.turn(2)
            if self.load is None:
                self._nothing_is_forgotten(plan)
                self._nothing_is_miscounted()
                return plan
            self.read()
        raise AssertionError("reads without an end")

    def _nothing_is_forgotten(self, plan: Plan) -> None:
        waiting = [task for task in self.store.values() if self.lane.find_open(task.serial) is None]
        due = [task for task in waiting if task.schedule_time <= self.now]
        if self.lane.queue.state is not QueueState.RUNNING or self.blocked:
            return
        used = sum(attempt.in_slot and not attempt.answered for attempt in self.attempts)
        assert not (self.lane.idle(self.now) and (due or self.attempts)), "idle with work to do"
        if used >= self.lane.queue.rate_limits.max_concurrent_dispatches or not waiting:
            return
        level = self.tokens.refill(self.now)
        assert not due or level < 1, f"forgotten: {due}"
        token = self.now if level >= 1 else self.now + int((1 - level) / self.tokens.rate * SECOND) + 1
        earliest = min(task.schedule_time for task in waiting)
        assert plan.wake is not None, "asleep for good with tasks to come"
        assert plan.wake <= max(earliest, token), "asleep beyond the next task"

    def _nothing_is_miscounted(self) -> None:
        for serial, task in self.store.items():
            if self.lane.find_open(serial) is None:
                assert task.progress.dispatch_count == self.sent[serial], "dispatches were miscounted"

    def check_room(self) -> None:
        """Memory stays within the room, whatever has come and gone. What it is spent on is the lane's own affair."""
        lane, room = self.lane, self.lane.room
        assert lane.waiting <= 2 * room.tasks
        assert sum(len(task.target.body) for task in lane._window.tasks.values()) <= max(2 * room.bytes, LARGEST_BODY)
        assert len(lane._window._heap) <= 4 * room.tasks + 64


def _queue(rate: int, burst: int, slots: int) -> Queue:
    return Queue(QUEUE, rate_limits=RateLimits(float(rate), burst, slots))
