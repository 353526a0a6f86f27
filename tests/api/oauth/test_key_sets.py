"""Whoever checks our tokens finds the keys, in the form that his library reads."""

from __future__ import annotations

import jwt
import pytest
from cryptography import x509
from joserfc import jwk
from joserfc import jwt as joserfc_jwt

from kumotasks.api.oauth.key_sets import MAX_AGE
from kumotasks.auth.keyring import OVERLAP
from kumotasks.domain.clock import SECOND
from kumotasks.domain.errors import EntityNotFound
from tests.api.oauth.conftest import Pages, said
from tests.auth.proving import SENDER, House, claims_of, jwt_of, pair

UNTIMED = {"verify_exp": False, "verify_iat": False, "verify_nbf": False}


async def test_an_id_token_is_verified_with_the_certificates(house: House, pages: Pages) -> None:
    text = await house.tokens.id_token(SENDER, "a")
    found = said(await pages.ask("GET", "/oauth2/v1/certs"))
    certificate = x509.load_pem_x509_certificate(found[jwt.get_unverified_header(text)["kid"]].encode())
    claims = jwt.decode(text, certificate.public_key(), ["RS256"], audience="a", options=UNTIMED)
    assert claims["email"] == SENDER.email


async def test_an_id_token_is_verified_with_the_key_set(house: House, pages: Pages) -> None:
    text = await house.tokens.id_token(SENDER, "a")
    found = said(await pages.ask("GET", "/oauth2/v3/certs"))
    key = jwt.PyJWKSet.from_dict(found)[jwt.get_unverified_header(text)["kid"]]
    assert jwt.decode(text, key, ["RS256"], audience="a", options=UNTIMED)["sub"] == SENDER.unique_id
    decoded = joserfc_jwt.decode(text, jwk.KeySet.import_key_set(found), algorithms=["RS256"])
    assert decoded.claims["email"] == SENDER.email


@pytest.mark.parametrize(
    "path",
    [
        "/robot/v1/metadata/jwk/{account}",
        "/service_accounts/v1/metadata/jwk/{account}",
        "/service_accounts/v1/jwk/{account}",
    ],
)
async def test_what_an_account_signed_is_verified_with_its_own_set(pages: Pages, path: str) -> None:
    found = said(await pages.ask("GET", path, variables={"account": SENDER.email}))
    key = jwt.PyJWKSet.from_dict(found)[pair(1).key_id]
    assert (
        jwt.decode(jwt_of(claims_of()), key, ["RS256"], options={**UNTIMED, "verify_aud": False})["sub"] == SENDER.email
    )


@pytest.mark.parametrize("path", ["/robot/v1/metadata/x509/{account}", "/service_accounts/v1/metadata/x509/{account}"])
async def test_an_accounts_certificates_are_a_map(pages: Pages, path: str) -> None:
    found = said(await pages.ask("GET", path, variables={"account": SENDER.email}))
    assert found[pair(1).key_id] == pair(1).certificate
    with pytest.raises(EntityNotFound):
        await pages.ask("GET", path, variables={"account": "ghost@p.iam.gserviceaccount.com"})


@pytest.mark.parametrize("path", ["/oauth2/v1/certs", "/oauth2/v3/certs"])
async def test_caches_may_keep_keys_for_a_while(pages: Pages, path: str) -> None:
    response = await pages.ask("GET", path)
    assert f"public, max-age={MAX_AGE}".encode() in dict(response.headers)[b"cache-control"]
    assert MAX_AGE * SECOND * 10 < OVERLAP
    assert response.content_type == "application/json; charset=utf-8"


async def test_nothing_private_is_shown(pages: Pages) -> None:
    for path in ("/oauth2/v1/certs", "/oauth2/v3/certs"):
        assert b"PRIVATE" not in (await pages.ask("GET", path)).body
    for key in said(await pages.ask("GET", "/oauth2/v3/certs"))["keys"]:
        assert key.keys() == {"kty", "alg", "use", "kid", "n", "e"}
