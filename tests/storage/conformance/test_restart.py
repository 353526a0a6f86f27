"""What was answered is there after a stop, and after a crash at that moment."""

from __future__ import annotations

import pytest

from kumotasks.domain.errors import QueueNameRetired, TaskGone
from kumotasks.domain.retry import dispatched
from kumotasks.storage.sqlstore import SqlStore
from kumotasks.storage.store import StoredQueue
from tests.factory import NOW, a_full_queue, a_named_task, a_queue, a_task, ended, failed, ids, queue_name
from tests.storage.conformance.places import Place


@pytest.fixture(params=["stop", "crash"])
def how(request: pytest.FixtureRequest) -> str:
    return str(request.param)


async def again(store: SqlStore, place: Place, how: str) -> SqlStore:
    """The store opened anew, after a stop or as a crash would leave it."""
    if how == "crash":
        place = place.picture()
    else:
        await store.stop()
    later = place.store()
    await later.start()
    return later


async def test_queues_tasks_and_results_are_there(store: SqlStore, place: Place, how: str, q: StoredQueue) -> None:
    full = await store.create_queue(a_full_queue("full"), NOW)
    waiting, tried, done = a_named_task("waiting"), a_named_task("tried"), a_named_task("done")
    await store.add_tasks([waiting, tried, done])
    tried = dispatched(tried, NOW + 1)
    await store.settle(failed(q, tried))
    await store.settle(ended(q, done, name_until=NOW + 10))
    later = await again(store, place, how)
    assert await later.get_queue(queue_name("full")) == full
    assert await later.get_queue(queue_name()) == q
    assert await later.list_tasks(queue_name(), after="", limit=9, max_bytes=10**9) == [tried, waiting]
    assert ids(await later.add_tasks([a_named_task("done", serial=NOW)])) == ["TaskNameRetired"]
    with pytest.raises(TaskGone):
        await later.get_task(done.name, NOW)
    await later.stop()


async def test_purges_and_deletions_hold(store: SqlStore, place: Place, how: str, q: StoredQueue) -> None:
    await store.create_queue(a_queue("deleted"), NOW)
    await store.add_tasks([a_task(), a_named_task("n")])
    await store.add_tasks([a_task(queue="deleted")])
    purged = await store.purge_queue(queue_name(), now=NOW, names_until=NOW + 10)
    await store.delete_queue(queue_name("deleted"), now=NOW, name_until=NOW + 10)
    later = await again(store, place, how)
    assert await later.get_queue(queue_name()) == purged
    assert await later.list_tasks(queue_name(), after="", limit=9, max_bytes=10**9) == []
    with pytest.raises(QueueNameRetired):
        await later.create_queue(a_queue("deleted"), NOW)
    reborn = await later.create_queue(a_queue("deleted"), NOW + 10)
    assert reborn.number > purged.number + 1
    await later.stop()


async def test_run_requests_that_were_not_answered_are_there(
    store: SqlStore, place: Place, how: str, q: StoredQueue
) -> None:
    tasks = [a_task(), a_task(), a_task()]
    await store.add_tasks(tasks)
    asked = [await store.request_run(task.name, NOW) for task in tasks]
    await store.settle(ended(q, asked[0], run=True))
    await store.settle(ended(q, asked[1]))
    later = await again(store, place, how)
    assert await later.run_requests() == [(q.number, asked[2])]
    await later.stop()


async def test_numbers_of_queues_are_not_given_twice(store: SqlStore, place: Place, how: str, q: StoredQueue) -> None:
    await store.delete_queue(queue_name(), now=NOW, name_until=NOW)
    later = await again(store, place, how)
    assert (await later.create_queue(a_queue(), NOW)).number > q.number
    await later.stop()


async def test_records_are_there(store: SqlStore, place: Place, how: str) -> None:
    kept = await store.records.put_record("policy", "a", b"\0value", now=NOW, if_etag=None)
    later = await again(store, place, how)
    assert await later.records.get_record("policy", "a") == kept
    await later.stop()
