"""The directory of accounts and keys, over a real store."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from kumotasks.auth.accounts import Accounts
from kumotasks.auth.projects import Projects
from kumotasks.domain.account import AGENT_SUFFIX, ServiceAccount, default_accounts, project_number
from kumotasks.domain.account_key import AccountKey, KeyOrigin
from kumotasks.domain.clock import DAY, ManualClock
from kumotasks.domain.errors import AccountExists, AccountNotFound, PolicyChanged, StorageFull
from kumotasks.storage.records import Record, Records
from kumotasks.storage.sqlite import SqliteStore
from tests.factory import NOW

BOB = "bob-the-builder@p.iam.gserviceaccount.com"
APP, COMPUTE, AGENT = default_accounts("p")


def bob(unique_id: str = "1" * 21, display_name: str = "") -> ServiceAccount:
    return ServiceAccount("p", BOB, unique_id, display_name, created=NOW)


def key(account: ServiceAccount, key_id: str = "a" * 40, valid_after: int = NOW) -> AccountKey:
    return AccountKey(account.unique_id, key_id, "certificate", valid_after, NOW + DAY)


class Counted:
    """Records that count how often they are read."""

    def __init__(self, inner: Records) -> None:
        self._inner = inner
        self.reads = 0

    async def get_record(self, kind: str, key: str) -> Record | None:
        self.reads += 1
        return await self._inner.get_record(kind, key)

    async def list_records(self, kind: str, *, prefix: str, after: str, limit: int) -> list[Record]:
        self.reads += 1
        return await self._inner.list_records(kind, prefix=prefix, after=after, limit=min(limit, 1_000))

    async def put_record(self, kind: str, key: str, value: bytes, *, now: int, if_etag: str | None) -> Record:
        return await self._inner.put_record(kind, key, value, now=now, if_etag=if_etag)

    async def delete_record(self, kind: str, key: str) -> bool:
        return await self._inner.delete_record(kind, key)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
async def records(tmp_path: Path) -> AsyncIterator[Counted]:
    store = SqliteStore(tmp_path / "kumo.db")
    await store.start()
    yield Counted(store.records)
    await store.stop()


@pytest.fixture
def accounts(records: Counted, clock: ManualClock) -> Accounts:
    return Accounts(records, clock)


def anew(records: Counted, clock: ManualClock) -> Accounts:
    """The directory as the next process finds it."""
    return Accounts(records, clock)


async def test_an_account_is_found_by_its_email_and_by_its_unique_id(accounts: Accounts) -> None:
    made = await accounts.create(bob(display_name="Bob"))
    assert made.etag
    assert await accounts.find(BOB) == made
    assert await accounts.find("1" * 21) == made
    assert await accounts.find("bob@p.iam.gserviceaccount.com") is None
    assert await accounts.find("2" * 21) is None
    assert await accounts.find("") is None


async def test_an_account_outlives_the_process(accounts: Accounts, records: Counted, clock: ManualClock) -> None:
    made = await accounts.create(replace(bob(display_name="Bob"), description="builds"))
    await accounts.put_key(made, key(made))
    again = anew(records, clock)
    assert await again.find(BOB) == made
    assert await again.keys(made) == (key(made),)


async def test_a_lookup_after_the_first_reads_nothing(accounts: Accounts, records: Counted) -> None:
    made = await accounts.create(bob())
    await accounts.list("p", after="", limit=9)
    reads = records.reads
    for ident in (BOB, made.unique_id, COMPUTE.email, COMPUTE.unique_id, "nobody@p.iam.gserviceaccount.com", "9" * 21):
        await accounts.find(ident)
    await accounts.keys(made)
    await accounts.find_key(made, "a" * 40)
    assert records.reads == reads


async def test_two_accounts_cannot_share_an_email(accounts: Accounts) -> None:
    await accounts.create(bob())
    with pytest.raises(AccountExists, match="bob-the-builder already exists within project projects/p"):
        await accounts.create(bob("2" * 21))


async def test_of_two_creations_at_once_one_wins(accounts: Accounts) -> None:
    answers = await asyncio.gather(accounts.create(bob()), accounts.create(bob("2" * 21)), return_exceptions=True)
    assert {type(answer) for answer in answers} == {ServiceAccount, AccountExists}


async def test_of_two_processes_that_create_one_wins(accounts: Accounts, records: Counted, clock: ManualClock) -> None:
    other = anew(records, clock)
    await other.find(BOB)
    await accounts.create(bob())
    with pytest.raises(AccountExists):
        await other.create(bob("2" * 21))


@pytest.mark.parametrize("account", [APP, COMPUTE, AGENT], ids=lambda account: account.email)
async def test_a_default_account_is_there_without_being_stored(account: ServiceAccount, accounts: Accounts) -> None:
    await accounts.list("p", after="", limit=9)  # the number of the project was shown
    assert await accounts.find(account.email) == account
    assert await accounts.find(account.unique_id) == account


async def test_a_default_account_is_found_by_its_unique_id_in_the_next_process(
    accounts: Accounts, records: Counted, clock: ManualClock
) -> None:
    await accounts.list("p", after="", limit=9)
    again = anew(records, clock)
    assert await again.find(COMPUTE.unique_id) == COMPUTE
    assert await again.find(APP.unique_id) == APP


async def test_a_project_seen_later_has_its_default_accounts_too(records: Counted, clock: ManualClock) -> None:
    projects = Projects(records, clock)
    accounts = Accounts(records, clock, projects)
    assert await accounts.find(APP.unique_id) is None
    await projects.number("p")
    assert await accounts.find(APP.unique_id) == APP


async def test_the_compute_account_of_an_unseen_number_belongs_to_the_number(accounts: Accounts) -> None:
    found = await accounts.find(COMPUTE.email)
    assert found is not None
    assert (found.project, found.unique_id) == (project_number("p"), COMPUTE.unique_id)


@pytest.mark.parametrize(
    "email",
    [
        "@appspot.gserviceaccount.com",
        "a b@appspot.gserviceaccount.com",
        "x-compute@developer.gserviceaccount.com",
        "1-compute@developer.gserviceaccount.com.evil.example",
        f"1-service{AGENT_SUFFIX}",
        "p@p@appspot.gserviceaccount.com",
        "p@appspot.gserviceaccount.com\n",
    ],
)
async def test_what_only_looks_like_a_default_account_is_none(email: str, accounts: Accounts) -> None:
    assert await accounts.find(email) is None


async def test_a_list_goes_by_email_and_holds_the_default_accounts(accounts: Accounts) -> None:
    await accounts.create(bob())
    await accounts.create(replace(bob("2" * 21), project="q", email="bob-the-builder@q.iam.gserviceaccount.com"))
    emails = sorted([BOB, APP.email, COMPUTE.email, AGENT.email])
    assert [account.email for account in await accounts.list("p", after="", limit=9)] == emails
    assert [account.email for account in await accounts.list("p", after=emails[0], limit=2)] == emails[1:3]
    assert await accounts.list("p", after=emails[-1], limit=9) == []


async def test_a_default_account_can_be_disabled(accounts: Accounts, records: Counted, clock: ManualClock) -> None:
    await accounts.list("p", after="", limit=9)
    await accounts.replace(replace(COMPUTE, disabled=True), if_etag="")
    for directory in (accounts, anew(records, clock)):
        found = await directory.find(COMPUTE.email)
        assert found is not None
        assert found.disabled
        assert await directory.find(COMPUTE.unique_id) == found
        assert len(await directory.list("p", after="", limit=9)) == 3


async def test_a_deleted_default_account_stays_deleted_for_ever(
    accounts: Accounts, records: Counted, clock: ManualClock
) -> None:
    await accounts.delete(APP)
    clock.turn(NOW + 31 * DAY)
    for directory in (accounts, anew(records, clock), anew(records, clock)):
        assert await directory.find(APP.email) is None
        assert await directory.find(APP.unique_id) is None
        assert await directory.find_deleted(APP.unique_id) is None
        assert APP.email not in [account.email for account in await directory.list("p", after="", limit=9)]


async def test_a_deleted_default_account_can_be_brought_back(accounts: Accounts) -> None:
    await accounts.delete(APP)
    await accounts.undelete(APP.unique_id)
    found = await accounts.find(APP.email)
    assert found is not None
    assert replace(found, etag="") == APP


async def test_a_change_needs_the_etag_of_what_it_changes(accounts: Accounts) -> None:
    made = await accounts.create(bob())
    changed = await accounts.replace(replace(made, display_name="Robert"), if_etag=made.etag)
    assert changed.etag != made.etag
    assert await accounts.find(BOB) == changed
    with pytest.raises(PolicyChanged):
        await accounts.replace(replace(made, display_name="Rob"), if_etag=made.etag)
    with pytest.raises(PolicyChanged):
        await accounts.replace(replace(made, display_name="Rob"), if_etag="")
    with pytest.raises(AccountNotFound):
        await accounts.replace(bob("2" * 21), if_etag=made.etag)


async def test_a_deleted_account_is_gone_and_comes_back_with_its_keys(
    accounts: Accounts, records: Counted, clock: ManualClock
) -> None:
    made = await accounts.create(bob())
    await accounts.put_key(made, key(made))
    await accounts.delete(made)
    for directory in (accounts, anew(records, clock)):
        assert await directory.find(BOB) is None
        assert await directory.find(made.unique_id) is None
        deleted = await directory.find_deleted(made.unique_id)
        assert deleted is not None
        assert deleted.deleted == NOW
    with pytest.raises(AccountNotFound):
        await accounts.delete(made)
    with pytest.raises(AccountNotFound):
        await accounts.put_key(made, key(made, "b" * 40))
    restored = await accounts.undelete(made.unique_id)
    assert replace(restored, etag=made.etag) == made
    assert await accounts.keys(restored) == (key(made),)
    assert await accounts.find_deleted(made.unique_id) is None


async def test_after_thirty_days_an_account_is_lost_with_its_keys(
    accounts: Accounts, records: Counted, clock: ManualClock
) -> None:
    made = await accounts.create(bob())
    await accounts.put_key(made, key(made))
    await accounts.delete(made)
    clock.turn(NOW + 30 * DAY)
    assert await accounts.find_deleted(made.unique_id) is None
    with pytest.raises(AccountNotFound):
        await accounts.undelete(made.unique_id)
    assert await anew(records, clock).find(BOB) is None
    for kind in ("account", "account-key", "account-replaced"):
        assert await records.list_records(kind, prefix="", after="", limit=9) == []


async def test_another_account_under_the_same_email_is_another(
    accounts: Accounts, records: Counted, clock: ManualClock
) -> None:
    first = await accounts.create(bob())
    await accounts.put_key(first, key(first))
    await accounts.delete(first)
    second = await accounts.create(bob("2" * 21))
    for directory in (accounts, anew(records, clock)):
        assert await directory.find(BOB) == second
        assert await directory.find(first.unique_id) is None
        assert await directory.find_deleted(first.unique_id) is not None
        assert await directory.keys(second) == ()
    with pytest.raises(AccountExists):
        await accounts.undelete(first.unique_id)


async def test_of_two_deleted_accounts_of_one_email_either_comes_back(
    accounts: Accounts, records: Counted, clock: ManualClock
) -> None:
    first = await accounts.create(bob())
    await accounts.delete(first)
    second = await accounts.create(bob("2" * 21))
    await accounts.delete(second)
    restored = await accounts.undelete(first.unique_id)
    for directory in (accounts, anew(records, clock)):
        assert await directory.find(BOB) == restored
        assert await directory.find_deleted(second.unique_id) is not None
        assert await directory.find_deleted(first.unique_id) is None
    aside = await records.list_records("account-replaced", prefix="", after="", limit=9)
    assert [record.key for record in aside] == [second.unique_id]


async def test_a_lost_account_that_another_one_replaced_is_removed(
    accounts: Accounts, records: Counted, clock: ManualClock
) -> None:
    first = await accounts.create(bob())
    await accounts.put_key(first, key(first))
    await accounts.delete(first)
    second = await accounts.create(bob("2" * 21))
    clock.turn(NOW + 31 * DAY)
    again = anew(records, clock)
    assert await again.find(BOB) == second
    assert await records.list_records("account-replaced", prefix="", after="", limit=9) == []
    assert await records.list_records("account-key", prefix="", after="", limit=9) == []


async def test_a_full_store_keeps_nobody_out(
    accounts: Accounts, records: Counted, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is lost would be removed when the directory is read; without room it stays, and is lost all the same."""
    first = await accounts.create(bob())
    await accounts.put_key(first, key(first))
    await accounts.delete(first)
    clock.turn(NOW + 31 * DAY)

    async def full(kind: str, key: str) -> bool:
        raise StorageFull

    monkeypatch.setattr(records, "delete_record", full)
    again = anew(records, clock)
    assert await again.find(BOB) is None
    assert await again.find_deleted(first.unique_id) is None
    assert await again.find(COMPUTE.email) is not None


async def test_keys_are_added_switched_and_removed(accounts: Accounts, records: Counted, clock: ManualClock) -> None:
    made = await accounts.create(bob())
    later = replace(key(made, "b" * 40, NOW + 1), origin=KeyOrigin.USER_PROVIDED)
    await accounts.put_key(made, later)
    await accounts.put_key(made, key(made))
    assert await accounts.switch_key(made, "b" * 40, disabled=True)
    assert not await accounts.switch_key(made, "c" * 40, disabled=True)
    again = anew(records, clock)
    assert await again.keys(made) == (key(made), replace(later, disabled=True))
    assert await accounts.find_key(made, "b" * 40) == replace(later, disabled=True)
    assert await accounts.remove_key(made, "b" * 40)
    assert not await accounts.remove_key(made, "b" * 40)
    assert await accounts.find_key(made, "b" * 40) is None
    assert await anew(records, clock).keys(made) == (key(made),)


async def test_a_removed_key_is_not_written_again_by_a_change_that_was_under_way(
    accounts: Accounts, records: Counted, clock: ManualClock
) -> None:
    made = await accounts.create(bob())
    await accounts.put_key(made, key(made))
    await asyncio.gather(
        accounts.switch_key(made, "a" * 40, disabled=True),
        accounts.remove_key(made, "a" * 40),
        accounts.switch_key(made, "a" * 40, disabled=False),
    )
    assert await accounts.keys(made) == ()
    assert await anew(records, clock).keys(made) == ()


async def test_a_key_whose_remover_went_away_is_removed_all_the_same(accounts: Accounts) -> None:
    made = await accounts.create(bob())
    await accounts.put_key(made, key(made))
    remover = asyncio.ensure_future(accounts.remove_key(made, "a" * 40))
    for _ in range(3):  # far enough that it is being written
        await asyncio.sleep(0)
    remover.cancel()
    with pytest.raises(asyncio.CancelledError):
        await remover
    await accounts.remove_key(made, "b" * 40)  # its turn comes after the other
    assert await accounts.find_key(made, "a" * 40) is None


async def test_every_change_moves_the_epoch_and_no_lookup_does(accounts: Accounts) -> None:
    epochs = [accounts.epoch]
    made = await accounts.create(bob())
    epochs.append(accounts.epoch)
    made = await accounts.replace(replace(made, disabled=True), if_etag=made.etag)
    epochs.append(accounts.epoch)
    await accounts.put_key(made, key(made))
    epochs.append(accounts.epoch)
    await accounts.switch_key(made, "a" * 40, disabled=True)
    epochs.append(accounts.epoch)
    await accounts.remove_key(made, "a" * 40)
    epochs.append(accounts.epoch)
    await accounts.delete(made)
    epochs.append(accounts.epoch)
    await accounts.undelete(made.unique_id)
    epochs.append(accounts.epoch)
    assert epochs == sorted(set(epochs))
    await accounts.find(BOB)
    await accounts.list("p", after="", limit=9)
    assert accounts.epoch == epochs[-1]
