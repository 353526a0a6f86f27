"""Who is a queue's home, and what it finds of the bucket."""

from __future__ import annotations

from dataclasses import replace

from kumotasks.domain.bucket import Bucket
from kumotasks.storage.sqlstore import SqlStore
from kumotasks.storage.store import Home, StoredQueue
from tests.factory import NOW, a_queue, a_task, queue_name
from tests.storage.conformance.places import Place

BUCKET = Bucket(0.1, 10.0, 2.75, NOW)


def plain(homes: list[Home]) -> list[Home]:
    """Without their epochs, which are the engine's own, by rising number."""
    return sorted((replace(home, epoch=0) for home in homes), key=lambda home: home.stored.number)


async def restarted(store: SqlStore, place: Place) -> SqlStore:
    await store.stop()
    again = place.store()
    await again.start()
    return again


async def test_a_new_queue_is_taken_once_and_is_fresh(store: SqlStore, q: StoredQueue) -> None:
    assert plain(await store.take_homes()) == [Home(q, None, fresh=True, next_due=None)]
    assert await store.take_homes() == []


async def test_a_queue_made_later_is_taken_later(store: SqlStore, q: StoredQueue) -> None:
    await store.take_homes()
    later = await store.create_queue(a_queue("later"), NOW)
    assert [home.stored for home in await store.take_homes()] == [later]


async def test_a_home_is_told_when_its_first_task_is_due(store: SqlStore, q: StoredQueue) -> None:
    await store.add_tasks([a_task(due=NOW + 30), a_task(due=NOW + 20), a_task(due=NOW + 40)])
    (home,) = await store.take_homes()
    assert home.next_due == NOW + 20


async def test_tasks_of_before_a_purge_are_not_due(store: SqlStore, q: StoredQueue) -> None:
    await store.add_tasks([a_task(due=NOW)])
    await store.purge_queue(queue_name(), now=NOW, names_until=NOW)
    await store.add_tasks([a_task(due=NOW + 5)])
    (home,) = await store.take_homes()
    assert home.next_due == NOW + 5


async def test_a_bucket_that_was_handed_back_is_found_as_it_was(store: SqlStore, q: StoredQueue) -> None:
    await store.take_homes()
    await store.release_homes([(q.number, BUCKET)])
    assert plain(await store.take_homes()) == [Home(q, BUCKET, fresh=False, next_due=None)]


async def test_a_bucket_that_was_handed_back_survives_a_restart(store: SqlStore, place: Place, q: StoredQueue) -> None:
    await store.take_homes()
    await store.release_homes([(q.number, BUCKET)])
    again = await restarted(store, place)
    assert plain(await again.take_homes()) == [Home(q, BUCKET, fresh=False, next_due=None)]
    await again.stop()


async def test_after_a_crash_every_queue_has_no_home_and_no_bucket(
    store: SqlStore, place: Place, q: StoredQueue
) -> None:
    await store.take_homes()
    await store.release_homes([(q.number, BUCKET)])
    await store.take_homes()
    fresh = await store.create_queue(a_queue("fresh"), NOW)
    after = place.picture().store()
    await after.start()
    homes = plain(await after.take_homes())
    assert homes == [Home(q, None, fresh=False, next_due=None), Home(fresh, None, fresh=True, next_due=None)]
    await after.stop()


async def test_a_change_and_a_purge_leave_the_home_alone(store: SqlStore, q: StoredQueue) -> None:
    await store.take_homes()
    await store.change_queue(queue_name(), lambda queue: replace(queue, purge_time=1))
    await store.purge_queue(queue_name(), now=NOW, names_until=NOW)
    assert await store.take_homes() == []


async def test_a_deleted_queue_cannot_be_handed_back(store: SqlStore, q: StoredQueue) -> None:
    await store.take_homes()
    await store.delete_queue(queue_name(), now=NOW, name_until=NOW)
    again = await store.create_queue(a_queue(), NOW)
    await store.release_homes([(q.number, BUCKET)])
    assert plain(await store.take_homes()) == [Home(again, None, fresh=True, next_due=None)]
