"""Proofs become tokens; tokens are shown and taken back; everything else meets OAuth's refusals."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import replace

import pytest

from kumotasks.auth.assertion import Refused
from kumotasks.auth.envelope import open_envelope
from kumotasks.auth.refresh import LIFETIME, RefreshTokens
from kumotasks.domain.clock import HOUR
from kumotasks.service.identity import REFRESHED_SCOPES, AccessGrant, IdGrant
from tests.auth.conftest import house, key_directory
from tests.auth.proving import (
    CLOUD_TASKS,
    NOW,
    OTHER,
    OWN_URL,
    PLATFORM,
    SENDER,
    TOKEN_URI,
    House,
    assertion,
    claims_of,
    jwt_of,
    pair,
)

__all__ = ["house", "key_directory"]

GCLOUD = "32555940559.apps.googleusercontent.com"


async def refusal(call: Awaitable[object]) -> str:
    """The code of it."""
    with pytest.raises(Refused) as caught:
        await call
    return caught.value.code


async def access(house: House, **changes: object) -> AccessGrant:
    grant = await house.identity().grant_assertion(assertion(**changes))
    assert isinstance(grant, AccessGrant)
    return grant


async def test_an_assertion_with_a_scope_gets_an_access_token(house: House) -> None:
    grant = await access(house, scope=f"openid {PLATFORM}")
    assert (grant.expires_in, grant.scopes, grant.id_token) == (3599, ("openid", PLATFORM), "")
    claims = await house.tokens.read_access_token(grant.access_token)
    assert claims is not None
    assert (claims.email, claims.unique_id, claims.scopes) == (SENDER.email, SENDER.unique_id, grant.scopes)
    assert claims.expires == NOW + HOUR


@pytest.mark.parametrize("scope", [None, "", PLATFORM])
async def test_an_assertion_with_a_target_gets_an_id_token_and_nothing_else(house: House, scope: object) -> None:
    target = "https://worker.example/run"
    grant = await house.identity().grant_assertion(assertion(scope=scope, target_audience=target))
    assert isinstance(grant, IdGrant)
    claims = await house.tokens.read_id_token(grant.id_token)
    assert claims is not None
    assert (claims.email, claims.audience, claims.email_verified) == (SENDER.email, target, True)


@pytest.mark.parametrize(
    "audience",
    [
        TOKEN_URI,
        "https://www.googleapis.com/oauth2/v4/token",
        "https://accounts.google.com/o/oauth2/token",
        OWN_URL,
        OWN_URL + "/token",
        OWN_URL + "/oauth2/v4/token",
        [TOKEN_URI, OWN_URL + "/token"],
    ],
)
async def test_an_assertion_may_name_googles_endpoint_or_ours(house: House, audience: object) -> None:
    assert (await access(house, aud=audience)).access_token


@pytest.mark.parametrize(
    "audience",
    [
        None,
        "",
        CLOUD_TASKS,
        "https://oauth2.googleapis.com/token/",
        "https://evil.example/token",
        OWN_URL + "/elsewhere",
        [TOKEN_URI, "https://evil.example/token"],
    ],
)
async def test_an_assertion_for_somebody_else_is_refused(house: House, audience: object) -> None:
    assert await refusal(house.identity().grant_assertion(assertion(aud=audience))) == "invalid_grant"


async def test_what_an_assertion_wants_must_be_said(house: House) -> None:
    for scope in (None, "", "  "):
        assert await refusal(house.identity().grant_assertion(assertion(scope=scope))) == "invalid_scope"


async def test_an_assertion_may_name_its_own_account_as_the_subject_and_no_other(house: House) -> None:
    assert (await access(house, sub=SENDER.email)).access_token
    assert await refusal(house.identity().grant_assertion(assertion(sub=OTHER.email))) == "unauthorized_client"


@pytest.mark.parametrize("text", ["", "x", "a.b.c", "é", "\ud800", "A" * 1_000_000, f"{assertion()}\n"])
async def test_what_is_no_assertion_is_refused(house: House, text: str) -> None:
    assert await refusal(house.identity().grant_assertion(text)) == "invalid_grant"


async def test_a_stranger_gets_tokens_only_where_nobody_is_asked(house: House) -> None:
    ghost = replace(SENDER, email="ghost@q.iam.gserviceaccount.com")
    text = jwt_of(claims_of(ghost, sub=None, aud=TOKEN_URI, scope=PLATFORM), pair(9))
    assert await refusal(house.identity().grant_assertion(text)) == "invalid_grant"
    open_house = house.identity(anyone=True)
    grant = await open_house.grant_assertion(text)
    assert isinstance(grant, AccessGrant)
    assert (await open_house.access_token(grant.access_token)).account.email == ghost.email
    assert await refusal(house.identity().access_token(grant.access_token)) == "invalid_token"


async def test_an_access_token_shows_what_it_stands_for(house: House) -> None:
    info = await house.identity().access_token((await access(house)).access_token)
    assert (info.account.unique_id, info.scopes, info.expires_in) == (SENDER.unique_id, (PLATFORM,), 3599)


async def test_an_id_token_shows_its_claims(house: House) -> None:
    found = await house.identity().id_token(await house.tokens.id_token(SENDER, "a"))
    assert (found.header["alg"], found.header["kid"]) == ("RS256", (await house.keyring.signing()).key_id)
    assert (found.claims["aud"], found.claims["sub"], found.expires_in) == ("a", SENDER.unique_id, 3599)


@pytest.mark.parametrize("text", ["", "ya29.", "ya29.k.x.y", "é", "\ud800", "A" * 1_000_000, jwt_of(claims_of())])
async def test_what_is_no_token_of_ours_shows_nothing(house: House, text: str) -> None:
    identity = house.identity()
    assert await refusal(identity.access_token(text)) == "invalid_token"
    assert await refusal(identity.id_token(text)) == "invalid_token"
    assert await refusal(identity.revoke(text)) == "invalid_token"


async def test_a_revoked_token_stands_for_nothing(house: House) -> None:
    identity, token = house.identity(), (await access(house)).access_token
    await identity.revoke(token)
    assert await refusal(identity.access_token(token)) == "invalid_token"
    assert await refusal(identity.revoke(token)) == "invalid_token"
    assert (await identity.access_token((await access(house, scope="a")).access_token)).scopes == ("a",)


async def test_tokens_of_an_account_that_is_gone_stand_for_nothing(house: House) -> None:
    identity = house.identity()
    token, refresh = (await access(house)).access_token, await refresh_token(house)
    id_token = await house.tokens.id_token(SENDER, "a")
    await house.accounts.delete(SENDER)
    assert await refusal(identity.access_token(token)) == "invalid_token"
    assert await refusal(identity.id_token(id_token)) == "invalid_token"
    assert await refusal(identity.grant_refresh(refresh, "", "")) == "invalid_grant"
    await house.accounts.create(replace(SENDER, unique_id="3" * 21))
    assert await refusal(identity.access_token(token)) == "invalid_token"
    assert await refusal(identity.grant_refresh(refresh, "", "")) == "invalid_grant"


async def refresh_token(house: House) -> str:
    return await RefreshTokens(house.keyring, house.clock).make(SENDER)


async def test_a_refresh_token_gets_access_tokens_again_and_again(house: House) -> None:
    text = await refresh_token(house)
    for _ in range(2):
        grant = await house.identity().grant_refresh(text, "", GCLOUD)
        assert grant.scopes == REFRESHED_SCOPES
        assert (await house.identity().access_token(grant.access_token)).account.email == SENDER.email
        id_claims = await house.tokens.read_id_token(grant.id_token)
        assert id_claims is not None
        assert id_claims.audience == GCLOUD


async def test_a_refresh_may_ask_for_less(house: House) -> None:
    grant = await house.identity().grant_refresh(await refresh_token(house), PLATFORM, GCLOUD)
    assert (grant.scopes, grant.id_token) == ((PLATFORM,), "")


async def test_a_refresh_token_ends(house: House) -> None:
    identity, text = house.identity(), await refresh_token(house)
    await identity.revoke(text)
    assert await refusal(identity.grant_refresh(text, "", "")) == "invalid_grant"
    old = await RefreshTokens(house.keyring, house.clock).make(OTHER)
    house.clock.turn(NOW + LIFETIME)
    assert await refusal(identity.grant_refresh(old, "", "")) == "invalid_grant"


@pytest.mark.parametrize(
    "forge", [lambda t: t + "A", lambda t: t[:-1], lambda t: t.replace("1//k.", "ya29.k."), str.upper]
)
async def test_a_refresh_token_cannot_be_forged(house: House, forge: object) -> None:
    assert callable(forge)
    text = forge(await refresh_token(house))
    assert await refusal(house.identity().grant_refresh(text, "", "")) == "invalid_grant"
    assert await refusal(house.identity().access_token(text)) == "invalid_token"


async def test_an_access_token_refreshes_nothing(house: House) -> None:
    token = (await access(house)).access_token
    for text in (token, token.replace("ya29.k.", "1//k.")):
        assert await refusal(house.identity().grant_refresh(text, "", "")) == "invalid_grant"


async def test_no_token_stands_in_a_repr(house: House) -> None:
    grant = await access(house)
    refreshed = await house.identity().grant_refresh(await refresh_token(house), "", GCLOUD)
    id_grant = await house.identity().grant_assertion(assertion(target_audience="a"))
    assert grant.access_token not in repr(grant)
    assert refreshed.id_token not in repr(refreshed)
    assert repr(id_grant) == "IdGrant()"
    signature = assertion().rpartition(".")[2]
    assert signature not in repr(open_envelope(assertion()))
