"""Keys of service accounts as REST shows them."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

import pytest

from kumotasks.auth.self_signed import self_signed
from kumotasks.domain.clock import DAY
from tests.api.surface import Client
from tests.auth import quick_keys
from tests.factory import NOW

BOB = "bobbuilder@p.iam.gserviceaccount.com"
KEYS = f"/v1/projects/-/serviceAccounts/{BOB}/keys"
CERTIFICATE = self_signed(quick_keys.key(0), "mine", since=NOW, until=NOW + DAY)


@pytest.fixture(autouse=True)
async def bob(client: Client) -> None:
    await client.post("/v1/projects/p/serviceAccounts", {"accountId": "bobbuilder"})


async def upload(client: Client) -> Any:
    data = base64.b64encode(CERTIFICATE.encode()).decode()
    answer = await client.post(f"{KEYS}:upload", {"publicKeyData": data})
    assert answer.status == 200, answer.body
    return answer.json()


async def test_a_new_key_has_the_fields_that_google_shows(client: Client) -> None:
    answer = await client.post(KEYS, {"privateKeyType": "TYPE_GOOGLE_CREDENTIALS_FILE"})
    made = answer.json()
    written = json.loads(base64.b64decode(made.pop("privateKeyData"), validate=True))
    name = made.pop("name")
    assert re.fullmatch(rf"projects/p/serviceAccounts/{BOB}/keys/[0-9a-f]{{40}}", name)
    assert written["private_key_id"] == name.rpartition("/")[2]
    assert written["client_email"] == BOB
    assert made == {
        "privateKeyType": "TYPE_GOOGLE_CREDENTIALS_FILE",
        "keyAlgorithm": "KEY_ALG_RSA_2048",
        "validAfterTime": "2026-01-01T00:00:00Z",
        "validBeforeTime": "9999-12-31T23:59:59Z",
        "keyOrigin": "GOOGLE_PROVIDED",
        "keyType": "USER_MANAGED",
    }


@pytest.mark.parametrize("body", [{}, {"privateKeyType": "TYPE_UNSPECIFIED", "keyAlgorithm": "KEY_ALG_RSA_2048"}])
async def test_the_file_of_google_is_what_one_gets_without_a_wish(body: dict[str, str], client: Client) -> None:
    made = (await client.post(KEYS, body)).json()
    assert made["privateKeyType"] == "TYPE_GOOGLE_CREDENTIALS_FILE"


@pytest.mark.parametrize("body", [{"privateKeyType": "TYPE_PEM"}, {"keyAlgorithm": "KEY_ALG_RSA_1024"}])
async def test_what_cannot_be_made_is_refused(body: dict[str, str], client: Client) -> None:
    answer = await client.post(KEYS, body)
    assert (answer.status, answer.json()["error"]["status"]) == (400, "INVALID_ARGUMENT")


async def test_a_list_shows_the_types_that_were_asked_for(client: Client) -> None:
    await upload(client)

    async def kinds(query: str) -> list[str]:
        answer = await client.ask("GET", f"{KEYS}?{query}")
        return [each["keyType"] for each in answer.json().get("keys", [])]

    assert await kinds("") == ["SYSTEM_MANAGED", "USER_MANAGED"]
    assert await kinds("keyTypes=USER_MANAGED") == ["USER_MANAGED"]
    assert await kinds("keyTypes=USER_MANAGED&keyTypes=SYSTEM_MANAGED") == ["SYSTEM_MANAGED", "USER_MANAGED"]
    assert (await client.ask("GET", f"{KEYS}?keyTypes=MINE")).status == 400


async def test_an_uploaded_key_is_shown_in_each_public_form(client: Client) -> None:
    made = await upload(client)
    assert (made["keyOrigin"], made["validBeforeTime"]) == ("USER_PROVIDED", "2026-01-02T00:00:00Z")
    assert "publicKeyData" not in made

    async def data(form: str) -> str:
        answer = await client.ask("GET", f"/v1/{made['name']}?publicKeyType={form}")
        return base64.b64decode(answer.json().get("publicKeyData", "")).decode()

    assert await data("TYPE_NONE") == ""
    assert await data("TYPE_X509_PEM_FILE") == CERTIFICATE
    assert (await data("TYPE_RAW_PUBLIC_KEY")).startswith("-----BEGIN PUBLIC KEY-----\n")
    assert (await client.ask("GET", f"/v1/{made['name']}?publicKeyType=TYPE_SSH")).status == 400


@pytest.mark.parametrize("data", ["", "!!", "aGVsbG8", "a"])
async def test_what_is_no_certificate_is_refused(data: str, client: Client) -> None:
    answer = await client.post(f"{KEYS}:upload", {"publicKeyData": data})
    assert (answer.status, answer.json()["error"]["status"]) == (400, "INVALID_ARGUMENT")


async def test_bytes_come_in_either_alphabet(client: Client) -> None:
    data = base64.urlsafe_b64encode(CERTIFICATE.encode() + b"\xfb\xff\xfe").decode().rstrip("=")
    assert "-" in data or "_" in data
    assert (await client.post(f"{KEYS}:upload", {"publicKeyData": data})).status == 200


async def test_a_key_is_disabled_enabled_and_deleted(client: Client) -> None:
    name = (await upload(client))["name"]
    await client.post(f"/v1/{name}:disable", {})
    shown = (await client.ask("GET", f"/v1/{name}")).json()
    assert shown["disabled"] is True
    assert shown["disableReason"] == "SERVICE_ACCOUNT_KEY_DISABLE_REASON_USER_INITIATED"
    await client.post(f"/v1/{name}:enable", {})
    assert "disabled" not in (await client.ask("GET", f"/v1/{name}")).json()
    assert (await client.ask("DELETE", f"/v1/{name}")).json() == {}
    gone = await client.ask("GET", f"/v1/{name}")
    assert (gone.status, gone.json()["error"]["message"]) == (
        404,
        f"Service account key {name.rpartition('/')[2]} does not exist.",
    )
