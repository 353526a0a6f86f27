"""The calls of Knative v1 over their real use cases and a real store; nobody carries out what they write down."""

from __future__ import annotations

import gzip
from dataclasses import replace
from typing import Any

import pytest

from kumotasks.domain.run.change import revision_of
from kumotasks.domain.run.service import ServiceName
from tests.api.run.conftest import PLACE, WORKER, House, dumped, worker
from tests.factory import NOW

BASE = "/apis/serving.knative.dev/v1/namespaces/p"
TOKYO = {"host": "asia-northeast1-run.googleapis.com"}
NAME = ServiceName("p", "asia-northeast1", "worker")


class Knative:
    """Asks the regional host."""

    def __init__(self, house: House) -> None:
        self.house, self.shelf, self.woken = house, house.shelf, house.woken

    async def ask(
        self, verb: str, path: str, body: object = None, headers: dict[str, str] | None = None
    ) -> tuple[int, Any]:
        data = b"" if body is None else dumped(body)
        answer = await self.house.ask(verb, path, body=data, headers=TOKYO if headers is None else headers)
        return answer.status, answer.json()

    async def make(self, name: str = "worker", **spec: object) -> Any:
        status, answer = await self.ask("POST", f"{BASE}/services", document(name, **spec))
        assert status == 200, answer
        return answer


@pytest.fixture
def knative(house: House) -> Knative:
    return Knative(house)


def document(name: str = "worker", **spec: object) -> dict[str, Any]:
    return {
        "apiVersion": "serving.knative.dev/v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": "p"},
        "spec": {"template": {"spec": {"containers": [{"image": "i"}], **spec}}},
    }


async def test_a_service_is_made_in_the_region_of_the_host(knative: Knative) -> None:
    made = await knative.make()
    assert made["metadata"]["labels"] == {"cloud.googleapis.com/location": "asia-northeast1"}
    assert [each["status"] for each in made["status"]["conditions"]] == ["Unknown"] * 3
    assert (made["metadata"]["generation"], made["status"]["observedGeneration"]) == (1, 0)
    assert knative.woken == [NAME]
    assert await knative.ask("GET", f"{BASE}/services/worker") == (200, made)
    number = made["metadata"]["namespace"]
    assert await knative.ask("GET", BASE.replace("/p", f"/{number}") + "/services/worker") == (200, made)
    assert await knative.ask("GET", "/v1/projects/p/locations/asia-northeast1/services/worker") == (200, made)


async def test_elsewhere_there_is_no_such_service(knative: Knative) -> None:
    await knative.make()
    status, answer = await knative.ask("GET", f"{BASE}/services/worker", headers={})
    assert (status, answer["error"]["status"]) == (404, "NOT_FOUND")
    assert answer["error"]["message"] == (
        "Resource 'worker' of kind 'SERVICE' in region 'us-central1' in project 'p' does not exist."
    )


async def test_services_are_listed_by_region_and_everywhere(knative: Knative) -> None:
    await knative.make("a")
    await knative.make("b")
    await knative.ask("POST", f"{BASE}/services", document("c"), headers={})
    status, here = await knative.ask("GET", f"{BASE}/services")
    assert (status, here["kind"]) == (200, "ServiceList")
    assert [each["metadata"]["name"] for each in here["items"]] == ["a", "b"]
    _, everywhere = await knative.ask("GET", "/v1/projects/p/locations/-/services", headers={})
    assert [each["metadata"]["name"] for each in everywhere["items"]] == ["a", "b", "c"]
    _, first = await knative.ask("GET", f"{BASE}/services?limit=1")
    _, second = await knative.ask("GET", f"{BASE}/services?limit=1&continue={first['metadata']['continue']}")
    assert [each["metadata"]["name"] for each in second["items"]] == ["b"]
    assert second["metadata"] == {}


async def test_a_change_of_the_template_is_a_new_generation(knative: Knative) -> None:
    made = await knative.make()
    made["spec"]["template"]["spec"]["timeoutSeconds"] = 600
    status, changed = await knative.ask("PUT", f"{BASE}/services/worker", made)
    assert status == 200, changed
    assert changed["metadata"]["generation"] == 2
    assert changed["spec"]["template"]["spec"]["timeoutSeconds"] == 600
    assert await knative.ask("PUT", f"{BASE}/services/worker", changed) == (200, changed)


async def test_a_change_of_something_that_was_changed_since_is_refused(knative: Knative) -> None:
    made = await knative.make()
    status, _ = await knative.ask("PUT", f"{BASE}/services/worker", document("worker", timeoutSeconds=60))
    assert status == 200
    status, answer = await knative.ask("PUT", f"{BASE}/services/worker", made)
    assert (status, answer["error"]["status"]) == (409, "ABORTED")
    version = made["metadata"]["resourceVersion"]
    assert f"version '{version}' was specified" in answer["error"]["message"]


async def test_how_far_the_runtime_came_is_no_conflict(knative: Knative) -> None:
    made = await knative.make()
    service = await knative.shelf.existing(NAME)
    await knative.shelf.put(replace(service, observed=1, latest_created="worker-00001-abc"), if_etag=service.etag)
    made["spec"]["template"]["spec"]["timeoutSeconds"] = 600
    status, changed = await knative.ask("PUT", f"{BASE}/services/worker", made)
    assert (status, changed["status"]["latestCreatedRevisionName"]) == (200, "worker-00001-abc")


async def test_a_dry_run_judges_and_writes_nothing(knative: Knative) -> None:
    status, answer = await knative.ask("POST", f"{BASE}/services?dryRun=all", document())
    assert (status, answer["metadata"]["name"]) == (200, "worker")
    assert (await knative.ask("GET", f"{BASE}/services/worker"))[0] == 404
    status, answer = await knative.ask("POST", f"{BASE}/services?dryRun=all", document("Worker"))
    assert (status, knative.woken) == (400, [])


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({"containerConcurrency": 1001}, "spec.template.spec.containerConcurrency"),
        ({"timeoutSeconds": 3601}, "spec.template.spec.timeoutSeconds"),
        ({"containers": [{"image": ""}]}, "spec.template.spec.containers[0].image"),
        (
            {"containers": [{"image": "i", "env": [{"name": "PORT", "value": "1"}]}]},
            "spec.template.spec.containers[0].env",
        ),
    ],
)
async def test_what_is_wrong_is_told_by_the_names_of_this_api(
    knative: Knative, spec: dict[str, Any], field: str
) -> None:
    status, answer = await knative.ask("POST", f"{BASE}/services", document("worker", **spec))
    assert (status, answer["error"]["status"]) == (400, "INVALID_ARGUMENT")
    (violation,) = answer["error"]["details"][0]["fieldViolations"]
    assert violation["field"] == field
    assert answer["error"]["message"].startswith(f"{field}: ")


@pytest.mark.parametrize("verb", ["POST", "PUT"])
async def test_a_document_for_another_project_is_refused(knative: Knative, verb: str) -> None:
    await knative.make()
    path = f"{BASE}/services" + ("/worker" if verb == "PUT" else "")
    other = document("worker" if verb == "PUT" else "other")
    other["metadata"]["namespace"] = "q"
    status, answer = await knative.ask(verb, path, other)
    assert (status, answer["error"]["message"]) == (400, "metadata.namespace: must be p, as in the path.")


async def test_a_document_with_another_name_is_refused(knative: Knative) -> None:
    await knative.make()
    status, answer = await knative.ask("PUT", f"{BASE}/services/worker", document("other"))
    assert (status, answer["error"]["message"]) == (400, "metadata.name: must be worker, as in the path.")


async def test_both_apis_speak_of_one_service(knative: Knative) -> None:
    """What only the newer one has a name for outlives a change by the older one, and the other way round."""
    asked = worker(launchStage="BETA")
    asked["template"]["sessionAffinity"] = True
    await knative.house.said("POST", f"/v2/{PLACE}/services?serviceId=worker", asked)
    _, shown = await knative.ask("GET", f"{BASE}/services/worker")
    shown["spec"]["template"]["spec"]["timeoutSeconds"] = 600
    assert (await knative.ask("PUT", f"{BASE}/services/worker", shown))[0] == 200
    changed = await knative.house.said("GET", f"/v2/{WORKER}")
    assert (changed["launchStage"], changed["template"]["timeout"]) == ("BETA", "600s")
    assert changed["template"]["sessionAffinity"] is True


async def test_a_deleted_service_is_gone(knative: Knative) -> None:
    await knative.make()
    success = {"kind": "Status", "apiVersion": "v1", "status": "Success"}
    assert await knative.ask("DELETE", f"{BASE}/services/worker") == (200, success)
    assert (await knative.ask("GET", f"{BASE}/services/worker"))[0] == 404


async def test_revisions_are_found_by_label_and_by_name_alone(knative: Knative) -> None:
    made = document("worker")
    made["spec"]["template"]["metadata"] = {"labels": {"client.knative.dev/nonce": "abc"}}
    await knative.ask("POST", f"{BASE}/services", made)
    service = await knative.shelf.existing(NAME)
    revision = await knative.shelf.put_revision(revision_of(service, uid="u", now=NOW, launch=None))
    for selector, count in (
        ("client.knative.dev/nonce%20%3D%20abc", 1),
        ("client.knative.dev/nonce%20%3D%20other", 0),
        ("serving.knative.dev/service=worker", 1),
    ):
        status, found = await knative.ask("GET", f"{BASE}/revisions?labelSelector={selector}")
        assert (status, found["kind"], len(found["items"])) == (200, "RevisionList", count)
    status, one = await knative.ask("GET", f"{BASE}/revisions/{revision.id}")
    assert (status, one["metadata"]["labels"]["serving.knative.dev/service"]) == (200, "worker")
    assert (await knative.ask("GET", f"{BASE}/revisions/none"))[0] == 404
    assert (await knative.ask("DELETE", f"{BASE}/revisions/{revision.id}"))[0] == 200
    assert (await knative.ask("GET", f"{BASE}/revisions/{revision.id}"))[0] == 404


async def test_the_revision_that_has_traffic_is_active(knative: Knative) -> None:
    await knative.make()
    await knative.house.carry_out()
    await knative.ask("PUT", f"{BASE}/services/worker", document("worker", timeoutSeconds=60))
    await knative.house.carry_out()
    _, found = await knative.ask("GET", f"{BASE}/revisions")
    active = [each["status"]["conditions"][-1]["status"] for each in found["items"]]
    assert active == ["False", "True"]
    _, newest = await knative.ask("GET", f"{BASE}/revisions/{found['items'][1]['metadata']['name']}")
    assert newest == found["items"][1]


async def test_locations_are_listed_as_cloud_tasks_lists_them(knative: Knative) -> None:
    status, answer = await knative.ask("GET", "/v1/projects/p/locations?pageSize=2", headers={})
    assert status == 200
    assert answer["locations"][0] == {
        "name": "projects/p/locations/us-central1",
        "locationId": "us-central1",
        "displayName": "Iowa",
        "labels": {"cloud.googleapis.com/region": "us-central1"},
    }
    _, more = await knative.ask("GET", f"/v1/projects/p/locations?pageToken={answer['nextPageToken']}", headers={})
    assert len(more["locations"]) > 30
    assert "nextPageToken" not in more


async def test_the_policy_of_a_service_is_read_and_set(knative: Knative) -> None:
    await knative.make()
    path = "/v1/projects/p/locations/asia-northeast1/services/worker"
    status, policy = await knative.ask("GET", f"{path}:getIamPolicy?options.requestedPolicyVersion=3", headers={})
    assert status == 200
    bindings = [{"role": "roles/run.invoker", "members": ["allUsers"]}]
    status, _ = await knative.ask("POST", f"{path}:setIamPolicy", {"policy": {**policy, "bindings": bindings}}, {})
    assert status == 200
    _, policy = await knative.ask("GET", f"{path}:getIamPolicy", headers={})
    assert policy["bindings"] == bindings
    tested = {"permissions": ["run.services.setIamPolicy"]}
    assert await knative.ask("POST", f"{path}:testIamPermissions", tested) == (200, tested)
    assert (await knative.ask("GET", f"{path}x:getIamPolicy", headers={}))[0] == 404


@pytest.mark.parametrize("body", [b"[]", b"{", b'{"spec": 1}', b'{"metadata": {"name": 1}}', b"null"])
async def test_a_body_that_is_no_service_is_refused(knative: Knative, body: bytes) -> None:
    answer = await knative.house.ask("POST", f"{BASE}/services", body=body, headers=TOKYO)
    assert answer.status == 400, answer.body


async def test_a_document_may_come_packed_and_be_asked_for_in_part(knative: Knative) -> None:
    packed = gzip.compress(dumped(document()))
    path = f"{BASE}/services?fields=metadata(name),kind"
    answer = await knative.house.ask("POST", path, body=packed, headers={**TOKYO, "content-encoding": "gzip"})
    assert (answer.status, answer.json()) == (200, {"kind": "Service", "metadata": {"name": "worker"}})


async def test_a_document_is_not_to_be_had_as_protobuf(knative: Knative) -> None:
    status, answer = await knative.ask("GET", f"{BASE}/services?alt=proto")
    assert (status, answer["error"]["message"]) == (400, "This method answers in JSON only.")
