"""Discovery tells addresses that its reader can reach, and never one that a stranger put into its mouth."""

from __future__ import annotations

import pytest

from kumotasks.api.call import PageRoute
from kumotasks.api.oauth.discovery import Discovery
from tests.api.oauth.conftest import Pages, said
from tests.auth.proving import ISSUER, OWN_URL

PATH = "/.well-known/openid-configuration"


async def test_under_our_name_it_tells_our_addresses(pages: Pages) -> None:
    found = said(await pages.ask("GET", PATH))
    assert found["issuer"] == ISSUER
    assert found["jwks_uri"] == OWN_URL + "/oauth2/v3/certs"
    assert found["token_endpoint"] == OWN_URL + "/token"
    assert found["userinfo_endpoint"] == OWN_URL + "/v1/userinfo"
    assert found["id_token_signing_alg_values_supported"] == ["RS256"]


@pytest.mark.parametrize("host", [b"accounts.google.com", b"ACCOUNTS.google.com:443", b"www.googleapis.com"])
async def test_under_googles_names_it_tells_googles(pages: Pages, host: bytes) -> None:
    found = said(await pages.ask("GET", PATH, headers={b"host": host}))
    assert found["jwks_uri"] == "https://www.googleapis.com/oauth2/v3/certs"
    assert found["token_endpoint"] == "https://oauth2.googleapis.com/token"


@pytest.mark.parametrize(
    "host", [b"evil.example", b"", b"\xff", b"127.0.0.1:8123@evil.example", b"evilaccounts.google.com"]
)
async def test_an_unknown_host_is_never_repeated(pages: Pages, host: bytes) -> None:
    response = await pages.ask("GET", PATH, headers={b"host": host})
    assert said(response)["jwks_uri"] == OWN_URL + "/oauth2/v3/certs"
    assert b"evil" not in response.body


async def test_of_several_urls_it_tells_the_one_it_was_asked_under() -> None:
    urls = frozenset({"https://tasks.example/", "http://127.0.0.1:8123"})
    asked = Pages((PageRoute("GET", PATH, Discovery(ISSUER, lambda: urls).configuration),))
    answer = said(await asked.ask("GET", PATH, headers={b"host": b"tasks.example"}))
    assert answer["jwks_uri"] == "https://tasks.example/oauth2/v3/certs"
