"""The token endpoint as its clients use it, and as nobody should."""

from __future__ import annotations

import json
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kumotasks.api.oauth.grants import JWT_BEARER
from kumotasks.auth.refresh import RefreshTokens
from tests.api.oauth.conftest import FORM, Pages, error_of, said
from tests.auth.proving import PLATFORM, SECONDS, SENDER, House, assertion, jwt_of, pair

GCLOUD_SCOPES = (
    "openid https://www.googleapis.com/auth/userinfo.email https://www.googleapis.com/auth/cloud-platform "
    "https://www.googleapis.com/auth/appengine.admin https://www.googleapis.com/auth/sqlservice.login "
    "https://www.googleapis.com/auth/compute"
)


def grant(text: str) -> dict[str, str]:
    return {"grant_type": JWT_BEARER, "assertion": text}


@pytest.mark.parametrize("path", ["/token", "/oauth2/v3/token", "/oauth2/v4/token", "/o/oauth2/token"])
async def test_an_assertion_becomes_an_access_token(house: House, pages: Pages, path: str) -> None:
    response = await pages.ask("POST", path, form=grant(assertion(scope=GCLOUD_SCOPES)))
    answer = said(response)
    assert response.status == 200
    assert {name: answer[name] for name in ("expires_in", "token_type", "scope")} == {
        "expires_in": 3599,
        "token_type": "Bearer",
        "scope": GCLOUD_SCOPES,
    }
    assert await house.tokens.read_access_token(answer["access_token"]) is not None
    assert (b"cache-control", b"no-store") in response.headers


async def test_an_assertion_with_a_target_becomes_an_id_token(house: House, pages: Pages) -> None:
    target = "32555940559.apps.googleusercontent.com"
    response = await pages.ask("POST", "/token", form=grant(assertion(scope=None, target_audience=target)))
    assert said(response).keys() == {"id_token"}
    claims = await house.tokens.read_id_token(said(response)["id_token"])
    assert claims is not None
    assert (claims.audience, claims.email, claims.unique_id) == (target, SENDER.email, SENDER.unique_id)


async def test_a_refresh_token_becomes_an_access_token(house: House, pages: Pages) -> None:
    text = await RefreshTokens(house.keyring, house.clock).make(SENDER)
    form = {"grant_type": "refresh_token", "client_id": "c", "client_secret": "s", "refresh_token": text}
    answer = said(await pages.ask("POST", "/token", form=form))
    assert answer.keys() == {"access_token", "expires_in", "scope", "token_type", "id_token"}
    assert error_of(await pages.ask("POST", "/token", form=form | {"refresh_token": text + "A"})) == (
        400,
        "invalid_grant",
    )


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ({}, "invalid_request"),
        ({"grant_type": ""}, "invalid_request"),
        ({"grant_type": "password", "username": "u"}, "unsupported_grant_type"),
        ({"grant_type": "client_credentials"}, "unsupported_grant_type"),
        ({"grant_type": "authorization_code", "code": "c"}, "unsupported_grant_type"),
        ({"grant_type": JWT_BEARER}, "invalid_request"),
        ({"grant_type": JWT_BEARER, "assertion": ""}, "invalid_request"),
        ({"grant_type": "refresh_token"}, "invalid_request"),
        ({"grant_type": "refresh_token", "refresh_token": "x"}, "invalid_grant"),
        (grant("x"), "invalid_grant"),
        (grant("A" * 60_000), "invalid_grant"),
        (grant("A" * 1_000_000), "invalid_request"),
        (grant(assertion(exp=SECONDS)), "invalid_grant"),
        (grant(assertion(scope=None)), "invalid_scope"),
        (grant(assertion(sub="admin@example.com")), "unauthorized_client"),
        (grant(assertion(iss="ghost@p.iam.gserviceaccount.com")), "invalid_grant"),
        (grant(jwt_of({"iss": SENDER.email}, pair(9))), "invalid_grant"),
    ],
)
async def test_what_is_wrong_with_a_grant_is_said_in_oauths_form(pages: Pages, form: dict[str, str], code: str) -> None:
    assert error_of(await pages.ask("POST", "/token", form=form)) == (400, code)


@pytest.mark.parametrize(
    "form",
    [
        urlencode(grant(assertion())).encode() + b"&assertion=x",
        urlencode(grant(assertion())).encode() + b"&grant_type=refresh_token",
        b"grant_type=%ff%fe",
        b"grant_type=\xff",
        b"&" * 100,
        b"a=1&" * 33,
        json.dumps(grant(assertion())).encode(),
    ],
)
async def test_a_form_that_can_be_read_in_two_ways_is_refused(pages: Pages, form: bytes) -> None:
    assert error_of(await pages.ask("POST", "/token", form=form)) == (400, "invalid_request")


async def test_a_grant_comes_as_a_form_and_in_the_body(pages: Pages) -> None:
    good = grant(assertion(scope=PLATFORM))
    assert error_of(await pages.ask("POST", "/token", query=good)) == (400, "invalid_request")
    as_json = {b"content-type": b"application/json"}
    for form in (good, json.dumps(good).encode()):
        answer = await pages.ask("POST", "/token", form=form, headers=as_json)
        assert error_of(answer) == (400, "invalid_request")
    with_charset = {b"content-type": FORM.upper() + b"; charset=utf-8"}
    assert (await pages.ask("POST", "/token", form=good, headers=with_charset)).status == 200


async def test_no_refusal_repeats_what_was_sent(pages: Pages) -> None:
    secret = assertion(sub="admin@example.com")
    for form in (grant(secret), {"grant_type": "refresh_token", "refresh_token": secret}):
        assert secret.encode() not in (await pages.ask("POST", "/token", form=form)).body


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.one_of(
        st.binary(),
        st.dictionaries(
            st.sampled_from(["grant_type", "assertion", "refresh_token", "scope", "client_id"]),
            st.text() | st.sampled_from([JWT_BEARER, "refresh_token", "a.b.c", "1//k.a.b"]),
        ).map(lambda form: urlencode(form, errors="replace").encode()),
    )
)
async def test_any_body_meets_one_of_oauths_refusals(pages: Pages, form: bytes) -> None:
    for path in ("/token", "/tokeninfo", "/oauth2/v1/tokeninfo", "/revoke"):
        status, code = error_of(await pages.ask("POST", path, form=form))
        assert status == 400
        assert code in {"invalid_request", "invalid_grant", "unsupported_grant_type", "invalid_token", "invalid_scope"}
