"""Operations on queues, and on who is their home, by the names of their verbs in `store.py`, which describes them.

The rules of queues are the domain's; tasks are `tasks.py`'s.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import cast

from kumotasks.domain.bucket import Bucket
from kumotasks.domain.errors import EntityNotFound, QueueExists, QueueNameRetired, QueueNotFound
from kumotasks.domain.names import LocationName, QueueName
from kumotasks.domain.queue import Queue
from kumotasks.storage.operation import Ask, AskEach, Asking, Done, Operation, Row
from kumotasks.storage.rows import columns, pack_queue, unpack_bucket, unpack_queue
from kumotasks.storage.store import Home, QueueChanged, QueueDeleted, QueuePurged, StoredQueue


def _key(name: QueueName) -> Row:
    return name.project, name.location, name.queue


def find_queue(name: QueueName) -> Asking[StoredQueue | None]:
    """The queue of that name as it is kept."""
    rows = yield Ask("queue_by_name", _key(name))
    return unpack_queue(rows[0]) if rows else None


def is_current(number: int, generation: int) -> Asking[bool]:
    """Whether rows of this number and generation are in force."""
    rows = yield Ask("current_generation", (number,))
    return bool(rows) and rows[0][0] == generation


def every_queue() -> Operation[list[StoredQueue]]:
    rows = yield Ask("every_queue")
    return Done([unpack_queue(row) for row in rows])


def list_queues(parent: LocationName, after: str, limit: int) -> Operation[list[StoredQueue]]:
    rows = yield Ask("queues_of_location", (parent.project, parent.location, after, limit))
    return Done([unpack_queue(row) for row in rows])


def create_queue(queue: Queue, now: int) -> Operation[StoredQueue]:
    if (yield from find_queue(queue.name)) is not None:
        raise QueueExists
    retired = yield Ask("retired_until", _key(queue.name))
    if retired and columns(retired[0], tuple[int])[0] > now:
        raise QueueNameRetired
    yield Ask("add_queue", (*_key(queue.name), pack_queue(queue)))
    stored = yield from find_queue(queue.name)
    assert stored is not None
    return Done(stored, (QueueChanged(stored),))


def replace_queue(expected: StoredQueue, queue: Queue) -> Operation[StoredQueue | None]:
    """Keep `queue` in the place of `expected`; None if that is no longer how it is."""
    if (yield from find_queue(queue.name)) != expected:
        return Done(None)
    stored = replace(expected, queue=queue)
    yield Ask("replace_queue", (pack_queue(queue), stored.generation, stored.number))
    return Done(stored, (QueueChanged(stored),))


def purge_queue(name: QueueName, now: int, names_until: int) -> Operation[StoredQueue]:
    before = yield from find_queue(name)
    if before is None:
        raise QueueNotFound
    queue = replace(before.queue, purge_time=now)
    stored = StoredQueue(queue, before.number, before.generation + 1)
    yield Ask("replace_queue", (pack_queue(queue), stored.generation, stored.number))
    yield Ask("doom", (before.number, before.generation, names_until))
    return Done(stored, (QueuePurged(stored),))


def delete_queue(name: QueueName, name_until: int) -> Operation[None]:
    stored = yield from find_queue(name)
    if stored is None:
        raise EntityNotFound
    yield Ask("remove_queue", (stored.number,))
    yield Ask("retire_queue", (*_key(name), name_until))
    yield Ask("doom", (stored.number, stored.generation, None))
    return Done(None, (QueueDeleted(stored.number),))


def take_homes() -> Operation[list[Home]]:
    rows = yield Ask("homeless_queues")
    homes = [_home(row) for row in rows]
    if homes:
        yield Ask("hold_queues")
    return Done(homes)


def _home(row: Row) -> Home:
    """From number, generation, settings, fresh, the bucket's four columns, the first schedule time."""
    next_due = cast("int | None", row[8])
    return Home(unpack_queue(row[:3]), unpack_bucket(row[4:8]), row[3] == 1, next_due)


def release_homes(buckets: Sequence[tuple[int, Bucket]]) -> Operation[None]:
    yield AskEach(
        "release_queue", [(bucket.rate, bucket.burst, bucket.level, bucket.at, number) for number, bucket in buckets]
    )
    return Done(None)


def void_homes() -> Operation[None]:
    """Whoever held a queue is gone: with one server to a store, every home of before its start."""
    yield Ask("void_homes")
    yield Ask("forget_vain_runs")
    return Done(None)
