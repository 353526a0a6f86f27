"""Tasks: added, read, listed, deleted, run; what is refused."""

from __future__ import annotations

import pytest

from kumotasks.domain.attempt import Attempt, Status
from kumotasks.domain.errors import EntityNotFound, KumoError, QueueNotFound, TaskGone
from kumotasks.domain.retry import dispatched
from kumotasks.domain.task import Progress, RetryOverride, Task
from kumotasks.storage.sqlstore import SqlStore
from kumotasks.storage.store import StoredQueue
from tests.factory import (
    NOW,
    a_named_task,
    a_queue,
    a_request,
    a_task,
    an_app_engine_request,
    ended,
    ids,
    queue_name,
    task_name,
)

SOME_PROGRESS = Progress(3, 2, 1, 503, NOW - 9, Attempt(NOW - 9, NOW - 8, NOW - 7, Status(14, "UNAVAILABLE(14): …")))


async def keep(store: SqlStore, *tasks: Task) -> None:
    assert list(await store.add_tasks(tasks)) == list(tasks)


async def listed(store: SqlStore, *, after: str = "", limit: int = 1000, max_bytes: int = 10**9) -> list[str]:
    return ids(await store.list_tasks(queue_name(), after=after, limit=limit, max_bytes=max_bytes))


@pytest.mark.parametrize(
    "task",
    [
        a_task(),
        a_task(target=a_request(b"\0\xff" * 500), due=NOW + 10**12),
        a_task(target=a_request(b"x" * 1_000_000)),
        a_task(target=an_app_engine_request(), deadline=None),
        a_task(retry=RetryOverride(max_attempts=-1, min_backoff=5)),
        a_task("0", named=True, progress=SOME_PROGRESS),
        a_task("z" * 500, named=True),
    ],
    ids=["plain", "binary", "large", "app-engine", "retry", "progress", "long-name"],
)
async def test_a_task_reads_back_with_every_part(store: SqlStore, q: StoredQueue, task: Task) -> None:
    await keep(store, task)
    assert await store.get_task(task.name, NOW) == task
    assert await store.list_tasks(queue_name(), after="", limit=10, max_bytes=10**9) == [task]
    assert await store.due_tasks(q, after=None, until=10**18, limit=10, max_bytes=10**9) == [task]


async def test_no_tasks_are_added_to_nothing(store: SqlStore) -> None:
    assert list(await store.add_tasks([])) == []


async def test_tasks_for_a_queue_that_is_not_there_are_refused(store: SqlStore) -> None:
    assert ids(await store.add_tasks([a_task(), a_named_task("n")])) == ["QueueNotFound", "QueueNotFound"]


async def test_one_refused_task_spares_the_others(store: SqlStore, q: StoredQueue) -> None:
    await keep(store, a_named_task("b"))
    answers = await store.add_tasks([a_named_task("a"), a_named_task("b"), a_named_task("c"), a_named_task("c")])
    assert ids(answers) == ["a", "TaskExists", "c", "TaskExists"]
    assert await listed(store) == ["a", "b", "c"]


async def test_a_generated_id_that_is_taken_is_replaced(store: SqlStore, q: StoredQueue) -> None:
    first, second, third = a_task("1" * 20), a_task("1" * 20), a_task("1" * 20)
    await keep(store, first)
    answers = await store.add_tasks([second, third])
    given = ids(answers)
    assert len({"1" * 20, *given}) == 3
    for name, kept in zip(given, answers, strict=True):
        assert await store.get_task(task_name(name), NOW) == kept
    assert await store.get_task(first.name, NOW) == first


async def test_a_caller_cannot_choose_the_generated_id_of_a_living_task(store: SqlStore, q: StoredQueue) -> None:
    unnamed = a_task()
    await keep(store, unnamed)
    assert ids(await store.add_tasks([a_named_task(unnamed.name.task)])) == ["TaskExists"]
    assert await store.get_task(unnamed.name, NOW) == unnamed


async def test_a_task_that_never_was_is_not_found(store: SqlStore, q: StoredQueue) -> None:
    for name in (task_name("never"), task_name("never", "nowhere")):
        for refused in (
            store.get_task(name, NOW),
            store.delete_task(name, now=NOW, name_until=NOW),
            store.request_run(name, NOW),
        ):
            with pytest.raises(EntityNotFound):
                await refused


async def test_a_deleted_task_is_gone(store: SqlStore, q: StoredQueue) -> None:
    for task in (a_task(), a_named_task("n")):
        await keep(store, task)
        assert await store.delete_task(task.name, now=NOW, name_until=NOW + 10) == task
        assert await listed(store) == []
        for refused in (
            store.get_task(task.name, NOW),
            store.delete_task(task.name, now=NOW, name_until=NOW),
            store.request_run(task.name, NOW),
        ):
            with pytest.raises(TaskGone):
                await refused


async def test_an_ended_task_is_gone(store: SqlStore, q: StoredQueue) -> None:
    for task in (a_task(), a_named_task("n")):
        await keep(store, task)
        assert await store.settle(ended(q, task, name_until=NOW + 10)) is True
        with pytest.raises(TaskGone):
            await store.get_task(task.name, NOW)


async def test_tasks_are_listed_by_id_in_pages(store: SqlStore, q: StoredQueue) -> None:
    await keep(store, *(a_named_task(name) for name in ("c", "a", "B", "d")))
    assert await listed(store) == ["B", "a", "c", "d"]
    assert await listed(store, limit=3) == ["B", "a", "c"]
    assert await listed(store, after="c") == ["d"]
    assert await listed(store, after="d") == []


async def test_pages_hold_under_insertions_and_deletions(store: SqlStore, q: StoredQueue) -> None:
    await keep(store, *(a_named_task(name) for name in ("b", "d", "f")))
    assert await listed(store, limit=2) == ["b", "d"]
    await store.delete_task(task_name("d"), now=NOW, name_until=NOW)
    await keep(store, *(a_named_task(name) for name in ("a", "c", "e", "g")))
    assert await listed(store, after="d") == ["e", "f", "g"]


async def test_a_page_ends_by_size_but_has_one_task_at_least(store: SqlStore, q: StoredQueue) -> None:
    await keep(store, *(a_task(target=a_request(b"x" * 100_000)) for _ in range(5)))
    assert len(await listed(store, max_bytes=350_000)) == 3
    assert len(await listed(store, max_bytes=1)) == 1
    assert len(await listed(store)) == 5


async def test_a_task_of_another_queue_is_not_listed(store: SqlStore, q: StoredQueue) -> None:
    other = await store.create_queue(a_queue("other"), NOW)
    await keep(store, a_named_task("a", queue="other"))
    await keep(store, a_named_task("a"))
    assert await listed(store) == ["a"]
    assert ids(await store.due_tasks(other, after=None, until=NOW, limit=9, max_bytes=10**9)) == ["a"]


async def test_a_run_counts_a_dispatch(store: SqlStore, q: StoredQueue) -> None:
    task = a_task(due=NOW + 1000)
    await keep(store, task)
    once = await store.request_run(task.name, NOW + 5)
    assert once == dispatched(task, NOW + 5)
    assert once.progress.last_attempt == Attempt(schedule_time=NOW + 1000, dispatch_time=NOW + 5)
    twice = await store.request_run(task.name, NOW + 7)
    assert (twice.progress.dispatch_count, twice.progress.first_dispatch_time) == (2, NOW + 5)
    assert await store.get_task(task.name, NOW) == twice


async def test_tasks_of_a_deleted_queue_are_not_found(store: SqlStore, q: StoredQueue) -> None:
    task = a_named_task("n")
    await keep(store, task)
    await store.delete_queue(queue_name(), now=NOW, name_until=NOW)
    assert isinstance((await store.add_tasks([a_task()]))[0], QueueNotFound)
    with pytest.raises(QueueNotFound):
        await listed(store)
    with pytest.raises(EntityNotFound):
        await store.get_task(task.name, NOW)


async def test_a_queue_made_again_has_nothing_of_the_one_before(store: SqlStore, q: StoredQueue) -> None:
    old = a_named_task("n")
    await keep(store, old, a_task())
    await store.delete_queue(queue_name(), now=NOW, name_until=NOW)
    again = await store.create_queue(a_queue(), NOW)
    assert await listed(store) == []
    with pytest.raises(EntityNotFound):
        await store.get_task(old.name, NOW)
    new = a_named_task("n")
    await keep(store, new)
    assert await store.settle(ended(q, old)) is False
    assert await store.due_tasks(q, after=None, until=NOW, limit=9, max_bytes=10**9) == []
    assert await store.due_tasks(again, after=None, until=NOW, limit=9, max_bytes=10**9) == [new]


async def test_a_purge_takes_what_was_there_and_spares_what_comes(store: SqlStore, q: StoredQueue) -> None:
    before = a_task()
    await keep(store, before, a_named_task("n"))
    purged = await store.purge_queue(queue_name(), now=NOW, names_until=NOW)
    assert await listed(store) == []
    with pytest.raises(EntityNotFound):
        await store.get_task(before.name, NOW)
    after = a_task(before.name.task)
    await keep(store, after)
    assert await listed(store) == [after.name.task]
    assert await store.settle(ended(q, before)) is False
    assert await store.settle(ended(purged, before)) is False
    assert await store.get_task(after.name, NOW) == after
    assert await store.due_tasks(q, after=None, until=NOW, limit=9, max_bytes=10**9) == []
    assert await store.next_due(q, after=None) is None
    assert await store.next_due(purged, after=None) == NOW


async def test_refusals_are_the_domains(store: SqlStore) -> None:
    (refusal,) = await store.add_tasks([a_task()])
    assert isinstance(refusal, KumoError)
    assert refusal.message.startswith("Queue does not exist.")
