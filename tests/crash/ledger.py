"""Everything that happened in a run of crashes, in one order, and what it proves.

**Lost** is a task whose creation was acknowledged and that never got a success.

**Repeated** is an arrival at the worker that should not have come: the task had been answered with success before, or
the same attempt (the same retry count) had been answered before. A repetition is excused only by a kill in between at
which the earlier attempt was open (the worker had not written its answer yet), or its result may not have been
committed yet. When must it have been? The answer stood in the server's socket before anything that was sent later. Take
creations that one producer makes one after the other, the first of them sent after that answer was written. When the
first is acknowledged, the server has made a whole turn: it has read the answer and handed the result to its writer.
The second reaches the writer behind that result, and the writer commits in order; once it is acknowledged, so is the
result. We ask for one more than that, three, and then no kill excuses a repetition any longer. No clock is asked.

The order is that of the lock: `answered` is noted after the bytes were given to the kernel, `sent` before the call,
`acknowledged` after it, `killed` once the process is gone and everything it ever sent has been read.
"""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

PROOF = 3  # creations in a row that prove the commit of whatever was answered before the first


@dataclass(frozen=True, slots=True)
class Sent:
    producer: int


@dataclass(frozen=True, slots=True)
class Acknowledged:
    producer: int
    task: str


@dataclass(frozen=True, slots=True)
class Arrived:
    task: str
    retry: int


@dataclass(frozen=True, slots=True)
class Answered:
    task: str
    retry: int
    status: int


@dataclass(frozen=True, slots=True)
class Killed:
    pass


Event = Sent | Acknowledged | Arrived | Answered | Killed


class Ledger:
    """Events as they come, from any thread."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self._changed = threading.Condition()
        self._unserved: set[str] = set()
        self._served: set[str] = set()

    def note(self, event: Event) -> None:
        with self._changed:
            self.events.append(event)
            match event:
                case Acknowledged(task=task) if task not in self._served:
                    self._unserved.add(task)
                case Answered(task=task, status=200):
                    self._served.add(task)
                    self._unserved.discard(task)
                case _:
                    pass
            self._changed.notify_all()

    def wait_for_events(self, count: int, timeout: float = 30) -> None:
        """Until there are `count` events."""
        self._wait(lambda: len(self.events) >= count, timeout)

    def wait_until_served(self, timeout: float = 60) -> set[str]:
        """Until every acknowledged task has had its success; those that have not when the time is over."""
        self._wait(lambda: not self._unserved, timeout)
        return set(self._unserved)

    def _wait(self, condition: Callable[[], bool], timeout: float) -> None:
        with self._changed:
            self._changed.wait_for(condition, timeout)


@dataclass(frozen=True, slots=True)
class Verdict:
    """`repeated` says what should not have come; `proven` is how many attempts were committed for certain at a kill."""

    repeated: list[str]
    proven: int


@dataclass(slots=True)
class _Attempt:
    arrived: int
    retry: int
    answered: int | None = None
    status: int = 0


def judge(events: Iterable[Event]) -> Verdict:
    """What the order of events proves."""
    return _Judge(list(events)).verdict()


class _Judge:
    def __init__(self, events: list[Event]) -> None:
        self._events = events
        self._kills = [place for place, event in enumerate(events) if isinstance(event, Killed)]
        self._attempts = _attempts(events)
        self._proofs = _proofs(events)

    def verdict(self) -> Verdict:
        repeated = [
            f"{task} arrived again at {later.arrived} (retry {later.retry}); it was answered {earlier.status} at "
            f"{earlier.answered} (retry {earlier.retry})"
            for task, attempts in self._attempts.items()
            for place, later in enumerate(attempts)
            for earlier in attempts[:place]
            if (earlier.status == 200 or earlier.retry == later.retry) and not self._excused(earlier, later)
        ]
        every = [attempt for attempts in self._attempts.values() for attempt in attempts]
        proven = sum(self._certain(attempt, self._next_kill(attempt.arrived)) for attempt in every)
        return Verdict(repeated, proven)

    def _excused(self, earlier: _Attempt, later: _Attempt) -> bool:
        """Whether a kill between the two found the earlier one open or not surely committed."""
        kill = self._next_kill(earlier.arrived)
        return kill < later.arrived and not self._certain(earlier, kill)

    def _certain(self, attempt: _Attempt, kill: int) -> bool:
        """Whether the result of `attempt` was committed before `kill`."""
        return attempt.answered is not None and self._proofs[attempt.answered] < kill < len(self._events)

    def _next_kill(self, place: int) -> int:
        """The first kill behind `place`; behind the end if there is none."""
        next_kill = bisect_right(self._kills, place)
        return self._kills[next_kill] if next_kill < len(self._kills) else len(self._events)


def _attempts(events: list[Event]) -> dict[str, list[_Attempt]]:
    """The attempts on each task, in the order of their arrival."""
    attempts: dict[str, list[_Attempt]] = defaultdict(list)
    for place, event in enumerate(events):
        match event:
            case Arrived(task, retry):
                attempts[task].append(_Attempt(place, retry))
            case Answered(task, retry, status):
                own = next(each for each in attempts[task] if each.retry == retry and each.answered is None)
                own.answered, own.status = place, status
            case _:
                pass
    return attempts


def _proofs(events: list[Event]) -> list[int]:
    """For each place: where everything answered before it is surely committed; behind the end if nothing proves it."""
    never = len(events)
    proofs = [never] * len(events)
    # From the end: for each producer, where its next creations are acknowledged, the nearest first.
    ahead: dict[int, list[int]] = defaultdict(list)
    pending: dict[int, int] = {}
    nearest = never
    for place in range(len(events) - 1, -1, -1):
        proofs[place] = nearest
        match events[place]:
            case Acknowledged(producer=producer):
                pending[producer] = place
            case Sent(producer=producer) if producer in pending:
                ahead[producer] = [pending.pop(producer), *ahead[producer]][:PROOF]
                if len(ahead[producer]) == PROOF:
                    nearest = min(nearest, ahead[producer][-1])
            case Sent(producer=producer):
                ahead[producer] = []  # never answered: no row of creations goes on over it
            case Killed():
                ahead, pending, nearest = defaultdict(list), {}, never
            case _:
                pass
    return proofs
