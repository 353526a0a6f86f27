"""Terraform's four resources of the guide: applied, planned again, changed, destroyed, by the provider's own calls.

A plan is empty if what is read back is what was sent, and Google's defaults beside it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from google.auth.transport.requests import Request
from google.oauth2 import service_account

from tests.clients.terraform import Account, IamBinding, Json, Provider, Queue, Refused, Resource, Service
from tests.running import running

HELLO = "us-docker.pkg.dev/cloudrun/container/hello"
PROJECT = "kumo-local"
INVOKER = f"serviceAccount:cloud-run-task-invoker@{PROJECT}.iam.gserviceaccount.com"


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    """A server that asks everybody who he is, and the owner's access token."""
    with running(tmp_path_factory.mktemp("terraform"), "--auth", "iam") as kumo:
        key = service_account.Credentials.from_service_account_file(
            kumo.directory / "data" / "owner.json", scopes=["https://www.googleapis.com/auth/cloud-platform"]
        )
        key.refresh(Request())
        yield Provider(kumo.address, key.token, PROJECT, "us-central1", pause=lambda: time.sleep(0.05))


def covered(sent: object, read: object) -> bool:
    """Whether all that was sent is read back; whatever is more was the server's to choose."""
    if isinstance(sent, dict) and isinstance(read, dict):
        return all(covered(value, read.get(field)) for field, value in sent.items())
    if isinstance(sent, list) and isinstance(read, list):
        return len(sent) == len(read) and all(map(covered, sent, read))
    return sent == read


def compared(state: Json) -> Json:
    """What a plan looks at."""
    return {field: value for field, value in state.items() if field != "etag"}


def changed(state: Json, change: Json) -> Json:
    """The state with a change, all the way down; lists are replaced."""
    both = {**state, **change}
    inner = {field for field in change if isinstance(change[field], dict) and isinstance(state.get(field), dict)}
    return both | {field: changed(state[field], change[field]) for field in inner}


def lived_through(resource: Resource, asked: Json, change: Json) -> Json:
    """Apply, plan, apply a change, plan; the state after the first apply."""
    resource.create(asked)
    state = resource.read()
    assert covered(asked, state)
    assert resource.read() == state, "a plan finds no change"
    wanted = changed(state, change)
    resource.update(wanted)
    after = resource.read()
    assert covered(change, after)
    resource.update(after)
    assert compared(resource.read()) == compared(after), "to apply what is there already changes nothing"
    return state


def test_the_resources_of_the_guide(provider: Provider) -> None:
    service = Service(provider, "cloud-run-task-service")
    queue = Queue(provider, "cloud-tasks-queue-name")
    account = Account(provider, "cloud-run-task-invoker")
    binding = IamBinding(provider, "cloud-run-task-service", "roles/run.invoker")
    image = {"template": {"containers": [{"image": HELLO}]}}

    lived_through(account, {"displayName": "Cloud Run Task Invoker"}, {"displayName": "Invoker"})
    limits = {"rateLimits": {"maxDispatchesPerSecond": 5.0}}
    lived_through(queue, {}, limits)
    made = lived_through(service, image, {"template": {"timeout": "600s"}})
    lived_through(binding, {"members": [INVOKER]}, {"members": [INVOKER, "allUsers"]})

    assert made["labels"] == {"goog-terraform-provisioned": "true"}
    assert made["uri"].startswith("https://cloud-run-task-service-")
    assert "deletionProtection" not in made
    for resource in (binding, service, queue, account):
        resource.destroy()


def test_what_the_provider_takes_over_from_the_server_are_googles_defaults(provider: Provider) -> None:
    service = Service(provider, "defaults")
    service.create({"template": {"containers": [{"image": HELLO}]}})
    read = service.read()
    template = read["template"]
    assert (template["timeout"], template["maxInstanceRequestConcurrency"]) == ("300s", 80)
    assert template["scaling"] == {"maxInstanceCount": 100}
    assert template["serviceAccount"].endswith("-compute@developer.gserviceaccount.com")
    assert template["containers"] == [
        {
            "image": HELLO,
            "resources": {"limits": {"cpu": "1000m", "memory": "512Mi"}, "cpuIdle": True},
            "ports": [{"name": "http1", "containerPort": 8080}],
            "startupProbe": {
                "timeoutSeconds": 240,
                "periodSeconds": 240,
                "failureThreshold": 1,
                "tcpSocket": {"port": 8080},
            },
        }
    ]
    assert read["traffic"] == [{"type": "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST", "percent": 100}]
    assert (read["ingress"], read["launchStage"]) == ("INGRESS_TRAFFIC_ALL", "GA")
    assert read["terminalCondition"]["state"] == "CONDITION_SUCCEEDED"
    service.destroy()


def test_everything_that_a_configuration_says_of_a_service_is_read_back(provider: Provider) -> None:
    asked: Json = {
        "description": "hands over parcels",
        "annotations": {"example.com/team": "post"},
        "ingress": "INGRESS_TRAFFIC_INTERNAL_ONLY",
        "launchStage": "BETA",
        "customAudiences": ["https://worker.example"],
        "scaling": {"minInstanceCount": 1},
        "binaryAuthorization": {"useDefault": True},
        "template": {
            "labels": {"release": "7"},
            "scaling": {"minInstanceCount": 1, "maxInstanceCount": 3},
            "timeout": "3600s",
            "executionEnvironment": "EXECUTION_ENVIRONMENT_GEN2",
            "maxInstanceRequestConcurrency": 7,
            "sessionAffinity": True,
            "vpcAccess": {"egress": "PRIVATE_RANGES_ONLY", "networkInterfaces": [{"network": "default"}]},
            "volumes": [{"name": "v", "emptyDir": {"medium": "MEMORY", "sizeLimit": "64Mi"}}],
            "containers": [
                {
                    "name": "main",
                    "image": HELLO,
                    "env": [{"name": "Z", "value": "1"}, {"name": "A", "value": "2"}],
                    "resources": {"limits": {"cpu": "2", "memory": "1Gi"}, "startupCpuBoost": True},
                    "ports": [{"name": "http1", "containerPort": 9000}],
                    "volumeMounts": [{"name": "v", "mountPath": "/tmp/v"}],
                    "livenessProbe": {"httpGet": {"path": "/"}, "periodSeconds": 30},
                }
            ],
        },
        "traffic": [{"type": "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST", "percent": 100, "tag": "new"}],
    }
    service = Service(provider, "everything")
    lived_through(service, asked, {"description": "handed over"})
    service.destroy()


def test_an_update_that_changes_nothing_makes_no_revision(provider: Provider) -> None:
    service = Service(provider, "steady")
    service.create({"template": {"containers": [{"image": HELLO}]}})
    before = service.read()
    service.update(before)
    assert service.read()["latestCreatedRevision"] == before["latestCreatedRevision"]
    service.destroy()


def test_an_apply_fails_with_the_reason_why_nothing_runs(provider: Provider) -> None:
    service = Service(provider, "unmapped")
    with pytest.raises(Refused, match=r"kumo\.toml"):
        service.create({"template": {"containers": [{"image": "us-docker.pkg.dev/p/r/unknown"}]}})
    assert service.read()["terminalCondition"]["reason"] == "CONTAINER_MISSING"
    service.destroy()
