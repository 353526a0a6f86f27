"""The key that we hold for an account, shown without its private half and made for nobody in passing."""

from __future__ import annotations

from pathlib import Path

from kumotasks.auth.certificate import read_certificate
from kumotasks.auth.keyring import Keyring
from kumotasks.auth.system_keys import SystemKeys
from kumotasks.domain.account import default_accounts
from kumotasks.domain.account_key import KeyType
from tests.auth.proving import NOW, SENDER, House


async def test_an_account_that_somebody_made_has_one(house: House) -> None:
    sender = await house.accounts.find(SENDER.email)
    assert sender is not None
    key, made = await SystemKeys(house.keyring).of(sender), await house.keyring.account_key(SENDER.unique_id)
    assert key is not None
    assert (key.account, key.key_id, key.certificate) == (SENDER.unique_id, made.key_id, made.certificate)
    assert key.kind is KeyType.SYSTEM_MANAGED
    assert key.usable(NOW)


async def test_a_default_account_that_nobody_touched_has_none(house: House) -> None:
    for account in default_accounts("unheard-of"):
        assert await SystemKeys(house.keyring).of(account) is None


async def test_a_default_account_that_was_signed_for_has_one(house: House, key_directory: Path) -> None:
    account, other, _ = default_accounts("used")
    made = await house.keyring.account_key(account.unique_id)
    later = SystemKeys(Keyring(key_directory, house.clock))
    for keys in (SystemKeys(house.keyring), later):
        key = await keys.of(account)
        assert key is not None
        assert (key.account, key.key_id, key.certificate) == (account.unique_id, made.key_id, made.certificate)
        assert await keys.of(other) is None
        assert await keys.ensured(account) == key


async def test_it_is_good_as_long_as_its_certificate_says(house: House) -> None:
    key = await SystemKeys(house.keyring).ensured(SENDER)
    found = read_certificate(key.certificate.encode())
    assert (key.certificate, key.valid_after, key.valid_before) == (found.pem, found.valid_after, found.valid_before)
