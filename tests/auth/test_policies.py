"""The policies in force: memory never says anything else than the store, whatever happens in between."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from kumotasks.auth import policies
from kumotasks.auth.policies import KIND, PolicyBook, default_policy
from kumotasks.domain.account import ServiceAccount, default_accounts
from kumotasks.domain.clock import ManualClock
from kumotasks.domain.errors import PolicyChanged, StorageFull
from kumotasks.domain.policy import EMPTY_ETAG, Binding, Condition, Policy
from kumotasks.storage.records import Record
from tests.auth import judging
from tests.auth.judging import PROJECT, QUEUE, Shelf, World
from tests.factory import NOW

READERS = Policy(1, (Binding("roles/viewer", ("user:a@b", "allUsers")),))
WRITERS = Policy(3, (Binding("roles/editor", ("user:a@b",), Condition("true", "title", "description", "here")),))
ANN = ServiceAccount("shop", "ann@shop.iam.gserviceaccount.com", "1" * 21)
LIVE = f"serviceAccount:{ANN.email}"
DEAD = f"deleted:{LIVE}?uid={ANN.unique_id}"


def book_over(shelf: Shelf) -> PolicyBook:
    return PolicyBook(shelf, ManualClock(NOW), default_policy)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with judging.world(tmp_path) as world:
        yield world


async def test_a_policy_is_kept_whole_and_by_others_too(world: World) -> None:
    for policy in (READERS, WRITERS):
        stored = await world.book.put(QUEUE, policy, if_etag=b"")
        assert stored == replace(policy, etag=stored.etag)
        assert stored.etag not in (b"", EMPTY_ETAG)
        assert await world.book.get(QUEUE) == stored
        assert await PolicyBook(world.records, world.clock, default_policy).get(QUEUE) == stored


async def test_without_a_policy_there_is_an_empty_one_and_a_projects_default(world: World) -> None:
    assert await world.book.get(QUEUE) == Policy()
    assert await world.book.get(PROJECT) == default_policy("shop")
    assert await world.book.get(f"{PROJECT}/serviceAccounts/{ANN.email}") == Policy()


def test_the_default_policy_is_googles() -> None:
    app, compute, agent = (f"serviceAccount:{account.email}" for account in default_accounts("shop"))
    serving = Binding("roles/cloudtasks.serviceAgent", (agent,))
    assert default_policy("shop") == Policy(1, (Binding("roles/editor", (app, compute)), serving), EMPTY_ETAG)
    assert default_policy("shop", editors=False).bindings == (serving,)


async def test_an_etag_must_still_be_the_policys(world: World) -> None:
    first = await world.book.put(QUEUE, READERS, if_etag=EMPTY_ETAG)
    second = await world.book.put(QUEUE, WRITERS, if_etag=first.etag)
    for etag in (first.etag, EMPTY_ETAG, b"\xff", b"x"):
        with pytest.raises(PolicyChanged):
            await world.book.put(QUEUE, READERS, if_etag=etag)
    assert await world.book.get(QUEUE) == second


async def test_what_is_dropped_is_gone(world: World) -> None:
    await world.book.put(QUEUE, READERS, if_etag=b"")
    await world.book.drop(QUEUE)
    assert await world.book.get(QUEUE) == Policy()
    assert await world.records.get_record(KIND, QUEUE) is None
    await world.book.drop(QUEUE)


async def test_a_policy_is_read_once_and_every_change_is_told() -> None:
    shelf = Shelf()
    book = book_over(shelf)
    for resource in (QUEUE, PROJECT):
        for _ in range(3):
            await book.get(resource)
    assert shelf.asked == 2
    epochs = [book.epoch]
    stored = await book.put(QUEUE, READERS, if_etag=b"")
    epochs.append(book.epoch)
    with pytest.raises(PolicyChanged):
        await book.put(QUEUE, READERS, if_etag=EMPTY_ETAG)
    asked = shelf.asked
    assert await book.get(QUEUE) == stored  # read again, for nobody could tell what had been stored
    assert await book.get(QUEUE) == stored
    assert shelf.asked == asked + 1
    epochs.append(book.epoch)
    await book.drop(QUEUE)
    epochs.append(book.epoch)
    assert epochs == sorted(set(epochs))


async def test_only_so_many_are_kept_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policies, "_KEPT", 5)
    book = book_over(Shelf())
    for number in range(12):
        await book.get(f"{QUEUE}{number}")
        assert len(book._kept) <= 5


# races


async def test_a_write_whose_caller_went_away_is_in_force_all_the_same() -> None:
    shelf = Shelf()
    book = book_over(shelf)
    await book.put(QUEUE, READERS, if_etag=b"")
    shelf.held_up = {"put"}
    going = asyncio.ensure_future(book.put(QUEUE, WRITERS, if_etag=b""))
    await shelf.arrived.wait()
    going.cancel()
    with pytest.raises(asyncio.CancelledError):
        await going
    epoch = book.epoch
    shelf.go.set()
    await drained(book)
    assert book.epoch > epoch
    assert (await book.get(QUEUE)).bindings == WRITERS.bindings


async def test_what_was_read_before_a_change_is_not_kept_after_it() -> None:
    shelf = Shelf()
    book = book_over(shelf)
    shelf.held_up = {"get"}
    reading = asyncio.ensure_future(book.get(QUEUE))
    await shelf.arrived.wait()
    await book.put(QUEUE, READERS, if_etag=b"")
    shelf.go.set()
    assert await reading == Policy()
    assert (await book.get(QUEUE)).bindings == READERS.bindings


async def test_of_two_writes_at_once_memory_has_the_later() -> None:
    class Slow(Shelf):
        """Tells of the first write late."""

        async def put_record(self, kind: str, key: str, value: bytes, *, now: int, if_etag: str | None) -> Record:
            record = await super().put_record(kind, key, value, now=now, if_etag=if_etag)
            if not self.arrived.is_set():
                self.arrived.set()
                await self.go.wait()
            return record

    shelf = Slow()
    book = book_over(shelf)
    first = asyncio.ensure_future(book.put(QUEUE, READERS, if_etag=b""))
    await shelf.arrived.wait()
    second = asyncio.ensure_future(book.put(QUEUE, WRITERS, if_etag=b""))
    for _ in range(10):
        await asyncio.sleep(0)
    shelf.go.set()
    await asyncio.gather(first, second)
    assert (await book.get(QUEUE)).etag == shelf.kept[KIND, QUEUE].etag.encode()


@pytest.mark.parametrize("change", [lambda book: book.put(QUEUE, WRITERS, if_etag=b""), lambda book: book.drop(QUEUE)])
async def test_after_a_write_that_failed_the_store_is_asked_again(
    change: Callable[[PolicyBook], Awaitable[object]], monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf = Shelf()
    book = book_over(shelf)
    await book.put(QUEUE, READERS, if_etag=b"")

    async def fail(*_arguments: object, **_more: object) -> object:
        raise StorageFull

    monkeypatch.setattr(shelf, "put_record", fail)
    monkeypatch.setattr(shelf, "delete_record", fail)
    epoch = book.epoch
    with pytest.raises(StorageFull):
        await change(book)
    assert book.epoch > epoch
    assert (await book.get(QUEUE)).bindings == READERS.bindings


# accounts that come and go


async def test_a_deleted_account_is_bound_under_its_unique_id_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policies, "_BATCH", 2)
    shelf = Shelf()
    book = book_over(shelf)
    names = [f"{QUEUE}{number}" for number in range(7)]
    binding = Binding("roles/viewer", ("allUsers", LIVE), Condition("true"))
    other = Binding("roles/viewer", (f"{LIVE}.example", f"user:{ANN.email}", f"deleted:{LIVE}?uid=7"))
    for name in names:
        await book.put(name, Policy(3, (binding, other)), if_etag=b"")
    await book.mark_deleted(ANN)
    for name in names:
        assert (await book.get(name)).bindings == (replace(binding, members=("allUsers", DEAD)), other)
    await book.mark_undeleted(ANN)
    for name in names:
        assert (await book.get(name)).bindings == (binding, other)


async def test_the_policy_on_a_deleted_account_waits_aside() -> None:
    book = book_over(Shelf())
    await book.put(ANN.name, READERS, if_etag=b"")
    await book.mark_deleted(ANN)
    assert await book.get(ANN.name) == Policy()
    await book.mark_undeleted(ANN)
    assert (await book.get(ANN.name)).bindings == READERS.bindings


async def test_another_process_may_change_a_policy_in_between() -> None:
    shelf = Shelf()
    book = book_over(shelf)
    await book.put(QUEUE, Policy(1, (Binding("roles/viewer", (LIVE,)),)), if_etag=b"")
    shelf.held_up = {"put"}
    going = asyncio.ensure_future(book.mark_deleted(ANN))
    await shelf.arrived.wait()
    changed = shelf.kept[KIND, QUEUE].value.replace(b"roles/viewer", b"roles/editor")
    shelf.changed_elsewhere(KIND, QUEUE, changed)
    shelf.go.set()
    await going
    assert (await book.get(QUEUE)).bindings == (Binding("roles/editor", (DEAD,)),)


async def drained(book: PolicyBook) -> None:
    """Until every write that was begun has been made."""
    await asyncio.gather(*book._writes, return_exceptions=True)
