"""What is left of attempts and of tasks that were given up: written with the result, read, driven again, swept."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kumotasks.domain.clock import HOUR, SECOND
from kumotasks.domain.errors import EntityNotFound, QueueNotFound
from kumotasks.domain.history import AttemptRecord
from kumotasks.domain.retry import dispatched
from kumotasks.domain.target import OidcToken
from kumotasks.domain.task import FRESH, RetryOverride, Task
from kumotasks.storage.history import ATTEMPTS_OF_TASK, DeadLetter, Keep, LetterKey, Past
from kumotasks.storage.sqlstore import SqlStore
from kumotasks.storage.store import StoredQueue, TaskAdded, Wake
from tests.factory import NOW, a_named_task, a_queue, a_record, a_request, a_task, ended, failed, queue_name, task_name
from tests.storage.conformance.places import Place

ALL = {"after": LetterKey("", 0), "limit": 1_000, "max_bytes": 10**9}


async def attempts(store: SqlStore, name: str) -> list[Past]:
    return await store.history.attempts(task_name(name), after=(0, 0), limit=1_000)


async def letters(store: SqlStore, queue: str = "q") -> list[DeadLetter]:
    return await store.history.dead_letters(queue_name(queue), **ALL)  # type: ignore[arg-type]


async def die(store: SqlStore, stored: StoredQueue, *tasks: Task, at: int = NOW) -> list[DeadLetter]:
    """The tasks are added, tried once and given up at `at`."""
    await store.add_tasks(tasks)
    dead = [DeadLetter(dispatched(task, NOW), a_record(1, ended=at, next_at=None)) for task in tasks]
    results = [store.settle(ended(stored, each.task, attempt=each.last, dead=each.last)) for each in dead]
    assert all([await result for result in results])
    return dead


# attempts


async def test_attempts_are_told_in_order_for_as_long_as_the_name_has_a_past(store: SqlStore, q: StoredQueue) -> None:
    task = a_named_task("n")
    await store.add_tasks([task])
    records = [a_record(number) for number in (1, 2, 3)]
    for record in records[:2]:
        assert await store.settle(failed(q, task, attempt=record))
    assert await store.settle(ended(q, task, attempt=records[2]))
    assert await attempts(store, "n") == [Past(task.serial, record) for record in records]
    assert await attempts(store, "m") == []


async def test_every_part_of_an_attempt_is_kept(store: SqlStore, q: StoredQueue) -> None:
    task = a_named_task("n")
    await store.add_tasks([task])
    odd = AttemptRecord(7, NOW - 5, NOW - 4, NOW, None, 14, "☁", b"\x00\xff" * 512, NOW + 9, "backoff")
    assert await store.settle(failed(q, task, attempt=odd))
    assert await attempts(store, "n") == [Past(task.serial, odd)]


async def test_nothing_is_written_for_a_result_without_a_record(store: SqlStore, q: StoredQueue) -> None:
    tasks = [a_named_task("n"), a_named_task("m")]
    await store.add_tasks(tasks)
    assert await store.settle(failed(q, tasks[0]))
    assert await store.settle(ended(q, tasks[1]))
    assert (await attempts(store, "n"), await attempts(store, "m"), await letters(store)) == ([], [], [])


async def test_a_result_for_a_task_that_is_gone_leaves_nothing(store: SqlStore, q: StoredQueue) -> None:
    gone, stays = a_named_task("n"), a_named_task("m")
    await store.add_tasks([gone, stays])
    await store.delete_task(gone.name, now=NOW, name_until=NOW)
    record = a_record(1)
    results = [
        store.settle(ended(q, gone, attempt=record, dead=record)),
        store.settle(failed(q, gone, attempt=record)),
        store.settle(failed(q, stays, attempt=record)),
    ]
    assert [await result for result in results] == [False, False, True]
    assert (await attempts(store, "n"), await letters(store)) == ([], [])
    assert len(await attempts(store, "m")) == 1


async def test_attempts_of_tasks_that_bore_one_name_stay_apart(store: SqlStore, q: StoredQueue) -> None:
    first, second = a_named_task("n", serial=NOW), a_named_task("n", serial=NOW + 1)
    for task in (first, second):
        await store.add_tasks([task])
        assert await store.settle(ended(q, task, attempt=a_record(1), name_until=NOW))
    assert [past.serial for past in await attempts(store, "n")] == [NOW, NOW + 1]


async def test_attempts_are_read_page_by_page(store: SqlStore, q: StoredQueue) -> None:
    task = a_named_task("n")
    await store.add_tasks([task])
    for number in range(1, 6):
        assert await store.settle(failed(q, task, attempt=a_record(number)))
    seen, after = [], (0, 0)
    while page := await store.history.attempts(task.name, after=after, limit=2):
        assert len(page) <= 2
        seen += [past.record.number for past in page]
        after = (page[-1].serial, page[-1].record.number)
    assert seen == [1, 2, 3, 4, 5]


async def test_of_a_task_that_is_tried_for_ever_the_last_attempts_are_kept(store: SqlStore, q: StoredQueue) -> None:
    task = a_named_task("n")
    await store.add_tasks([task])
    most = ATTEMPTS_OF_TASK + 5
    for number in range(1, most + 1):
        assert await store.settle(failed(q, task, attempt=a_record(number)))
    assert [past.record.number for past in await attempts(store, "n")] == list(range(6, most + 1))


async def test_of_all_attempts_the_last_are_kept(
    store: SqlStore, q: StoredQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kumotasks.storage.remains.ATTEMPTS", 10)
    tasks = [a_named_task(f"n{number}") for number in range(30)]
    await store.add_tasks(tasks)
    for task in tasks:
        assert await store.settle(failed(q, task, attempt=a_record(1)))
    remembered = [bool(await attempts(store, task.name.task)) for task in tasks]
    assert remembered == [False] * 20 + [True] * 10


# dead letters


async def test_a_task_that_is_given_up_is_a_dead_letter_with_the_same_commit(
    store: SqlStore, q: StoredQueue, place: Place
) -> None:
    whole = a_task(
        "n",
        named=True,
        target=replace(a_request(b"body"), oidc_token=OidcToken("a@b.example", "me")),
        deadline=30 * SECOND,
        retry=RetryOverride(max_attempts=1),
    )
    (dead,) = await die(store, q, whole)
    crashed = place.picture().store()
    await crashed.start()
    assert await letters(crashed) == [dead]
    assert await crashed.history.dead_letter(task_name("n"), None) == dead
    assert await crashed.list_tasks(queue_name(), after="", limit=9, max_bytes=10**9) == []
    await crashed.stop()


async def test_dead_letters_come_by_name_and_page(store: SqlStore, q: StoredQueue) -> None:
    dead = await die(store, q, *[a_named_task(name) for name in ("c", "a", "b")])
    keys = sorted(each.key for each in dead)
    assert [each.key for each in await letters(store)] == keys
    page = await store.history.dead_letters(queue_name(), after=keys[0], limit=1, max_bytes=10**9)
    assert [each.key for each in page] == keys[1:2]
    small = await store.history.dead_letters(queue_name(), after=LetterKey("", 0), limit=9, max_bytes=1)
    assert [each.key for each in small] == keys[:1]


async def test_the_newest_of_a_name_is_meant_unless_the_serial_is_said(store: SqlStore, q: StoredQueue) -> None:
    (old,) = await die(store, q, a_named_task("n", serial=NOW))
    (new,) = await die(store, q, a_named_task("n", serial=NOW + 1))
    name = task_name("n")
    assert await store.history.dead_letter(name, None) == new
    assert await store.history.dead_letter(name, NOW) == old
    with pytest.raises(EntityNotFound):
        await store.history.dead_letter(name, NOW + 2)
    with pytest.raises(EntityNotFound):
        await store.history.dead_letter(task_name("m"), None)


async def test_a_task_driven_again_is_a_new_one_of_the_same_name(
    store: SqlStore, q: StoredQueue, wakes: list[Wake]
) -> None:
    (dead,) = await die(store, q, a_named_task("n"))
    wakes.clear()
    later = NOW + 1_500_000
    (task,) = await store.history.redrive(queue_name(), [dead.key], now=later, first=later)
    anew = {"schedule_time": later, "create_time": NOW + SECOND, "serial": later, "progress": FRESH}
    assert task == replace(dead.task, **anew)  # type: ignore[arg-type]
    assert wakes in ([TaskAdded(q.number, task)], [TaskAdded(q.number, task, away=True)])
    assert await letters(store) == []
    assert await store.get_task(task.name, later) == task
    assert await store.settle(ended(q, task, name_until=later + HOUR))


async def test_a_name_that_rests_may_be_kept_and_one_that_is_taken_may_not(store: SqlStore, q: StoredQueue) -> None:
    tasks = [a_named_task("rests"), a_named_task("taken"), a_task()]
    await store.add_tasks(tasks)
    record = a_record(1)
    for task, until in zip(tasks, (NOW + HOUR, NOW, NOW), strict=True):
        assert await store.settle(ended(q, task, dead=record, name_until=until))
    (living,) = await store.add_tasks([a_named_task("taken", serial=NOW + 10**9)])
    driven = await store.history.redrive(
        queue_name(), [LetterKey(task.name.task, task.serial) for task in tasks], now=NOW, first=NOW + 2 * 10**9
    )
    names = [task.name.task for task in driven]
    assert (names[0], names[2]) == ("rests", tasks[2].name.task)
    assert (names[1] != "taken", driven[1].named) == (True, False)
    assert [task.serial - NOW for task in driven] == [2 * 10**9 + n for n in range(3)]
    assert await store.get_task(task_name("taken"), NOW) == living
    assert sorted(
        task.name.task for task in await store.list_tasks(queue_name(), after="", limit=9, max_bytes=10**9)
    ) == sorted([*names, "taken"])


async def test_a_letter_is_driven_once(store: SqlStore, q: StoredQueue) -> None:
    (dead,) = await die(store, q, a_named_task("n"))
    keys = [dead.key, dead.key, LetterKey("never", 1)]
    assert len(await store.history.redrive(queue_name(), keys, now=NOW, first=NOW + 5)) == 1
    assert await store.history.redrive(queue_name(), keys, now=NOW, first=NOW + 9) == []


async def test_letters_are_removed(store: SqlStore, q: StoredQueue) -> None:
    dead = await die(store, q, *[a_named_task(name) for name in "abc"])
    assert await store.history.remove(queue_name(), [dead[0].key, dead[2].key, LetterKey("x", 1)]) == 2
    assert await letters(store) == [dead[1]]


# the queue


async def test_a_purge_leaves_both_and_what_is_driven_again_belongs_to_the_new_generation(
    store: SqlStore, q: StoredQueue
) -> None:
    (dead,) = await die(store, q, a_named_task("n"))
    stored = await store.purge_queue(queue_name(), now=NOW, names_until=NOW + HOUR)
    assert await letters(store) == [dead]
    assert len(await attempts(store, "n")) == 1
    driven = await store.history.redrive(queue_name(), [dead.key], now=NOW, first=NOW + 5)
    while (await store.sweep(now=NOW, limit=10)).more:
        pass
    assert await store.due_tasks(stored, after=None, until=NOW, limit=9, max_bytes=10**9) == driven


async def test_both_are_gone_with_the_queue(store: SqlStore, q: StoredQueue) -> None:
    dead = await die(store, q, *[a_named_task(f"n{number}") for number in range(25)])
    await store.delete_queue(queue_name(), now=NOW, name_until=NOW)
    with pytest.raises(QueueNotFound):
        await letters(store)
    with pytest.raises(QueueNotFound):
        await attempts(store, "n1")
    with pytest.raises(QueueNotFound):
        await store.history.redrive(queue_name(), [dead[0].key], now=NOW, first=NOW)
    with pytest.raises(QueueNotFound):
        await store.history.remove(queue_name(), [dead[0].key])
    with pytest.raises(EntityNotFound):
        await store.history.dead_letter(dead[0].task.name, None)
    removed = 0
    while (swept := await store.sweep(now=NOW, limit=10)).more:
        assert swept.removed <= 10
        removed += swept.removed
    assert removed >= 75  # a name, an attempt and a letter each
    await store.create_queue(a_queue(), NOW)
    assert (await letters(store), await attempts(store, "n1")) == ([], [])


async def test_a_result_after_the_queue_was_made_again_is_not_remembered(store: SqlStore, q: StoredQueue) -> None:
    task = a_named_task("n")
    await store.add_tasks([task])
    await store.delete_queue(queue_name(), now=NOW, name_until=NOW)
    await store.create_queue(a_queue(), NOW)
    record = a_record(1)
    assert await store.settle(ended(q, task, attempt=record, dead=record)) is False
    assert (await letters(store), await attempts(store, "n")) == ([], [])


# the janitor


async def test_each_is_swept_when_it_was_kept_long_enough(store: SqlStore, q: StoredQueue) -> None:
    keep = Keep(attempts=100, dead_letters=200)
    await die(store, q, a_named_task("a"), at=NOW)
    await die(store, q, a_named_task("b"), at=NOW + 10)
    assert (await store.sweep(now=NOW + 99, limit=9, keep=keep)).next_due == NOW + 100

    async def left(now: int) -> list[int]:
        while (await store.sweep(now=now, limit=9, keep=keep)).more:
            pass
        kept = [len(await attempts(store, name)) for name in "ab"]
        return [*kept, len(await letters(store))]

    assert await left(NOW + 99) == [1, 1, 2]
    assert await left(NOW + 100) == [0, 1, 2]
    assert await left(NOW + 110) == [0, 0, 2]
    assert (await store.sweep(now=NOW + 110, limit=9, keep=keep)).next_due == NOW + 200
    assert await left(NOW + 200) == [0, 0, 1]
    assert await left(NOW + 210) == [0, 0, 0]


async def test_the_old_go_in_bounded_passes(store: SqlStore, q: StoredQueue) -> None:
    await die(store, q, *[a_named_task(f"n{number}") for number in range(25)])
    keep = Keep(attempts=1, dead_letters=1)
    passes = [await store.sweep(now=NOW + 1, limit=10, keep=keep)]
    while passes[-1].more:
        passes.append(await store.sweep(now=NOW + 1, limit=10, keep=keep))
    assert sum(swept.removed for swept in passes) == 25 + 50  # the names rested till NOW
    assert all(swept.removed <= 10 for swept in passes)
    assert await letters(store) == []
