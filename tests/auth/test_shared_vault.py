"""Keys that many nodes share: the same for all, encrypted where they are kept, of no use without the secret."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from cryptography.x509 import load_pem_x509_certificate

from kumotasks.auth.accounts import Accounts
from kumotasks.auth.authority import AUTHORITY_FILE, Authority
from kumotasks.auth.keyring import Keyring
from kumotasks.auth.owner import Owner
from kumotasks.auth.shared_vault import KIND, LOCK, SharedVault
from kumotasks.auth.vault import FileVault
from kumotasks.domain.clock import ManualClock, SystemClock
from kumotasks.domain.errors import StorageUnavailable
from kumotasks.storage.news import FRESH, Follower
from kumotasks.storage.postgres.engine import PostgresStore
from kumotasks.storage.sqlstore import SqlStore
from kumotasks.storage.store import StoreUnusable
from tests.factory import NOW
from tests.postgres import postgres
from tests.storage.conformance.places import PostgresPlace

SECRET = "what nobody else knows"
ACCOUNT = "1" * 21


class Node:
    """One node's vault and what is in it. Its clock stands still: it looks for news when it is made to."""

    def __init__(self, store: SqlStore, directory: Path, secret: str = SECRET) -> None:
        self.store = store
        self.directory = directory
        self.clock = ManualClock(NOW)
        self.news = Follower(store.records, self.clock)
        before = tuple(FileVault(directory / each, self.clock) for each in ("keys", "tls"))
        self.vault = SharedVault(store.records, self.clock, self.news, secret=secret, before=before)
        self.keyring = Keyring(self.vault, self.clock)
        self.accounts = Accounts(store.records, self.clock, news=self.news)
        self.owner = Owner(
            records=store.records,
            accounts=self.accounts,
            wall=self.clock,
            project="p",
            path=directory / "owner.json",
            token_uri=lambda: f"http://{directory.name}/token",
            vault=self.vault,
        )

    async def start(self) -> Node:
        await self.news.confirm()
        await self.vault.start()
        return self

    def owner_key(self) -> dict[str, str]:
        found: dict[str, str] = json.loads(self.owner.path.read_bytes())
        return found


@pytest.fixture
def place(tmp_path: Path) -> Iterator[PostgresPlace]:
    place = PostgresPlace(tmp_path)
    yield place
    place.remove()


@pytest.fixture
async def stores(place: PostgresPlace) -> AsyncIterator[list[SqlStore]]:
    stores = [PostgresStore(place.url) for _ in range(2)]
    for store in stores:
        await store.start()
    yield stores
    for store in stores:
        await store.stop()


@pytest.fixture
async def one(stores: list[SqlStore], tmp_path: Path) -> Node:
    return await Node(stores[0], tmp_path / "one").start()


@pytest.fixture
async def other(stores: list[SqlStore], tmp_path: Path, one: Node) -> Node:
    return await Node(stores[1], tmp_path / "other").start()


def files(directory: Path) -> list[str]:
    return [file.name for file in directory.rglob("*") if file.is_file()]


async def test_nodes_have_the_same_keys(one: Node, other: Node) -> None:
    assert await one.keyring.published() == await other.keyring.published()
    assert await one.keyring.secrets() == await other.keyring.secrets()
    assert await one.keyring.account_key(ACCOUNT) == await other.keyring.account_key(ACCOUNT)


async def test_nodes_that_begin_at_once_agree(stores: list[SqlStore], tmp_path: Path) -> None:
    nodes = [Node(store, tmp_path / str(number)) for number, store in enumerate(stores)]
    await asyncio.gather(*(node.start() for node in nodes))
    first, second = await asyncio.gather(*(node.keyring.signing() for node in nodes))
    assert first == second
    await asyncio.gather(*(node.owner.start() for node in nodes))
    assert nodes[0].owner.unique_id == nodes[1].owner.unique_id
    assert nodes[0].owner_key()["private_key_id"] == nodes[1].owner_key()["private_key_id"]


async def test_a_rotation_is_seen_by_all_with_their_news(one: Node, other: Node) -> None:
    old = await other.keyring.signing()
    new = await one.keyring.rotate()
    await other.news.confirm()
    assert await other.keyring.signing() == new
    assert old in await other.keyring.published()
    assert await other.keyring.secrets() == await one.keyring.secrets()
    newest = await other.keyring.rotate()
    await one.news.confirm()
    assert await one.keyring.signing() == newest


async def test_an_answer_from_memory_asks_nobody(one: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    await one.keyring.published()
    await one.news.confirm()
    await one.keyring.published()
    monkeypatch.setattr(one.store.records, "get_record", lambda *_: pytest.fail("the store was asked"))
    await one.keyring.signing()
    await one.keyring.published()


async def test_a_node_that_heard_nothing_for_five_seconds_reads_the_keys_anew(one: Node, other: Node) -> None:
    await other.keyring.published()
    new = await one.keyring.rotate()
    other.clock.turn(NOW + FRESH)
    assert await other.keyring.signing() == new
    await other.store.stop()
    with pytest.raises(StorageUnavailable):
        await other.keyring.signing()


async def test_nothing_private_lies_open_in_the_store_or_on_disk(
    one: Node, other: Node, place: PostgresPlace, tmp_path: Path
) -> None:
    key = await one.keyring.account_key(ACCOUNT)
    ring_secret, *_ = await one.keyring.secrets()
    await one.owner.start()
    rows = postgres().fetch("SELECT value FROM record", place.database)
    private = str(key.private.private_numbers().d).encode()
    for (value,) in rows:
        assert b"PRIVATE KEY" not in value
        assert private not in value
        assert ring_secret not in value
    assert await asyncio.to_thread(files, tmp_path) == ["owner.json"]


async def test_another_secret_opens_nothing_and_is_told_at_once(
    one: Node, stores: list[SqlStore], tmp_path: Path
) -> None:
    await one.keyring.signing()
    with pytest.raises(StoreUnusable, match="another KUMO_SECRET"):
        await Node(stores[1], tmp_path / "stranger", "what somebody else knows").start()


async def test_a_content_does_not_pass_under_another_name(one: Node, other: Node) -> None:
    await one.keyring.account_key(ACCOUNT)
    record = await one.store.records.get_record(KIND, f"accounts/{ACCOUNT}.json")
    assert record is not None
    await one.store.records.put_record(KIND, "accounts/222.json", record.value, now=NOW, if_etag=None)
    with pytest.raises(StorageUnavailable, match="damaged"):
        await other.keyring.account_key("222")


async def test_each_sealing_is_another_text(one: Node, stores: list[SqlStore]) -> None:
    values = set()
    for _ in range(2):
        await one.vault.change("a", lambda found: (found or b"") + b"")
        await stores[0].records.delete_record(KIND, "a")
        await one.vault.change("a", lambda _: b"same")
        record = await stores[0].records.get_record(KIND, "a")
        assert record is not None
        values.add(record.value)
        await stores[0].records.delete_record(KIND, "a")
    assert len(values) == 2


async def test_changes_at_once_are_made_one_after_the_other(one: Node, other: Node) -> None:
    def more(found: bytes | None) -> bytes:
        return (found or b"") + b"x"

    await asyncio.gather(*(node.vault.change("count", more) for node in (one, other) for _ in range(10)))
    assert await one.vault.read("count") == b"x" * 20


async def test_files_of_a_time_when_there_was_one_node_are_taken_over(stores: list[SqlStore], tmp_path: Path) -> None:
    directory, clock = tmp_path / "one", ManualClock(NOW)
    signing = await Keyring(directory / "keys", clock).signing()
    account = await Keyring(directory / "keys", clock).account_key(ACCOUNT)
    authority = (await asyncio.to_thread(Authority(directory / "tls", SystemClock()).certificate)).decode()
    one = await Node(stores[0], directory).start()
    assert await one.keyring.find_account_key(ACCOUNT) == account
    assert await one.keyring.account_key(ACCOUNT) == account
    assert await one.keyring.signing() == signing
    shared = Authority(directory / "tls", SystemClock(), one.vault.change_from_thread)
    assert (await asyncio.to_thread(shared.certificate)).decode() == authority
    other = await Node(stores[1], tmp_path / "other").start()
    assert await other.keyring.signing() == signing
    assert await other.keyring.account_key(ACCOUNT) == account


async def test_nodes_have_one_authority_and_each_its_own_certificate(one: Node, other: Node) -> None:
    authorities = [
        Authority(node.directory / "tls", SystemClock(), node.vault.change_from_thread) for node in (one, other)
    ]
    leaves = [await asyncio.to_thread(authority.leaf, ["localhost"]) for authority in authorities]
    first, second = (load_pem_x509_certificate(leaf.read_bytes()) for leaf in leaves)
    root = load_pem_x509_certificate(authorities[0].certificate())
    assert authorities[0].certificate() == authorities[1].certificate()
    assert first.serial_number != second.serial_number
    for leaf in (first, second):
        leaf.verify_directly_issued_by(root)
    assert AUTHORITY_FILE not in files(one.directory)


async def test_a_store_that_is_away_is_an_error_of_the_system_for_who_may_block(one: Node) -> None:
    await one.store.stop()
    with pytest.raises(OSError, match="cannot be reached"):
        await asyncio.to_thread(one.vault.change_from_thread, "a", lambda _: b"a")


async def test_the_owner_has_one_key_in_a_file_on_every_node(one: Node, other: Node) -> None:
    await one.owner.start()
    await other.owner.start()
    first, second = one.owner_key(), other.owner_key()
    assert first["private_key"] == second["private_key"]
    assert (first["token_uri"], second["token_uri"]) == ("http://one/token", "http://other/token")
    account = await one.accounts.find(one.owner.unique_id)
    assert account is not None
    assert [key.key_id for key in await one.accounts.keys(account)] == [first["private_key_id"]]


async def test_an_owners_key_that_was_removed_is_made_anew_for_all(one: Node, other: Node) -> None:
    await one.owner.start()
    await other.owner.start()
    account, lost = await one.accounts.find(one.owner.unique_id), one.owner_key()["private_key_id"]
    assert account is not None
    await one.accounts.remove_key(account, lost)
    await other.news.confirm()
    await other.owner.start()
    await one.news.confirm()
    await one.owner.start()
    assert one.owner_key()["private_key_id"] == other.owner_key()["private_key_id"] != lost


async def test_the_lock_is_made_once(one: Node, other: Node, place: PostgresPlace) -> None:
    before = await one.store.records.get_record(KIND, LOCK)
    await other.vault.start()
    assert await one.store.records.get_record(KIND, LOCK) == before
