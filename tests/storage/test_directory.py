"""The queues in memory: they follow the wakes, and go back with a rollback."""

from __future__ import annotations

from kumotasks.storage.directory import Directory
from kumotasks.storage.store import QueueChanged, QueueDeleted, QueuePurged, StoredQueue, TaskAdded
from tests.factory import a_queue, a_task, queue_name

OLD = StoredQueue(a_queue(), 1, 0)
PURGED = StoredQueue(a_queue(), 1, 1)
NEW = StoredQueue(a_queue(), 2, 0)


def test_queues_are_found_by_name_and_known_by_number() -> None:
    directory = Directory([OLD])
    assert directory.find(queue_name()) == OLD
    assert directory.find(queue_name("other")) is None
    assert directory.is_current(1, 0)
    assert not directory.is_current(1, 1)
    assert not directory.is_current(2, 0)


def test_wakes_are_followed() -> None:
    directory = Directory([OLD])
    directory.apply([TaskAdded(1, a_task()), QueuePurged(PURGED)])
    assert directory.find(queue_name()) == PURGED
    assert not directory.is_current(1, 0)
    directory.apply([QueueDeleted(1), QueueChanged(NEW)])
    assert directory.find(queue_name()) == NEW
    assert not directory.is_current(1, 1)


def test_what_is_taken_back_never_was() -> None:
    directory = Directory([OLD])
    directory.apply([QueuePurged(PURGED), QueueDeleted(1), QueueChanged(NEW)])
    directory.take_back()
    assert directory.find(queue_name()) == OLD
    assert directory.is_current(1, 0)
    assert not directory.is_current(2, 0)


def test_what_is_kept_stays() -> None:
    directory = Directory([OLD])
    directory.apply([QueuePurged(PURGED)])
    directory.keep()
    directory.apply([QueueDeleted(1)])
    directory.take_back()
    assert directory.find(queue_name()) == PURGED
