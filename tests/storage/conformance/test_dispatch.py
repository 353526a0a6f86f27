"""What dispatching needs: tasks in the order they are due, results committed, open attempts and run requests kept."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from kumotasks.domain.errors import TaskGone
from kumotasks.domain.retry import dispatched
from kumotasks.domain.task import Progress, Task
from kumotasks.storage.sqlstore import SqlStore
from kumotasks.storage.store import Position, StoredQueue
from tests.factory import NOW, a_named_task, a_queue, a_request, a_task, ended, failed, ids, queue_name


async def due(
    store: SqlStore, stored: StoredQueue, *, after: Position | None = None, until: int = 10**18, limit: int = 100
) -> list[str]:
    return ids(await store.due_tasks(stored, after=after, until=until, limit=limit, max_bytes=10**9))


@pytest.fixture
async def five(store: SqlStore, q: StoredQueue) -> list[Task]:
    """In order of dispatch a b c d e; b and c are due together."""
    times = {"e": 40, "c": 20, "a": 10, "d": 30, "b": 20}
    tasks = [a_named_task(name, due=NOW + time) for name, time in times.items()]
    assert ids(await store.add_tasks(tasks)) == list(times)
    return sorted(tasks, key=lambda task: task.name.task)


@pytest.mark.usefixtures("five")
async def test_tasks_come_by_schedule_time_and_then_by_id(store: SqlStore, q: StoredQueue) -> None:
    assert await due(store, q) == ["a", "b", "c", "d", "e"]
    assert await due(store, q, limit=3) == ["a", "b", "c"]
    assert await due(store, q, until=NOW + 20) == ["a", "b", "c"]
    assert await due(store, q, until=NOW + 9) == []
    assert await due(store, q, after=Position(NOW + 20, "b")) == ["c", "d", "e"]
    assert await due(store, q, after=Position(NOW + 20, "bb"), until=NOW + 30) == ["c", "d"]
    assert await due(store, q, after=Position(NOW + 40, "e")) == []


@pytest.mark.usefixtures("five")
async def test_the_next_due_time_is_that_of_the_first_task_behind(store: SqlStore, q: StoredQueue) -> None:
    assert await store.next_due(q, after=None) == NOW + 10
    assert await store.next_due(q, after=Position(NOW + 20, "b")) == NOW + 20
    assert await store.next_due(q, after=Position(NOW + 20, "c")) == NOW + 30
    assert await store.next_due(q, after=Position(NOW + 40, "e")) is None


async def test_due_tasks_end_by_size_but_are_one_at_least(store: SqlStore, q: StoredQueue) -> None:
    await store.add_tasks([a_task(target=a_request(b"x" * 50_000)) for _ in range(4)])
    for max_bytes, count in ((110_000, 2), (0, 1)):
        assert len(await store.due_tasks(q, after=None, until=NOW, limit=9, max_bytes=max_bytes)) == count


async def test_tasks_are_found_by_their_ids(store: SqlStore, q: StoredQueue) -> None:
    other = await store.create_queue(a_queue("other"), NOW)
    first, second, third = a_task(), a_named_task("n"), a_task(queue="other", target=a_request(b"body"))
    for task in (first, second, third):
        await store.add_tasks([task])
    found = await store.find_tasks([(q, [first.name.task, "gone", "n"]), (other, [third.name.task, "n"])])
    assert sorted(found, key=lambda each: each[1].name.task) == sorted(
        [(q.number, first), (q.number, second), (other.number, third)], key=lambda each: each[1].name.task
    )
    assert await store.find_tasks([]) == []


async def test_no_task_is_found_in_a_queue_as_it_was(store: SqlStore, q: StoredQueue) -> None:
    before, after = a_named_task("before"), a_named_task("after")
    await store.add_tasks([before])
    purged = await store.purge_queue(queue_name(), now=NOW, names_until=NOW)
    await store.add_tasks([after])
    assert await store.find_tasks([(q, ["before", "after"])]) == []
    assert await store.find_tasks([(purged, ["before", "after"])]) == [(q.number, after)]


async def test_a_task_is_found_as_its_last_attempt_left_it(store: SqlStore, q: StoredQueue) -> None:
    task = a_task()
    await store.add_tasks([task])
    tried = replace(dispatched(task, NOW + 11), schedule_time=NOW + 35)
    await store.settle(failed(q, tried))
    assert await store.find_tasks([(q, [task.name.task])]) == [(q.number, tried)]
    await store.settle(ended(q, tried))
    assert await store.find_tasks([(q, [task.name.task])]) == []


async def test_a_failure_moves_the_task_to_its_next_time(store: SqlStore, q: StoredQueue, five: list[Task]) -> None:
    tried = replace(dispatched(five[0], NOW + 11), schedule_time=NOW + 35)
    assert await store.settle(failed(q, tried)) is True
    assert await due(store, q) == ["b", "c", "d", "a", "e"]
    assert await store.get_task(tried.name, NOW) == tried


async def test_an_end_removes_the_task(store: SqlStore, q: StoredQueue, five: list[Task]) -> None:
    assert await store.settle(ended(q, five[1])) is True
    assert await due(store, q) == ["a", "c", "d", "e"]


async def test_a_result_for_a_task_that_is_gone_is_answered_false(
    store: SqlStore, q: StoredQueue, five: list[Task]
) -> None:
    gone, stays = five[0], five[1]
    await store.delete_task(gone.name, now=NOW, name_until=NOW)
    results = [store.settle(ended(q, gone)), store.settle(failed(q, gone)), store.settle(ended(q, stays))]
    assert [await result for result in results] == [False, False, True]


async def test_a_result_for_an_earlier_task_of_the_same_name_is_answered_false(store: SqlStore, q: StoredQueue) -> None:
    old, new = a_named_task("n", serial=NOW), a_named_task("n", serial=NOW + 1)
    await store.add_tasks([old])
    await store.delete_task(old.name, now=NOW, name_until=NOW)
    await store.add_tasks([new])
    assert await store.settle(failed(q, old)) is False
    assert await store.settle(ended(q, old)) is False
    await store.note_open([(q.number, q.generation, dispatched(old, NOW))])
    assert await store.get_task(new.name, NOW) == new


async def test_results_of_purged_tasks_are_answered_false(store: SqlStore, q: StoredQueue, five: list[Task]) -> None:
    await store.purge_queue(queue_name(), now=NOW, names_until=NOW + 50)
    assert [await store.settle(ended(q, task)) for task in five] == [False] * 5
    late, later, added = store.settle(failed(q, five[0])), store.settle(ended(q, five[1])), store.add_tasks([a_task()])
    assert (await late, await later, len(await added)) == (False, False, 1)


async def test_open_attempts_are_noted_on_their_tasks(store: SqlStore, q: StoredQueue, five: list[Task]) -> None:
    first, second = dispatched(five[0], NOW + 11), dispatched(five[3], NOW + 12)
    await store.note_open([(q.number, q.generation, first), (q.number, q.generation, second)])
    assert await store.get_task(first.name, NOW) == first
    assert await store.get_task(second.name, NOW) == second
    assert await due(store, q) == ["a", "b", "c", "d", "e"]


async def test_a_note_that_comes_before_the_result_does_not_outlive_it(
    store: SqlStore, q: StoredQueue, five: list[Task]
) -> None:
    opened = dispatched(five[0], NOW + 11)
    tried = replace(opened, progress=Progress(dispatch_count=1, response_count=1), schedule_time=NOW + 99)
    note = asyncio.ensure_future(store.note_open([(q.number, q.generation, opened)]))
    await asyncio.sleep(0)
    await store.settle(failed(q, tried))
    await note
    assert await store.get_task(tried.name, NOW) == tried


async def test_run_requests_stay_until_they_are_answered(store: SqlStore, q: StoredQueue, five: list[Task]) -> None:
    a, b, c = [await store.request_run(task.name, NOW + 1) for task in five[:3]]
    assert await store.run_requests() == [(q.number, a), (q.number, b), (q.number, c)]
    assert await store.settle(ended(q, a, run=True))
    assert await store.settle(failed(q, b, run=True))
    assert await store.run_requests() == [(q.number, c)]
    await store.delete_task(c.name, now=NOW, name_until=NOW)
    assert await store.run_requests() == []


async def test_a_run_request_of_a_task_that_ended_otherwise_is_void(
    store: SqlStore, q: StoredQueue, five: list[Task]
) -> None:
    asked = await store.request_run(five[0].name, NOW)
    assert await store.settle(ended(q, asked))
    assert await store.run_requests() == []
    with pytest.raises(TaskGone):
        await store.request_run(asked.name, NOW - 1)


async def test_a_run_request_is_not_for_a_later_task_of_the_same_name(
    store: SqlStore, q: StoredQueue, five: list[Task]
) -> None:
    asked = await store.request_run(five[0].name, NOW)
    assert await store.settle(ended(q, asked))
    assert ids(await store.add_tasks([a_named_task("a", serial=NOW + 99)])) == ["a"]
    assert await store.run_requests() == []


async def test_a_purge_voids_run_requests(store: SqlStore, q: StoredQueue, five: list[Task]) -> None:
    await store.request_run(five[0].name, NOW)
    await store.purge_queue(queue_name(), now=NOW, names_until=NOW)
    assert await store.run_requests() == []
