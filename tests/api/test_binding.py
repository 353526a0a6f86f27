"""Path, query and body: each into its fields of the request."""

from __future__ import annotations

import json
from typing import Any

import pytest
from google.cloud.tasks_v2.types import cloudtasks, queue

from tests.api.surface import QUEUE, SERVICE, Client, Surface

CREATE = cloudtasks.CreateTaskRequest.pb()
UPDATE = cloudtasks.UpdateQueueRequest.pb()
LIST = cloudtasks.ListTasksRequest.pb()
DELETE = cloudtasks.BatchDeleteTasksRequest.pb()
TASKS = f"/v2/{QUEUE}/tasks"
HTTP = {"url": "https://w.example/", "httpMethod": "PUT"}
UNKNOWN = "Invalid JSON payload received. Unknown name"
VIEW = "type.googleapis.com/google.cloud.tasks.v2.Task.View"
UNBOUND = "Cannot bind query parameter."


async def test_a_body_of_all_fields_becomes_the_request(surface: Surface, client: Client) -> None:
    answer = await client.post(TASKS, {"task": {"httpRequest": HTTP}, "responseView": "FULL"})
    assert surface.requests == [
        CREATE(parent=QUEUE, task={"http_request": {"url": HTTP["url"], "http_method": 4}}, response_view=2)
    ]
    assert surface.entered == [f"{SERVICE}.CreateTask"]
    assert (answer.status, answer.json()) == (200, {"httpRequest": HTTP})


async def test_a_body_of_one_field_goes_into_that_field(surface: Surface, client: Client) -> None:
    body = json.dumps({"name": "elsewhere", "rateLimits": {"maxConcurrentDispatches": 5}}).encode()
    answer = await client.ask(
        "PATCH", f"/v2/{QUEUE}?updateMask=rateLimits.maxConcurrentDispatches,http_target", body=body
    )
    assert answer.json() == {"name": QUEUE, "rateLimits": {"maxConcurrentDispatches": 5}}
    assert surface.requests == [
        UPDATE(
            queue={"name": QUEUE, "rate_limits": {"max_concurrent_dispatches": 5}},
            update_mask={"paths": ["rate_limits.max_concurrent_dispatches", "http_target"]},
        )
    ]


async def test_the_path_wins_over_query_and_body(surface: Surface, client: Client) -> None:
    await client.post(f"{TASKS}?parent=x", {"parent": "y"})
    assert surface.requests == [CREATE(parent=QUEUE)]


@pytest.mark.parametrize("body", [b"", b"{}", b" "])
async def test_no_body_is_an_empty_one(surface: Surface, client: Client, body: bytes) -> None:
    assert (await client.ask("POST", TASKS, body=body)).status == 200
    assert (await client.ask("PATCH", f"/v2/{QUEUE}", body=body)).status == 200
    assert surface.requests == [CREATE(parent=QUEUE), UPDATE(queue={"name": QUEUE})]


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ("pageSize=5&pageToken=a%2Fb+c", {"page_size": 5, "page_token": "a/b c"}),
        ("page_size=5", {"page_size": 5}),
        ("responseView=FULL", {"response_view": 2}),
        ("responseView=2", {"response_view": 2}),
        ("pageToken=", {"page_token": ""}),
        ("pageToken=%C3%A9&alt=json&key=k&prettyPrint=true&$.xgafv=2&%24.xgafv=1&quotaUser=q", {"page_token": "é"}),
        ("access_token=a&oauth_token=b&uploadType=c&upload_protocol=d&callback=e&$userProject=f", {}),
    ],
)
async def test_query_parameters_are_fields(
    surface: Surface, client: Client, query: str, fields: dict[str, Any]
) -> None:
    assert (await client.ask("GET", f"{TASKS}?{query}")).status == 200
    assert surface.requests == [LIST(parent=QUEUE, **fields)]


async def test_nested_and_repeated_fields_have_their_query_parameters(surface: Surface, client: Client) -> None:
    query = "queue.rateLimits.maxDispatchesPerSecond=1.5&queue.retry_config.minBackoff=2s&queue.state=PAUSED"
    await client.ask("PATCH", f"/v2/{QUEUE}?{query}", body=b'{"retryConfig":{"maxAttempts":3}}')
    [request] = surface.requests
    assert request.queue.rate_limits.max_dispatches_per_second == 1.5
    assert (request.queue.retry_config.max_attempts, request.queue.retry_config.min_backoff.seconds) == (3, 2)
    assert request.queue.state == queue.Queue.State.PAUSED
    await client.post(f"{TASKS}:batchDelete?names=a&names=b", {})
    assert surface.requests[1] == DELETE(parent=QUEUE, names=["a", "b"])


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("x=1", f"{UNKNOWN} \"x\": {UNBOUND} Field 'x' could not be found in request message."),
        ("a.b=1", f"{UNKNOWN} \"a.b\": {UNBOUND} Field 'a.b' could not be found in request message."),
        ("parent.x=1", f"{UNKNOWN} \"parent.x\": {UNBOUND} Field 'parent.x' could not be found in request message."),
        ("pageSize=1&pageSize=2", f'{UNKNOWN} "pageSize": Proto field is not repeating, cannot start list.'),
        ("pageSize=many", "Invalid value at 'page_size' (TYPE_INT32), \"many\""),
        ("responseView=ALL", f"Invalid value at 'response_view' ({VIEW}), \"ALL\""),
    ],
)  # fmt: skip
async def test_a_query_that_fits_no_field_is_refused_in_googles_words(
    surface: Surface, client: Client, query: str, message: str
) -> None:
    answer = await client.ask("GET", f"{TASKS}?{query}")
    assert (answer.status, answer.json()["error"]["message"]) == (400, message)
    [detail] = answer.json()["error"]["details"]
    assert detail["@type"] == "type.googleapis.com/google.rpc.BadRequest"
    assert [each["description"] for each in detail["fieldViolations"]] == [message]
    assert surface.requests == []


@pytest.mark.parametrize("name", ["task", "task.httpRequest", "task.httpRequest.headers", "task.httpRequest.headers.x"])
async def test_a_message_cannot_be_a_query_parameter(client: Client, name: str) -> None:
    answer = await client.post(f"{TASKS}?{name}=1", {})
    assert answer.json()["error"]["message"].startswith(f'{UNKNOWN} "{name}": {UNBOUND}')


async def test_a_query_of_endless_parameters_is_refused(client: Client) -> None:
    assert (await client.ask("GET", f"{TASKS}?{'&'.join(['key=x'] * 1001)}")).status == 400
