from __future__ import annotations

import pytest

from kumotasks.domain.account import project_number
from tests.api.surface import Client

NUMBER = project_number("p")
VIEWER = {"role": "roles/viewer", "members": ["user:anna@example.com"]}


async def test_v1_shows_a_project(client: Client) -> None:
    answer = await client.ask("GET", "/v1/projects/p")
    assert answer.status == 200
    assert answer.json() == {
        "projectNumber": NUMBER,
        "projectId": "p",
        "lifecycleState": "ACTIVE",
        "name": "p",
        "createTime": "2026-01-01T00:00:00Z",
    }


async def test_v3_shows_a_project_under_its_number(client: Client) -> None:
    shown = (await client.ask("GET", "/v3/projects/p")).json()
    etag = shown.pop("etag")
    assert etag.startswith('W/"')
    assert shown == {
        "name": f"projects/{NUMBER}",
        "projectId": "p",
        "state": "ACTIVE",
        "displayName": "p",
        "createTime": "2026-01-01T00:00:00Z",
        "updateTime": "2026-01-01T00:00:00Z",
    }


@pytest.mark.parametrize("version", ["v1", "v3"])
async def test_a_number_will_do_for_an_id(client: Client, version: str) -> None:
    by_id = await client.ask("GET", f"/{version}/projects/p")
    assert (await client.ask("GET", f"/{version}/projects/{NUMBER}")).json() == by_id.json()


async def test_what_is_no_name_of_a_project_is_refused(client: Client) -> None:
    answer = await client.ask("GET", "/v1/projects/a%20b")
    assert (answer.status, answer.json()["error"]["status"]) == (400, "INVALID_ARGUMENT")


async def test_v1_lists_projects_by_page_and_filter(client: Client) -> None:
    await client.ask("GET", "/v1/projects/p")
    first = (await client.ask("GET", "/v1/projects?pageSize=1")).json()
    assert [each["projectId"] for each in first["projects"]] == ["home"]
    rest = (await client.ask("GET", f"/v1/projects?pageSize=1&pageToken={first['nextPageToken']}")).json()
    assert [each["projectId"] for each in rest["projects"]] == ["p"]
    assert "nextPageToken" not in rest
    found = (await client.ask("GET", "/v1/projects?filter=lifecycleState%3AACTIVE%20AND%20(id%3Ap)")).json()
    assert [each["projectId"] for each in found["projects"]] == ["p"]


async def test_a_listing_of_nothing_is_an_empty_object(client: Client) -> None:
    assert (await client.ask("GET", "/v1/projects?filter=lifecycleState%3ADELETE_REQUESTED")).json() == {}


async def test_v3_searches_projects(client: Client) -> None:
    await client.ask("GET", "/v3/projects/p")
    found = (await client.ask("GET", "/v3/projects:search?query=id%3Ap*")).json()
    assert [each["projectId"] for each in found["projects"]] == ["p"]


async def test_a_project_is_its_own_only_ancestor(client: Client) -> None:
    answer = await client.post("/v1/projects/p:getAncestry", {})
    assert answer.json() == {"ancestor": [{"resourceId": {"type": "project", "id": "p"}}]}


async def test_an_unknown_parameter_is_refused(client: Client) -> None:
    answer = await client.ask("GET", "/v1/projects?colour=red")
    assert answer.status == 400


@pytest.mark.parametrize(
    "name", ["/v1/projects/p", f"/v1/projects/{NUMBER}", "/v3/projects/p", f"/v3/projects/{NUMBER}"]
)
async def test_a_policy_is_the_same_however_its_project_is_named(client: Client, name: str) -> None:
    await client.ask("GET", "/v1/projects/p")  # from now on the number leads to the project
    policy = {"version": 1, "bindings": [VIEWER]}
    written = await client.post(f"{name}:setIamPolicy", {"policy": policy})
    assert written.status == 200
    for other in ("/v1/projects/p", f"/v3/projects/{NUMBER}"):
        read = await client.post(f"{other}:getIamPolicy", {"options": {"requestedPolicyVersion": 3}})
        assert read.json()["bindings"] == [VIEWER]
        assert read.json()["etag"] == written.json()["etag"]


@pytest.mark.parametrize("name", ["/v1/projects/p", "/v3/projects/p"])
async def test_a_policy_that_changed_in_between_is_not_overwritten(client: Client, name: str) -> None:
    stale = (await client.post(f"{name}:setIamPolicy", {"policy": {"bindings": [VIEWER]}})).json()["etag"]
    await client.post(f"{name}:setIamPolicy", {"policy": {"bindings": []}})
    answer = await client.post(f"{name}:setIamPolicy", {"policy": {"bindings": [VIEWER], "etag": stale}})
    assert (answer.status, answer.json()["error"]["status"]) == (409, "ABORTED")


@pytest.mark.parametrize("name", ["/v1/projects/p", "/v3/projects/p"])
async def test_permissions_can_be_tested(client: Client, name: str) -> None:
    answer = await client.post(f"{name}:testIamPermissions", {"permissions": ["cloudtasks.tasks.create"]})
    assert answer.json() == {"permissions": ["cloudtasks.tasks.create"]}
