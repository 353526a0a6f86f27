"""The queues this node is home of: their lanes and throttles, kept true by wakes.

It knows nothing of attempts and timers, nor how a queue comes to be at home here: that is a tenancy's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import assert_never

from kumotasks.dispatch.throttle import Throttle
from kumotasks.domain import bucket
from kumotasks.domain.bucket import Bucket
from kumotasks.domain.elsewhere import Elsewhere
from kumotasks.domain.lane import Lane
from kumotasks.domain.queue import Queue
from kumotasks.domain.window import Room
from kumotasks.storage.store import (
    Home,
    QueueChanged,
    QueueDeleted,
    QueuePurged,
    RunRequested,
    StoredQueue,
    TaskAdded,
    TaskDeleted,
    Wake,
)

_WHOLE = (QueueChanged, QueuePurged)  # a tuple, for this is asked of every wake


@dataclass(slots=True, eq=False)
class Berth:
    """One queue at home here: its lane, and how far overload has slowed it down.

    `epoch` fences its results, where more nodes than this have the store. `parting`: it begins nothing more; once that
    is set, it is home here no longer.
    """

    lane: Lane
    epoch: int | None = None
    throttle: Throttle = field(default_factory=Throttle)
    ready: bool = False
    parting: asyncio.Event | None = None

    def reshape(self, now: int) -> None:
        """Bring the bucket in line with the queue's limits and the throttle."""
        limits = self.lane.queue.rate_limits
        limit = limits.max_dispatches_per_second
        rate = self.throttle.rate(limit)
        burst = limits.max_burst_size if rate >= limit else max(1.0, limits.max_burst_size * rate / limit)
        self.lane.bucket = self.lane.bucket.reshape(now, rate=rate, burst=burst)


class Homes:
    """All berths of this node, by queue number. `stranger` is asked about wakes of queues that are not at home here,
    `late` told of tasks that were added before a queue was."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self.berths: dict[int, Berth] = {}
        self.stranger: Callable[[Wake, int], Berth | None] = _nobody
        self.late: Callable[[Berth, TaskAdded], None] = _unheard

    def add(self, home: Home, now: int, *, epoch: int | None = None) -> Berth:
        """A berth for a queue that is at home here from now on."""
        berth = self.berths[home.stored.number] = Berth(self._lane(home, now), epoch)
        return berth

    def apply(self, wake: Wake, now: int) -> Berth | None:
        """Bring the lanes in line with what was committed; the berth to be planned anew, if any."""
        berth = self.berths.get(wake.stored.number if isinstance(wake, _WHOLE) else wake.number)
        if berth is None:
            return self.stranger(wake, now)
        if isinstance(wake, TaskAdded):  # nearly always, and a pattern takes ten times as long
            if wake.away:
                self.late(berth, wake)
                return None
            berth.lane.offer(wake.task, now)
        else:
            self._heed(berth, wake, now)
        return berth

    def _heed(
        self,
        berth: Berth,
        wake: TaskDeleted | QueueChanged | QueuePurged | QueueDeleted | RunRequested,
        now: int,
    ) -> None:
        match wake:
            case TaskDeleted(_, task):
                berth.lane.forget(task.serial)
            case QueueChanged(stored) | QueuePurged(stored):
                self._change(berth, stored, now)
            case QueueDeleted(number):
                del self.berths[number]
                berth.lane.reset(berth.lane.queue, -1)
            case RunRequested():
                pass  # it waits for no lane
            case _:
                assert_never(wake)

    def _change(self, berth: Berth, stored: StoredQueue, now: int) -> None:
        lane = berth.lane
        if stored.generation < lane.generation:
            return  # it was on its way while the queue was taken
        lane.queue = stored.queue
        berth.reshape(now)
        if stored.generation > lane.generation:
            lane.reset(stored.queue, stored.generation)
            if berth.epoch is not None:
                lane.arrived(0)  # what others added since the purge may have been told before it

    def _lane(self, home: Home, now: int) -> Lane:
        stored = home.stored
        return Lane(
            stored.queue,
            stored.number,
            stored.generation,
            _bucket_of(stored.queue, home, now),
            unloaded=home.next_due,
            room=self._room,
            elsewhere=Elsewhere((attempt.attempt, attempt.serial) for attempt in home.open),
        )


def _nobody(_wake: Wake, _now: int) -> None:
    """Nobody is home."""


def _unheard(_berth: Berth, _wake: TaskAdded) -> None:
    """The only home there is was not away."""


def _bucket_of(queue: Queue, home: Home, now: int) -> Bucket:
    limits = queue.rate_limits
    rate, burst = limits.max_dispatches_per_second, limits.max_burst_size
    if home.fresh:
        return bucket.full(rate, burst, now)
    if home.bucket is None:
        return bucket.empty(rate, burst, now)
    return home.bucket.reshape(now, rate=rate, burst=burst)
