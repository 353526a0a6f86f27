"""Services, revisions and operations over REST: what is asked for, what becomes of it, what is refused."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from kumotasks.api.run.convert_revision import revision_message
from kumotasks.domain.clock import SECOND
from kumotasks.domain.run.revision import Revision
from kumotasks.domain.run.service import ServiceName
from kumotasks.domain.run.template import Container, Template
from tests.api.run.conftest import IMAGE, PLACE, SECRET, WORKER, House, worker
from tests.factory import NOW

CREATE = f"/v2/{PLACE}/services?serviceId=worker"
SERVICE = f"/v2/{WORKER}"


async def deployed(house: House, **more: object) -> Any:
    """A worker that is ready, as it is read back."""
    await house.said("POST", CREATE, worker(**more))
    await house.carry_out()
    return await house.said("GET", SERVICE)


async def test_what_was_not_asked_for_has_cloud_runs_defaults(house: House) -> None:
    shown = await deployed(house)
    number = await house.projects.number("p")
    revision = shown["latestReadyRevision"]
    assert revision.startswith(f"{WORKER}/revisions/worker-00001-")
    assert shown["template"] == {
        "scaling": {"maxInstanceCount": 100},
        "timeout": "300s",
        "serviceAccount": f"{number}-compute@developer.gserviceaccount.com",
        "maxInstanceRequestConcurrency": 80,
        "containers": [
            {
                "image": IMAGE,
                "resources": {"limits": {"cpu": "1000m", "memory": "512Mi"}, "cpuIdle": True},
                "ports": [{"name": "http1", "containerPort": 8080}],
                "startupProbe": {
                    "timeoutSeconds": 240,
                    "periodSeconds": 240,
                    "failureThreshold": 1,
                    "tcpSocket": {"port": 8080},
                },
            }
        ],
    }
    assert shown["traffic"] == [{"type": "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST", "percent": 100}]
    assert (shown["ingress"], shown["launchStage"]) == ("INGRESS_TRAFFIC_ALL", "GA")
    assert (shown["generation"], shown["observedGeneration"]) == ("1", "1")
    assert (shown["terminalCondition"]["type"], shown["terminalCondition"]["state"]) == ("Ready", "CONDITION_SUCCEEDED")
    assert [each["type"] for each in shown["conditions"]] == ["ConfigurationsReady", "RoutesReady"]
    assert shown["latestCreatedRevision"] == revision
    assert "reconciling" not in shown
    assert shown["uri"] == shown["urls"][0] == f"https://worker-{number}.asia-northeast1.run.app"


ASKED: list[dict[str, Any]] = [
    {"description": "hands over parcels", "labels": {"team": "post"}, "annotations": {"mine.example/x": "y"}},
    {"client": "terraform", "clientVersion": "7.45", "ingress": "INGRESS_TRAFFIC_INTERNAL_ONLY", "launchStage": "BETA"},
    {"customAudiences": ["https://worker.example"], "invokerIamDisabled": True},
    {"scaling": {"minInstanceCount": 1, "maxInstanceCount": 4, "scalingMode": "AUTOMATIC"}},
    {"binaryAuthorization": {"useDefault": True}, "buildConfig": {"environmentVariables": {"A": "1"}}},
    {
        "traffic": [{"type": "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST", "percent": 100, "tag": "new"}],
    },
    {
        "template": {
            "labels": {"release": "7"},
            "annotations": {"mine.example/a": "b"},
            "scaling": {"minInstanceCount": 1, "maxInstanceCount": 3},
            "vpcAccess": {"egress": "ALL_TRAFFIC", "networkInterfaces": [{"network": "n", "tags": ["t"]}]},
            "timeout": "3600s",
            "serviceAccount": "runner@p.iam.gserviceaccount.com",
            "volumes": [{"name": "v", "emptyDir": {"medium": "MEMORY"}}],
            "executionEnvironment": "EXECUTION_ENVIRONMENT_GEN2",
            "maxInstanceRequestConcurrency": 7,
            "sessionAffinity": True,
            "containers": [
                {
                    "name": "main",
                    "image": IMAGE,
                    "command": ["python"],
                    "args": ["main.py", "-v"],
                    "env": [{"name": "Z", "value": "1"}, {"name": "A", "value": "2"}, {"name": "EMPTY"}],
                    "resources": {
                        "limits": {"cpu": "2", "memory": "1Gi", "nvidia.com/gpu": "1"},
                        "cpuIdle": True,
                        "startupCpuBoost": True,
                    },
                    "ports": [{"name": "h2c", "containerPort": 9000}],
                    "volumeMounts": [{"name": "v", "mountPath": "/tmp/v"}],
                    "workingDir": "/srv",
                    "startupProbe": {
                        "initialDelaySeconds": 1,
                        "timeoutSeconds": 2,
                        "periodSeconds": 3,
                        "failureThreshold": 4,
                        "httpGet": {"path": "/up", "port": 9000, "httpHeaders": [{"name": "X", "value": "y"}]},
                    },
                    "livenessProbe": {
                        "timeoutSeconds": 1,
                        "periodSeconds": 10,
                        "failureThreshold": 3,
                        "grpc": {"port": 9000, "service": "s"},
                    },
                }
            ],
        }
    },
]


@pytest.mark.parametrize("asked", ASKED, ids=lambda asked: next(iter(asked)))
async def test_what_was_asked_for_is_read_back_as_it_was_sent(house: House, asked: dict[str, Any]) -> None:
    shown = await deployed(house, **asked)
    assert {field: shown[field] for field in asked} == asked
    changed = await house.said("PATCH", SERVICE, {**shown})
    assert changed["metadata"]["generation"] == "1", "what was read back is no change"


async def test_a_change_is_an_operation_that_is_done_when_the_runtime_is(house: House) -> None:
    begun = await house.said("POST", CREATE, worker())
    assert begun["name"].startswith(f"{PLACE}/operations/run-")
    assert "done" not in begun
    assert begun["metadata"]["@type"] == "type.googleapis.com/google.cloud.run.v2.Service"
    assert begun["metadata"]["reconciling"] is True
    assert house.woken == [ServiceName("p", "asia-northeast1", "worker")]
    assert "done" not in await house.said("GET", f"/v2/{begun['name']}")
    await house.carry_out()
    done = await house.said("GET", f"/v2/{begun['name']}")
    assert done["done"] is True
    assert done["response"] == done["metadata"]
    assert done["response"]["name"] == WORKER
    listed = await house.said("GET", f"/v2/{PLACE}/operations")
    assert [each["name"] for each in listed["operations"]] == [begun["name"]]
    assert await house.said("DELETE", f"/v2/{begun['name']}") == {}
    await house.said("GET", f"/v2/{begun['name']}", status=404)


async def test_a_failed_change_is_an_operation_with_an_error(house: House) -> None:
    begun = await house.said("POST", CREATE, worker())
    await house.carry_out(failure="Image 'x' not found.")
    done = await house.said("GET", f"/v2/{begun['name']}")
    assert done["done"] is True
    assert (done["error"]["code"], done["error"]["message"]) == (5, "Image 'x' not found.")
    shown = await house.said("GET", SERVICE)
    condition = shown["terminalCondition"]
    assert (condition["state"], condition["reason"]) == ("CONDITION_FAILED", "CONTAINER_MISSING")
    assert "latestReadyRevision" not in shown


async def test_whoever_waits_for_an_operation_hears_of_its_end_or_of_the_end_of_his_time(house: House) -> None:
    begun = await house.said("POST", CREATE, worker())
    wait = f"/v2/{begun['name']}:wait"
    assert "done" not in await house.said("POST", wait, {"timeout": "0s"})
    impatient = asyncio.create_task(house.said("POST", wait, {"timeout": "5s"}))
    await house.clock.asked.wait()
    patient = asyncio.create_task(house.said("POST", wait, {}))
    house.clock.turn(NOW + 5 * SECOND)
    assert "done" not in await impatient
    await house.carry_out()
    assert (await patient)["done"] is True


async def test_a_changed_template_is_a_new_generation_and_a_new_revision(house: House) -> None:
    first = await deployed(house)
    house.clock.turn(NOW + SECOND)
    changed = worker()
    changed["template"]["containers"][0]["env"] = [{"name": "A", "value": "1"}]
    begun = await house.said("PATCH", SERVICE, changed)
    assert (begun["metadata"]["generation"], begun["metadata"]["observedGeneration"]) == ("2", "1")
    await house.carry_out()
    second = await house.said("GET", SERVICE)
    assert second["latestReadyRevision"] > first["latestReadyRevision"]
    assert second["createTime"] == first["createTime"] != second["updateTime"]
    listed = await house.said("GET", f"{SERVICE}/revisions")
    assert [each["name"] for each in listed["revisions"]] == [
        first["latestReadyRevision"],
        second["latestReadyRevision"],
    ]


async def test_a_mask_changes_what_it_names_and_nothing_else(house: House) -> None:
    before = await deployed(house, description="old", labels={"a": "1"})
    asked = {"description": "new", "labels": {"b": "2"}, "template": {"timeout": "60s"}}
    await house.said("PATCH", f"{SERVICE}?updateMask=description,template.timeout", asked)
    after = await house.said("GET", SERVICE)
    assert (after["description"], after["labels"]) == ("new", {"a": "1"})
    assert after["template"] == {**before["template"], "timeout": "60s"}


async def test_a_mask_that_names_what_is_not_there_is_refused(house: House) -> None:
    await deployed(house)
    for path in ("nothing", "template.nothing", "labels.a"):
        refused = await house.said("PATCH", f"{SERVICE}?updateMask={path}", worker(), status=400)
        assert refused["error"]["message"] == f"Invalid field mask: '{path}' is not a field of Service."


async def test_what_may_be_missing_is_made_by_its_change(house: House) -> None:
    await house.said("PATCH", SERVICE, worker(), status=404)
    await house.said("PATCH", f"{SERVICE}?updateMask=description", worker(), status=404)
    await house.said("PATCH", f"{SERVICE}?allowMissing=true", worker())
    assert (await house.said("GET", SERVICE))["generation"] == "1"


async def test_a_change_that_is_only_judged_changes_nothing(house: House) -> None:
    judged = await house.said("POST", f"{CREATE}&validateOnly=true", worker())
    assert judged["done"] is True
    await house.said("GET", SERVICE, status=404)
    assert house.woken == []
    refused = await house.said("POST", f"{CREATE}&validateOnly=true", {"template": {}}, status=400)
    assert refused["error"]["message"] == "template.containers: at least one container is required."


async def test_a_change_of_what_was_changed_meanwhile_is_refused(house: House) -> None:
    shown = await deployed(house)
    refused = await house.said("PATCH", SERVICE, {**shown, "description": "x", "etag": "stale"}, status=409)
    assert refused["error"]["status"] == "ABORTED"
    await house.said("PATCH", f"{SERVICE}?updateMask=description", {"description": "x", "etag": "stale"}, status=409)
    await house.said("PATCH", SERVICE, {**shown, "description": "x"})
    assert (await house.said("GET", SERVICE))["description"] == "x"


async def test_a_service_is_made_once(house: House) -> None:
    await deployed(house)
    refused = await house.said("POST", CREATE, worker(), status=409)
    assert refused["error"]["status"] == "ALREADY_EXISTS"


async def test_services_are_listed_by_location_and_page(house: House) -> None:
    for ident in ("b", "a", "c"):
        await house.said("POST", f"/v2/{PLACE}/services?serviceId={ident}", worker())
    await house.said("POST", "/v2/projects/p/locations/us-central1/services?serviceId=d", worker())
    first = await house.said("GET", f"/v2/{PLACE}/services?pageSize=2")
    second = await house.said("GET", f"/v2/{PLACE}/services?pageSize=2&pageToken={first['nextPageToken']}")
    assert [each["name"][-1] for each in first["services"] + second["services"]] == ["a", "b", "c"]
    assert "nextPageToken" not in second
    everywhere = await house.said("GET", "/v2/projects/p/locations/-/services")
    assert [each["name"][-1] for each in everywhere["services"]] == ["a", "b", "c", "d"]


async def test_a_deleted_service_is_gone_with_its_revisions(house: House) -> None:
    shown = await deployed(house)
    gone = await house.said("DELETE", SERVICE)
    assert gone["done"] is True
    assert gone["response"]["deleteTime"]
    await house.said("GET", SERVICE, status=404)
    await house.said("GET", f"/v2/{shown['latestReadyRevision']}", status=404)


async def test_a_revision_says_what_runs_in_it(house: House) -> None:
    shown = await deployed(house, **ASKED[-1])
    revision = await house.said("GET", f"/v2/{shown['latestReadyRevision']}")
    template = ASKED[-1]["template"]
    same = set(template) - {"labels", "annotations"}
    assert {field: revision[field] for field in same} == {field: template[field] for field in same}
    assert (revision["service"], revision["labels"]["release"]) == ("worker", "7")
    assert revision["conditions"][0]["state"] == "CONDITION_SUCCEEDED"


def test_a_revision_says_who_deployed_it() -> None:
    revision = Revision(ServiceName("p", "l", "s"), "s-1", "u", Template((Container(IMAGE),)), None, creator="bob@p")
    assert revision_message(revision).creator == "bob@p"


async def test_the_latest_revision_is_not_deleted_and_an_older_one_is(house: House) -> None:
    first = await deployed(house)
    latest = f"/v2/{first['latestReadyRevision']}"
    assert (await house.said("DELETE", latest, status=400))["error"]["status"] == "FAILED_PRECONDITION"
    await house.said("PATCH", f"{SERVICE}?updateMask=template.timeout", {"template": {"timeout": "9s"}})
    await house.carry_out()
    gone = await house.said("DELETE", latest)
    assert gone["done"] is True
    assert gone["response"]["@type"] == "type.googleapis.com/google.cloud.run.v2.Revision"
    await house.said("GET", latest, status=404)


async def test_traffic_in_force_is_told_with_the_urls_of_its_tags(house: House) -> None:
    first = await deployed(house)
    old = first["latestReadyRevision"].rpartition("/")[2]
    asked = [
        {"type": "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST", "percent": 90},
        {"type": "TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION", "revision": old, "percent": 10, "tag": "old"},
    ]
    await house.said("PATCH", SERVICE, worker(traffic=asked))
    await house.carry_out()
    shown = await house.said("GET", SERVICE)
    assert shown["traffic"] == asked
    newest, tagged = shown["trafficStatuses"]
    assert newest == {**asked[0], "revision": shown["latestReadyRevision"].rpartition("/")[2]}
    assert tagged == {**asked[1], "uri": shown["uri"].replace("https://", "https://old---")}


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"ingress": "INGRESS_TRAFFIC_NONE"}, "ingress: must be"),
        ({"traffic": [{"type": 1, "revision": "worker-1", "percent": 100}]}, "traffic.revision: must be empty"),
        ({"traffic": [{"type": 2, "percent": 100}]}, "traffic.revision: must name"),
        ({"nonsense": 1}, "Unknown name \"nonsense\" at 'service': Cannot find field."),
        (
            {"template": {"containers": [{"image": "i", "env": [{"name": "A"}, {"name": "A"}]}]}},
            "The environment variable 'A' is set twice.",
        ),
        (
            {
                "template": {
                    "containers": [
                        {"image": "i", "env": [{"name": "S", "valueSource": {"secretKeyRef": {"secret": "s"}}}]}
                    ]
                }
            },
            "There is no Secret Manager here",
        ),
        (
            {"template": {"containers": [{"image": "i"}, {"image": "j"}]}},
            "of several containers exactly one must have a port",
        ),
        ({"template": {"containers": [{"image": "i", "ports": [{}, {}]}]}}, "at most one port"),
    ],
)
async def test_what_cannot_be_asked_for_is_refused(house: House, asked: dict[str, Any], message: str) -> None:
    refused = await house.said("POST", CREATE, {**worker(), **asked}, status=400)
    assert message in refused["error"]["message"]


async def test_policies_stand_on_services_that_there_are(house: House) -> None:
    policy = {"bindings": [{"role": "roles/run.invoker", "members": ["allUsers"]}]}
    await house.said("POST", f"{SERVICE}:setIamPolicy", {"policy": policy}, status=404)
    await deployed(house)
    await house.said("POST", f"{SERVICE}:setIamPolicy", {"policy": policy})
    kept = await house.said("GET", f"{SERVICE}:getIamPolicy?options.requestedPolicyVersion=3")
    assert kept["bindings"] == policy["bindings"]
    tested = await house.said("POST", f"{SERVICE}:testIamPermissions", {"permissions": ["run.routes.invoke"]})
    assert tested == {"permissions": ["run.routes.invoke"]}


@pytest.mark.parametrize(("headers", "trusted"), [(SECRET, True), ({"x-kumo-run-secret": "guess"}, False), ({}, False)])
async def test_only_who_shows_the_secret_may_have_commands_run(
    house: House, headers: dict[str, str], trusted: bool
) -> None:
    assert (await house.send("POST", CREATE, worker(), headers)).status == 200
    kept = await house.shelf.get(ServiceName("p", "asia-northeast1", "worker"))
    assert kept is not None
    assert kept.trusted is trusted


async def test_a_source_directory_travels_as_an_annotation(house: House) -> None:
    template = {"annotations": {"kumo.tasks/source": "/srv/worker", "mine": "1"}, "containers": [{}]}
    shown = await deployed(house, template=template)
    assert shown["template"]["annotations"] == template["annotations"]
    kept = await house.shelf.get(ServiceName("p", "asia-northeast1", "worker"))
    assert kept is not None
    assert (kept.template.source, kept.template.annotations) == ("/srv/worker", (("mine", "1"),))
