"""The owner is made once, his key file is his alone, and a lost file ends the key that was in it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from kumotasks.auth.accounts import Accounts
from kumotasks.auth.owner import Owner
from kumotasks.domain.clock import ManualClock
from kumotasks.domain.errors import StorageUnavailable
from kumotasks.storage.sqlite import SqliteStore
from kumotasks.storage.sqlstore import SqlStore
from tests.factory import NOW


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqlStore]:
    store = SqliteStore(tmp_path / "kumo.db")
    await store.start()
    yield store
    await store.stop()


class House:
    def __init__(self, store: SqlStore, path: Path) -> None:
        self.accounts = Accounts(store.records, ManualClock(NOW))
        self.owner = Owner(
            records=store.records,
            accounts=self.accounts,
            wall=ManualClock(NOW),
            project="p",
            path=path,
            token_uri=lambda: "http://127.0.0.1:1/token",
        )

    async def keys(self) -> list[str]:
        account = await self.accounts.find(self.owner.unique_id)
        assert account is not None
        return [key.key_id for key in await self.accounts.keys(account)]


async def test_the_first_start_makes_an_owner_and_a_key_file_for_nobody_else(store: SqlStore, tmp_path: Path) -> None:
    house = House(store, tmp_path / "sub" / "owner.json")
    await house.owner.start()
    file = json.loads(house.owner.path.read_bytes())
    assert house.owner.path.stat().st_mode & 0o777 == 0o600
    assert (file["type"], file["client_email"]) == ("service_account", "kumo-owner@p.iam.gserviceaccount.com")
    assert (file["client_id"], file["token_uri"]) == (house.owner.unique_id, "http://127.0.0.1:1/token")
    assert await house.keys() == [file["private_key_id"]]


async def test_later_starts_change_nothing(store: SqlStore, tmp_path: Path) -> None:
    first, second = House(store, tmp_path / "owner.json"), House(store, tmp_path / "owner.json")
    await first.owner.start()
    before = first.owner.path.read_bytes()
    await second.owner.start()
    assert second.owner.unique_id == first.owner.unique_id
    assert second.owner.path.read_bytes() == before


async def test_a_lost_file_is_made_anew_and_its_key_ends(store: SqlStore, tmp_path: Path) -> None:
    first, second = House(store, tmp_path / "owner.json"), House(store, tmp_path / "owner.json")
    await first.owner.start()
    lost = await first.keys()
    first.owner.path.unlink()
    await second.owner.start()
    assert len(await second.keys()) == 1
    assert await second.keys() != lost


async def test_a_deleted_owner_is_made_anew(store: SqlStore, tmp_path: Path) -> None:
    first, second = House(store, tmp_path / "owner.json"), House(store, tmp_path / "owner.json")
    await first.owner.start()
    account = await first.accounts.find(first.owner.unique_id)
    assert account is not None
    await first.accounts.delete(account)
    await second.owner.start()
    assert second.owner.unique_id != first.owner.unique_id
    assert await second.keys()


async def test_a_path_that_cannot_be_written_is_told_without_a_traceback(store: SqlStore, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    house = House(store, tmp_path / "file" / "owner.json")
    with pytest.raises(StorageUnavailable, match=r"the owner's key .* cannot be written"):
        await house.owner.start()
