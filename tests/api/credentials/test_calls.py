from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256

from kumotasks.api.asgi import Application
from kumotasks.api.credentials.calls import CredentialCalls
from kumotasks.api.credentials.routes import routes
from kumotasks.api.guard import guard_of
from kumotasks.auth.projects import Projects
from kumotasks.service.credentials import Credentials
from kumotasks.service.gate import Gate
from tests.api.surface import Client
from tests.auth import proving
from tests.auth.proving import SENDER, House

ACCOUNT = f"/v1/projects/-/serviceAccounts/{SENDER.email}"
SCOPE = ["https://www.googleapis.com/auth/cloud-platform"]

DURATION = "type.googleapis.com/google.protobuf.Duration"


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("keys")


@pytest.fixture
async def house(tmp_path: Path, keys: Path) -> AsyncIterator[House]:
    async with proving.house(tmp_path, keys) as house:
        yield house


@pytest.fixture
def client(house: House) -> Client:
    credentials = Credentials(
        accounts=house.accounts,
        projects=Projects(house.store.records, house.clock),
        authorizer=None,
        keyring=house.keyring,
        tokens=house.tokens,
        wall=house.clock,
    )
    table = routes(CredentialCalls(credentials))
    return Client(Application(routes=table, pages=[], guard=guard_of(), through=Gate().through))


async def public_key(house: House, key_id: str) -> RSAPublicKey:
    key = await house.keyring.account_key(SENDER.unique_id)
    assert key.key_id == key_id
    found = x509.load_pem_x509_certificate(key.certificate.encode()).public_key()
    assert isinstance(found, RSAPublicKey)
    return found


@pytest.mark.parametrize(
    ("lifetime", "expires"),
    [
        ({}, "2026-01-01T01:00:00Z"),
        ({"lifetime": "600s"}, "2026-01-01T00:10:00Z"),
        ({"lifetime": "59.5s"}, "2026-01-01T00:00:59Z"),  # clients read whole seconds only
        ({"lifetime": None, "delegates": None}, "2026-01-01T01:00:00Z"),
    ],
)
async def test_an_access_token_is_generated(
    client: Client, house: House, lifetime: dict[str, Any], expires: str
) -> None:
    answer = (await client.post(f"{ACCOUNT}:generateAccessToken", {"scope": SCOPE, **lifetime})).json()
    assert answer.keys() == {"accessToken", "expireTime"}
    assert answer["expireTime"] == expires
    claims = await house.tokens.read_access_token(answer["accessToken"])
    assert claims is not None
    assert claims.email == SENDER.email


@pytest.mark.parametrize(
    ("lifetime", "sentence"),
    [
        ("0s", "Lifetime of access token must be larger then zero."),
        ("-1s", "Lifetime of access token must be larger then zero."),
        ("3601s", f"Access tokens for service account {SENDER.email} can not have lifetimes of more than 1 hour. "),
        (
            "60",
            f"Invalid value at 'lifetime' ({DURATION}), Field 'lifetime', Illegal duration format; ",
        ),
    ],
)
async def test_a_lifetime_that_is_none_is_refused_as_google_does(client: Client, lifetime: str, sentence: str) -> None:
    answer = await client.post(f"{ACCOUNT}:generateAccessToken", {"scope": SCOPE, "lifetime": lifetime})
    assert (answer.status, answer.json()["error"]["status"]) == (400, "INVALID_ARGUMENT")
    assert answer.json()["error"]["message"].startswith(sentence)


@pytest.mark.parametrize(("included", "email"), [({"includeEmail": True}, SENDER.email), ({}, None)])
async def test_an_id_token_is_generated(client: Client, included: dict[str, Any], email: str | None) -> None:
    answer = (await client.post(f"{ACCOUNT}:generateIdToken", {"audience": "https://w.example", **included})).json()
    claims = jwt.decode(answer["token"], options={"verify_signature": False})
    assert (claims["aud"], claims["sub"], claims.get("email")) == ("https://w.example", SENDER.unique_id, email)


async def test_a_jwt_is_signed(client: Client, house: House) -> None:
    payload = json.dumps({"sub": "user@example.com", "iat": proving.SECONDS})
    answer = (await client.post(f"{ACCOUNT}:signJwt", {"payload": payload, "delegates": []})).json()
    assert answer.keys() == {"keyId", "signedJwt"}
    key = await public_key(house, answer["keyId"])
    assert jwt.api_jws.decode(answer["signedJwt"], key, ["RS256"]) == payload.encode()


@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
async def test_bytes_are_signed(client: Client, house: House, encode: Any) -> None:
    payload = bytes(range(256))
    answer = (await client.post(f"{ACCOUNT}:signBlob", {"payload": encode(payload).decode()})).json()
    assert answer.keys() == {"keyId", "signedBlob"}
    key = await public_key(house, answer["keyId"])
    key.verify(base64.b64decode(answer["signedBlob"], validate=True), payload, PKCS1v15(), SHA256())


async def test_bytes_that_are_none_are_refused(client: Client) -> None:
    answer = await client.post(f"{ACCOUNT}:signBlob", {"payload": "!"})
    assert answer.status == 400
    assert "Invalid value at 'payload' (TYPE_BYTES)" in answer.json()["error"]["message"]


async def test_every_location_is_allowed(client: Client) -> None:
    answer = await client.ask("GET", f"{ACCOUNT}/allowedLocations")
    assert answer.json() == {"locations": [], "encodedLocations": "0x0"}


async def test_an_unknown_field_is_refused(client: Client) -> None:
    answer = await client.post(f"{ACCOUNT}:signBlob", {"payload": "YQ==", "bytesToSign": "YQ=="})
    assert answer.status == 400
    assert "bytesToSign" in answer.json()["error"]["message"]


def test_the_rows_leave_every_permission_to_the_chain() -> None:
    table = routes(CredentialCalls(None))  # type: ignore[arg-type] - nothing is called
    assert {row.permission for row in table} == {""}
