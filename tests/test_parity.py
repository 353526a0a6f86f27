"""gRPC and REST give the same answers: each RPC, and each error of the master table."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from string import Template
from typing import Any

import pytest

from tests.calls import CALLS, RawGrpc, RawRest, Reply
from tests.clients.scenario import Step, filled, found
from tests.clients.stories import STORIES
from tests.refusals import ROWS, Row
from tests.running import KumoProcess, RecordingWorker, running

PLACE = "projects/parity/locations/us-central1"
LATER = "2035-01-01T00:00:00Z"
HELP = "type.googleapis.com/google.rpc.Help"
BAD_REQUEST = "type.googleapis.com/google.rpc.BadRequest"


@pytest.fixture(scope="module")
def kumo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KumoProcess]:
    """A server that stands still in 2034."""
    with running(tmp_path_factory.mktemp("parity"), "--clock", "manual") as process:
        assert process.http("POST", "/kumo/v1/clock:advance", {"to": "2034-12-20T00:00:00Z"})[0] == 200
        yield process


@pytest.fixture(scope="module")
def grpc(kumo: KumoProcess) -> Iterator[RawGrpc]:
    client = RawGrpc(kumo.address)
    yield client
    client.close()


@pytest.fixture(scope="module")
def rest(kumo: KumoProcess) -> Iterator[RawRest]:
    client = RawRest(kumo.address)
    yield client
    client.close()


@pytest.fixture(scope="module")
def furnished(grpc: RawGrpc) -> str:
    """A place with what the table of refusals wants to find there."""
    here = f"{PLACE}/queues/here"
    task = {"httpRequest": {"url": "http://w.example/"}, "scheduleTime": LATER}
    for rpc, request in (
        ("CreateQueue", {"parent": PLACE, "queue": {"name": here}}),
        ("PauseQueue", {"name": here}),
        ("CreateTask", {"parent": here, "task": {**task, "name": f"{here}/tasks/live"}}),
        ("CreateTask", {"parent": here, "task": {**task, "name": f"{here}/tasks/gone"}}),
        ("DeleteTask", {"name": f"{here}/tasks/gone"}),
        ("CreateQueue", {"parent": PLACE, "queue": {"name": f"{PLACE}/queues/old"}}),
        ("DeleteQueue", {"name": f"{PLACE}/queues/old"}),
    ):
        assert grpc.call(rpc, request).status == "OK"
    return PLACE


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.situation)
def test_an_error_is_the_same_over_both(row: Row, furnished: str, grpc: RawGrpc, rest: RawRest) -> None:
    known = {"place": furnished}
    over_grpc = grpc.call(row.rpc, filled(row.request, known))
    if row.status == "OK" and row.rpc == "CreateQueue":  # the name is taken now: the same call again needs another
        over_rest = rest.call(row.rpc, filled(renamed(row.request), known))
        assert (over_grpc.status, over_rest.status) == ("OK", "OK")
        return
    over_rest = rest.call(row.rpc, filled(row.request, known))
    assert over_grpc.status == over_rest.status == row.status, over_grpc
    if row.status == "OK":
        return
    assert over_grpc == over_rest
    if row.message is not None:
        assert over_grpc.message == Template(row.message).substitute(known)
    else:
        assert len(over_grpc.message) > 10
    wanted = [] if row.help is None else [link_to(*row.help)]
    assert over_grpc.details == wanted


def link_to(description: str, url: str) -> dict[str, Any]:
    return {"@type": HELP, "links": [{"description": description, "url": url}]}


def renamed(request: dict[str, Any]) -> dict[str, Any]:
    return {**request, "queue": {**request["queue"], "name": request["queue"]["name"] + "-again"}}


def test_a_batch_in_which_nothing_worked_is_told_alike(furnished: str, grpc: RawGrpc, rest: RawRest) -> None:
    request = {"parent": f"{furnished}/queues/here", "names": [f"{furnished}/queues/here/tasks/gone"]}
    replies = [grpc.call("BatchDeleteTasks", request), rest.call("BatchDeleteTasks", request)]
    errors = [reply.answer["error"] for reply in replies]
    assert errors[0] == errors[1]
    assert errors[0]["code"] == 10
    assert errors[0]["message"] == (
        "None of the requests succeeded, refer to BatchDeleteTasksMetadata.failed_requests for individual error details"
    )


def test_an_unknown_field_is_refused_with_the_place_where_it_stands(furnished: str, rest: RawRest) -> None:
    task = {"httpRequest": {"url": "http://w.example/"}, "colour": "red"}
    reply = rest.call("CreateTask", {"parent": f"{furnished}/queues/here", "task": task})
    sentence = "Invalid JSON payload received. Unknown name \"colour\" at 'task': Cannot find field."
    violation = {"field": "task", "description": sentence}
    assert reply == Reply("INVALID_ARGUMENT", sentence, [{"@type": BAD_REQUEST, "fieldViolations": [violation]}])


def test_two_targets_in_one_task_are_refused(furnished: str, rest: RawRest) -> None:
    task = {"httpRequest": {"url": "http://w.example/"}, "appEngineHttpRequest": {"relativeUri": "/"}}
    reply = rest.call("CreateTask", {"parent": f"{furnished}/queues/here", "task": task})
    assert reply.status == "INVALID_ARGUMENT"


def test_strict_resources_refuse_what_does_not_exist(tmp_path: Path) -> None:
    with running(tmp_path, "--strict-resources", "--project", "mine") as process:
        over_grpc, over_rest = RawGrpc(process.address), RawRest(process.address)
        try:
            for parent, status, message in (
                (
                    "projects/yours/locations/us-central1",
                    "PERMISSION_DENIED",
                    "Permission denied on resource project yours.",
                ),
                (
                    "projects/mine/locations/mars-north1",
                    "INVALID_ARGUMENT",
                    "Location 'mars-north1' is not a valid location. Use ListLocations to list valid locations.",
                ),
            ):
                for rpc, request in (
                    ("CreateQueue", {"parent": parent, "queue": {"name": f"{parent}/queues/q"}}),
                    ("ListQueues", {"parent": parent}),
                    ("GetLocation", {"name": parent}),
                ):
                    replies = [over_grpc.call(rpc, request), over_rest.call(rpc, request)]
                    assert replies[0] == replies[1]
                    assert (replies[0].status, replies[0].message) == (status, message)
        finally:
            over_grpc.close()
            over_rest.close()


@pytest.mark.parametrize("story", STORIES)
def test_an_answer_is_the_same_over_both(
    story: str, kumo: KumoProcess, grpc: RawGrpc, rest: RawRest, worker: RecordingWorker
) -> None:
    """The same calls in two projects, one over each: the answers differ in the project's name and nothing else."""
    sides = [(grpc, side_of("left", story, worker)), (rest, side_of("right", story, worker))]
    for number, step in enumerate(STORIES[story], 1):
        seen = [told(client, step, known) for client, known in sides]
        assert seen[0] == seen[1], f"step {number}, {step.rpc}"
        if step.rpc == "RunTask":
            kumo.wait_idle()


def test_the_stories_have_every_call() -> None:
    assert {step.rpc for story in STORIES.values() for step in story} == CALLS.keys()


def side_of(name: str, story: str, worker: RecordingWorker) -> dict[str, str]:
    project = f"{name}-{story}"
    place = f"projects/{project}/locations/us-central1"
    return {"project": project, "place": place, "worker": worker.url, "later": LATER}


def told(client: RawGrpc | RawRest, step: Step, known: dict[str, str]) -> list[Reply]:
    """Every page of what a step is answered, without what is a side's own."""
    request = filled(step.request, known)
    replies = [client.call(step.rpc, request)]
    while token := replies[-1].answer.get("nextPageToken"):
        replies.append(client.call(step.rpc, {**request, "pageToken": token}))
    neutral = [neutralised(reply, known) for reply in replies]
    known.update({name: str(found(replies[0].answer, path)) for name, path in step.keep.items()})
    return neutral


def neutralised(reply: Reply, known: Mapping[str, str]) -> Reply:
    """The reply with the side's own names, generated ids, tokens and etags replaced."""
    text = json.dumps([reply.message, reply.details, reply.answer])
    text = text.replace(known["project"], "PROJECT")
    text = re.sub(r"/tasks/\d{20}", "/tasks/GENERATED", text)
    text = re.sub(r"/operations/[0-9a-f-]{36}", "/operations/GENERATED", text)
    text = re.sub(r'"(nextPageToken|etag)": "[^"]+"', r'"\1": "OWN"', text)
    return Reply(reply.status, *json.loads(text))
