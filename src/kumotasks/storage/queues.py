"""Operations on queues, and on who is their home, by the names of their verbs in `store.py`, which describes them.

The rules of queues are the domain's; tasks are `tasks.py`'s.
"""

from __future__ import annotations

from dataclasses import replace

from kumotasks.domain.errors import EntityNotFound, QueueExists, QueueNameRetired, QueueNotFound
from kumotasks.domain.names import LocationName, QueueName
from kumotasks.domain.queue import Queue
from kumotasks.storage.operation import Ask, Asking, Done, Operation, Row
from kumotasks.storage.rows import columns, pack_queue, unpack_queue
from kumotasks.storage.store import QueueChanged, QueueDeleted, QueuePurged, StoredQueue


def _key(name: QueueName) -> Row:
    return name.project, name.location, name.queue


def find_queue(name: QueueName) -> Asking[StoredQueue | None]:
    """The queue of that name as it is kept."""
    rows = yield Ask("queue_by_name", _key(name))
    return unpack_queue(rows[0]) if rows else None


def get_queue(name: QueueName) -> Operation[StoredQueue]:
    stored = yield from find_queue(name)
    if stored is None:
        raise QueueNotFound
    return Done(stored)


def seek_queue(name: QueueName) -> Operation[StoredQueue | None]:
    return Done((yield from find_queue(name)))


def is_current(number: int, generation: int) -> Asking[bool]:
    """Whether rows of this number and generation are in force."""
    rows = yield Ask("current_generation", (number,))
    return bool(rows) and rows[0][0] == generation


def guard(number: int, generation: int, epoch: int | None = None) -> Asking[bool]:
    """Whether rows of this number and generation are in force, and this home; it stays so until the commit."""
    rows = yield Ask("guard_queue", (number,))
    return bool(rows) and rows[0][0] == generation and epoch in (None, rows[0][1])


def every_queue() -> Operation[list[StoredQueue]]:
    rows = yield Ask("every_queue")
    return Done([unpack_queue(row) for row in rows])


def look_again(number: int, before: StoredQueue | None) -> Operation[None]:
    """Tell what another node has made of a queue that was known as `before`."""
    rows = yield Ask("queue_by_number", (number,))
    if not rows:
        return Done(None, () if before is None else (QueueDeleted(number),))
    stored = unpack_queue(rows[0])
    if stored == before:
        return Done(None)
    purged = before is not None and before.generation != stored.generation
    return Done(None, (QueuePurged(stored) if purged else QueueChanged(stored),))


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
