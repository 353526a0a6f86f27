"""Predefined roles as REST shows them."""

from __future__ import annotations

from typing import Any

import pytest

from kumotasks.auth.roles import ROLES
from tests.api.surface import Client


async def get(client: Client, target: str) -> Any:
    answer = await client.ask("GET", target)
    assert answer.status == 200, answer.body
    return answer.json()


async def test_a_role_tells_what_it_permits(client: Client) -> None:
    shown = await get(client, "/v1/roles/cloudtasks.taskRunner")
    assert (shown["name"], shown["stage"]) == ("roles/cloudtasks.taskRunner", "GA")
    assert shown["title"]
    assert set(shown["includedPermissions"]) == ROLES["roles/cloudtasks.taskRunner"]


async def test_a_role_that_is_none_is_not_found(client: Client) -> None:
    answer = await client.ask("GET", "/v1/roles/cloudtasks.king")
    assert (answer.status, answer.json()["error"]["message"]) == (
        404,
        "The role named roles/cloudtasks.king was not found.",
    )


async def test_roles_are_listed_page_by_page_and_in_full_on_demand(client: Client) -> None:
    seen, token = list[str](), ""
    while True:
        page = await get(client, f"/v1/roles?pageSize=7&pageToken={token}")
        assert not [role for role in page["roles"] if "includedPermissions" in role]
        seen += [role["name"] for role in page["roles"]]
        token = page.get("nextPageToken", "")
        if not token:
            break
    assert seen == sorted(ROLES)
    full = await get(client, "/v1/roles?view=FULL&pageSize=1")
    assert full["roles"][0]["includedPermissions"] == sorted(ROLES[min(ROLES)])


@pytest.mark.parametrize(
    ("resource", "there", "not_there"),
    [
        ("//cloudresourcemanager.googleapis.com/projects/p", "roles/owner", ""),
        (
            "//iam.googleapis.com/projects/p/serviceAccounts/x@p.iam.gserviceaccount.com",
            "roles/iam.serviceAccountUser",
            "roles/cloudtasks.enqueuer",
        ),
        (
            "//cloudtasks.googleapis.com/projects/p/locations/l/queues/q",
            "roles/cloudtasks.enqueuer",
            "roles/iam.serviceAccountUser",
        ),
    ],
)
async def test_roles_that_make_sense_on_a_resource_are_told(
    resource: str, there: str, not_there: str, client: Client
) -> None:
    answer = await client.post("/v1/roles:queryGrantableRoles", {"fullResourceName": resource})
    names = {role["name"] for role in answer.json()["roles"]}
    assert there in names
    assert not_there not in names


@pytest.mark.parametrize("resource", ["", "projects/p", "//cloudresourcemanager.googleapis.com/folders/1"])
async def test_grantable_roles_need_a_resource(resource: str, client: Client) -> None:
    answer = await client.post("/v1/roles:queryGrantableRoles", {"fullResourceName": resource})
    assert answer.status == 400
