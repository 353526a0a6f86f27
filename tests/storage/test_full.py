"""A store without space: additions are refused, results are still committed, and all goes on when space returns."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from kumotasks.domain.errors import StorageFull
from kumotasks.domain.history import AttemptRecord
from kumotasks.domain.queue import Queue
from kumotasks.domain.retry import dispatched
from kumotasks.domain.task import Task
from kumotasks.storage.history import LetterKey
from kumotasks.storage.sqlite import SqliteStore
from kumotasks.storage.sqlstore import SqlStore
from kumotasks.storage.store import Settlement, StoredQueue, Wake
from tests.factory import NOW, a_named_task, a_queue, a_record, a_request, a_task, ended, failed, queue_name

PAGES = 150  # 0.6 MB


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqlStore]:
    store = SqliteStore(tmp_path / "kumo.db", max_pages=PAGES)
    await store.start()
    yield store
    await store.stop()


@pytest.fixture
async def q(store: SqlStore) -> StoredQueue:
    return await store.create_queue(a_queue(), NOW)


def a_page_of_task() -> Task:
    return a_task(target=a_request(b"x" * 4000))


def a_long_record() -> AttemptRecord:
    """Longer than all the space there is."""
    return replace(a_record(1), message="x" * PAGES * 4_096)


async def fill(store: SqlStore) -> list[Task]:
    """Add until nothing more goes in; what was kept."""
    kept = []
    for _ in range(PAGES):
        task = a_page_of_task()
        try:
            await store.add_tasks([task])
        except StorageFull:
            return kept
        kept.append(task)
    raise AssertionError("the store did not fill up")


async def first_refused(store: SqlStore) -> Queue:
    """Create queues until one is refused."""
    for n in range(PAGES * 20):
        try:
            await store.create_queue(a_queue(f"q{n}"), NOW)
        except StorageFull:
            return a_queue(f"q{n}")
    raise AssertionError("the store did not fill up")


async def there(store: SqlStore) -> list[Task]:
    return await store.list_tasks(queue_name(), after="", limit=PAGES, max_bytes=10**9)


async def test_an_addition_without_space_is_refused_and_what_was_kept_is_there(store: SqlStore, q: StoredQueue) -> None:
    kept = await fill(store)
    assert await there(store) == kept


async def test_results_are_committed_while_additions_are_refused(store: SqlStore, q: StoredQueue) -> None:
    kept = await fill(store)
    retried = dispatched(kept[1], NOW)
    answers = await asyncio.gather(
        store.settle(ended(q, kept[0])),
        store.add_tasks([a_task(target=a_request(b"x" * 500_000))]),
        store.settle(failed(q, retried)),
        return_exceptions=True,
    )
    assert [answers[0], type(answers[1]), answers[2]] == [True, StorageFull, True]
    assert await there(store) == [retried, *kept[2:]]


async def test_without_space_a_result_is_committed_and_its_attempt_forgotten(store: SqlStore, q: StoredQueue) -> None:
    kept = await fill(store)
    retried = dispatched(kept[1], NOW)
    answers = await asyncio.gather(
        store.settle(ended(q, kept[0])), store.settle(failed(q, retried, attempt=a_long_record()))
    )
    assert answers == [True, True]
    assert await there(store) == [retried, *kept[2:]]
    assert await store.history.attempts(retried.name, after=(0, 0), limit=9) == []
    assert await store.settle(ended(q, kept[2]))
    assert await store.settle(failed(q, retried, attempt=a_record(2)))
    assert len(await store.history.attempts(retried.name, after=(0, 0), limit=9)) == 1


async def test_a_task_that_is_given_up_without_space_stays_until_it_can_be_kept_as_a_letter(
    store: SqlStore, q: StoredQueue
) -> None:
    kept = await fill(store)
    last = a_record(1)
    deaths = [ended(q, task, attempt=last, dead=last) for task in kept[:50]]
    answers = await asyncio.gather(*map(store.settle, deaths), return_exceptions=True)
    refused = [death for death, answer in zip(deaths, answers, strict=True) if isinstance(answer, StorageFull)]
    assert await there(store) == [*[death.task for death in refused], *kept[50:]]
    await asyncio.gather(*[store.settle(ended(q, task)) for task in kept[50:]])
    assert all(await asyncio.gather(*map(store.settle, refused)))
    found = await store.history.dead_letters(queue_name(), after=LetterKey("", 0), limit=PAGES, max_bytes=10**9)
    assert [letter.task for letter in found] == kept[:50]
    assert await there(store) == []


async def test_a_death_without_space_does_not_hold_up_an_end(store: SqlStore, q: StoredQueue) -> None:
    kept = await fill(store)
    answers = await asyncio.gather(
        store.settle(ended(q, kept[0], dead=a_long_record())), store.settle(ended(q, kept[1])), return_exceptions=True
    )
    assert [type(answers[0]), answers[1]] == [StorageFull, True]
    assert await there(store) == [kept[0], *kept[2:]]


async def test_of_several_tasks_without_space_none_is_kept(store: SqlStore, q: StoredQueue, tmp_path: Path) -> None:
    kept = await fill(store)
    with pytest.raises(StorageFull):
        await store.add_tasks([a_named_task("n"), *(a_page_of_task() for _ in range(20))])
    assert await there(store) == kept
    assert await store.settle(ended(q, kept[0]))
    assert await store.add_tasks([named := a_named_task("n")]) == [named]


async def test_a_refused_addition_wakes_nobody(store: SqlStore, q: StoredQueue) -> None:
    heard: list[Wake] = []
    store.listen(heard.extend)
    kept = await fill(store)
    assert len(heard) == len(kept)


async def test_a_queue_without_space_is_refused_and_can_be_made_later(store: SqlStore, q: StoredQueue) -> None:
    kept = await fill(store)
    refused = await first_refused(store)
    assert await store.settle(ended(q, kept[0]))
    assert await store.settle(ended(q, kept[1]))
    stored = await store.create_queue(refused, NOW)
    assert await store.get_queue(refused.name) == stored


async def test_additions_go_on_when_space_returns(store: SqlStore, q: StoredQueue) -> None:
    kept = await fill(store)
    ends: list[Settlement] = [ended(q, task) for task in kept[:10]]
    assert all([await answer for answer in [store.settle(end) for end in ends]])
    more = [a_page_of_task() for _ in range(5)]
    assert list(await store.add_tasks(more)) == more
    assert await there(store) == [*kept[10:], *more]


async def test_a_full_store_opens_again_with_everything(store: SqlStore, q: StoredQueue, tmp_path: Path) -> None:
    kept = await fill(store)
    await store.take_homes()
    await store.stop()
    again = SqliteStore(tmp_path / "kumo.db")
    await again.start()
    assert await there(again) == kept
    assert len(await again.add_tasks([a_page_of_task()])) == 1
    await again.stop()
