"""Nothing that a caller sends makes the server stumble: no internal error, no traceback, and it goes on serving."""

from __future__ import annotations

import http.client
import json
import os
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from google.protobuf import json_format
from google.protobuf.message import DecodeError, Message
from hypothesis import HealthCheck, Phase, assume, given, reject, settings
from hypothesis import strategies as st

from tests.calls import CALLS, RawGrpc, RawRest, Reply
from tests.garble import BODIES, HEADERS, KEPT, PATHS, PLACE, QUERIES, QUEUE, SUFFIXES, TASK, VERBS, bent, messages
from tests.running import KumoProcess, running

# Seeds are fixed: a run that fails here fails again. KUMO_FUZZ=100 tries a hundred times as much, each time new.
TIMES = int(os.environ.get("KUMO_FUZZ", "1"))
FUZZ = settings(
    max_examples=12 * TIMES,
    deadline=None,
    derandomize=TIMES == 1,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    phases=(Phase.generate,) if TIMES == 1 else (Phase.generate, Phase.shrink),
)
MORE = settings(FUZZ, max_examples=60 * TIMES)
FAULTS = {"INTERNAL", "UNKNOWN", "DATA_LOSS", "UNAVAILABLE"}
NO_MESSAGE = Reply("INVALID_ARGUMENT", "Error parsing the request message.")


@pytest.fixture(scope="module")
def kumo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KumoProcess]:
    """A server on which names never rest: what a test deletes, the next one has again."""
    directory = tmp_path_factory.mktemp("fuzz")
    config = directory / "kumo.toml"
    config.write_text('queue_name_rest = "0s"\ntask_name_rest = "0s"\n')
    with running(directory, "--config", str(config)) as process:
        yield process


@pytest.fixture(autouse=True)
def unshaken(kumo: KumoProcess) -> Iterator[None]:
    """Two queues and a task to aim at; after each test the server serves, and its log tells of no fault."""
    for queue in (QUEUE, KEPT):
        assert kumo.http("PATCH", f"/v2/{queue}?updateMask=retryConfig", {"retryConfig": {"maxAttempts": -1}})[0] == 200
    assert kumo.http("POST", f"/v2/{KEPT}:pause")[0] == 200
    task = {"name": TASK, "httpRequest": {"url": "http://127.0.0.1:1/"}}
    assert kumo.http("POST", f"/v2/{KEPT}/tasks", {"task": task})[0] in (200, 409)
    before = kumo.log.stat().st_size
    yield
    assert kumo.http("GET", "/v2/projects/p/locations")[0] == 200
    told = kumo.log.read_bytes()[before:].decode(errors="replace")
    assert "Traceback" not in told, told
    assert "failed inside" not in told, told


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


@FUZZ
@given(data=st.data())
@pytest.mark.parametrize("rpc", CALLS)
def test_arbitrary_bytes_over_grpc(rpc: str, data: st.DataObject, grpc: RawGrpc) -> None:
    row = CALLS[rpc]
    message = data.draw(st.binary(max_size=200) | bent(messages(rpc, row.request)))
    reply = grpc.send(f"/{row.service}/{rpc}", message)
    if isinstance(reply, Reply) and not is_a(row.request, message):
        assert reply == NO_MESSAGE
    else:
        assert status_of(reply) not in FAULTS, reply


def is_a(kind: type[Message], message: bytes) -> bool:
    try:
        kind.FromString(message)
    except DecodeError:
        return False
    return True


def status_of(reply: bytes | Reply) -> str:
    return reply.status if isinstance(reply, Reply) else "OK"


@FUZZ
@given(data=st.data())
@pytest.mark.parametrize("rpc", CALLS)
def test_arbitrary_messages_over_grpc(rpc: str, data: st.DataObject, grpc: RawGrpc) -> None:
    row = CALLS[rpc]
    message = data.draw(messages(rpc, row.request))
    reply = grpc.send(f"/{row.service}/{rpc}", message.SerializeToString())
    assert status_of(reply) not in FAULTS, reply


@MORE
@given(path=st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=60))
def test_arbitrary_methods_over_grpc(path: str, grpc: RawGrpc) -> None:
    reply = grpc.send("/" + path, b"")
    assert status_of(reply) == "UNIMPLEMENTED" or path.startswith("grpc.health")


@FUZZ
@given(data=st.data())
@pytest.mark.parametrize("rpc", CALLS)
def test_arbitrary_messages_over_rest(rpc: str, data: st.DataObject, rest: RawRest) -> None:
    request = printed(data.draw(messages(rpc, CALLS[rpc].request)))
    assume(has(request, CALLS[rpc].named_by.split(".")))
    reply = rest.call(rpc, request)
    assert reply.status not in FAULTS, reply


def printed(message: Message) -> dict[str, Any]:
    """The message as JSON, if it has such a form: a time beyond the year 9999 has none."""
    try:
        return json_format.MessageToDict(message)
    except json_format.SerializeToJsonError:
        reject()


def has(request: dict[str, Any], path: list[str]) -> bool:
    """Whether the field that the path is made of is there."""
    name, *rest = path
    return name in request and (not rest or has(request[name], rest))


@MORE
@given(rpc=st.sampled_from(sorted(CALLS)), body=BODIES, query=QUERIES)
def test_arbitrary_bodies_and_queries_over_rest(rpc: str, body: Any, query: dict[str, str], kumo: KumoProcess) -> None:
    row = CALLS[rpc]
    name = {"CreateTask": QUEUE, "GetTask": TASK, "RunTask": TASK, "DeleteTask": f"{KEPT}/tasks/x"}.get(rpc, QUEUE)
    target = f"/v2/{name}{row.behind}?{urlencode(query)}"
    sent = body if isinstance(body, bytes) else json.dumps(body).encode()
    check(requested(kumo, row.verb, target, sent, [("Content-Type", "application/json")]))


@MORE
@given(
    verb=st.sampled_from(VERBS),
    path=PATHS,
    suffix=SUFFIXES,
    query=QUERIES,
    headers=HEADERS,
    body=st.binary(max_size=20),
)
def test_arbitrary_paths_and_headers_over_rest(
    verb: str,
    path: str,
    suffix: str,
    query: dict[str, str],
    headers: list[tuple[str, str]],
    body: bytes,
    kumo: KumoProcess,
) -> None:
    target = f"/{quote(path, safe='/:%')}{suffix}" + (f"?{urlencode(query)}" if query else "")
    check(requested(kumo, verb, target, body, headers))


@MORE
@given(value=BODIES, page=st.sampled_from(("/kumo/v1/clock:advance", "/kumo/v1/wait-idle", "/kumo/v1/queue-stats")))
def test_arbitrary_bodies_to_our_own_pages(value: Any, page: str, kumo: KumoProcess) -> None:
    sent = value if isinstance(value, bytes) else json.dumps(value).encode()
    check(requested(kumo, "POST", page, sent, []))


def test_a_buffered_task_of_any_bytes_and_headers(kumo: KumoProcess) -> None:
    name = f"{PLACE}/queues/buffer"
    target = {"uriOverride": {"scheme": "HTTP", "host": "127.0.0.1", "port": "1"}}
    assert kumo.http("POST", f"/v2/{PLACE}/queues", {"name": name, "httpTarget": target})[0] == 200
    odd = [
        ("X-Odd", bytes(range(0x80, 0xFF)).decode("latin-1")),
        ("X-CloudTasks-TaskName", "forged"),
        ("Cookie", "a=b"),
    ]
    reply = requested(kumo, "POST", f"/v2/{name}/tasks:buffer", bytes(range(256)), odd)
    assert reply.status == 200, reply
    kumo.wait_idle()


def requested(
    kumo: KumoProcess, verb: str, target: str, body: bytes, headers: list[tuple[str, str]]
) -> http.client.HTTPResponse:
    """One request on a connection of its own."""
    connection = http.client.HTTPConnection(kumo.address, timeout=30)
    try:
        connection.putrequest(verb, target, skip_host=any(name == "Host" for name, _ in headers))
        for name, value in headers:
            connection.putheader(name, value.encode("latin-1", "replace"))
        connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        answer = connection.getresponse()
        answer.read()
        return answer
    finally:
        connection.close()


def check(answer: http.client.HTTPResponse) -> None:
    assert answer.status < 500 or answer.status == 501, answer.status
