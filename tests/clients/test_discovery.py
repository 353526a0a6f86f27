"""google-api-python-client, built from the discovery document that comes bundled with it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from googleapiclient.discovery import build
from googleapiclient.errors import HttpError
from httplib2 import Http

from tests.clients.conftest import Play
from tests.clients.scenario import Json, Refused
from tests.clients.stories import STORIES
from tests.running import KumoProcess

# RPC: where the document has it, which request fields are parameters (the rest is the body), which one is the body.
QUEUES, TASKS = "projects.locations.queues", "projects.locations.queues.tasks"
METHODS: dict[str, tuple[str, tuple[str, ...], str]] = {
    "ListQueues": (f"{QUEUES}.list", ("parent", "filter", "pageSize", "pageToken"), ""),
    "GetQueue": (f"{QUEUES}.get", ("name",), ""),
    "CreateQueue": (f"{QUEUES}.create", ("parent",), "queue"),
    "UpdateQueue": (f"{QUEUES}.patch", ("updateMask",), "queue"),
    "DeleteQueue": (f"{QUEUES}.delete", ("name",), ""),
    "PurgeQueue": (f"{QUEUES}.purge", ("name",), "*"),
    "PauseQueue": (f"{QUEUES}.pause", ("name",), "*"),
    "ResumeQueue": (f"{QUEUES}.resume", ("name",), "*"),
    "GetIamPolicy": (f"{QUEUES}.getIamPolicy", ("resource",), "*"),
    "SetIamPolicy": (f"{QUEUES}.setIamPolicy", ("resource",), "*"),
    "TestIamPermissions": (f"{QUEUES}.testIamPermissions", ("resource",), "*"),
    "ListTasks": (f"{TASKS}.list", ("parent", "responseView", "pageSize", "pageToken"), ""),
    "GetTask": (f"{TASKS}.get", ("name", "responseView"), ""),
    "CreateTask": (f"{TASKS}.create", ("parent",), "*"),
    "BatchCreateTasks": (f"{TASKS}.batchCreate", ("parent",), "*"),
    "DeleteTask": (f"{TASKS}.delete", ("name",), ""),
    "BatchDeleteTasks": (f"{TASKS}.batchDelete", ("parent",), "*"),
    "RunTask": (f"{TASKS}.run", ("name",), "*"),
    "GetCmekConfig": ("projects.locations.getCmekConfig", ("name",), ""),
    "UpdateCmekConfig": ("projects.locations.updateCmekConfig", ("updateMask",), "cmekConfig"),
    "ListLocations": ("projects.locations.list", ("name", "filter", "pageSize", "pageToken"), ""),
    "GetLocation": ("projects.locations.get", ("name",), ""),
    "GetOperation": ("projects.locations.operations.get", ("name",), ""),
}
PAGED = {"ListQueues": "queues", "ListTasks": "tasks", "ListLocations": "locations"}


class DiscoveryDriver:
    """Calls methods by their place in the discovery document."""

    rpcs = frozenset(METHODS)

    def __init__(self, service: Any) -> None:
        self.service = service

    def call(self, rpc: str, request: Json) -> Json | Refused:
        path, parameters, body_field = METHODS[rpc]
        *resources, method = path.split(".")
        place = self.service
        for name in resources:
            place = getattr(place, name)()
        arguments = {name: request[name] for name in parameters if name in request}
        if body_field == "*":
            arguments["body"] = {name: value for name, value in request.items() if name not in parameters}
        elif body_field:
            arguments["body"] = request[body_field]
            if "parent" not in arguments:  # an update: the resource's own name is the path
                arguments["name"] = request[body_field]["name"]
        prepared = getattr(place, method)(**arguments)
        try:
            if rpc not in PAGED:
                return prepared.execute()
            pages = []
            while prepared is not None:
                pages.append(prepared.execute())
                prepared = getattr(place, f"{method}_next")(prepared, pages[-1])
        except HttpError as error:
            return Refused(int(error.resp.status), error.reason)
        items = PAGED[rpc]
        shown = [page.get(items, []) for page in pages]
        return {items: [item for page in shown for item in page], "pages": [len(page) for page in shown]}


@pytest.fixture(scope="module")
def driver(kumo: KumoProcess) -> Iterator[DiscoveryDriver]:
    service = build(
        "cloudtasks",
        "v2",
        http=Http(),
        static_discovery=True,
        client_options={"api_endpoint": f"http://{kumo.address}"},
    )
    with service:
        yield DiscoveryDriver(service)


@pytest.mark.parametrize("story", STORIES)
def test_the_client_gets_through(story: str, driver: DiscoveryDriver, play_story: Play) -> None:
    play_story(story, driver)


def test_every_method_of_the_document_is_driven(driver: DiscoveryDriver) -> None:
    driven = {path for path, _, _ in METHODS.values()} | {f"{TASKS}.buffer"}  # the test below
    assert set(methods_in(driver.service._rootDesc, "")) == driven


def test_a_bare_request_can_be_buffered(driver: DiscoveryDriver) -> None:
    place = "projects/buffering/locations/us-central1"
    name = f"{place}/queues/q"
    target = {"uriOverride": {"scheme": "HTTP", "host": "worker.example"}}
    queues = driver.service.projects().locations().queues()
    queues.create(parent=place, body={"name": name, "httpTarget": target}).execute()
    queues.pause(name=name).execute()
    answer = queues.tasks().buffer(queue=name, taskId="one", body={"body": {"data": "aGk="}}).execute()
    assert answer["task"]["name"] == f"{name}/tasks/one"
    assert answer["task"]["httpRequest"]["url"].startswith("http://worker.example")


def methods_in(resource: Json, prefix: str) -> Iterator[str]:
    """The dotted path of every method of a discovery document."""
    yield from (prefix + name for name in resource.get("methods", {}))
    for name, inner in resource.get("resources", {}).items():
        yield from methods_in(inner, f"{prefix}{name}.")
