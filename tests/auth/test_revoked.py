"""Taken back is taken back, across a restart too, and forgotten when it no longer matters."""

from __future__ import annotations

from kumotasks.auth.revoked import KIND, Revoked
from kumotasks.domain.clock import HOUR
from tests.auth.proving import NOW, House


async def test_a_token_that_was_taken_back_is_remembered(house: House) -> None:
    assert not await house.revoked.holds("token")
    await house.revoked.add("token", NOW + HOUR)
    assert await house.revoked.holds("token")
    assert not await house.revoked.holds("another")
    assert house.revoked.epoch == 1


async def test_it_is_remembered_across_a_restart(house: House) -> None:
    await house.revoked.add("token", NOW + HOUR)
    again = Revoked(house.store.records, house.clock)
    assert await again.holds("token")


async def test_the_list_gives_no_token_away(house: House) -> None:
    await house.revoked.add("ya29.secret", NOW + HOUR)
    (record,) = await house.store.records.list_records(KIND, prefix="", after="", limit=10)
    assert "secret" not in record.key
    assert b"secret" not in record.value


async def test_a_token_that_has_ended_is_forgotten(house: House) -> None:
    await house.revoked.add("early", NOW + HOUR)
    house.clock.turn(NOW + HOUR)
    await house.revoked.add("late", NOW + 2 * HOUR)
    assert not await house.revoked.holds("early")
    assert await house.revoked.holds("late")
    assert len(await house.store.records.list_records(KIND, prefix="", after="", limit=10)) == 1


async def test_a_long_list_is_read_whole(house: House) -> None:
    for number in range(1001):
        await house.store.records.put_record(KIND, f"{number:064}", b"9" * 16, now=NOW, if_etag=None)
    await house.revoked.add("token", NOW + HOUR)
    assert len(house.revoked._until) == 1002
