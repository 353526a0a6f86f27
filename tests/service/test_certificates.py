"""The keys that are shown are the keys that count, and no others."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kumotasks.domain.account import default_accounts
from kumotasks.domain.clock import MINUTE
from kumotasks.domain.errors import EntityNotFound
from kumotasks.service.certificates import Certificates
from tests.auth.conftest import house, key_directory
from tests.auth.proving import NOW, SENDER, House, pair

__all__ = ["house", "key_directory"]


@pytest.fixture
def certificates(house: House) -> Certificates:
    return Certificates(house.keyring, house.accounts, house.clock)


async def test_our_own_are_those_that_are_published(house: House, certificates: Certificates) -> None:
    published = await house.keyring.published()
    assert await certificates.own() == {key.key_id: key.certificate for key in published}
    assert [each["kid"] for each in await certificates.own_set()] == [key.key_id for key in published]
    assert (await house.keyring.signing()).key_id in await certificates.own()


async def test_an_account_shows_its_usable_keys_and_the_one_we_hold(house: House, certificates: Certificates) -> None:
    await house.accounts.put_key(SENDER, replace(pair(3).of(SENDER), disabled=True))
    await house.accounts.put_key(SENDER, pair(4).of(SENDER, until=NOW + MINUTE))
    house.clock.turn(NOW + MINUTE)
    system = await house.keyring.account_key(SENDER.unique_id)
    expected = {system.key_id: system.certificate, pair(1).key_id: pair(1).certificate}
    assert await certificates.of(SENDER.email) == expected
    assert await certificates.of(SENDER.unique_id) == expected
    assert [each["kid"] for each in await certificates.set_of(SENDER.email)] == list(expected)


async def test_the_keys_of_id_tokens_are_no_accounts(house: House, certificates: Certificates) -> None:
    assert not (await certificates.own()).keys() & (await certificates.of(SENDER.email)).keys()


async def test_a_default_account_that_nobody_used_has_none(certificates: Certificates) -> None:
    assert await certificates.of("p@appspot.gserviceaccount.com") == {}


async def test_a_default_account_that_was_signed_for_shows_what_signed(
    house: House, certificates: Certificates
) -> None:
    account = default_accounts("signed-for")[0]
    key = await house.keyring.account_key(account.unique_id)
    assert await certificates.of(account.email) == {key.key_id: key.certificate}


async def test_an_account_that_is_disabled_or_gone_shows_nothing(house: House, certificates: Certificates) -> None:
    sender = await house.accounts.find(SENDER.email)
    assert sender is not None
    await house.accounts.replace(replace(sender, disabled=True), if_etag=sender.etag)
    for ident in (SENDER.email, SENDER.unique_id, "ghost@p.iam.gserviceaccount.com", "../x", "", "\0"):
        with pytest.raises(EntityNotFound):
            await certificates.of(ident)
