"""What google-auth makes of a key file of ours, through each of its doors, is believed here."""

from __future__ import annotations

import json

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from google.auth import jwt as google_jwt
from google.oauth2 import service_account

from kumotasks.auth.keyfile import key_file
from kumotasks.domain.clock import DAY, SystemClock
from kumotasks.domain.principal import Principal
from kumotasks.service.identity import AccessGrant, IdGrant
from tests.auth.proving import CLOUD_TASKS, OWN_URL, PLATFORM, SENDER, House, bearer, pair

ME = Principal(SENDER.email, SENDER.unique_id)


@pytest.fixture
async def info(house: House) -> dict[str, str]:
    """A key file, at the time that google-auth reads for itself."""
    now = SystemClock().now()
    house.clock.turn(now)
    await house.accounts.put_key(SENDER, pair(3).of(SENDER, until=now + DAY))
    private = pair(3).private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    found: dict[str, str] = json.loads(key_file(SENDER, pair(3).key_id, private, token_uri=f"{OWN_URL}/token"))
    return found


async def test_a_self_signed_jwt_for_a_service(house: House, info: dict[str, str]) -> None:
    credentials = service_account.Credentials.from_service_account_info(info)
    credentials._create_self_signed_jwt("https://cloudtasks.googleapis.com/")
    headers: dict[str, str] = {}
    credentials.before_request(None, "POST", CLOUD_TASKS, headers)
    assert await house.authenticator().principal(headers["authorization"].encode()) == ME


async def test_a_self_signed_jwt_with_a_scope(house: House, info: dict[str, str]) -> None:
    credentials = service_account.Credentials.from_service_account_info(
        info, scopes=[PLATFORM], always_use_jwt_access=True
    )
    credentials._create_self_signed_jwt(None)
    headers: dict[str, str] = {}
    credentials.before_request(None, "POST", CLOUD_TASKS, headers)
    assert await house.authenticator().principal(headers["authorization"].encode()) == ME


@pytest.mark.parametrize("audience", [CLOUD_TASKS + "google.cloud.tasks.v2.CloudTasks", OWN_URL])
async def test_a_jwt_for_an_audience(house: House, info: dict[str, str], audience: str) -> None:
    credentials = google_jwt.Credentials.from_service_account_info(info, audience=audience)
    credentials.refresh(None)
    assert await house.authenticator().principal(bearer(credentials.token.decode())) == ME


async def test_a_grant_for_an_access_token(house: House, info: dict[str, str]) -> None:
    credentials = service_account.Credentials.from_service_account_info(info, scopes=[PLATFORM])
    text = credentials._make_authorization_grant_assertion().decode()
    grant = await house.identity().grant_assertion(text)
    assert isinstance(grant, AccessGrant)
    assert await house.authenticator().principal(bearer(grant.access_token)) == ME


async def test_a_grant_for_an_id_token(house: House, info: dict[str, str]) -> None:
    credentials = service_account.IDTokenCredentials.from_service_account_info(info, target_audience=OWN_URL)
    grant = await house.identity().grant_assertion(credentials._make_authorization_grant_assertion().decode())
    assert isinstance(grant, IdGrant)
    assert await house.authenticator().principal(bearer(grant.id_token)) == ME


async def test_a_grant_for_somebody_else_is_refused_at_the_door_of_the_api(house: House, info: dict[str, str]) -> None:
    credentials = service_account.Credentials.from_service_account_info(info, scopes=[PLATFORM])
    text = credentials._make_authorization_grant_assertion().decode()
    assert await house.authenticator(anyone=True).principal(bearer(text)) == Principal("", "")
