"""A caller with every right on one queue and none on its neighbour names both in one call."""

from __future__ import annotations

import json

import pytest

from tests.calls import Json
from tests.iam.expectations import Grant
from tests.iam.requests import LOCATION, http_task
from tests.iam.stage import TRANSPORTS, Stage

ADMIN = ("roles/cloudtasks.admin", "queue")
OWN = f"{LOCATION}/queues/own"
OTHER = f"{LOCATION}/queues/neighbour"
KEPT = f"{OTHER}/tasks/kept"
STRAY = f"{OTHER}/tasks/stray"


@pytest.fixture(scope="module")
def queues(stage: Stage) -> Stage:
    """One queue for the caller, and one on which nobody is bound, with a task in it."""
    stage.owner.json("POST", f"/v2/{LOCATION}/queues", {"name": OWN})
    stage.owner.json("POST", f"/v2/{LOCATION}/queues", {"name": OTHER})
    stage.owner.json("POST", f"/v2/{OTHER}/tasks", {"task": http_task(KEPT)})
    return stage


@pytest.fixture
def neighbours(queues: Stage) -> Stage:
    """The caller's rights anew: a test may have made him give them up."""
    policy = {"bindings": queues.cast(ADMIN).bindings("queue")}
    queues.owner.json("POST", f"/v2/{OWN}:setIamPolicy", {"policy": policy})
    return queues


def untouched(stage: Stage) -> bool:
    """Whether the neighbour has its one task and still runs."""
    tasks = stage.owner.call("ListTasks", {"parent": OTHER}).answer["tasks"]
    queue = stage.owner.call("GetQueue", {"name": OTHER}).answer
    policy = stage.owner.call("GetIamPolicy", {"resource": OTHER}).answer
    return [task["name"] for task in tasks] == [KEPT] and queue["state"] == "RUNNING" and "bindings" not in policy


def test_the_caller_has_every_right_on_one_of_them(neighbours: Stage) -> None:
    cast = neighbours.cast(ADMIN)
    assert list(cast.grants) == [Grant(*ADMIN)]
    client = neighbours.client("rest", cast.token)
    assert client.call("CreateTask", {"parent": OWN, "task": http_task()}).status == "OK"
    assert client.call("GetTask", {"name": KEPT}).status == "PERMISSION_DENIED"


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize(
    ("rpc", "request_"),
    [
        ("CreateTask", {"parent": OWN, "task": http_task(STRAY)}),
        ("BatchCreateTasks", {"parent": OWN, "requests": [{"parent": OTHER, "task": http_task()}]}),
        ("BatchDeleteTasks", {"parent": OWN, "names": [KEPT]}),
        ("BatchDeleteTasks", {"parent": OWN, "names": [f"{OWN}/tasks/../../neighbour/tasks/kept"]}),
        ("GetTask", {"name": f"{OWN}/tasks/../../neighbour/tasks/kept"}),
        ("DeleteTask", {"name": f"{OWN}/tasks/x/{KEPT}"}),
        ("ListTasks", {"parent": f"{OWN}/tasks/x/../../../neighbour"}),
        ("DeleteQueue", {"name": f"{OWN}/../neighbour"}),
        ("PauseQueue", {"name": f"{OWN}/tasks/../../neighbour"}),
    ],
)
def test_a_name_inside_a_call_leads_to_no_other_queue(
    neighbours: Stage, transport: str, rpc: str, request_: Json
) -> None:
    reply = neighbours.client(transport, neighbours.cast(ADMIN).token).call(rpc, request_)
    if rpc.startswith("Batch") and reply.status == "OK":
        assert "error" in reply.answer or "tasks" not in reply.answer.get("response", {})
    else:
        assert reply.status in {"INVALID_ARGUMENT", "PERMISSION_DENIED", "NOT_FOUND"}, reply
    assert untouched(neighbours)


@pytest.mark.parametrize("escaped", ["..%2F..%2Fneighbour%2Ftasks%2Fkept", "..%2Fkept", "%2e%2e/%2e%2e/neighbour"])
def test_an_escaped_path_leads_to_no_other_queue(neighbours: Stage, escaped: str) -> None:
    neighbours.client("rest", neighbours.cast(ADMIN).token)
    assert neighbours.rest.send("DELETE", f"/v2/{OWN}/tasks/{escaped}").status in {400, 403, 404}
    assert untouched(neighbours)


@pytest.mark.parametrize(
    ("verb", "path", "body"),
    [
        ("POST", "/tasks", {"parent": OTHER, "task": http_task()}),
        ("POST", "/tasks:batchCreate", {"parent": OTHER, "requests": [{"task": http_task()}]}),
        ("POST", ":pause", {"name": OTHER}),
        ("POST", ":setIamPolicy", {"resource": OTHER, "policy": {"bindings": []}}),
        ("PATCH", "?updateMask=rateLimits", {"name": OTHER, "rateLimits": {"maxDispatchesPerSecond": 1}}),
        ("PATCH", f"?updateMask=rateLimits&queue.name={OTHER}", {"rateLimits": {"maxDispatchesPerSecond": 1}}),
        ("POST", f"/tasks?parent={OTHER}", {"task": http_task()}),
        ("POST", f"/tasks:buffer?queue={OTHER}", {}),
        ("POST", f":purge?name={OTHER}", {}),
    ],
)
def test_what_the_path_names_is_not_named_again_elsewhere(neighbours: Stage, verb: str, path: str, body: Json) -> None:
    neighbours.client("rest", neighbours.cast(ADMIN).token)
    reply = neighbours.rest.send(verb, f"/v2/{OWN}{path}", json.dumps(body).encode())
    assert reply.status in {200, 400, 403}, reply
    assert OTHER not in reply.body.decode() or reply.status == 400
    assert untouched(neighbours)
