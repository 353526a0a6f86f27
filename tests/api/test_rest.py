"""REST: path, query and body into messages, answers and errors out in Google's forms."""

from __future__ import annotations

import gzip
import json
import zlib
from typing import Any

import pytest
from google.cloud.tasks_v2.types import cloudtasks, queue, task
from google.longrunning import operations_pb2
from google.protobuf import duration_pb2
from google.rpc import status_pb2
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kumotasks.api.exchange import MAX_BODY
from kumotasks.domain.errors import Help, InvalidArgument, QueueNotFound
from tests.api.surface import QUEUE, SERVICE, Client, Surface

CREATE = cloudtasks.CreateTaskRequest.pb()
UPDATE = cloudtasks.UpdateQueueRequest.pb()
LIST = cloudtasks.ListTasksRequest.pb()
TASK = task.Task.pb()
TASKS = f"/v2/{QUEUE}/tasks"
HTTP = {"url": "https://w.example/", "httpMethod": "PUT"}
UNKNOWN = "Invalid JSON payload received. Unknown name"


async def test_an_empty_answer_is_an_empty_object(client: Client) -> None:
    answer = await client.ask("DELETE", f"{TASKS}/t", body=b"{}")
    assert (answer.status, answer.body) == (200, b"{}\n")


# -- system parameters -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "query",
    ["$alt=json;enum-encoding=int", "%24alt=json%3Benum-encoding%3Dint", "%24alt=json%3Benum-encoding=int&key=k"],
)
async def test_enums_are_numbers_for_whom_asks(client: Client, query: str) -> None:
    assert (await client.post(f"{TASKS}?{query}", {"task": {"httpRequest": HTTP}})).json()["httpRequest"][
        "httpMethod"
    ] == 4


@pytest.mark.parametrize("alt", ["json", "media", "JSON"])
async def test_json_is_the_answer_unless_protobuf_is_asked_for(client: Client, alt: str) -> None:
    answer = await client.post(f"{TASKS}?alt={alt}", {"task": {"httpRequest": HTTP}})
    assert answer.headers["content-type"] == "application/json; charset=UTF-8"
    assert answer.json() == {"httpRequest": HTTP}


async def test_protobuf_goes_in_and_out(surface: Surface, client: Client) -> None:
    wanted = CREATE(parent="elsewhere", task={"name": "t"})
    headers = {"content-type": "application/x-protobuf"}
    answer = await client.ask("POST", f"{TASKS}?alt=proto", body=wanted.SerializeToString(), headers=headers)
    assert answer.headers["content-type"] == "application/x-protobuf"
    assert TASK.FromString(answer.body) == TASK(name="t")
    assert surface.requests == [CREATE(parent=QUEUE, task={"name": "t"})]
    body = queue.Queue.pb()(state=2).SerializeToString()
    await client.ask("PATCH", f"/v2/{QUEUE}?updateMask=state", body=body, headers=headers)
    assert surface.requests[1] == UPDATE(queue={"name": QUEUE, "state": 2}, update_mask={"paths": ["state"]})


async def test_errors_are_protobuf_too(surface: Surface, client: Client) -> None:
    surface.answer = InvalidArgument("no", help_link=Help("d", "u"))
    answer = await client.post(f"{TASKS}?alt=proto", {})
    status = status_pb2.Status.FromString(answer.body)
    assert (answer.status, status.code, status.message, len(status.details)) == (400, 3, "no", 1)


async def test_a_damaged_protobuf_body_is_refused(client: Client) -> None:
    answer = await client.ask("POST", TASKS, body=b"\xff\xff", headers={"content-type": "application/x-protobuf"})
    assert answer.status == 400


async def test_an_unknown_form_is_refused(client: Client) -> None:
    assert (await client.ask("GET", f"{TASKS}?alt=xml")).status == 400


async def test_answers_are_pretty_unless_told_otherwise(client: Client) -> None:
    payload = {"task": {"name": "t", "httpRequest": HTTP}}
    pretty = await client.post(TASKS, payload)
    plain = await client.post(f"{TASKS}?prettyPrint=false", payload)
    assert pretty.body == (json.dumps(pretty.json(), indent=2) + "\n").encode()
    assert plain.body == json.dumps(plain.json(), separators=(",", ":")).encode()
    assert pretty.json() == plain.json()


async def test_an_answer_can_be_partial(client: Client) -> None:
    answer = await client.post(f"{TASKS}?fields=httpRequest/url,name", {"task": {"name": "t", "httpRequest": HTTP}})
    assert answer.json() == {"name": "t", "httpRequest": {"url": HTTP["url"]}}


async def test_a_wrong_partial_answer_is_refused_before_the_call_is_made(surface: Surface, client: Client) -> None:
    answer = await client.post(f"{TASKS}?fields=nam", {})
    assert (answer.status, surface.requests) == (400, [])


async def test_an_answer_shows_no_markup(client: Client) -> None:
    answer = await client.post(TASKS, {"task": {"name": "<script>&"}})
    assert b"<" not in answer.body
    assert b">" not in answer.body
    assert answer.json() == {"name": "<script>&"}
    assert answer.headers["x-content-type-options"] == "nosniff"


# -- bodies ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("encoding", "compress"), [("gzip", gzip.compress), ("deflate", zlib.compress), ("identity", bytes)]
)
async def test_a_compressed_body_is_unpacked(client: Client, encoding: str, compress: Any) -> None:
    body = compress(b'{"task":{"name":"t"}}')
    answer = await client.ask("POST", TASKS, body=body, headers={"content-encoding": encoding})
    assert answer.json() == {"name": "t"}


@pytest.mark.parametrize(
    ("body", "encoding", "status"),
    [
        (gzip.compress(bytes(MAX_BODY + 1)), "gzip", 413),
        (b"nonsense", "gzip", 400),
        (b"{}", "br", 400),
    ],
)
async def test_a_compressed_body_that_cannot_be_read_is_refused(
    client: Client, body: bytes, encoding: str, status: int
) -> None:
    assert (await client.ask("POST", TASKS, body=body, headers={"content-encoding": encoding})).status == status


async def test_a_body_beyond_the_limit_is_refused(client: Client) -> None:
    answer = await client.ask("POST", TASKS, body=[bytes(1024 * 1024)] * 1000)
    assert (answer.status, answer.json()["error"]["status"]) == (413, "RESOURCE_EXHAUSTED")


async def test_a_large_answer_is_compressed_for_whom_it_is_welcome(client: Client) -> None:
    payload = {"task": {"name": "x" * 100_000}}
    packed = await client.post(TASKS, payload, headers={"accept-encoding": "gzip, deflate"})
    plain = await client.post(TASKS, payload)
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert gzip.decompress(packed.body) == plain.body
    assert packed.headers["content-length"] == str(len(packed.body))


@pytest.mark.parametrize("body", [b"[]", b'"x"', b"nonsense", b'{"task": 5}', b'{"task": {"x": 1}}', b"\xff"])
async def test_a_body_that_is_no_request_is_refused(surface: Surface, client: Client, body: bytes) -> None:
    answer = await client.ask("POST", TASKS, body=body)
    assert (answer.status, answer.json()["error"]["status"]) == (400, "INVALID_ARGUMENT")
    assert surface.requests == []


async def test_a_violation_in_a_body_field_is_told_with_its_whole_path(client: Client) -> None:
    answer = await client.ask("PATCH", f"/v2/{QUEUE}", body=b'{"x":1}')
    assert answer.json()["error"]["message"] == f"{UNKNOWN} \"x\" at 'queue': Cannot find field."


# -- verbs and paths -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("verb", "path"), [("GET", "/nowhere"), ("PUT", TASKS), ("DELETE", TASKS), ("GET", f"{TASKS}/"), ("BREW", TASKS)]
)
async def test_an_unknown_path_or_verb_is_not_found(client: Client, verb: str, path: str) -> None:
    answer = await client.ask(verb, path)
    assert answer.status == 404
    assert answer.json() == {"error": {"code": 404, "message": "Method not found.", "status": "NOT_FOUND"}}


async def test_a_call_may_have_a_second_path(surface: Surface, client: Client) -> None:
    assert (await client.post(f"/{QUEUE}/tasks", {"task": {"name": "t"}})).status == 200
    assert (await client.ask("GET", f"/{QUEUE}/tasks")).status == 404
    assert surface.requests == [CREATE(parent=QUEUE, task={"name": "t"})]


async def test_head_is_get_without_the_body(client: Client) -> None:
    got = await client.ask("GET", f"{TASKS}?pageToken=t")
    answer = await client.ask("HEAD", f"{TASKS}?pageToken=t")
    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers == got.headers


async def test_options_tells_the_verbs_and_invites_nobody(client: Client) -> None:
    answer = await client.ask("OPTIONS", TASKS)
    assert (answer.status, answer.body, answer.headers["allow"]) == (200, b"", "GET, HEAD, OPTIONS, POST")
    assert not any(name.startswith("access-control") for name in answer.headers)
    assert (await client.ask("OPTIONS", "/nowhere")).status == 404


async def test_a_verb_can_be_overridden_and_the_query_sent_as_a_form(surface: Surface, client: Client) -> None:
    headers = {"x-http-method-override": "GET", "content-type": "application/x-www-form-urlencoded"}
    assert (await client.ask("POST", f"{TASKS}?pageSize=5", body=b"pageToken=a", headers=headers)).status == 200
    headers = {"x-http-method-override": "PATCH", "content-type": "application/json"}
    assert (await client.ask("POST", f"/v2/{QUEUE}", body=b'{"state":2}', headers=headers)).status == 200
    assert surface.requests == [
        LIST(parent=QUEUE, page_size=5, page_token="a"),
        UPDATE(queue={"name": QUEUE, "state": 2}),
    ]


async def test_an_error_comes_in_googles_envelope(surface: Surface, client: Client) -> None:
    surface.answer = QueueNotFound()
    answer = await client.post(TASKS, {})
    assert answer.headers["content-type"] == "application/json; charset=UTF-8"
    assert answer.json() == {"error": {"code": 404, "message": QueueNotFound().message, "status": "NOT_FOUND"}}


async def test_an_unforeseen_fault_is_a_500_in_the_same_envelope(surface: Surface, client: Client) -> None:
    surface.answer = ZeroDivisionError()
    answer = await client.post(TASKS, {})
    assert (answer.status, answer.json()["error"]["status"]) == (500, "INTERNAL")


async def test_an_operation_shows_what_it_carries(surface: Surface, client: Client) -> None:
    operation = operations_pb2.Operation(name="o", done=True)
    operation.response.Pack(duration_pb2.Duration(seconds=1))
    surface.answer = operation
    assert (await client.post(f"{TASKS}:batchDelete", {"names": ["a"]})).json() == {
        "name": "o",
        "done": True,
        "response": {"@type": "type.googleapis.com/google.protobuf.Duration", "value": "1s"},
    }


# -- opaque bodies ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("path", "name"), [("/t1:buffer", "t1"), (":buffer", "new"), ("/:buffer", "new")])
async def test_an_opaque_body_is_handed_over_as_it_came(surface: Surface, client: Client, path: str, name: str) -> None:
    body = gzip.compress(b"x")
    headers = {"content-type": "text/plain", "content-encoding": "gzip"}
    answer = await client.ask(
        "POST", f"{TASKS}{path}?a=b&key=k&$alt=json;enum-encoding=int", body=body, headers=headers
    )
    [call] = surface.requests
    assert (call.body, call.query) == (body, (("a", "b"),))
    assert ("content-type", "text/plain") in call.headers
    assert call.variables["queue"] == QUEUE
    assert answer.json()["task"]["name"] == f"{QUEUE}/tasks/{name}"
    assert surface.entered == [f"{SERVICE}.BufferTask"]


async def test_a_wrapped_answer_can_be_partial(client: Client) -> None:
    answer = await client.ask("POST", f"{TASKS}/t1:buffer?fields=task/name")
    assert answer.json() == {"task": {"name": f"{QUEUE}/tasks/t1"}}


# -- anything --------------------------------------------------------------------------------------------------------

TARGETS = st.sampled_from([TASKS, f"/v2/{QUEUE}", f"{TASKS}/t", f"{TASKS}:batchDelete", f"{TASKS}/t:buffer", "/x"])
QUERIES = st.sampled_from(
    ["", "alt=proto", "fields=a(b", "pageSize=x", "a=b", "%ff=%ff", "&&=;", "$alt=json;x"]
) | st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=20)
BODIES = st.binary(max_size=40) | st.sampled_from(
    [b'{"task":{"httpRequest":{"body":"%%"}}}', b'{"names":[null]}', b"{}"]
)


@given(
    verb=st.sampled_from(["GET", "POST", "PATCH", "DELETE", "HEAD", "OPTIONS", "PUT"]),
    target=TARGETS,
    query=QUERIES,
    body=BODIES,
    kind=st.sampled_from(["application/json", "application/x-protobuf", "application/x-www-form-urlencoded", ""]),
    encoding=st.sampled_from(["", "gzip", "deflate", "x"]),
    override=st.sampled_from(["", "GET", "PATCH", "\xff"]),
)
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_any_request_gets_a_well_formed_answer(
    client: Client, verb: str, target: str, query: str, body: bytes, kind: str, encoding: str, override: str
) -> None:
    headers = {"content-type": kind, "content-encoding": encoding, "x-http-method-override": override}
    told = {name: value for name, value in headers.items() if value}
    answer = await client.ask(verb, f"{target}?{query}", body=body, headers=told)
    assert 200 <= answer.status < 500
    if verb not in {"HEAD", "OPTIONS"} and answer.headers["content-type"].startswith("application/json"):
        assert isinstance(answer.json(), dict)
    assert answer.headers["content-length"] == str(len(answer.body)) or verb == "HEAD"
