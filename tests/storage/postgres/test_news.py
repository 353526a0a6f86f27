"""What one node does to the records is told on the others: all of it, once, whatever order commits came in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import asyncpg  # type: ignore[import-untyped]
import pytest

from kumotasks.domain.clock import HOUR, ManualClock
from kumotasks.domain.errors import StorageUnavailable
from kumotasks.storage.news import ANY, FRESH, KEPT, NO_NEWS, Follower
from kumotasks.storage.sqlstore import SqlStore
from kumotasks.storage.statements import read_statements
from tests.factory import NOW
from tests.postgres import cut_off, postgres
from tests.storage.conformance.places import PostgresPlace

PUT = read_statements("postgres")["put_record"]


class Following:
    """A node's news of two kinds, on a clock of its own."""

    def __init__(self, store: SqlStore) -> None:
        self.clock = ManualClock(NOW)
        self.follower = Follower(store.records, self.clock)
        self.told: list[tuple[str, str]] = []
        self._came = asyncio.Event()
        for kind in ("a", "b"):
            self.follower.watch(kind, lambda key, kind=kind: self._add(kind, key))  # type: ignore[misc]

    def _add(self, kind: str, key: str) -> None:
        self.told.append((kind, key))
        self._came.set()

    async def one(self) -> tuple[str, str]:
        """What is told next."""
        async with asyncio.timeout(30):
            while not self.told:
                self._came.clear()
                await self._came.wait()
        return self.told.pop(0)


@pytest.fixture
async def following(there: SqlStore) -> Following:
    following = Following(there)
    await following.follower.confirm()
    return following


@pytest.fixture
async def live(following: Following) -> AsyncIterator[Following]:
    await following.follower.start()
    yield following
    await following.follower.stop()


async def put(store: SqlStore, kind: str, key: str) -> None:
    await store.records.put_record(kind, key, b"v", now=NOW, if_etag=None)


async def test_a_put_and_a_deletion_elsewhere_are_told_by_themselves(here: SqlStore, live: Following) -> None:
    await put(here, "a", "1")
    assert await live.one() == ("a", "1")
    await here.records.delete_record("a", "1")
    assert await live.one() == ("a", "1")


async def test_they_are_told_also_where_no_notice_arrives(
    here: SqlStore, there: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(there.records, "overhear", lambda _: None)
    deaf = Following(there)
    await deaf.follower.start()
    await put(here, "a", "1")
    assert await deaf.one() == ("a", "1")
    await deaf.follower.stop()


async def test_what_was_committed_before_a_confirmation_is_told_by_it(here: SqlStore, following: Following) -> None:
    for key in ("1", "2"):
        await put(here, "a", key)
        await put(here, "b", key)
    await put(here, "unwatched", "1")
    await following.follower.confirm()
    assert sorted(following.told) == [("a", "1"), ("a", "2"), ("b", "1"), ("b", "2")]


async def test_each_change_is_told_once(here: SqlStore, following: Following) -> None:
    await put(here, "a", "1")
    for _ in range(3):
        await following.follower.confirm()
    assert following.told == [("a", "1")]


async def test_what_was_there_before_the_first_look_is_not_told(here: SqlStore, there: SqlStore) -> None:
    await put(here, "a", "1")
    late = Following(there)
    await late.follower.confirm()
    assert late.told == []


async def test_a_transaction_that_commits_late_is_told_though_later_ones_were(
    here: SqlStore, following: Following, place: PostgresPlace
) -> None:
    slow = await asyncpg.connect(place.url)
    transaction = slow.transaction()
    await transaction.start()
    await slow.execute(PUT, "a", "slow", b"v", "etag", NOW)
    await put(here, "a", "quick")
    await following.follower.confirm()
    assert following.told == [("a", "quick")]
    await transaction.commit()
    await following.follower.confirm()
    assert following.told == [("a", "quick"), ("a", "slow")]
    await slow.close()


async def test_a_put_that_is_refused_tells_nothing(here: SqlStore, following: Following) -> None:
    with pytest.raises(Exception, match=r"^$"):
        await here.records.put_record("a", "1", b"v", now=NOW, if_etag="wrong")
    assert not await here.records.delete_record("a", "1")
    await following.follower.confirm()
    assert following.told == []


async def test_many_questions_at_once_are_one_look_or_two(
    following: Following, there: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = 0
    touched = there.records.touched

    async def counted(since: int | None) -> object:
        nonlocal looks
        looks += 1
        return await touched(since)

    monkeypatch.setattr(there.records, "touched", counted)
    await asyncio.gather(*(following.follower.confirm() for _ in range(50)))
    assert looks in {1, 2}


async def test_it_is_current_for_five_seconds_after_a_look(following: Following, there: SqlStore) -> None:
    assert not Following(there).follower.current()
    following.clock.turn(NOW + FRESH - 1)
    assert following.follower.current()
    following.clock.turn(NOW + FRESH)
    assert not following.follower.current()
    await following.follower.confirm()
    assert following.follower.current()


async def test_a_store_that_is_away_confirms_nothing(following: Following, there: SqlStore) -> None:
    await there.stop()
    following.clock.turn(NOW + FRESH)
    with pytest.raises(StorageUnavailable):
        await following.follower.confirm()
    assert not following.follower.current()


async def test_a_lost_connection_loses_no_news(here: SqlStore, live: Following, place: PostgresPlace) -> None:
    postgres().execute(cut_off(place.database))
    for _ in range(200):
        try:
            await put(here, "a", "1")
            break
        except StorageUnavailable:
            await asyncio.sleep(0.05)
    assert await live.one() == ("a", "1")


async def test_after_a_silence_in_which_news_were_forgotten_anything_may_have_changed(
    here: SqlStore, following: Following, place: PostgresPlace
) -> None:
    await put(here, "a", "1")
    postgres().execute("DELETE FROM record_change", database=place.database)
    following.clock.turn(NOW + KEPT)
    await following.follower.confirm()
    assert following.told == [("a", ANY), ("b", ANY)]


async def test_old_news_are_forgotten_and_young_ones_kept(here: SqlStore, place: PostgresPlace) -> None:
    await put(here, "a", "1")
    postgres().execute(f"UPDATE record_change SET at = at - {2 * HOUR}", database=place.database)
    await put(here, "a", "2")
    assert await here.records.forget_touched(older=KEPT, limit=10) == 1
    assert postgres().fetch("SELECT key FROM record_change", place.database) == [("2",)]


async def test_of_a_store_of_ones_own_there_is_no_news() -> None:
    NO_NEWS.watch("a", lambda key: pytest.fail(f"{key} was told"))
    await NO_NEWS.confirm()
    assert NO_NEWS.current()
