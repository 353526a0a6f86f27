"""Tasks that ran out of attempts: listed, driven again, removed; one, or all that a filter names."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kumotasks.domain.clock import DAY, SECOND, ManualClock
from kumotasks.domain.errors import EntityNotFound, InvalidArgument, QueueNotFound
from kumotasks.domain.retry import dispatched
from kumotasks.domain.task import Serials
from kumotasks.service import dead_letters
from kumotasks.service.dead_letters import DeadLetters, letter_ident
from kumotasks.service.letter_document import document
from kumotasks.storage.history import DeadLetter
from kumotasks.storage.sqlstore import SqlStore
from kumotasks.storage.store import StoredQueue
from tests.factory import (
    NOW,
    PARENT,
    a_named_task,
    a_queue,
    a_record,
    a_request,
    a_task,
    an_app_engine_request,
    ended,
    queue_name,
)

QUEUE = f"{PARENT}/queues/q"


@pytest.fixture
def letters(store: SqlStore, clock: ManualClock) -> DeadLetters:
    clock.turn(NOW + DAY)
    return DeadLetters(history=store.history, clock=clock, serials=Serials())


@pytest.fixture
async def q(store: SqlStore) -> StoredQueue:
    return await store.create_queue(a_queue(), NOW)


async def die(store: SqlStore, q: StoredQueue, *names: str, status: int = 500) -> None:
    tasks = [dispatched(a_named_task(name), NOW) for name in names]
    await store.add_tasks(tasks)
    last = replace(a_record(1, next_at=None), status=status)
    for task in tasks:
        assert await store.settle(ended(q, task, attempt=last, dead=last))


async def listed(letters: DeadLetters, wanted: str = "", *, size: int = 0, token: str = "") -> tuple[list[str], str]:
    page = await letters.list(QUEUE, filter_text=wanted, page_size=size, page_token=token)
    return [letter.task.name.task for letter in page.letters], page.next_page_token


async def living(store: SqlStore) -> list[str]:
    found = await store.list_tasks(queue_name(), after="", limit=9_999, max_bytes=10**9)
    return [task.name.task for task in found]


async def test_letters_come_page_by_page(store: SqlStore, q: StoredQueue, letters: DeadLetters) -> None:
    await die(store, q, *"abcde")
    seen, token = await listed(letters, size=2)
    while token:
        names, token = await listed(letters, size=2, token=token)
        assert len(names) <= 2
        seen += names
    assert seen == list("abcde")
    assert await listed(letters, size=5) == (list("abcde"), "")


async def test_a_page_of_a_filter_ends_after_so_many_letters(
    store: SqlStore, q: StoredQueue, letters: DeadLetters, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dead_letters, "_SCANNED", 3)
    await die(store, q, *"abcd")
    await die(store, q, "e", status=404)
    names, token = await listed(letters, "httpStatus=404")
    assert names == []
    assert await listed(letters, "httpStatus=404", token=token) == (["e"], "")


async def test_a_page_ends_by_size(
    store: SqlStore, q: StoredQueue, letters: DeadLetters, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dead_letters, "_PAGE_BYTES", 1_000)
    tasks = [replace(a_named_task(name), target=a_request(b"x" * 600)) for name in "abc"]
    await store.add_tasks(tasks)
    for task in tasks:
        assert await store.settle(ended(q, task, dead=a_record(1)))
    names, token = await listed(letters)
    assert names == ["a", "b"]
    assert await listed(letters, token=token) == (["c"], "")


async def test_one_is_named_by_its_task_or_by_task_and_serial(
    store: SqlStore, q: StoredQueue, letters: DeadLetters
) -> None:
    await die(store, q, "n")
    await die(store, q, "n")
    page = await letters.list(QUEUE, filter_text="", page_size=0, page_token="")
    old, new = page.letters
    assert await letters.get(QUEUE, "n") == new
    assert await letters.get(QUEUE, letter_ident(old.key)) == old
    for ident in ("m", "n.5"):
        with pytest.raises(EntityNotFound):
            await letters.get(QUEUE, ident)
    for ident in ("", "n.", ".5", "n.x", "n.5.5", "n/m", "n." + "9" * 30):
        with pytest.raises(InvalidArgument):
            await letters.get(QUEUE, ident)


async def test_one_is_driven_again_and_one_removed(
    store: SqlStore, q: StoredQueue, letters: DeadLetters, clock: ManualClock
) -> None:
    await die(store, q, "a", "b")
    task = await letters.redrive(QUEUE, "a")
    assert (task.name.task, task.schedule_time, task.progress.dispatch_count) == ("a", clock.now(), 0)
    await letters.remove(QUEUE, "b")
    assert (await living(store), await listed(letters)) == (["a"], ([], ""))
    for name in ("a", "b"):
        with pytest.raises(EntityNotFound):
            await letters.redrive(QUEUE, name)
        with pytest.raises(EntityNotFound):
            await letters.remove(QUEUE, name)


async def test_all_are_driven_again_in_batches(
    store: SqlStore, q: StoredQueue, letters: DeadLetters, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dead_letters, "_BATCH", 4)
    names = [f"n{number:02}" for number in range(10)]
    await die(store, q, *names)
    assert await letters.redrive_all(QUEUE, filter_text="") == 10
    assert (await living(store), await listed(letters)) == (names, ([], ""))
    found = await store.list_tasks(queue_name(), after="", limit=99, max_bytes=10**9)
    assert len({task.serial for task in found}) == 10


async def test_serials_are_not_given_twice(store: SqlStore, q: StoredQueue, clock: ManualClock) -> None:
    clock.turn(NOW + DAY)
    serials = Serials()
    letters = DeadLetters(history=store.history, clock=clock, serials=serials)
    await die(store, q, *"abc")
    await letters.redrive_all(QUEUE, filter_text="")
    found = await store.list_tasks(queue_name(), after="", limit=99, max_bytes=10**9)
    assert serials.next(clock.now()) > max(task.serial for task in found)


async def test_what_dies_again_while_all_are_driven_stays_dead(
    store: SqlStore, q: StoredQueue, letters: DeadLetters, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dead_letters, "_BATCH", 1)
    await die(store, q, *"abc")
    redrive = store.history.redrive

    async def and_die(*args: object, **more: object) -> object:
        driven = await redrive(*args, **more)  # type: ignore[arg-type]
        for task in driven:
            assert await store.settle(ended(q, task, dead=a_record(1)))
        return driven

    monkeypatch.setattr(store.history, "redrive", and_die)
    assert await letters.redrive_all(QUEUE, filter_text="") == 3
    assert await listed(letters) == (list("abc"), "")


async def test_a_filter_names_what_is_driven_and_what_is_removed(
    store: SqlStore, q: StoredQueue, letters: DeadLetters
) -> None:
    await die(store, q, "a", "b", status=503)
    await die(store, q, "c", "d", status=404)
    assert await letters.redrive_all(QUEUE, filter_text="httpStatus>=500") == 2
    assert await letters.purge(QUEUE, filter_text='task:"/tasks/c"') == 1
    assert await letters.purge(QUEUE, filter_text="httpStatus=200") == 0
    assert (await living(store), await listed(letters)) == (["a", "b"], (["d"], ""))
    assert await letters.purge(QUEUE, filter_text="") == 1
    with pytest.raises(InvalidArgument):
        await letters.purge(QUEUE, filter_text="httpStatus=")
    with pytest.raises(InvalidArgument):
        await letters.redrive_all(QUEUE, filter_text="(")


async def test_a_queue_that_is_not_there(letters: DeadLetters) -> None:
    for call in (
        listed(letters),
        letters.redrive_all(QUEUE, filter_text=""),
        letters.purge(QUEUE, filter_text=""),
    ):
        with pytest.raises(QueueNotFound):
            await call
    for one in (letters.get(QUEUE, "n"), letters.redrive(QUEUE, "n"), letters.remove(QUEUE, "n")):
        with pytest.raises(EntityNotFound):
            await one


def test_a_filter_sees_when_and_how_and_what() -> None:
    task = dispatched(a_task("n", created=NOW), NOW)
    letter = DeadLetter(task, replace(a_record(1, ended=NOW + SECOND), excerpt=b"no \xff", reason="last of 1"))
    assert document(letter) == {
        "task": f"{QUEUE}/tasks/n",
        "createTime": "2026-01-01T00:00:00Z",
        "deathTime": "2026-01-01T00:00:01Z",
        "attempts": 1,
        "code": 13,
        "message": "INTERNAL(13): HTTP status code 500",
        "reason": "last of 1",
        "excerpt": "no \ufffd",
        "httpStatus": 500,
        "url": "https://worker.example/run",
        "method": "POST",
    }
    silent = DeadLetter(replace(task, target=an_app_engine_request()), replace(a_record(1), status=None))
    assert "httpStatus" not in document(silent)
    assert (document(silent)["relativeUri"], document(silent)["method"]) == ("/run?x=1", "PUT")
