"""Leases: who is home of a queue, who may settle, what is handed over."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from kumotasks.domain.bucket import Bucket
from kumotasks.domain.clock import SECOND
from kumotasks.storage.rumour import AttemptClosed, HomesFreed
from kumotasks.storage.sqlstore import SqlStore
from kumotasks.storage.store import Home, OpenAttempt, StoredQueue
from tests.factory import NOW, a_named_task, a_queue, a_record, a_task, ended, failed
from tests.postgres import postgres
from tests.storage.conformance.places import PostgresPlace
from tests.storage.postgres.conftest import Hearing

BUCKET = Bucket(0.1, 10.0, 2.75, NOW)


def end_leases(place: PostgresPlace) -> None:
    """As if every node had stood still for the length of its lease."""
    postgres().execute("UPDATE node SET until = 0", database=place.database)


async def home_of(store: SqlStore) -> Home:
    (home,) = await store.take_homes()
    return home


async def test_a_queue_has_one_home(here: SqlStore, there: SqlStore, q: StoredQueue) -> None:
    assert len(await here.take_homes()) == 1
    assert await there.take_homes() == []


async def test_nodes_that_ask_at_once_share(here: SqlStore, there: SqlStore, q: StoredQueue) -> None:
    for n in range(20):
        await here.create_queue(a_queue(f"q{n}"), NOW)
    taken = await asyncio.gather(*(store.take_homes(3) for store in (here, there) * 5))
    numbers = [home.stored.number for homes in taken for home in homes]
    assert all(len(homes) <= 3 for homes in taken)
    assert len(numbers) == len(set(numbers))
    numbers += [home.stored.number for store in (here, there) for home in await store.take_homes()]
    assert len(numbers) == len(set(numbers)) == 21


async def test_a_renewal_tells_how_many_share(here: SqlStore, there: SqlStore, q: StoredQueue) -> None:
    await there.create_queue(a_queue("b"), NOW)
    await there.renew(60 * SECOND)
    await here.renew(60 * SECOND)
    await here.take_homes(1)
    standing = await here.renew(60 * SECOND)
    assert standing is not None
    assert (standing.nodes, standing.queues, standing.held, standing.homeless) == (2, 2, 1, 1)
    assert not standing.lapsed


async def test_a_renewal_tells_who_has_more(here: SqlStore, there: SqlStore, q: StoredQueue) -> None:
    for n in range(2):
        await here.create_queue(a_queue(f"q{n}"), NOW)
    for store, count in ((here, 1), (there, 2)):
        await store.renew(60 * SECOND)
        await store.take_homes(count)
    assert [await rank(store) for store in (here, there)] == [1, 0]


async def test_those_who_have_as_many_are_one_behind_the_other(here: SqlStore, there: SqlStore, q: StoredQueue) -> None:
    for store in (here, there):
        await store.renew(60 * SECOND)
    assert sorted([await rank(here), await rank(there)]) == [0, 1]


async def test_a_node_that_resigns_keeps_its_lease_and_is_counted_no_more(
    here: SqlStore, there: SqlStore, q: StoredQueue
) -> None:
    held = await home_of(here)
    await there.renew(60 * SECOND)
    await here.resign()
    standing = await there.renew(60 * SECOND)
    assert standing is not None
    assert (standing.nodes, standing.lapsed, standing.rank) == (1, False, 0)
    assert await here.renew(60 * SECOND) is not None
    assert await there.take_homes() == []
    task = a_task()
    await here.add_tasks([task])
    assert await here.settle(replace(ended(q, task), epoch=held.epoch))


async def test_queues_that_a_node_does_not_know_it_has_are_handed_back(
    here: SqlStore, there: SqlStore, q: StoredQueue
) -> None:
    other = await here.create_queue(a_queue("other"), NOW)
    held = {home.stored.number: home for home in await here.take_homes()}
    attempt = OpenAttempt(q.number, "a", "t", 1, "", NOW)
    await there.renew(60 * SECOND)
    told = Hearing(there)
    await here.release_others([q.number])
    await told.rumour(HomesFreed())
    (home,) = await there.take_homes()
    assert (home.stored, home.bucket, home.fresh) == (other, None, False)
    assert home.epoch > held[other.number].epoch
    task = a_task()
    await here.add_tasks([task])
    assert await here.settle(replace(ended(q, task), epoch=held[q.number].epoch))
    await here.release_homes([(q.number, BUCKET)], [attempt])
    assert [each.attempt for each in await there.open_attempts([q.number])] == ["a"]


async def rank(store: SqlStore) -> int:
    standing = await store.renew(60 * SECOND)
    assert standing is not None
    return standing.rank


async def test_a_lease_that_has_ended_is_not_renewed_and_the_next_is_a_new_one(
    here: SqlStore, there: SqlStore, place: PostgresPlace, q: StoredQueue
) -> None:
    old = await home_of(here)
    end_leases(place)
    assert await here.take_homes() == []
    assert await here.renew(10 * SECOND) is None
    assert await here.renew(10 * SECOND) is not None
    new = await home_of(here)
    assert (new.bucket, new.fresh) == (None, False)
    assert new.epoch > old.epoch


async def test_after_its_lease_a_node_loses_its_queues_to_who_asks(
    here: SqlStore, there: SqlStore, place: PostgresPlace, q: StoredQueue
) -> None:
    await here.take_homes()
    end_leases(place)
    standing = await there.renew(10 * SECOND)
    assert standing is not None
    assert standing.lapsed
    assert [home.stored for home in await there.take_homes()] == [q]


async def test_a_stale_home_settles_nothing(
    here: SqlStore, there: SqlStore, place: PostgresPlace, q: StoredQueue
) -> None:
    tasks = [a_task(), a_named_task("n"), a_task(), a_task()]
    await here.add_tasks(tasks)
    old = await home_of(here)
    end_leases(place)
    new = await home_of(there)
    stale = [
        replace(ended(q, tasks[0]), epoch=old.epoch),
        replace(ended(q, tasks[1]), epoch=old.epoch),
        replace(failed(q, replace(tasks[2], schedule_time=NOW + 9)), epoch=old.epoch),
        replace(ended(q, tasks[3], attempt=a_record(1), dead=a_record(1)), epoch=old.epoch),
    ]
    assert [await here.settle(each) for each in stale] == [False] * 4
    for task in tasks:
        assert await here.get_task(task.name, NOW) == task
    assert [await there.settle(replace(each, epoch=new.epoch)) for each in stale] == [True] * 4


async def test_a_home_that_is_handed_back_keeps_its_bucket(here: SqlStore, there: SqlStore, q: StoredQueue) -> None:
    told = Hearing(there)
    await here.take_homes()
    await here.release_homes([(q.number, BUCKET)])
    await told.rumour(HomesFreed())
    home = await home_of(there)
    assert (home.bucket, home.fresh, home.open) == (BUCKET, False, ())


async def test_what_is_home_elsewhere_is_not_handed_back(
    here: SqlStore, there: SqlStore, place: PostgresPlace, q: StoredQueue
) -> None:
    await here.take_homes()
    end_leases(place)
    await there.take_homes()
    attempt = OpenAttempt(q.number, "1", "t", 1, "", NOW)
    await here.release_homes([(q.number, BUCKET)], [attempt])
    assert await here.take_homes() == []
    assert await there.open_attempts([q.number]) == []


async def test_an_attempt_that_was_handed_over_is_settled_by_its_node_once(
    here: SqlStore, there: SqlStore, q: StoredQueue
) -> None:
    task = a_task()
    await here.add_tasks([task])
    await here.take_homes()
    opened = OpenAttempt(q.number, "a1", task.name.task, task.serial, "", NOW + SECOND)
    await here.release_homes([(q.number, BUCKET)], [opened])
    home = await home_of(there)
    (found,) = home.open
    assert replace(found, node="") == opened
    told = Hearing(there)
    result = replace(ended(q, task), handed_over="a1")
    assert await here.settle(result)
    await told.rumour(AttemptClosed(q.number, "a1"))
    assert await there.open_attempts([q.number]) == []
    assert not await here.settle(result)


async def test_the_attempts_of_a_node_that_is_no_more_are_void(
    here: SqlStore, there: SqlStore, place: PostgresPlace, q: StoredQueue
) -> None:
    task = a_task()
    await here.add_tasks([task])
    await here.take_homes()
    opened = OpenAttempt(q.number, "a1", task.name.task, task.serial, "", NOW + SECOND)
    await here.release_homes([(q.number, BUCKET)], [opened])
    end_leases(place)
    await there.renew(60 * SECOND)
    assert (await home_of(there)).open == ()
    assert not await here.settle(replace(ended(q, task), handed_over="a1"))
    assert await there.get_task(task.name, NOW) == task


async def test_a_node_that_leaves_is_home_of_nothing_at_once(here: SqlStore, there: SqlStore, q: StoredQueue) -> None:
    await here.take_homes()
    await here.leave()
    assert (await home_of(there)).bucket is None
