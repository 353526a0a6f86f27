from __future__ import annotations

import pytest

from kumotasks.domain.account import project_number
from tests.api.surface import Client

NUMBER = project_number("p")
SERVICES = "/v1/projects/p/services"
COMPUTE = "compute.googleapis.com"
TYPE = "type.googleapis.com/google.api.serviceusage.v1."


def shown(name: str, title: str, state: str) -> dict[str, object]:
    return {
        "name": f"projects/{NUMBER}/services/{name}",
        "config": {"name": name, "title": title},
        "state": state,
        "parent": f"projects/{NUMBER}",
    }


async def test_a_service_is_shown_with_its_project_by_number(client: Client) -> None:
    answer = await client.ask("GET", f"{SERVICES}/cloudtasks.googleapis.com")
    assert answer.json() == shown("cloudtasks.googleapis.com", "Cloud Tasks API", "ENABLED")


@pytest.mark.parametrize(
    ("verb", "response", "state"),
    [("enable", "EnableServiceResponse", "ENABLED"), ("disable", "DisableServiceResponse", "DISABLED")],
)
async def test_a_switch_is_answered_by_an_operation_that_is_done(
    client: Client, verb: str, response: str, state: str
) -> None:
    if verb == "disable":
        await client.post(f"{SERVICES}/{COMPUTE}:enable", {})
    operation = (await client.post(f"{SERVICES}/{COMPUTE}:{verb}", {})).json()
    name = operation.pop("name")
    assert name.startswith(f"operations/acat.p2-{NUMBER}-")
    assert operation == {
        "metadata": {"@type": f"{TYPE}OperationMetadata", "resourceNames": [f"projects/{NUMBER}/services/{COMPUTE}"]},
        "done": True,
        "response": {"@type": f"{TYPE}{response}", "service": shown(COMPUTE, "Compute Engine API", state)},
    }
    assert (await client.ask("GET", f"/v1/{name}")).json() == {"name": name, **operation}


async def test_a_switch_that_changes_nothing_is_done_too(client: Client) -> None:
    operation = (await client.post(f"{SERVICES}/run.googleapis.com:enable", {})).json()
    assert (operation["name"], operation["done"]) == ("operations/noop.DONE_OPERATION", True)
    assert operation["response"]["service"]["state"] == "ENABLED"
    again = (await client.ask("GET", "/v1/operations/noop.DONE_OPERATION")).json()
    assert again == {"name": "operations/noop.DONE_OPERATION", "done": True}


async def test_gcloud_says_what_is_to_become_of_dependents(client: Client) -> None:
    body = {"disableDependentServices": False, "checkIfServiceHasUsage": "CHECK"}
    answer = await client.post(f"{SERVICES}/run.googleapis.com:disable", body)
    assert answer.json()["response"]["service"]["state"] == "DISABLED"


async def test_several_are_enabled_by_one_operation(client: Client) -> None:
    ids = [COMPUTE, "pubsub.googleapis.com"]
    operation = (await client.post(f"{SERVICES}:batchEnable", {"serviceIds": ids})).json()
    assert operation["response"]["@type"] == f"{TYPE}BatchEnableServicesResponse"
    assert [each["config"]["name"] for each in operation["response"]["services"]] == ids
    assert "service" not in operation["response"]


async def test_several_are_got_at_once(client: Client) -> None:
    names = f"names=projects/p/services/{COMPUTE}&names=projects/{NUMBER}/services/run.googleapis.com"
    answer = await client.ask("GET", f"{SERVICES}:batchGet?{names}")
    assert [each["state"] for each in answer.json()["services"]] == ["DISABLED", "ENABLED"]


async def test_services_are_listed_by_page_and_filter(client: Client) -> None:
    names, token = list[str](), ""
    while True:
        page = (await client.ask("GET", f"{SERVICES}?filter=state:ENABLED&pageSize=5&pageToken={token}")).json()
        names += [each["config"]["name"] for each in page["services"]]
        token = page.get("nextPageToken", "")
        if not token:
            break
    assert len(names) == len(set(names)) == 8
    assert COMPUTE not in names


async def test_a_part_of_a_listing_can_be_asked_for(client: Client) -> None:
    """As Terraform does."""
    answer = await client.ask("GET", f"{SERVICES}?filter=state:ENABLED&pageSize=1&fields=services/name")
    assert answer.json() == {"services": [{"name": f"projects/{NUMBER}/services/appengine.googleapis.com"}]}


@pytest.mark.parametrize(
    ("verb", "target", "body", "status"),
    [
        ("GET", f"{SERVICES}/nonsense", None, 404),
        ("POST", f"{SERVICES}/nonsense:enable", {}, 404),
        ("POST", f"{SERVICES}:batchEnable", {"serviceIds": []}, 400),
        ("POST", f"{SERVICES}:batchEnable", {"serviceIds": "x"}, 400),
        ("POST", f"{SERVICES}:batchEnable", {"services": []}, 400),
        ("GET", f"{SERVICES}?filter=nonsense", None, 400),
        ("GET", "/v1/operations/unknown", None, 404),
        ("GET", "/v1/folders/1/services", None, 404),
    ],
)
async def test_what_is_wrong_is_refused(client: Client, verb: str, target: str, body: object, status: int) -> None:
    answer = await (client.ask(verb, target) if body is None else client.post(target, body))
    assert answer.status == status
    assert answer.json()["error"]["code"] == status
