"""tokeninfo and userinfo, in each of the forms that programs read."""

from __future__ import annotations

import pytest

from tests.api.oauth.conftest import Pages, error_of, said
from tests.auth.proving import ISSUER, PLATFORM, SECONDS, SENDER, House, claims_of, jwt_of

EMAIL = "https://www.googleapis.com/auth/userinfo.email"


async def token(house: House, *scopes: str) -> str:
    return (await house.tokens.access_token(SENDER, scopes)).text


@pytest.mark.parametrize("path", ["/tokeninfo", "/oauth2/v3/tokeninfo"])
async def test_an_access_token_tells_everything_as_text(house: House, pages: Pages, path: str) -> None:
    text = await token(house, "openid", EMAIL, PLATFORM)
    expected = {
        "azp": SENDER.unique_id,
        "aud": SENDER.unique_id,
        "sub": SENDER.unique_id,
        "scope": f"openid {EMAIL} {PLATFORM}",
        "exp": str(SECONDS + 3600),
        "expires_in": "3599",
        "email": SENDER.email,
        "email_verified": "true",
        "access_type": "online",
    }
    assert said(await pages.ask("GET", path, query={"access_token": text})) == expected
    assert said(await pages.ask("POST", path, form={"access_token": text})) == expected
    assert said(await pages.ask("POST", path, query={"access_token": text})) == expected


async def test_without_the_scope_for_it_no_email_is_told(house: House, pages: Pages) -> None:
    answer = said(await pages.ask("GET", "/tokeninfo", query={"access_token": await token(house, PLATFORM)}))
    assert answer.keys() == {"azp", "aud", "scope", "exp", "expires_in", "access_type"}


async def test_the_first_version_has_other_names(house: House, pages: Pages) -> None:
    text = await token(house, EMAIL, "openid")
    assert said(await pages.ask("GET", "/oauth2/v1/tokeninfo", query={"access_token": text})) == {
        "issued_to": SENDER.unique_id,
        "audience": SENDER.unique_id,
        "user_id": SENDER.unique_id,
        "scope": f"{EMAIL} openid",
        "expires_in": 3599,
        "email": SENDER.email,
        "verified_email": True,
        "access_type": "online",
    }


async def test_an_id_token_tells_its_claims(house: House, pages: Pages) -> None:
    text = await house.tokens.id_token(SENDER, "https://w")
    answer = said(await pages.ask("GET", "/tokeninfo", query={"id_token": text}))
    assert answer == {
        "iss": ISSUER,
        "aud": "https://w",
        "azp": SENDER.unique_id,
        "sub": SENDER.unique_id,
        "email": SENDER.email,
        "email_verified": "true",
        "iat": str(SECONDS),
        "exp": str(SECONDS + 3600),
        "alg": "RS256",
        "typ": "JWT",
        "kid": (await house.keyring.signing()).key_id,
    }
    old = said(await pages.ask("GET", "/oauth2/v1/tokeninfo", query={"id_token": text}))
    assert (old["issuer"], old["audience"], old["user_id"]) == (ISSUER, "https://w", SENDER.unique_id)
    assert (old["issued_at"], old["expires_in"], old["verified_email"]) == (SECONDS, 3599, True)


@pytest.mark.parametrize("path", ["/tokeninfo", "/oauth2/v1/tokeninfo"])
@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({}, "invalid_request"),
        ({"access_token": ""}, "invalid_request"),
        ({"access_token": "x"}, "invalid_token"),
        ({"access_token": jwt_of(claims_of())}, "invalid_token"),
        ({"id_token": jwt_of(claims_of())}, "invalid_token"),
        ({"id_token": jwt_of({"iss": ISSUER, "aud": "a"})}, "invalid_token"),
        ({"id_token": "\U0001f600"}, "invalid_token"),
        (b"access_token=a&access_token=b", "invalid_request"),
        (b"access_token=%ff", "invalid_request"),
    ],
)
async def test_what_is_no_token_tells_nothing(
    pages: Pages, path: str, query: dict[str, str] | bytes, code: str
) -> None:
    assert error_of(await pages.ask("GET", path, query=query)) == (400, code)


async def test_a_parameter_in_the_query_and_in_the_body_is_refused(house: House, pages: Pages) -> None:
    text = {"access_token": await token(house, EMAIL)}
    assert error_of(await pages.ask("POST", "/tokeninfo", query=text, form=text)) == (400, "invalid_request")


@pytest.mark.parametrize(
    ("path", "ident", "verified"),
    [
        ("/v1/userinfo", "sub", "email_verified"),
        ("/oauth2/v3/userinfo", "sub", "email_verified"),
        ("/oauth2/v1/userinfo", "id", "verified_email"),
        ("/oauth2/v2/userinfo", "id", "verified_email"),
    ],
)
async def test_userinfo_says_whom_a_token_acts_as(
    house: House, pages: Pages, path: str, ident: str, verified: str
) -> None:
    for scheme in ("Bearer", "bearer"):
        header = {b"authorization": f"{scheme} {await token(house, EMAIL, PLATFORM)}".encode()}
        answer = said(await pages.ask("GET", path, headers=header))
        assert answer == {ident: SENDER.unique_id, "email": SENDER.email, verified: True}
    header = {b"authorization": f"Bearer {await token(house, PLATFORM)}".encode()}
    assert said(await pages.ask("GET", path, headers=header)) == {ident: SENDER.unique_id}


@pytest.mark.parametrize(
    "header",
    [None, b"", b"Bearer", b"Bearer x", b"Bearer \xff", b"Basic YQ==", b"Bearer " + b"A" * 1_000_000],
)
async def test_userinfo_without_a_good_token_is_refused(pages: Pages, header: bytes | None) -> None:
    response = await pages.ask("GET", "/v1/userinfo", headers={} if header is None else {b"authorization": header})
    assert response.status == 401
    assert dict(response.headers)[b"www-authenticate"].startswith(b"Bearer ")


async def test_userinfo_takes_no_token_from_the_query(house: House, pages: Pages) -> None:
    response = await pages.ask("GET", "/v1/userinfo", query={"access_token": await token(house, EMAIL)})
    assert response.status == 401
