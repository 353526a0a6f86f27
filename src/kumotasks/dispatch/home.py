"""The queues this node is home of: their lanes and throttles, taken at start, kept true by wakes, handed back at stop.

It knows nothing of attempts and timers; the scheduler asks it which lane a wake touches.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import assert_never

from kumotasks.dispatch.throttle import Throttle
from kumotasks.domain import bucket
from kumotasks.domain.bucket import Bucket
from kumotasks.domain.errors import KumoError
from kumotasks.domain.lane import Lane
from kumotasks.domain.queue import Queue
from kumotasks.domain.window import Room
from kumotasks.storage.store import (
    Home,
    QueueChanged,
    QueueDeleted,
    QueuePurged,
    RunRequested,
    Store,
    StoredQueue,
    TaskAdded,
    TaskDeleted,
    Wake,
)


@dataclass(slots=True, eq=False)
class Berth:
    """One queue at home here: its lane, and how far overload has slowed it down."""

    lane: Lane
    throttle: Throttle = field(default_factory=Throttle)
    ready: bool = False

    def reshape(self, now: int) -> None:
        """Bring the bucket in line with the queue's limits and the throttle."""
        limits = self.lane.queue.rate_limits
        limit = limits.max_dispatches_per_second
        rate = self.throttle.rate(limit)
        burst = limits.max_burst_size if rate >= limit else max(1.0, limits.max_burst_size * rate / limit)
        self.lane.bucket = self.lane.bucket.reshape(now, rate=rate, burst=burst)


class Homes:
    """All berths of this node, by queue number."""

    def __init__(self, store: Store, room: Room) -> None:
        self._store = store
        self._room = room
        self.berths: dict[int, Berth] = {}
        self.claimed = True  # whether the store knows of every berth

    async def take(self, now: int) -> None:
        """Become home of every queue that has none; a crash left their buckets empty.

        A queue created since has its berth already; with this the store knows, so that its bucket is not new for ever.
        """
        self.claimed = True
        try:
            homes = await self._store.take_homes()
        except KumoError:
            self.claimed = False
            raise
        for home in homes:
            if home.stored.number not in self.berths:
                self.berths[home.stored.number] = Berth(self._lane(home, now))

    async def release(self) -> None:
        """Hand the queues back with their buckets as they stand."""
        await self._store.release_homes([(number, berth.lane.bucket) for number, berth in self.berths.items()])

    def apply(self, wake: Wake, now: int) -> Berth | None:
        """Bring the lanes in line with what was committed; the berth to be planned anew, if any."""
        match wake:
            case TaskAdded(number, task):
                berth = self.berths.get(number)
                if berth is not None:
                    berth.lane.offer(task, now)
                return berth
            case TaskDeleted(number, task):
                berth = self.berths.get(number)
                if berth is not None:
                    berth.lane.forget(task.serial)
                return berth
            case QueueChanged(stored):
                return self._change(stored, now)
            case QueuePurged(stored):
                berth = self._change(stored, now)
                berth.lane.reset(stored.queue, stored.generation)
                return berth
            case QueueDeleted(number):
                gone = self.berths.pop(number, None)
                if gone is not None:
                    gone.lane.reset(gone.lane.queue, -1)
                return gone
            case RunRequested(number, _):
                return self.berths.get(number)
            case _:
                assert_never(wake)

    def _change(self, stored: StoredQueue, now: int) -> Berth:
        berth = self.berths.get(stored.number)
        if berth is None:
            home = Home(stored, bucket=None, fresh=True, next_due=None)
            berth = self.berths[stored.number] = Berth(self._lane(home, now))
            self.claimed = False
        berth.lane.queue = stored.queue
        berth.reshape(now)
        return berth

    def _lane(self, home: Home, now: int) -> Lane:
        stored = home.stored
        return Lane(
            stored.queue,
            stored.number,
            stored.generation,
            _bucket_of(stored.queue, home, now),
            unloaded=home.next_due,
            room=self._room,
        )


def _bucket_of(queue: Queue, home: Home, now: int) -> Bucket:
    limits = queue.rate_limits
    rate, burst = limits.max_dispatches_per_second, limits.max_burst_size
    if home.fresh:
        return bucket.full(rate, burst, now)
    if home.bucket is None:
        return bucket.empty(rate, burst, now)
    return home.bucket.reshape(now, rate=rate, burst=burst)
