"""The application: the same calls through both transports, the guard before everything, then who calls, and pages."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

import pytest
from google.cloud.tasks_v2.types import cloudtasks, queue, task
from google.protobuf import empty_pb2, json_format
from google.protobuf.message import Message

from kumotasks.api.asgi import Application
from kumotasks.api.call import PageRequest, PageResponse, PageRoute
from kumotasks.api.guard import open_door
from kumotasks.api.status import CODES
from kumotasks.domain import errors
from kumotasks.domain.errors import KumoError
from tests.api.surface import QUEUE, SERVICE, Client, Surface, framed

CREATE = cloudtasks.CreateTaskRequest.pb()
TASKS = f"/v2/{QUEUE}/tasks"
FULL_TASK = {
    "name": f"{QUEUE}/tasks/t",
    "scheduleTime": "2026-11-01T10:00:00.500Z",
    "dispatchDeadline": "600s",
    "httpRequest": {
        "url": "https://w.example/",
        "httpMethod": "PUT",
        "headers": {"a": "b"},
        "body": "/w==",
        "oidcToken": {"serviceAccountEmail": "a@b.c", "audience": "x"},
    },
}
CALLS: list[tuple[str, Message, Any, str, str, object]] = [
    (
        "CreateTask",
        json_format.ParseDict({"parent": QUEUE, "task": FULL_TASK, "responseView": "FULL"}, CREATE()),
        task.Task.pb(),
        "POST",
        TASKS,
        {"task": FULL_TASK, "responseView": "FULL"},
    ),
    (
        "ListTasks",
        cloudtasks.ListTasksRequest.pb()(parent=QUEUE, page_size=5, page_token="t", response_view=2),
        cloudtasks.ListTasksResponse.pb(),
        "GET",
        f"{TASKS}?pageSize=5&pageToken=t&responseView=FULL",
        None,
    ),
    (
        "UpdateQueue",
        cloudtasks.UpdateQueueRequest.pb()(
            queue={"name": QUEUE, "retry_config": {"max_attempts": -1}}, update_mask={"paths": ["retry_config"]}
        ),
        queue.Queue.pb(),
        "PATCH",
        f"/v2/{QUEUE}?updateMask=retryConfig",
        {"retryConfig": {"maxAttempts": -1}},
    ),
    (
        "DeleteTask",
        cloudtasks.DeleteTaskRequest.pb()(name=f"{QUEUE}/tasks/t"),
        empty_pb2.Empty,
        "DELETE",
        f"{TASKS}/t",
        None,
    ),
]


@pytest.mark.parametrize(("method", "request_", "response", "verb", "target", "body"), CALLS)
async def test_a_call_is_the_same_through_both_transports(
    surface: Surface,
    client: Client,
    method: str,
    request_: Message,
    response: Any,
    verb: str,
    target: str,
    body: object,
) -> None:
    _, by_rpc = await client.call(method, request_, response)
    by_rest = await client.ask(verb, target, body=b"" if body is None else json.dumps(body).encode())
    assert surface.requests == [request_, request_]
    assert surface.callers[0] == surface.callers[1]
    assert surface.entered == [f"{SERVICE}.{method}"] * 2
    assert by_rest.json() == json_format.MessageToDict(by_rpc)


@pytest.mark.parametrize(
    "error",
    [
        errors.QueueNotFound(),
        errors.TaskNameRetired(),
        errors.InvalidArgument("Ünfit"),
        errors.StorageUnavailable(),
        errors.ProjectDenied("p"),
        errors.InternalFault(),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_a_refusal_is_the_same_through_both_transports(
    surface: Surface, client: Client, error: KumoError
) -> None:
    surface.answer = error
    by_rpc = await client.rpc("CreateTask", framed(CREATE()))
    by_rest = (await client.post(TASKS, {})).json()["error"]
    assert CODES[by_rpc.code] == (by_rest["status"], by_rest["code"])
    assert unquote(by_rpc.trailers["grpc-message"]) == by_rest["message"] == error.message


# -- guard -----------------------------------------------------------------------------------------------------------

STRANGERS = [{"host": "evil.example"}, {"origin": "https://evil.example"}, {"origin": "null"}]


@pytest.mark.parametrize("headers", STRANGERS)
@pytest.mark.parametrize(
    ("verb", "target"), [("POST", TASKS), ("OPTIONS", TASKS), ("GET", "/healthz"), ("GET", "/nowhere")]
)
async def test_a_stranger_is_refused_whatever_it_asks_for(
    surface: Surface, client: Client, headers: dict[str, str], verb: str, target: str
) -> None:
    answer = await client.ask(verb, target, headers=headers)
    assert (answer.status, answer.json()["error"]["status"]) == (403, "PERMISSION_DENIED")
    assert surface.requests == []


@pytest.mark.parametrize("headers", STRANGERS)
async def test_a_stranger_is_refused_over_grpc_too(surface: Surface, client: Client, headers: dict[str, str]) -> None:
    answer = await client.rpc("CreateTask", framed(CREATE()), headers=headers)
    assert (answer.code, surface.requests) == (7, [])
    assert "Host" in answer.trailers["grpc-message"]


async def test_a_stranger_without_http_2_is_refused_without_trailers(client: Client) -> None:
    headers = {"content-type": "application/grpc", "host": "evil.example"}
    answer = await client.ask("POST", f"/{SERVICE}/CreateTask", body=framed(CREATE()), headers=headers)
    assert (answer.status, answer.trailers) == (403, {})


async def test_a_page_of_our_own_is_no_stranger(client: Client) -> None:
    assert (await client.post(TASKS, {}, headers={"origin": "http://localhost:3000"})).status == 200


async def test_a_server_with_an_open_door_answers_any_host(surface: Surface) -> None:
    client = Client(Application(routes=surface.routes(), pages=[], guard=open_door, through=surface.through))
    assert (await client.post(TASKS, {}, headers={"host": "evil.example", "origin": "null"})).status == 200


# -- pages -----------------------------------------------------------------------------------------------------------


async def test_a_plain_page_is_found_by_verb_and_path(client: Client) -> None:
    answer = await client.ask("GET", "/healthz")
    assert (answer.status, answer.body, answer.headers["content-type"]) == (200, b"ok\n", "text/plain; charset=UTF-8")
    head = await client.ask("HEAD", "/healthz")
    assert (head.status, head.body, head.headers) == (200, b"", answer.headers)
    assert (await client.ask("POST", "/healthz")).status == 404


async def test_a_page_sees_the_request_and_may_refuse_it(surface: Surface) -> None:
    seen: list[PageRequest] = []

    async def page(request: PageRequest) -> PageResponse:
        seen.append(request)
        if request.body == b"no":
            raise errors.InvalidArgument("no")
        return PageResponse(b"{}", 202, "application/json", ((b"x", b"y"),))

    client = Client(
        Application(routes=[], pages=[PageRoute("POST", "/kumo/v1/x", page)], guard=open_door, through=surface.through)
    )
    answer = await client.ask("POST", "/kumo/v1/x?a=b", body=b"yes", headers={"h": "v"})
    assert (answer.status, answer.headers["x"], answer.headers["content-type"]) == (202, "y", "application/json")
    assert (seen[0].verb, seen[0].path, seen[0].query, seen[0].body) == ("POST", "/kumo/v1/x", b"a=b", b"yes")
    assert (seen[0].headers[b"h"], seen[0].caller.peer) == (b"v", "127.0.0.1")
    assert (await client.ask("POST", "/kumo/v1/x", body=b"no")).json()["error"]["message"] == "no"


async def test_a_page_sees_the_variables_of_its_path_decoded(surface: Surface) -> None:
    async def show(request: PageRequest) -> PageResponse:
        return PageResponse(json.dumps(request.variables).encode())

    pages = [PageRoute("GET", "/certificates/{account}", show), PageRoute("GET", "/certificates/all", show)]
    client = Client(Application(routes=[], pages=pages, guard=open_door, through=surface.through))
    assert (await client.ask("GET", "/certificates/a%40b%2Fc.d")).json() == {"account": "a@b/c.d"}
    assert (await client.ask("GET", "/certificates/all")).json() == {}
    assert (await client.ask("GET", "/certificates/a/b")).status == 404
    assert surface.entered == ["GET /certificates/{account}", "GET /certificates/all"]


# -- the rest of ASGI ------------------------------------------------------------------------------------------------


def scope_of(path: str) -> dict[str, Any]:
    return {
        "type": "http", "http_version": "1.1", "method": "GET" if path == "/healthz" else "POST", "path": path,
        "raw_path": path.encode(), "query_string": b"", "headers": [], "client": None,
    }  # fmt: skip


async def test_a_websocket_is_turned_away(surface: Surface) -> None:
    sent: list[Any] = []

    async def receive() -> dict[str, str]:
        return {"type": "websocket.connect"}

    async def send(event: Any) -> None:
        sent.append(event)

    await surface.application()({"type": "websocket"}, receive, send)
    assert sent == [{"type": "websocket.close", "code": 1000}]


async def test_there_is_no_lifespan(surface: Surface) -> None:
    async def never() -> dict[str, str]:
        raise AssertionError

    with pytest.raises(RuntimeError):
        await surface.application()({"type": "lifespan"}, never, never)  # type: ignore[arg-type]


@pytest.mark.parametrize("path", [TASKS, "/healthz"])
async def test_an_endless_body_is_refused_while_it_comes(surface: Surface, path: str) -> None:
    sent: list[Any] = []
    taken = 0

    async def receive() -> dict[str, Any]:
        nonlocal taken
        taken += 1
        return {"type": "http.request", "body": bytes(1024 * 1024), "more_body": taken < 100}

    async def send(event: Any) -> None:
        sent.append(event)

    await surface.application()(scope_of(path), receive, send)
    assert sent[0]["status"] == 413
    assert taken == 17


@pytest.mark.parametrize("path", [TASKS, "/healthz"])
async def test_a_client_that_leaves_in_the_middle_gets_no_answer(surface: Surface, path: str) -> None:
    sent: list[Any] = []
    events = [{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}]

    async def receive() -> dict[str, Any]:
        return events.pop(0)

    async def send(event: Any) -> None:
        sent.append(event)

    await surface.application()(scope_of(path), receive, send)
    assert sent == []
    assert events == []
    assert surface.requests == []


def test_a_route_whose_path_names_no_field_is_refused_at_the_start(surface: Surface) -> None:
    route = replace(surface.routes()[0], path="/v2/{nobody=projects/*}/tasks")  # type: ignore[type-var]
    with pytest.raises(KeyError):
        Application(routes=[route], pages=[], guard=open_door, through=surface.through)
