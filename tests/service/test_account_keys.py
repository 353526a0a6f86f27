"""Keys of service accounts, over a real store and a real key ring."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from google.auth import crypt
from google.oauth2.service_account import Credentials

from kumotasks.auth import keyfile
from kumotasks.auth.accounts import Accounts
from kumotasks.auth.certificate import raw_public_key, read_certificate
from kumotasks.auth.keyring import Keyring
from kumotasks.auth.projects import Projects
from kumotasks.auth.self_signed import self_signed
from kumotasks.domain.account import default_accounts
from kumotasks.domain.account_key import KeyOrigin, KeyType
from kumotasks.domain.clock import DAY, ManualClock
from kumotasks.domain.errors import AccountNotFound, FailedPrecondition, InvalidArgument, KeyNotFound
from kumotasks.service.account_keys import MAX_USER_KEYS, AccountKeys, PrivateForm, PublicForm
from kumotasks.service.accounts import AccountDraft, ServiceAccounts
from kumotasks.storage.sqlite import SqliteStore
from kumotasks.storage.sqlstore import SqlStore
from tests.auth import quick_keys
from tests.factory import NOW

BOB = "bobbuilder@p.iam.gserviceaccount.com"
TOKEN_URI = "http://127.0.0.1:8123/token"
USERS = (KeyType.USER_MANAGED,)


@dataclass
class House:
    """The use cases, with what they stand on."""

    directory: Path
    store: SqlStore
    clock: ManualClock = field(default_factory=lambda: ManualClock(NOW))

    def __post_init__(self) -> None:
        projects = Projects(self.store.records, self.clock)
        self.accounts = Accounts(self.store.records, self.clock, projects)
        self.cases = ServiceAccounts(self.accounts, projects, self.clock)
        keyring = Keyring(self.directory / "keys", self.clock)
        self.keys = AccountKeys(self.cases, self.accounts, keyring, self.clock, token_uri=lambda: TOKEN_URI)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    store = SqliteStore(tmp_path / "kumo.db")
    await store.start()
    house = House(tmp_path, store)
    await house.cases.create("p", "bobbuilder", AccountDraft())
    yield house
    await store.stop()


@pytest.fixture
def keys(house: House) -> AccountKeys:
    return house.keys


def certificate(number: int, until: int = NOW + DAY) -> bytes:
    return self_signed(quick_keys.key(number), "mine", since=NOW - DAY, until=until).encode()


async def test_a_key_that_was_made_is_a_file_that_googles_library_takes(keys: AccountKeys, house: House) -> None:
    made = await keys.create("-", BOB, PrivateForm.CREDENTIALS)
    written = json.loads(made.private_file)
    account = await house.cases.get("p", BOB)
    assert written["token_uri"] == TOKEN_URI
    assert written["client_id"] == account.unique_id
    assert written["private_key_id"] == made.key.key_id
    assert made.name == f"projects/p/serviceAccounts/{BOB}/keys/{made.key.key_id}"
    assert (made.key.valid_after, made.key.kind, made.key.origin) == (
        NOW,
        KeyType.USER_MANAGED,
        KeyOrigin.GOOGLE_PROVIDED,
    )
    credentials: Any = Credentials.from_service_account_info(written)  # type: ignore[no-untyped-call]
    signature = credentials.sign_bytes(b"x")
    assert crypt.verify_signature(b"x", signature, made.key.certificate)  # type: ignore[no-untyped-call]


async def test_the_private_half_of_a_users_key_is_kept_nowhere(keys: AccountKeys, house: House) -> None:
    """Neither as PEM, nor as the base64 lines in it, nor as the numbers it stands for."""
    made = await keys.create("p", BOB, PrivateForm.CREDENTIALS)
    shown = await keys.get("p", BOB, made.key.key_id, form=PublicForm.CERTIFICATE)
    assert shown.private_file == b""
    pem = json.loads(made.private_file)["private_key"]
    key = load_pem_private_key(pem.encode(), None)
    assert isinstance(key, RSAPrivateKey)
    private = key.private_numbers()
    secrets = [line.encode() for line in pem.splitlines()[2:-2]]
    for number in (private.d, private.p, private.q):
        secrets += [number.to_bytes((number.bit_length() + 7) // 8, "big"), str(number).encode()]
    files = [path for path in house.directory.rglob("*") if path.is_file()]
    assert files
    certificate_line = made.key.certificate.splitlines()[3].encode()
    assert any(certificate_line in path.read_bytes() for path in files), "what is stored can be found this way"
    for path in files:
        content = path.read_bytes()
        assert not [secret for secret in secrets if secret in content], path


async def test_a_pkcs12_file_is_handed_out_on_demand(keys: AccountKeys) -> None:
    made = await keys.create("p", BOB, PrivateForm.PKCS12)
    assert made.private_file[:1] == b"\x30"  # DER


async def test_an_account_has_ten_keys_of_the_users_at_most(
    keys: AccountKeys, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = await house.cases.get("p", BOB)
    first = (await keys.upload("p", BOB, certificate(0))).key
    for number in range(1, MAX_USER_KEYS - 1):
        copy = type(first)(account.unique_id, f"{number:040x}", first.certificate, NOW, NOW + DAY)
        await house.accounts.put_key(account, copy)
    answers = await asyncio.gather(
        *(keys.upload("p", BOB, certificate(number)) for number in (1, 2, 3)), return_exceptions=True
    )
    assert sorted(type(answer).__name__ for answer in answers) == [
        "FailedPrecondition",
        "FailedPrecondition",
        "ShownKey",
    ]
    monkeypatch.setattr(keyfile, "make_private", lambda: pytest.fail("no key is made for nothing"))
    with pytest.raises(FailedPrecondition, match="Precondition check failed"):
        await keys.create("p", BOB, PrivateForm.CREDENTIALS)
    await keys.delete("p", BOB, first.key_id)
    await keys.upload("p", BOB, certificate(4))


async def test_a_list_shows_the_kinds_that_were_asked_for(keys: AccountKeys) -> None:
    uploaded = await keys.upload("p", BOB, certificate(0))
    both = await keys.list("p", BOB, ())
    assert [each.key.kind for each in both] == [KeyType.SYSTEM_MANAGED, KeyType.USER_MANAGED]
    assert await keys.list("p", BOB, USERS) == (uploaded,)
    system = await keys.list("p", BOB, (KeyType.SYSTEM_MANAGED,))
    assert system == both[:1]
    assert all(each.private_file == b"" for each in both)


async def test_an_uploaded_key_is_good_as_long_as_its_certificate(keys: AccountKeys) -> None:
    key = (await keys.upload("p", BOB, certificate(0))).key
    assert (key.valid_after, key.valid_before, key.origin) == (NOW - DAY, NOW + DAY, KeyOrigin.USER_PROVIDED)
    assert key.algorithm == "KEY_ALG_RSA_2048"


async def test_what_cannot_be_uploaded_is_refused(keys: AccountKeys) -> None:
    await keys.upload("p", BOB, certificate(0))
    with pytest.raises(InvalidArgument, match="The given public key already exists in the project"):
        await keys.upload("p", BOB, certificate(0, NOW + 2 * DAY))
    with pytest.raises(InvalidArgument, match="has expired"):
        await keys.upload("p", BOB, certificate(1, NOW))
    with pytest.raises(InvalidArgument, match=r"X\.509"):
        await keys.upload("p", BOB, b"key")


async def test_a_key_is_shown_in_each_public_form(keys: AccountKeys) -> None:
    made = (await keys.upload("p", BOB, certificate(0))).key
    shown = {form: (await keys.get("p", BOB, made.key_id, form=form)).public_file for form in PublicForm}
    assert shown[PublicForm.NONE] == b""
    assert read_certificate(shown[PublicForm.CERTIFICATE]).key_id == made.key_id
    assert shown[PublicForm.RAW] == raw_public_key(made.certificate).encode()


async def test_a_system_managed_key_is_shown_and_cannot_be_changed(keys: AccountKeys) -> None:
    (system,) = await keys.list("p", BOB, (KeyType.SYSTEM_MANAGED,))
    shown = await keys.get("p", BOB, system.key.key_id, form=PublicForm.CERTIFICATE)
    assert shown.public_file == system.key.certificate.encode()
    with pytest.raises(FailedPrecondition):
        await keys.delete("p", BOB, system.key.key_id)
    with pytest.raises(FailedPrecondition):
        await keys.switch("p", BOB, system.key.key_id, disabled=True)


async def test_a_key_is_disabled_enabled_and_deleted(keys: AccountKeys, house: House) -> None:
    key_id = (await keys.upload("p", BOB, certificate(0))).key.key_id
    account = await house.cases.get("p", BOB)
    for disabled in (True, True, False):
        await keys.switch("p", BOB, key_id, disabled=disabled)
        found = await house.accounts.find_key(account, key_id)
        assert found is not None
        assert found.disabled is disabled
        assert found.usable(NOW) is not disabled
    await keys.delete("p", BOB, key_id)
    with pytest.raises(KeyNotFound, match=f"Service account key {key_id} does not exist"):
        await keys.delete("p", BOB, key_id)
    with pytest.raises(KeyNotFound):
        await keys.get("p", BOB, key_id, form=PublicForm.NONE)
    with pytest.raises(KeyNotFound):
        await keys.switch("p", BOB, key_id, disabled=True)


async def test_a_key_is_reached_by_way_of_its_own_account_only(keys: AccountKeys, house: House) -> None:
    await house.cases.create("q", "malicious", AccountDraft())
    mallory = "malicious@q.iam.gserviceaccount.com"
    key_id = (await keys.upload("p", BOB, certificate(0))).key.key_id
    for project, ident, refused in (("q", BOB, AccountNotFound), ("q", mallory, KeyNotFound)):
        with pytest.raises(refused):
            await keys.get(project, ident, key_id, form=PublicForm.NONE)
        with pytest.raises(refused):
            await keys.delete(project, ident, key_id)
        with pytest.raises(refused):
            await keys.switch(project, ident, key_id, disabled=True)
    for case in (keys.create("q", BOB, PrivateForm.CREDENTIALS), keys.upload("q", BOB, certificate(1))):
        with pytest.raises(AccountNotFound):
            await case
    with pytest.raises(AccountNotFound):
        await keys.list("q", BOB, ())


async def test_a_default_account_can_have_keys(keys: AccountKeys, house: House) -> None:
    application = default_accounts("p")[0]
    made = await keys.upload("p", application.email, certificate(0))
    assert await Accounts(house.store.records, house.clock).keys(application) == (made.key,)


async def test_an_account_that_goes_while_its_key_is_made_gets_none(
    keys: AccountKeys, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    making, gone = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def slowly(subject: str, since: int) -> tuple[str, str]:
        loop.call_soon_threadsafe(making.set)
        asyncio.run_coroutine_threadsafe(gone.wait(), loop).result()
        return keyfile.make_key_pair(subject, since)

    monkeypatch.setattr("kumotasks.service.account_keys.make_key_pair", slowly)
    creation = asyncio.ensure_future(keys.create("p", BOB, PrivateForm.CREDENTIALS))
    await making.wait()
    await house.cases.delete("p", BOB)
    gone.set()
    with pytest.raises(AccountNotFound):
        await creation
