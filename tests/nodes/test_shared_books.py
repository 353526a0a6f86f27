"""What one node remembers of policies, accounts, keys and tokens follows what another node does to them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from kumotasks.domain.account import ServiceAccount, default_accounts, project_number
from kumotasks.domain.account_key import AccountKey
from kumotasks.domain.clock import DAY, HOUR
from kumotasks.domain.errors import AccountExists, PermissionDenied, StorageUnavailable
from kumotasks.domain.policy import Binding, Policy
from kumotasks.domain.principal import Need, Principal
from tests.factory import NOW
from tests.nodes.sides import Side, side
from tests.storage.conformance.places import PostgresPlace

PROJECT = "projects/p"
QUEUE = f"{PROJECT}/locations/us-central1/queues/q"
SENDER = ServiceAccount("p", "sender@p.iam.gserviceaccount.com", "1" * 21)
AGAIN = replace(SENDER, unique_id="2" * 21)
KEY = AccountKey(SENDER.unique_id, "a" * 40, "certificate", NOW - DAY, NOW + DAY)
CALLER = Principal(SENDER.email, SENDER.unique_id)
NEED = Need("cloudtasks.tasks.create", QUEUE)
GRANTED = Policy(1, (Binding("roles/cloudtasks.enqueuer", (f"serviceAccount:{SENDER.email}",)),))


@pytest.fixture
def place(tmp_path: Path) -> Iterator[PostgresPlace]:
    place = PostgresPlace(tmp_path)
    yield place
    place.remove()


@pytest.fixture
async def one(place: PostgresPlace) -> AsyncIterator[Side]:
    async with side(place.url) as one:
        yield one


@pytest.fixture
async def other(place: PostgresPlace) -> AsyncIterator[Side]:
    async with side(place.url) as other:
        yield other


async def may(side: Side) -> bool:
    """Whether the caller may do it, by what is remembered or by what is judged."""
    if side.authorizer.known(CALLER, (NEED,)):
        return True
    try:
        await side.authorizer.check(CALLER, (NEED,))
    except PermissionDenied:
        return False
    return True


async def test_a_grant_and_its_end_reach_the_other_node_with_its_news(one: Side, other: Side) -> None:
    assert not await may(other)
    await one.book.put(QUEUE, GRANTED, if_etag=b"")
    await other.news.confirm()
    assert await may(other)
    assert other.authorizer.known(CALLER, (NEED,))
    await one.book.put(QUEUE, Policy(), if_etag=b"")
    await other.news.confirm()
    assert not await may(other)


async def test_a_policy_is_gone_elsewhere_with_its_resource(one: Side, other: Side) -> None:
    await one.book.put(QUEUE, GRANTED, if_etag=b"")
    assert (await other.book.get(QUEUE)).bindings
    await one.book.drop(QUEUE)
    await other.news.confirm()
    assert not (await other.book.get(QUEUE)).bindings


async def test_a_node_that_heard_nothing_for_five_seconds_reads_before_it_allows(one: Side, other: Side) -> None:
    await one.book.put(QUEUE, GRANTED, if_etag=b"")
    assert await may(other)
    await one.book.put(QUEUE, Policy(), if_etag=b"")
    assert await may(other)  # it may believe so yet
    other.grow_stale()
    assert not await may(other)


async def test_a_node_that_cannot_read_allows_nothing_after_five_seconds(one: Side, other: Side) -> None:
    await one.book.put(QUEUE, GRANTED, if_etag=b"")
    await one.accounts.create(SENDER)
    assert await may(other)
    assert not await other.revoked.holds("token")
    assert await other.accounts.find(SENDER.email)
    await other.store.stop()
    assert await may(other)
    other.grow_stale()
    assert not other.authorizer.known(CALLER, (NEED,))
    for asked in (may(other), other.accounts.find(SENDER.email), other.revoked.holds("token"), other.book.get(QUEUE)):
        with pytest.raises(StorageUnavailable):
            await asked


async def test_epochs_rise_with_what_others_do(one: Side, other: Side) -> None:
    await other.accounts.find(SENDER.email)
    before = other.accounts.epoch, other.revoked.epoch, other.book.epoch
    await one.accounts.create(SENDER)
    await one.revoked.add("token", NOW + HOUR)
    await one.book.put(QUEUE, GRANTED, if_etag=b"")
    await other.news.confirm()
    after = other.accounts.epoch, other.revoked.epoch, other.book.epoch
    assert all(then < now for then, now in zip(before, after, strict=True))


async def test_accounts_come_and_go_on_the_other_node(one: Side, other: Side) -> None:
    assert await other.accounts.find(SENDER.email) is None
    made = await one.accounts.create(SENDER)
    await other.news.confirm()
    assert await other.accounts.find(SENDER.email) == made
    disabled = await one.accounts.replace(replace(made, disabled=True), if_etag=made.etag)
    await other.news.confirm()
    assert await other.accounts.find(SENDER.unique_id) == disabled
    await one.accounts.delete(disabled)
    await other.news.confirm()
    assert await other.accounts.find(SENDER.email) is None
    assert await other.accounts.find_deleted(SENDER.unique_id) is not None


async def test_an_account_made_again_is_another_one_everywhere(one: Side, other: Side) -> None:
    await one.accounts.create(SENDER)
    assert await other.accounts.find(SENDER.email) is not None
    await one.accounts.delete(SENDER)
    await one.accounts.create(AGAIN)
    await other.news.confirm()
    found = await other.accounts.find(SENDER.email)
    assert found is not None
    assert found.unique_id == AGAIN.unique_id
    assert await other.accounts.find(SENDER.unique_id) is None
    assert await other.accounts.find_deleted(SENDER.unique_id) is not None
    await one.accounts.delete(AGAIN)
    await one.accounts.undelete(SENDER.unique_id)
    await other.news.confirm()
    back = await other.accounts.find(SENDER.unique_id)
    assert back is not None
    assert back.deleted is None
    assert await other.accounts.find_deleted(AGAIN.unique_id) is not None


async def test_a_change_is_made_of_what_holds_now_not_of_what_was_heard(one: Side, other: Side) -> None:
    assert await other.accounts.find(SENDER.email) is None
    await one.accounts.create(SENDER)
    with pytest.raises(AccountExists):
        await other.accounts.create(AGAIN)
    await one.accounts.delete(SENDER)
    await other.accounts.create(AGAIN)
    await one.news.confirm()
    found = await one.accounts.find(SENDER.email)
    assert found is not None
    assert found.unique_id == AGAIN.unique_id


async def test_what_one_node_forgets_for_good_the_other_forgets_too(
    one: Side, other: Side, place: PostgresPlace
) -> None:
    await one.accounts.delete(await one.accounts.create(SENDER))
    assert await other.accounts.find_deleted(SENDER.unique_id) is not None
    async with side(place.url) as late:
        late.clock.turn(NOW + 30 * DAY)
        assert await late.accounts.find_deleted(SENDER.unique_id) is None
    await other.news.confirm()
    assert await other.accounts.find_deleted(SENDER.unique_id) is None


async def test_keys_come_and_go_on_the_other_node_the_oldest_first(one: Side, other: Side) -> None:
    made = await one.accounts.create(SENDER)
    await one.accounts.put_key(made, KEY)
    assert await other.accounts.keys(made) == (KEY,)
    older = replace(KEY, key_id="b" * 40, valid_after=NOW - 2 * DAY)
    await one.accounts.put_key(made, older)
    await other.news.confirm()
    assert await other.accounts.keys(made) == (older, KEY)
    await one.accounts.switch_key(made, older.key_id, disabled=True)
    await one.accounts.remove_key(made, KEY.key_id)
    await other.news.confirm()
    assert await other.accounts.keys(made) == (replace(older, disabled=True),)


async def test_a_token_taken_back_is_taken_back_everywhere(one: Side, other: Side) -> None:
    assert not await other.revoked.holds("token")
    await one.revoked.add("token", NOW + HOUR)
    await other.news.confirm()
    assert await other.revoked.holds("token")
    assert not await other.revoked.holds("another")


async def test_a_project_seen_on_one_node_is_known_on_the_other(one: Side, other: Side) -> None:
    assert list(await other.projects.seen()) == []
    await one.projects.number("shop")
    await other.news.confirm()
    assert list(await other.projects.seen()) == ["shop"]
    assert await other.projects.resolve(project_number("shop")) == "shop"
    default = default_accounts("shop")[0]
    assert await other.accounts.find(default.unique_id) == default


async def test_policies_follow_an_account_that_another_node_deleted(one: Side, other: Side) -> None:
    made = await one.accounts.create(SENDER)
    await one.book.put(QUEUE, GRANTED, if_etag=b"")
    assert await may(other)
    await one.book.mark_deleted(await one.accounts.delete(made))
    await other.news.confirm()
    assert not await may(other)
    (binding,) = (await other.book.get(QUEUE)).bindings
    assert binding.members == (f"deleted:serviceAccount:{SENDER.email}?uid={SENDER.unique_id}",)
