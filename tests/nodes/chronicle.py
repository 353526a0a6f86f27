"""Everything that happened to tasks on many nodes, in one order, and what it proves.

**Lost** is a task whose creation was acknowledged and that never got a success.

**Repeated** is an arrival at the worker that should not have come: the task had been answered with success before, or
the same attempt (the same retry count) had come before. A repetition is excused only by a disruption: a node was killed
or stopped while the earlier attempt was not committed, and that attempt was of a queue at home on that node, or had
been handed over by it. What is committed is read from the store before the blow; whose queues there are, before and
after it. So no clock is asked, and no node but the one that was hit excuses anything.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import combinations

Attempt = tuple[str, int]  # a task, and how often it had been tried before


@dataclass(frozen=True, slots=True)
class Acknowledged:
    task: str


@dataclass(frozen=True, slots=True)
class Arrived:
    """`at`: microseconds since the epoch."""

    task: str
    retry: int
    queue: str
    at: int


@dataclass(frozen=True, slots=True)
class Answered:
    task: str
    retry: int
    status: int


@dataclass(frozen=True, slots=True)
class Disrupted:
    """A node was hit. `begun` is the place of the first event that may be affected; nothing that it sent before the
    blow is noted behind this event."""

    begun: int
    committed: frozenset[Attempt]
    queues: frozenset[str]
    tasks: frozenset[str] = frozenset()


Event = Acknowledged | Arrived | Answered | Disrupted


class Chronicle:
    """Events as they come, from any thread."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self._changed = threading.Condition()
        self._acknowledged: set[str] = set()
        self._served: set[str] = set()

    def note(self, event: Event) -> None:
        with self._changed:
            self.events.append(event)
            match event:
                case Acknowledged(task):
                    self._acknowledged.add(task)
                case Answered(task, _, 200):
                    self._served.add(task)
                case _:
                    pass
            self._changed.notify_all()

    @property
    def acknowledged(self) -> int:
        return len(self._acknowledged)

    def wait_for_acknowledged(self, count: int, timeout: float = 120) -> None:
        """Until so many creations have been acknowledged in all."""
        assert self._wait(lambda: len(self._acknowledged) >= count, timeout), f"{self.acknowledged} of {count} created"

    def wait_until_served(self, timeout: float = 120) -> set[str]:
        """Until every acknowledged task has had its success; those that have not when the time is over."""
        self._wait(lambda: self._acknowledged <= self._served, timeout)
        return self._acknowledged - self._served

    def _wait(self, condition: Callable[[], bool], timeout: float) -> bool:
        with self._changed:
            return self._changed.wait_for(condition, timeout)


@dataclass(frozen=True, slots=True)
class Verdict:
    """`repeated` says what should not have come, `excused` is how often something came again with an excuse; `proven`
    is how many attempts were committed for certain when a node was hit that had them."""

    repeated: list[str]
    excused: int
    proven: int


@dataclass(slots=True)
class _Visit:
    """One attempt as the worker saw it."""

    arrived: int
    retry: int
    queue: str
    status: int = 0


@dataclass(slots=True)
class _Count:
    repeated: list[str] = field(default_factory=list)
    excused: int = 0


def judge(events: Iterable[Event]) -> Verdict:
    """What the order of events proves."""
    events = list(events)
    blows = [(place, event) for place, event in enumerate(events) if isinstance(event, Disrupted)]
    count = _Count()
    visits = _visits(events)
    for task, of_task in visits.items():
        for earlier, later in combinations(of_task, 2):
            if earlier.status == 200 or earlier.retry == later.retry:
                _count(count, task, earlier, later, blows)
    proven = sum(
        visit.queue in blow.queues and visit.arrived < place and (task, visit.retry) in blow.committed
        for task, of_task in visits.items()
        for visit in of_task
        for place, blow in blows
    )
    return Verdict(count.repeated, count.excused, proven)


def _count(count: _Count, task: str, earlier: _Visit, later: _Visit, blows: Sequence[tuple[int, Disrupted]]) -> None:
    if any(_excuses(place, blow, task, earlier, later) for place, blow in blows):
        count.excused += 1
    else:
        count.repeated.append(
            f"{task} of {earlier.queue} arrived at {earlier.arrived} (retry {earlier.retry}, answered "
            f"{earlier.status or 'never'}) and again at {later.arrived} (retry {later.retry})"
        )


def _excuses(place: int, blow: Disrupted, task: str, earlier: _Visit, later: _Visit) -> bool:
    hit = earlier.queue in blow.queues or task in blow.tasks
    open_then = earlier.arrived < place and (task, earlier.retry) not in blow.committed
    return hit and open_then and later.arrived >= blow.begun


def _visits(events: Sequence[Event]) -> dict[str, list[_Visit]]:
    """The attempts on each task, in the order of their arrival."""
    visits: dict[str, list[_Visit]] = defaultdict(list)
    for place, event in enumerate(events):
        match event:
            case Arrived(task, retry, queue, _):
                visits[task].append(_Visit(place, retry, queue))
            case Answered(task, retry, status):
                own = next(each for each in visits[task] if each.retry == retry and not each.status)
                own.status = status
            case _:
                pass
    return visits


def fullest_window(instants: Iterable[int], length: int) -> int:
    """The most of `instants` that lie in any window of `length`, its end left out."""
    ordered = sorted(instants)
    most = first = 0
    for place, instant in enumerate(ordered):
        while ordered[first] <= instant - length:
            first += 1
        most = max(most, place - first + 1)
    return most
