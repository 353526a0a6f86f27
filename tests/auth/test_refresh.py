"""A refresh token names its account, for half a year, and nobody else can write one."""

from __future__ import annotations

from pathlib import Path

from kumotasks.auth.keyring import OVERLAP, Keyring
from kumotasks.auth.refresh import LIFETIME, REFRESH, RefreshClaims, RefreshTokens
from tests.auth.proving import NOW, SENDER, House


async def test_it_says_for_whom_it_is(house: House) -> None:
    tokens = RefreshTokens(house.keyring, house.clock)
    text = await tokens.make(SENDER)
    assert text.startswith(REFRESH)
    assert await tokens.read(text) == RefreshClaims(SENDER.email, SENDER.unique_id, NOW + LIFETIME)


async def test_it_ends(house: House) -> None:
    tokens = RefreshTokens(house.keyring, house.clock)
    text = await tokens.make(SENDER)
    house.clock.turn(NOW + LIFETIME)
    assert await tokens.read(text) is None


async def test_it_ends_when_the_keys_were_rotated_and_the_overlap_is_over(house: House, tmp_path: Path) -> None:
    keyring = Keyring(tmp_path / "keys", house.clock)
    tokens = RefreshTokens(keyring, house.clock)
    text = await tokens.make(SENDER)
    await keyring.rotate()
    assert await tokens.read(text) is not None
    house.clock.turn(NOW + OVERLAP)
    assert await tokens.read(text) is None


async def test_no_other_text_is_one(house: House) -> None:
    tokens = RefreshTokens(house.keyring, house.clock)
    text = await tokens.make(SENDER)
    access = (await house.tokens.access_token(SENDER, ())).text
    for forged in (
        "",
        REFRESH,
        text[:-1],
        text + "A",
        text.replace(".", "..", 1),
        access,
        "1//k." + access[7:],
        "é" * 9,
    ):
        assert await tokens.read(forged) is None
