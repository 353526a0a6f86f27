"""Tokens: read by everybody's libraries, believed only when they are ours."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

import google.auth.jwt
import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from google.oauth2 import id_token as google_id_token
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwt as joserfc_jwt
from joserfc.jwk import KeySet

from kumotasks.auth.keyring import OVERLAP, Keyring, SigningKey
from kumotasks.auth.tokens import ACCESS, AccessClaims, IdClaims, Tokens
from kumotasks.domain.account import ServiceAccount
from kumotasks.domain.clock import HOUR, MINUTE, SECOND, ManualClock, SystemClock
from kumotasks.domain.errors import InvalidArgument
from tests.auth.quick_keys import key as pooled
from tests.auth.quick_keys import quick_keys
from tests.factory import NOW

__all__ = ["quick_keys"]
ISSUER = "https://accounts.google.com"
AUDIENCE = "https://worker.example/"
ACCOUNT = ServiceAccount("p", "robot@p.iam.gserviceaccount.com", "100000000000000000001")
SCOPES = ("https://www.googleapis.com/auth/cloud-platform", "openid")
Claims = dict[str, object]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def keyring(tmp_path: Path, clock: ManualClock, quick_keys: None) -> Keyring:
    return Keyring(tmp_path / "keys", clock)


@pytest.fixture
def tokens(keyring: Keyring, clock: ManualClock) -> Tokens:
    return Tokens(keyring, clock, ISSUER)


@pytest.fixture
def honest() -> Claims:
    """What a good ID token says."""
    return {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "azp": ACCOUNT.unique_id,
        "sub": ACCOUNT.unique_id,
        "email": ACCOUNT.email,
        "email_verified": True,
        "iat": NOW // SECOND,
        "exp": NOW // SECOND + 3600,
    }


# ID tokens, by other eyes


@dataclass(frozen=True)
class Answer:
    """What google-auth's transports return."""

    data: bytes
    status: int = HTTPStatus.OK
    headers: Mapping[str, str] = ()  # type: ignore[assignment]


@dataclass(frozen=True)
class Shown:
    """A token of now, and what verifiers fetch."""

    token: str
    pems: dict[str, str]
    jwks: list[dict[str, str]]


@pytest.fixture
async def shown(tmp_path: Path, quick_keys: None) -> Shown:
    keyring = Keyring(tmp_path / "keys", SystemClock())
    text = await Tokens(keyring, SystemClock(), ISSUER).id_token(ACCOUNT, AUDIENCE)
    keys = await keyring.published()
    return Shown(text, {key.key_id: key.certificate for key in keys}, [key.jwk() for key in keys])


def test_google_auth_verifies_an_id_token(shown: Shown) -> None:
    claims = google.auth.jwt.decode(shown.token, certs=shown.pems, audience=AUDIENCE)
    assert (claims["sub"], claims["email"]) == (ACCOUNT.unique_id, ACCOUNT.email)
    with pytest.raises(ValueError, match="audience"):
        google.auth.jwt.decode(shown.token, certs=shown.pems, audience="https://another.example/")


def test_google_auth_verifies_it_as_a_worker_would(shown: Shown) -> None:
    def fetch(url: str, method: str = "GET", **_: object) -> Answer:
        assert (url, method) == ("https://www.googleapis.com/oauth2/v1/certs", "GET")
        return Answer(json.dumps(shown.pems).encode())

    assert google_id_token.verify_oauth2_token(shown.token, fetch, AUDIENCE)["email"] == ACCOUNT.email


def test_google_auth_verifies_it_with_a_key_set(shown: Shown) -> None:
    def fetch(url: str, method: str = "GET", **_: object) -> Answer:
        return Answer(json.dumps({"keys": shown.jwks}).encode())

    assert google_id_token.verify_token(shown.token, fetch, AUDIENCE)["sub"] == ACCOUNT.unique_id


def test_pyjwt_verifies_an_id_token(shown: Shown) -> None:
    key = jwt.PyJWKSet.from_dict({"keys": shown.jwks})[jwt.get_unverified_header(shown.token)["kid"]]
    claims = jwt.decode(shown.token, key, audience=AUDIENCE, issuer=ISSUER)
    assert claims["email"] == ACCOUNT.email


def test_joserfc_verifies_an_id_token(shown: Shown) -> None:
    read = joserfc_jwt.decode(shown.token, KeySet.import_key_set({"keys": shown.jwks}), algorithms=["RS256"])
    rules = joserfc_jwt.JWTClaimsRegistry(
        iss={"essential": True, "value": ISSUER}, aud={"essential": True, "value": AUDIENCE}
    )
    rules.validate(read.claims)
    assert read.claims["sub"] == ACCOUNT.unique_id


# ID tokens, what they say


async def test_an_id_token_says_what_googles_say(tokens: Tokens, keyring: Keyring, honest: Claims) -> None:
    text = await tokens.id_token(ACCOUNT, AUDIENCE)
    assert jwt.get_unverified_header(text) == {
        "alg": "RS256",
        "typ": "JWT",
        "kid": (await keyring.signing()).key_id,
    }
    assert jwt.decode(text, options={"verify_signature": False}) == honest


async def test_an_id_token_may_keep_the_email_to_itself(tokens: Tokens, honest: Claims) -> None:
    text = await tokens.id_token(ACCOUNT, AUDIENCE, email=False, lifetime=5 * MINUTE)
    said = jwt.decode(text, options={"verify_signature": False})
    assert said.keys() == honest.keys() - {"email", "email_verified"}
    assert said["exp"] == NOW // SECOND + 300


async def test_an_id_token_is_read_back(tokens: Tokens) -> None:
    read = await tokens.read_id_token(await tokens.id_token(ACCOUNT, AUDIENCE))
    assert read == IdClaims(ACCOUNT.email, ACCOUNT.unique_id, AUDIENCE, NOW, NOW + HOUR, email_verified=True)
    bare = await tokens.read_id_token(await tokens.id_token(ACCOUNT, AUDIENCE, email=False))
    assert bare == IdClaims("", ACCOUNT.unique_id, AUDIENCE, NOW, NOW + HOUR, email_verified=False)


async def test_an_id_token_ends(tokens: Tokens, clock: ManualClock) -> None:
    text = await tokens.id_token(ACCOUNT, AUDIENCE)
    clock.turn(NOW + HOUR - 1)
    assert await tokens.read_id_token(text)
    clock.turn(NOW + HOUR)
    assert await tokens.read_id_token(text) is None


async def test_an_id_token_outlives_its_key_by_the_overlap(
    tokens: Tokens, keyring: Keyring, clock: ManualClock
) -> None:
    text = await tokens.id_token(ACCOUNT, AUDIENCE, lifetime=2 * OVERLAP)
    await keyring.rotate()
    clock.turn(NOW + OVERLAP - 1)
    assert await tokens.read_id_token(text)
    clock.turn(NOW + OVERLAP)
    assert await tokens.read_id_token(text) is None


# ID tokens, forged


def pem(key: SigningKey) -> bytes:
    return key.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def part(document: object) -> bytes:
    return base64.urlsafe_b64encode(json.dumps(document).encode()).rstrip(b"=")


def hs256(claims: Claims, kid: str, secret: bytes) -> str:
    """Made by hand: libraries refuse to seal with a public key."""
    signed = part({"alg": "HS256", "typ": "JWT", "kid": kid}) + b"." + part(claims)
    seal = base64.urlsafe_b64encode(hmac.digest(secret, signed, hashlib.sha256)).rstrip(b"=")
    return (signed + b"." + seal).decode()


def rs256(claims: Claims, kid: str | None, number: int = 5, algorithm: str = "RS256") -> str:
    """Signed by a key that is not in the ring."""
    return jwt.encode(claims, pooled(number), algorithm, headers={"kid": kid} if kid else {})


FORGERIES: dict[str, Callable[[SigningKey, Claims, str], str]] = {
    "no algorithm": lambda key, claims, _: jwt.encode(claims, None, "none", headers={"kid": key.key_id}),
    "no algorithm, spelt otherwise": lambda key, claims, _: (
        part({"alg": "nOnE", "kid": key.key_id}) + b"." + part(claims) + b"."
    ).decode(),
    "sealed with the public key": lambda key, claims, _: hs256(claims, key.key_id, pem(key)),
    "sealed with the certificate": lambda key, claims, _: hs256(claims, key.key_id, key.certificate.encode()),
    "sealed with nothing": lambda key, claims, _: hs256(claims, key.key_id, b""),
    "a foreign key under our name": lambda key, claims, _: rs256(claims, key.key_id),
    "a foreign key under its own": lambda key, claims, _: rs256(claims, "f" * 40),
    "a foreign key that it brings along": lambda key, claims, _: jwt.encode(
        claims, pooled(5), "RS256", headers={"kid": key.key_id, "jwk": key.jwk(), "jku": "https://evil.example/"}
    ),
    "no name of a key": lambda key, claims, _: jwt.encode(claims, key.private, "RS256"),
    "another algorithm of the same key": lambda key, claims, _: jwt.encode(
        claims, key.private, "PS256", headers={"kid": key.key_id}
    ),
    "no signature": lambda key, claims, good: good.rpartition(".")[0] + ".",
    "no third part": lambda key, claims, good: good.rpartition(".")[0],
    "cut": lambda key, claims, good: good[:-4],
    "other claims under a good signature": lambda key, claims, good: ".".join(
        [good.split(".")[0], part(claims | {"sub": "1"}).decode(), good.split(".")[2]]
    ),
    "a part too many": lambda key, claims, good: good + ".e30",
    "a byte that is no character": lambda key, claims, good: good + "\udc80",
}


@pytest.mark.parametrize("forge", FORGERIES.values(), ids=FORGERIES.keys())
async def test_a_forged_id_token_is_refused(
    tokens: Tokens, keyring: Keyring, honest: Claims, forge: Callable[[SigningKey, Claims, str], str]
) -> None:
    good = await tokens.id_token(ACCOUNT, AUDIENCE)
    assert await tokens.read_id_token(good)
    assert await tokens.read_id_token(forge(await keyring.signing(), honest, good)) is None


async def test_an_accounts_own_key_makes_no_id_tokens(tokens: Tokens, keyring: Keyring, honest: Claims) -> None:
    own = await keyring.account_key(ACCOUNT.unique_id)
    ours = await keyring.signing()
    payload = json.dumps(honest).encode()
    assert await tokens.read_id_token(ours.jwt(payload))
    assert await tokens.read_id_token(own.jwt(payload)) is None
    assert await tokens.read_id_token(rs256(honest, ours.key_id)) is None
    forged = jwt.encode(honest, own.private, "RS256", headers={"kid": ours.key_id})
    assert await tokens.read_id_token(forged) is None


@pytest.mark.parametrize(
    "said",
    [
        {"iss": "https://evil.example"},
        {"iss": "accounts.google.com"},
        {"iss": [ISSUER]},
        {"iss": None},
        {"exp": NOW // SECOND},
        {"exp": "tomorrow"},
        {"exp": None},
        {"exp": 1e300},
        {"exp": -1},
        {"iat": NOW // SECOND + 61},
        {"iat": None},
        {"aud": ["a", "b"]},
        {"aud": None},
        {"sub": 7},
        {"sub": None},
    ],
    ids=str,
)
async def test_claims_that_are_not_right_are_refused(
    tokens: Tokens, keyring: Keyring, honest: Claims, said: Claims
) -> None:
    claims = {name: what for name, what in (honest | said).items() if what is not None}
    text = (await keyring.signing()).jwt(json.dumps(claims).encode())
    assert await tokens.read_id_token(text) is None


@pytest.mark.parametrize("payload", [b"[]", b"null", b"", b"\xff", b"[" * 5000, b'"a"', b"{"])
async def test_a_payload_that_is_no_object_is_refused(tokens: Tokens, keyring: Keyring, payload: bytes) -> None:
    assert await tokens.read_id_token((await keyring.signing()).jwt(payload)) is None


async def test_a_giant_id_token_is_not_looked_at(
    tokens: Tokens, keyring: Keyring, honest: Claims, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (await keyring.signing()).jwt(json.dumps(honest | {"more": "a" * 16_384}).encode())
    monkeypatch.setattr(jwt, "get_unverified_header", lambda _: pytest.fail("it was looked at"))
    assert await tokens.read_id_token(text) is None


# Access tokens


async def test_an_access_token_is_read_back(tokens: Tokens, clock: ManualClock) -> None:
    token = await tokens.access_token(ACCOUNT, SCOPES)
    claims = AccessClaims(ACCOUNT.email, ACCOUNT.unique_id, SCOPES, NOW, NOW + HOUR)
    assert token.text.startswith("ya29.k.")
    assert token.expires == NOW + HOUR
    assert await tokens.read_access_token(token.text) == claims
    clock.turn(NOW + HOUR - 1)
    assert await tokens.read_access_token(token.text) == claims


async def test_an_access_token_ends(tokens: Tokens, clock: ManualClock) -> None:
    token = await tokens.access_token(ACCOUNT, (), lifetime=MINUTE)
    clock.turn(token.expires)
    assert await tokens.read_access_token(token.text) is None


async def test_an_access_token_outlives_its_secret_by_the_overlap(
    tokens: Tokens, keyring: Keyring, clock: ManualClock
) -> None:
    token = await tokens.access_token(ACCOUNT, SCOPES, lifetime=2 * OVERLAP)
    await keyring.rotate()
    clock.turn(NOW + OVERLAP - 1)
    assert await tokens.read_access_token(token.text)
    clock.turn(NOW + OVERLAP)
    assert await tokens.read_access_token(token.text) is None


async def test_an_access_token_of_another_installation_is_refused(
    tokens: Tokens, tmp_path: Path, clock: ManualClock
) -> None:
    theirs = Tokens(Keyring(tmp_path / "theirs", clock), clock, ISSUER)
    assert await tokens.read_access_token((await theirs.access_token(ACCOUNT, SCOPES)).text) is None


async def test_every_changed_or_cut_access_token_is_refused(tokens: Tokens) -> None:
    text = (await tokens.access_token(ACCOUNT, SCOPES)).text
    cut = [text[:end] for end in range(len(text))]
    other = [text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1 :] for at in range(len(text))]
    assert not [each for each in cut + other if await tokens.read_access_token(each) is not None]


async def test_an_access_token_signed_with_something_public_is_refused(tokens: Tokens, keyring: Keyring) -> None:
    text = (await tokens.access_token(ACCOUNT, SCOPES)).text
    body, _, _ = text.rpartition(".")
    for secret in (b"", b"\0" * 32, pem(await keyring.signing()), (await keyring.signing()).certificate.encode()):
        seal = base64.urlsafe_b64encode(hmac.digest(secret, body.encode(), "sha256")).rstrip(b"=").decode()
        assert await tokens.read_access_token(f"{body}.{seal}") is None


async def test_a_token_of_one_kind_is_none_of_the_other(tokens: Tokens) -> None:
    assert await tokens.read_access_token(await tokens.id_token(ACCOUNT, AUDIENCE)) is None
    assert await tokens.read_id_token((await tokens.access_token(ACCOUNT, SCOPES)).text) is None


async def test_scopes_that_fit_into_no_header_are_refused(tokens: Tokens) -> None:
    with pytest.raises(InvalidArgument):
        await tokens.access_token(ACCOUNT, ("s" * 16_384,))


async def test_no_token_shows_itself(tokens: Tokens, keyring: Keyring) -> None:
    token = await tokens.access_token(ACCOUNT, SCOPES)
    shown = repr([token, tokens, await tokens.read_access_token(token.text)]) + str(token)
    assert ACCESS not in shown
    assert repr((await keyring.secrets())[0]) not in shown


# Any text at all


@dataclass(frozen=True)
class Reader:
    """Reads a text as an access token and as an ID token; `kid` names a key that is believed."""

    tokens: Tokens
    runner: asyncio.Runner
    kid: str

    def __call__(self, text: str) -> list[object]:
        return [self.runner.run(self.tokens.read_access_token(text)), self.runner.run(self.tokens.read_id_token(text))]


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    keyring = Keyring(tmp_path_factory.mktemp("keys"), ManualClock(NOW))
    with asyncio.Runner() as runner:
        key = runner.run(keyring.signing())
        yield Reader(Tokens(keyring, ManualClock(NOW), ISSUER), runner, key.key_id)


OURS = "our kid"
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.sampled_from(["alg", "kid", "crit"]), inner),
)
headers = json_values | st.fixed_dictionaries(
    {"alg": st.sampled_from(["RS256", "none", "HS256", "ES256"]) | json_values, "kid": st.just(OURS) | json_values},
    optional={"typ": json_values, "crit": json_values, "b64": json_values, "zip": json_values},
)


@given(
    st.text() | st.text(alphabet=".=-_Aa0{}").map(ACCESS.__add__) | st.from_regex(r"\A[A-Za-z0-9_-]*(\.[\w-]*){2}\Z")
)
def test_no_text_raises_or_is_believed(read: Reader, text: str) -> None:
    assert read(text) == [None, None]


@given(headers, json_values, st.binary(max_size=300))
def test_no_jwt_of_strange_parts_raises_or_is_believed(
    read: Reader, header: object, claims: object, signature: bytes
) -> None:
    if isinstance(header, dict) and header.get("kid") == OURS:
        header["kid"] = read.kid
    parts = [part(header), part(claims), base64.urlsafe_b64encode(signature).rstrip(b"=")]
    assert read(b".".join(parts).decode()) == [None, None]


@pytest.mark.parametrize("header", [b"[" * 8000, b'{"a":' * 1500, b'{"alg":' + b"9" * 5000 + b"}", b"\xff\xfe"])
def test_no_deep_or_giant_header_raises(read: Reader, header: bytes) -> None:
    text = base64.urlsafe_b64encode(header).rstrip(b"=").decode() + ".e30.AAAA"
    assert read(text) == [None, None]
