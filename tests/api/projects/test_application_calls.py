from __future__ import annotations

import pytest

from kumotasks.domain.account import project_number
from tests.api.surface import Client


@pytest.mark.parametrize("name", ["p", project_number("p")])
async def test_every_project_has_an_application(client: Client, name: str) -> None:
    await client.ask("GET", "/v1/projects/p")  # from now on its number leads to it
    assert (await client.ask("GET", f"/v1/apps/{name}")).json() == {
        "name": "apps/p",
        "id": "p",
        "authDomain": "gmail.com",
        "locationId": "us-central",
        "codeBucket": "staging.p.appspot.com",
        "servingStatus": "SERVING",
        "defaultHostname": "p.us-central1.test",
        "defaultBucket": "p.appspot.com",
        "serviceAccount": "p@appspot.gserviceaccount.com",
        "gcrDomain": "us.gcr.io",
        "databaseType": "CLOUD_DATASTORE_COMPATIBILITY",
        "featureSettings": {"splitHealthChecks": True, "useContainerOptimizedOs": True},
    }


async def test_it_cannot_be_created_again(client: Client) -> None:
    answer = await client.post("/v1/apps", {"id": "p", "locationId": "us-central", "iap": {"enabled": False}})
    assert (answer.status, answer.json()["error"]["status"]) == (409, "ALREADY_EXISTS")
    assert answer.json()["error"]["message"] == "This application already exists and cannot be re-created."


@pytest.mark.parametrize(
    "part", ["services", "services/default", "services/default/versions", "services/d/versions/v", "operations/o"]
)
async def test_there_is_nothing_in_it(client: Client, part: str) -> None:
    answer = await client.ask("GET", f"/v1/apps/p/{part}?pageSize=100")
    assert (answer.status, answer.json()["error"]["status"]) == (404, "NOT_FOUND")


async def test_what_is_no_project_has_none(client: Client) -> None:
    answer = await client.ask("GET", "/v1/apps/a%20b")
    assert (answer.status, answer.json()["error"]["message"]) == (404, "App does not exist.")
