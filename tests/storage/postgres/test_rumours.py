"""What a node hears of what another node did."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from operator import attrgetter

import pytest

from kumotasks.domain.errors import EntityNotFound, QueueExists, QueueNotFound, TaskExists
from kumotasks.domain.lane import WINDOW
from kumotasks.domain.queue import QueueState
from kumotasks.domain.target import HttpMethod, HttpRequest
from kumotasks.domain.task import RetryOverride, Task
from kumotasks.storage.postgres.carried import LARGEST, TasksCarried
from kumotasks.storage.postgres.rumours import CHANNEL, lines_of, texts
from kumotasks.storage.records import RecordChanged
from kumotasks.storage.rows import NewTask, new_task, pack_definition
from kumotasks.storage.rumour import RunsArrived, TaskRemoved, TasksAdded, TasksArrived, TasksBrought, Unheard
from kumotasks.storage.sqlstore import SqlStore
from kumotasks.storage.store import QueueChanged, QueueDeleted, QueuePurged, StoredQueue, TaskAdded
from tests.factory import NOW, a_named_task, a_queue, a_request, a_task, ids, queue_name
from tests.postgres import postgres
from tests.storage.conformance.places import PostgresPlace
from tests.storage.postgres.conftest import Hearing


def brought(told: Hearing) -> list[Task]:
    return [task for each in told.rumours if isinstance(each, TasksBrought) for task in each.tasks]


def additions(told: Hearing) -> list[TasksAdded]:
    """Whether they were named or brought."""
    named = (each.named() if isinstance(each, TasksBrought) else each for each in told.rumours)
    return [each for each in named if isinstance(each, TasksAdded)]


def carried(task: Task) -> NewTask:
    return new_task(task, pack_definition(task))


def next_version(place: PostgresPlace) -> int:
    """Under which the next commit will be."""
    ((version,),) = postgres().fetch("SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint", place.database)
    return int(version)


def whisper(place: PostgresPlace, note: TasksCarried) -> None:
    """To the home of the queue, as if another node said so now."""
    (text,) = texts("another", lines_of(note))
    whisper_text(place, note.number, text)


def whisper_text(place: PostgresPlace, number: int, text: str) -> None:
    home = f"SELECT '{CHANNEL}_' || split_part(home_node, '-', 1) FROM queue WHERE number = {number}"
    postgres().execute(f"SELECT pg_notify(({home}), '{text}')", database=place.database)


async def test_the_home_hears_of_tasks_and_runs(here: SqlStore, there: SqlStore, q: StoredQueue) -> None:
    await there.take_homes()
    told = Hearing(there)
    task, named = a_task(due=NOW + 7), a_named_task("n", due=NOW + 5)
    await here.add_tasks([task])
    await told.rumour(TasksBrought(q.number, q.generation, (task,)))
    await here.add_tasks([named])
    await told.rumour(TasksAdded(q.number, ((NOW + 5, "n"),)))
    await here.request_run(task.name, NOW)
    await told.rumour(RunsArrived(q.number))
    assert [number for number, _ in await there.run_requests()] == [q.number]
    await here.delete_task(task.name, now=NOW, name_until=NOW)
    await told.rumour(TaskRemoved(q.number, task.serial))
    assert told.wakes == []


async def test_what_is_added_away_from_home_is_said_to_be(here: SqlStore, there: SqlStore, q: StoredQueue) -> None:
    """By the time this node hears of its own commit it may be home, and the task over."""
    told = Hearing(here)
    task, named = a_task(), a_named_task("n")
    await here.add_tasks([task])
    await here.add_tasks([named])
    assert told.wakes == [TaskAdded(q.number, each, away=True) for each in (task, named)]
    assert told.rumours == []


async def test_a_small_task_travels_as_it_is(here: SqlStore, there: SqlStore, q: StoredQueue) -> None:
    await there.take_homes()
    told = Hearing(there)
    target = HttpRequest("http://w.example/", HttpMethod.PUT, (("X-A", "ä"), ("X-B", "")), bytes(range(256)))
    tasks = [a_task(due=NOW + n, target=target, retry=RetryOverride(max_attempts=n + 1)) for n in range(40)]
    await here.add_tasks(tasks)
    await told.until(lambda: len(brought(told)) == len(tasks))
    assert sorted(brought(told), key=attrgetter("serial")) == tasks


async def test_what_is_not_small_or_not_due_soon_is_named(here: SqlStore, there: SqlStore, q: StoredQueue) -> None:
    await there.take_homes()
    told = Hearing(there)
    larger, later = a_task(target=a_request(b"x" * LARGEST)), a_task(due=NOW + WINDOW + 1)
    await here.add_tasks([larger, later])
    await told.rumour(TasksAdded(q.number, ((NOW, larger.name.task), (NOW + WINDOW + 1, later.name.task))))


@pytest.mark.parametrize("read", ["due_tasks", "run_requests", "request_run", "take_homes"])
async def test_what_was_added_before_tasks_were_read_is_looked_up(
    here: SqlStore, there: SqlStore, place: PostgresPlace, q: StoredQueue, read: str
) -> None:
    """It may have been among them, and be over: however they were read, and whatever was found."""
    await there.take_homes()
    (asked,) = await there.add_tasks([a_task(due=NOW + 9)])
    assert isinstance(asked, Task)
    reads: dict[str, Callable[[], Awaitable[object]]] = {
        "due_tasks": lambda: there.due_tasks(q, after=None, until=NOW, limit=9, max_bytes=9),
        "run_requests": there.run_requests,
        "request_run": lambda: there.request_run(asked.name, NOW),
        "take_homes": there.take_homes,
    }
    told = Hearing(there)
    before = next_version(place)
    await here.create_queue(a_queue("later"), NOW)
    await reads[read]()
    after = next_version(place)
    old, new = (TasksCarried(q.number, q.generation, version, [carried(a_task())]) for version in (before, after))
    for note in old, new:
        whisper(place, note)
    await told.until(lambda: len(told.rumours) == 2)
    assert told.rumours == [old.named(), new.brought(q.queue.name)]


@pytest.mark.parametrize(
    "line", ["t", "t x 1:a", "t 1 1", "n 1 0 5", "n 1 0 5 !", "n 1 0 5 AAAA", "n 1 0 5 kaFB", "d 1 x"]
)
async def test_what_is_not_understood_is_read_anew(
    here: SqlStore, there: SqlStore, place: PostgresPlace, q: StoredQueue, line: str
) -> None:
    await there.take_homes()
    told = Hearing(there)
    whisper_text(place, q.number, f"another\n{line}")
    await told.rumour(Unheard())
    task = a_task()
    await here.add_tasks([task])
    await told.until(lambda: task.name.task in str(told.rumours))


async def test_a_kind_of_a_later_version_is_passed_over(
    here: SqlStore, there: SqlStore, place: PostgresPlace, q: StoredQueue
) -> None:
    await there.take_homes()
    told = Hearing(there)
    whisper_text(place, q.number, f"another\nz {q.number} of tomorrow\nd {q.number} 7")
    await told.rumour(TaskRemoved(q.number, 7))
    assert told.rumours == [TaskRemoved(q.number, 7)]


async def test_a_task_that_came_damaged_is_looked_up(
    here: SqlStore, there: SqlStore, place: PostgresPlace, q: StoredQueue
) -> None:
    await there.take_homes()
    told = Hearing(there)
    task, serial, due, made, _ = carried(a_task())
    note = TasksCarried(q.number, q.generation, next_version(place), [(task, serial, due, made, b"no definition")])
    whisper(place, note)
    await told.rumour(note.named())


async def test_what_is_added_at_home_is_told_whole(here: SqlStore, there: SqlStore, q: StoredQueue) -> None:
    await here.take_homes()
    told = Hearing(here)
    task, named = a_task(), a_named_task("n")
    await here.add_tasks([task])
    await here.add_tasks([named])
    assert told.wakes == [TaskAdded(q.number, each) for each in (task, named)]
    assert told.rumours == []


async def test_large_tasks_are_told_of_by_the_time_of_the_first(
    here: SqlStore, there: SqlStore, q: StoredQueue
) -> None:
    await there.take_homes()
    told = Hearing(there)
    large = a_request(b"x" * 20_000)
    small, *others = a_task(due=NOW), a_task(due=NOW + 9, target=large), a_task(due=NOW + 4, target=large)
    await here.add_tasks([small, *others])
    await told.rumour(TasksArrived(q.number, NOW + 4))
    await told.rumour(TasksBrought(q.number, q.generation, (small,)))


@pytest.mark.parametrize("named", [False, True])
async def test_of_a_thousand_tasks_in_one_commit_each_is_told(
    here: SqlStore, there: SqlStore, q: StoredQueue, *, named: bool
) -> None:
    """More than one text of the database holds."""
    await there.take_homes()
    told = Hearing(there)
    tasks = [a_task(f"{'n' * 400}{n}" if named else None, due=NOW + n, named=named) for n in range(1_000)]
    await here.add_tasks(tasks)
    expected = sorted((task.schedule_time, task.name.task) for task in tasks)

    def places() -> list[tuple[int, str]]:
        return sorted(place for each in additions(told) for place in each.places)

    await told.until(lambda: len(places()) >= len(expected))
    assert places() == expected


async def test_one_commit_tells_each_home_once(here: SqlStore, there: SqlStore) -> None:
    """Of many queues and calls."""
    queues = [await here.create_queue(a_queue(f"q{n}"), NOW) for n in range(5)]
    await there.take_homes()
    told = Hearing(there)
    deliveries: list[int] = []
    there.overhear(lambda rumours: deliveries.append(len(rumours)))
    added = [here.add_tasks([a_task(queue=f"q{n}")]) for n in range(5) for _ in range(20)]
    await asyncio.gather(*added)
    await told.until(lambda: sum(len(each.places) for each in additions(told)) == 100)
    assert {each.number for each in additions(told)} == {q.number for q in queues}
    assert len(deliveries) < 10


async def test_nobody_hears_of_his_own_queue(here: SqlStore, there: SqlStore, q: StoredQueue) -> None:
    await here.take_homes()
    own, other = Hearing(here), Hearing(there)
    await here.add_tasks([a_task()])
    await here.add_tasks([a_named_task("n")])
    await here.create_queue(a_queue("last"), NOW)
    await other.until(lambda: bool(other.wakes))
    assert (own.rumours, other.rumours) == ([], [])


async def test_every_node_hears_of_changes_to_queues(here: SqlStore, there: SqlStore, q: StoredQueue) -> None:
    told = Hearing(there)
    paused = await here.change_queue(queue_name(), lambda queue: replace(queue, state=QueueState.PAUSED))
    await told.until(lambda: told.wakes == [QueueChanged(paused)])
    assert await there.get_queue(queue_name()) == paused
    purged = await here.purge_queue(queue_name(), now=NOW, names_until=NOW)
    await told.until(lambda: told.wakes[1:] == [QueuePurged(purged)])
    await here.delete_queue(queue_name(), now=NOW, name_until=NOW)
    await told.until(lambda: told.wakes[2:] == [QueueDeleted(q.number)])
    with pytest.raises(QueueNotFound):
        await there.get_queue(queue_name())


async def test_a_queue_is_there_for_every_node_at_once(here: SqlStore, there: SqlStore) -> None:
    for n in range(10):
        stored = await here.create_queue(a_queue(f"q{n}"), NOW)
        assert await there.get_queue(queue_name(f"q{n}")) == stored
        (kept,) = await there.add_tasks([a_task(queue=f"q{n}")])
        assert not isinstance(kept, QueueNotFound)


async def test_no_task_is_added_to_a_queue_as_it_was(here: SqlStore, there: SqlStore, q: StoredQueue) -> None:
    """What one node purged or deleted is so for the next call on another, whatever that one has heard yet."""
    for n in range(20):
        await here.purge_queue(queue_name(), now=NOW, names_until=NOW)
        (kept,) = await there.add_tasks([a_task(str(n) * 20)])
        assert await there.list_tasks(queue_name(), after="", limit=9, max_bytes=10**9) == [kept]
    await here.delete_queue(queue_name(), now=NOW, name_until=NOW)
    assert ids(await there.add_tasks([a_task()])) == ["QueueNotFound"]
    with pytest.raises(EntityNotFound):
        await there.delete_queue(queue_name(), now=NOW, name_until=NOW)


async def test_of_two_nodes_that_want_the_same_one_gets_it(here: SqlStore, there: SqlStore, q: StoredQueue) -> None:
    for n in range(10):
        created = await asyncio.gather(
            *(store.create_queue(a_queue(f"q{n}"), NOW) for store in (here, there)), return_exceptions=True
        )
        assert sorted(type(each).__name__ for each in created) == [QueueExists.__name__, StoredQueue.__name__]
        added = await asyncio.gather(*(store.add_tasks([a_named_task(f"n{n}")]) for store in (here, there)))
        assert sorted(ids([each[0]])[0] for each in added) == [TaskExists.__name__, f"n{n}"]


async def test_changes_of_two_nodes_are_both_kept(here: SqlStore, there: SqlStore, q: StoredQueue) -> None:
    async def count(store: SqlStore) -> None:
        for _ in range(10):
            await store.change_queue(queue_name(), lambda queue: replace(queue, purge_time=(queue.purge_time or 0) + 1))

    await asyncio.gather(count(here), count(there))
    (stored,) = await here.list_queues(q.queue.name.parent, after="", limit=9)
    assert stored.queue.purge_time == 20


async def test_of_two_nodes_with_the_same_etag_one_may_put(here: SqlStore, there: SqlStore) -> None:
    for n in range(10):
        puts = [store.records.put_record("k", str(n), b"v", now=NOW, if_etag="") for store in (here, there)]
        answers = await asyncio.gather(*puts, return_exceptions=True)
        assert [isinstance(answer, RecordChanged) for answer in answers].count(True) == 1
