"""The past of a task, page by page; and of one that has none, what GetTask would say."""

from __future__ import annotations

import pytest

from kumotasks.domain.clock import DAY, HOUR, ManualClock
from kumotasks.domain.errors import EntityNotFound, InvalidArgument, QueueNotFound, TaskGone
from kumotasks.service.history import Attempts
from kumotasks.storage.sqlstore import SqlStore
from kumotasks.storage.store import StoredQueue
from tests.factory import NOW, PARENT, a_named_task, a_queue, a_record, ended, failed

QUEUE = f"{PARENT}/queues/q"


@pytest.fixture
def attempts(store: SqlStore, clock: ManualClock) -> Attempts:
    return Attempts(store=store, history=store.history, clock=clock)


@pytest.fixture
async def q(store: SqlStore) -> StoredQueue:
    return await store.create_queue(a_queue(), NOW)


async def numbers(attempts: Attempts, name: str, *, size: int = 0, token: str = "") -> tuple[list[int], str]:
    page = await attempts.list(f"{QUEUE}/tasks/{name}", page_size=size, page_token=token)
    return [past.record.number for past in page.attempts], page.next_page_token


async def test_a_page_ends_where_it_was_asked_to(store: SqlStore, q: StoredQueue, attempts: Attempts) -> None:
    task = a_named_task("n")
    await store.add_tasks([task])
    for number in (1, 2, 3):
        await store.settle(failed(q, task, attempt=a_record(number)))
    first, token = await numbers(attempts, "n", size=2)
    assert first == [1, 2]
    assert await numbers(attempts, "n", size=2, token=token) == ([3], "")
    assert await numbers(attempts, "n", size=3) == ([1, 2, 3], "")
    assert await numbers(attempts, "n") == ([1, 2, 3], "")


async def test_a_token_is_of_its_listing_and_of_its_time(
    store: SqlStore, q: StoredQueue, attempts: Attempts, clock: ManualClock
) -> None:
    task = a_named_task("n")
    await store.add_tasks([task])
    for number in (1, 2):
        await store.settle(failed(q, task, attempt=a_record(number)))
    _, token = await numbers(attempts, "n", size=1)
    with pytest.raises(InvalidArgument):
        await numbers(attempts, "m", token=token)
    clock.turn(NOW + DAY)
    with pytest.raises(InvalidArgument):
        await numbers(attempts, "n", token=token)


async def test_a_task_without_a_past_is_judged_as_by_get(store: SqlStore, q: StoredQueue, attempts: Attempts) -> None:
    done = a_named_task("done")
    await store.add_tasks([a_named_task("waits"), done])
    await store.settle(ended(q, done, name_until=NOW + HOUR))
    assert await numbers(attempts, "waits") == ([], "")
    with pytest.raises(TaskGone):
        await numbers(attempts, "done")
    with pytest.raises(EntityNotFound):
        await numbers(attempts, "never")


async def test_names_are_judged(attempts: Attempts) -> None:
    with pytest.raises(QueueNotFound):
        await numbers(attempts, "n")
    for name in ("", "a b", "a/b", "x" * 501):
        with pytest.raises(InvalidArgument):
            await numbers(attempts, name)
