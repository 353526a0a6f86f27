"""Service accounts as REST shows them."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from kumotasks.domain.account import default_accounts, project_number
from tests.api.surface import Client

PLACE = "/v1/projects/p/serviceAccounts"
BOB = "bobbuilder@p.iam.gserviceaccount.com"
HERE = f"{PLACE}/{BOB}"


async def make(client: Client, **fields: str) -> Any:
    answer = await client.post(PLACE, {"accountId": "bobbuilder", "serviceAccount": fields})
    assert answer.status == 200, answer.body
    return answer.json()


async def get(client: Client, target: str, status: int = 200) -> Any:
    answer = await client.ask("GET", target)
    assert answer.status == status, answer.body
    return answer.json()


async def test_an_account_has_the_fields_that_google_shows(client: Client) -> None:
    made = await make(client, displayName="Bob", description="builds")
    assert base64.b64decode(made.pop("etag"), validate=True)
    unique_id = made["uniqueId"]
    assert made == {
        "name": f"projects/p/serviceAccounts/{BOB}",
        "projectId": "p",
        "uniqueId": unique_id,
        "email": BOB,
        "displayName": "Bob",
        "description": "builds",
        "oauth2ClientId": unique_id,
    }
    for target in (HERE, f"/v1/projects/-/serviceAccounts/{BOB}", f"/v1/projects/-/serviceAccounts/{unique_id}"):
        assert (await get(client, target))["uniqueId"] == unique_id


async def test_an_account_may_be_made_with_nothing_but_its_id(client: Client) -> None:
    answer = await client.post(PLACE, {"accountId": "bobbuilder"})
    assert answer.json()["email"] == BOB


async def test_what_is_wrong_is_said_as_google_says_it(client: Client) -> None:
    await make(client)
    again = await client.post(PLACE, {"accountId": "bobbuilder"})
    assert (again.status, again.json()["error"]) == (
        409,
        {
            "code": 409,
            "message": "Service account bobbuilder already exists within project projects/p.",
            "status": "ALREADY_EXISTS",
        },
    )
    missing = await get(client, f"{PLACE}/nobody@p.iam.gserviceaccount.com", 404)
    assert missing["error"]["status"] == "NOT_FOUND"
    assert missing["error"]["message"] == "Service account nobody@p.iam.gserviceaccount.com does not exist."
    short = await client.post(PLACE, {"accountId": "bob"})
    assert (short.status, short.json()["error"]["status"]) == (400, "INVALID_ARGUMENT")
    unknown = await client.post(PLACE, {"accountId": "another", "serviceAcount": {}})
    assert unknown.status == 400
    assert "serviceAcount" in unknown.json()["error"]["message"]


async def test_a_listing_goes_page_by_page(client: Client) -> None:
    await make(client)
    emails = sorted([BOB, *(account.email for account in default_accounts("p"))])
    page = await get(client, f"{PLACE}?pageSize=3")
    assert [account["email"] for account in page["accounts"]] == emails[:3]
    rest = await get(client, f"{PLACE}?pageSize=3&pageToken={page['nextPageToken']}")
    assert [account["email"] for account in rest["accounts"]] == emails[3:]
    assert "nextPageToken" not in rest
    assert (await get(client, f"{PLACE}?pageToken=x", 400))["error"]["status"] == "INVALID_ARGUMENT"


@pytest.mark.parametrize("mask", ["displayName", "display_name", "displayName,description"])
async def test_a_patch_changes_what_its_mask_names(mask: str, client: Client) -> None:
    await make(client, displayName="Bob")
    body = {"serviceAccount": {"displayName": "Rob"}, "updateMask": mask}
    answer = await client.ask("PATCH", HERE, body=json.dumps(body).encode())
    assert answer.json()["displayName"] == "Rob"
    assert (await get(client, HERE))["displayName"] == "Rob"


async def test_an_update_takes_the_account_as_it_was_shown(client: Client) -> None:
    made = await make(client, displayName="Bob", description="builds")
    answer = await client.ask("PUT", HERE, body=json.dumps(made | {"displayName": "Rob"}).encode())
    assert answer.json()["displayName"] == "Rob"
    stale = await client.ask("PUT", HERE, body=json.dumps(made).encode())
    assert (stale.status, stale.json()["error"]["status"]) == (409, "ABORTED")


async def test_an_account_is_disabled_and_enabled(client: Client) -> None:
    await make(client)
    assert (await client.post(f"{HERE}:disable", {})).json() == {}
    assert (await get(client, HERE))["disabled"] is True
    assert (await client.ask("POST", f"{HERE}:enable")).json() == {}
    assert "disabled" not in await get(client, HERE)


async def test_an_account_is_deleted_and_brought_back(client: Client) -> None:
    made = await make(client, displayName="Bob")
    assert (await client.ask("DELETE", HERE)).json() == {}
    await get(client, HERE, 404)
    answer = await client.post(f"{PLACE}/{made['uniqueId']}:undelete", {})
    restored = answer.json()["restoredAccount"]
    assert restored | {"etag": ""} == made | {"etag": ""}
    await get(client, HERE)


async def test_a_default_account_is_disabled_and_deleted_but_never_made(client: Client) -> None:
    place = f"/v1/projects/-/serviceAccounts/{project_number('p')}-compute@developer.gserviceaccount.com"
    await get(client, PLACE)
    shown = await get(client, place)
    assert (shown["projectId"], shown["displayName"]) == ("p", "Compute Engine default service account")
    await client.post(f"{place}:disable", {})
    assert (await get(client, place))["disabled"] is True
    await client.ask("DELETE", place)
    await get(client, place, 404)


async def test_a_policy_stands_on_an_account_and_goes_with_it(client: Client) -> None:
    made = await make(client)
    binding = {"role": "roles/iam.serviceAccountUser", "members": [f"serviceAccount:{BOB}"]}
    put = await client.post(f"{HERE}:setIamPolicy", {"policy": {"bindings": [binding]}})
    assert put.status == 200, put.body
    by_id = f"/v1/projects/-/serviceAccounts/{made['uniqueId']}:getIamPolicy"
    assert (await client.ask("POST", f"{by_id}?options.requestedPolicyVersion=3")).json()["bindings"] == [binding]
    held = await client.post(f"{HERE}:testIamPermissions", {"permissions": ["iam.serviceAccounts.actAs"]})
    assert held.json() == {"permissions": ["iam.serviceAccounts.actAs"]}
    await client.ask("DELETE", HERE)
    await make(client)
    assert "bindings" not in (await client.ask("POST", f"{HERE}:getIamPolicy")).json()
