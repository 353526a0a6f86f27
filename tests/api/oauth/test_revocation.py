"""A token that was taken back is good nowhere any more."""

from __future__ import annotations

import pytest

from kumotasks.auth.refresh import RefreshTokens
from tests.api.oauth.conftest import Pages, error_of, said
from tests.auth.proving import PLATFORM, SENDER, House


async def token(house: House, *scopes: str) -> str:
    return (await house.tokens.access_token(SENDER, scopes)).text


@pytest.mark.parametrize("path", ["/revoke", "/o/oauth2/revoke"])
async def test_a_token_is_taken_back(house: House, pages: Pages, path: str) -> None:
    first, second = await token(house, PLATFORM), await token(house, "openid")
    for text, how in ((first, {"form": {"token": first}}), (second, {"query": {"token": second}})):
        response = await pages.ask("POST", path, **how)  # type: ignore[arg-type]
        assert (response.status, said(response)) == (200, {})
        answer = await pages.ask("GET", "/tokeninfo", query={"access_token": text})
        assert error_of(answer) == (400, "invalid_token")
        assert error_of(await pages.ask("POST", path, form={"token": text})) == (400, "invalid_token")
    assert error_of(await pages.ask("POST", path)) == (400, "invalid_request")


async def test_a_refresh_token_is_taken_back(house: House, pages: Pages) -> None:
    text = await RefreshTokens(house.keyring, house.clock).make(SENDER)
    assert (await pages.ask("POST", "/revoke", form={"token": text})).status == 200
    form = {"grant_type": "refresh_token", "refresh_token": text}
    assert error_of(await pages.ask("POST", "/token", form=form)) == (400, "invalid_grant")


async def test_what_is_no_token_of_ours_or_proves_itself_cannot_be_taken_back(house: House, pages: Pages) -> None:
    for text in ("x", "ya29.k.a.b", await house.tokens.id_token(SENDER, "a")):
        assert error_of(await pages.ask("POST", "/revoke", form={"token": text})) == (400, "invalid_token")
