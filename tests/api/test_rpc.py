"""gRPC: frames, compression, trailers, and the health service."""

from __future__ import annotations

import asyncio
import base64
import gzip
import zlib
from typing import Any
from urllib.parse import unquote

import pytest
from google.cloud.tasks_v2.types import cloudtasks, task
from google.protobuf.wrappers_pb2 import Int32Value, StringValue
from google.rpc import error_details_pb2, status_pb2
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kumotasks.api.exchange import MAX_BODY
from kumotasks.api.rpc import MAX_MESSAGE
from kumotasks.domain.errors import Help, InvalidArgument, QueueNotFound, Violation
from tests.api.surface import SERVICE, Client, Surface, framed

CREATE = cloudtasks.CreateTaskRequest.pb()
TASK = task.Task.pb()
REQUEST = CREATE(parent="q", task={"http_request": {"url": "https://w.example/", "body": b"x"}})
INVALID, NOT_FOUND, EXHAUSTED, UNIMPLEMENTED, INTERNAL = 3, 5, 8, 12, 13


async def test_a_call_is_answered_with_a_message_and_trailers(surface: Surface, client: Client) -> None:
    answer, message = await client.call("CreateTask", REQUEST, TASK)
    assert message == REQUEST.task
    assert surface.requests == [REQUEST]
    assert surface.entered == [f"{SERVICE}.CreateTask"]
    assert [caller.peer for caller in surface.callers] == ["127.0.0.1"]
    assert (answer.status, answer.headers["content-type"]) == (200, "application/grpc")
    assert answer.trailers == {"grpc-status": "0"}


async def test_a_request_may_come_in_pieces(client: Client) -> None:
    body = framed(REQUEST)
    answer = await client.ask(
        "POST",
        f"/{SERVICE}/CreateTask",
        body=[body[:3], b"", body[3:9], body[9:]],
        headers={"content-type": "application/grpc+proto"},
        http_version="2",
    )
    assert answer.code == 0


async def test_a_refusal_travels_in_the_trailers(surface: Surface, client: Client) -> None:
    surface.answer = QueueNotFound()
    answer = await client.rpc("CreateTask", framed(REQUEST))
    assert (answer.status, answer.body, answer.code) == (200, b"", NOT_FOUND)
    assert unquote(answer.trailers["grpc-message"]) == QueueNotFound().message
    assert "grpc-status-details-bin" not in answer.trailers


async def test_details_travel_as_a_status(surface: Surface, client: Client) -> None:
    link = Help("Definition of task ID", "https://example.com/")
    surface.answer = InvalidArgument("Ünfit: 100%\n", help_link=link, violations=(Violation("a", "b"),))
    answer = await client.rpc("CreateTask", framed(REQUEST))
    assert answer.trailers["grpc-message"] == "%C3%9Cnfit: 100%25%0A"
    packed = answer.trailers["grpc-status-details-bin"]
    assert not packed.endswith("=")
    status = status_pb2.Status.FromString(base64.b64decode(packed + "=="))
    helping = error_details_pb2.Help()
    assert (status.code, status.message) == (INVALID, "Ünfit: 100%\n")
    assert status.details[1].Unpack(helping)
    assert helping.links[0].description == link.description


async def test_a_long_message_is_cut_for_clients_give_up_on_long_trailers(surface: Surface, client: Client) -> None:
    surface.answer = InvalidArgument("ü" * 10_000, violations=(Violation("f", "x" * 10_000),))
    answer = await client.rpc("CreateTask", framed(REQUEST))
    message = answer.trailers["grpc-message"]
    assert 0 < len(message) <= MAX_MESSAGE
    assert set(unquote(message, errors="strict")) == {"ü", "."}
    assert sum(len(name) + len(value) for name, value in answer.trailers.items()) < 8_000


async def test_an_unforeseen_fault_is_internal(surface: Surface, client: Client) -> None:
    surface.answer = ZeroDivisionError()
    assert (await client.rpc("CreateTask", framed(REQUEST))).code == INTERNAL


@pytest.mark.parametrize(
    "path", [f"/{SERVICE}/Nope", "/no.such.Service/CreateTask", "/", f"/{SERVICE}/CreateTask/", "/x"]
)
async def test_an_unknown_method_is_unimplemented(client: Client, path: str) -> None:
    assert (await client.rpc(path, framed(REQUEST))).code == UNIMPLEMENTED


@pytest.mark.parametrize(
    ("body", "code", "words"),
    [
        (b"", INVALID, "without a request message"),
        (b"\0", INVALID, "shorter than it says"),
        (b"\0\0\0\0\5abc", INVALID, "shorter than it says"),
        (b"\0\0\0\0\0" * 2, INVALID, "more than one"),
        (b"\0\0\0\0\1\xff", INVALID, "parsing"),
        (b"\0\0\0\0\3\x0a\x01\xff", INVALID, "parsing"),
        (b"\1\0\0\0\1x", INVALID, "no known compression"),
        (b"\2\0\0\0\1x", INVALID, "no known compression"),
        (b"\0\xff\xff\xff\xff", EXHAUSTED, "larger than max (4294967295 vs. 16777216)"),
    ],
)
async def test_a_bad_frame_is_a_status_not_a_crash(
    surface: Surface, client: Client, body: bytes, code: int, words: str
) -> None:
    answer = await client.rpc("CreateTask", body)
    assert (answer.status, answer.code) == (200, code)
    assert words in unquote(answer.trailers["grpc-message"])
    assert surface.requests == []


async def test_an_empty_message_is_a_message(surface: Surface, client: Client) -> None:
    assert (await client.rpc("CreateTask", b"\0\0\0\0\0")).code == 0
    assert surface.requests == [CREATE()]


async def test_a_body_beyond_the_limit_is_refused_before_it_is_whole(surface: Surface, client: Client) -> None:
    chunk = bytes(1024 * 1024)
    headers = {"content-type": "application/grpc"}
    answer = await client.ask("POST", f"/{SERVICE}/CreateTask", body=[chunk] * 1000, headers=headers, http_version="2")
    assert answer.code == EXHAUSTED
    assert surface.requests == []


@pytest.mark.parametrize(("encoding", "compress"), [("gzip", gzip.compress), ("deflate", zlib.compress)])
async def test_a_compressed_request_is_unpacked(surface: Surface, client: Client, encoding: str, compress: Any) -> None:
    data = compress(REQUEST.SerializeToString())
    body = b"\1" + len(data).to_bytes(4, "big") + data
    assert (await client.rpc("CreateTask", body, headers={"grpc-encoding": encoding})).code == 0
    assert (await client.rpc("CreateTask", framed(REQUEST), headers={"grpc-encoding": encoding})).code == 0
    assert surface.requests == [REQUEST, REQUEST]


async def test_a_bomb_is_refused(surface: Surface, client: Client) -> None:
    data = gzip.compress(bytes(MAX_BODY + 1))
    body = b"\1" + len(data).to_bytes(4, "big") + data
    assert (await client.rpc("CreateTask", body, headers={"grpc-encoding": "gzip"})).code == EXHAUSTED
    assert surface.requests == []


async def test_a_damaged_compressed_message_is_internal(client: Client) -> None:
    assert (await client.rpc("CreateTask", b"\1\0\0\0\4gzip", headers={"grpc-encoding": "gzip"})).code == INVALID


async def test_an_unknown_compression_is_unimplemented_and_the_known_ones_are_named(client: Client) -> None:
    answer = await client.rpc("CreateTask", framed(REQUEST), headers={"grpc-encoding": "snappy"})
    assert answer.code == UNIMPLEMENTED
    assert answer.headers["grpc-accept-encoding"] == "identity,deflate,gzip"


async def test_a_large_answer_is_compressed_for_whom_it_is_welcome(surface: Surface, client: Client) -> None:
    surface.answer = TASK(name="x" * 100_000)
    plain = await client.rpc("CreateTask", framed(REQUEST))
    assert plain.body[0] == 0
    assert "grpc-encoding" not in plain.headers
    packed = await client.rpc(
        "CreateTask", framed(REQUEST), headers={"grpc-accept-encoding": "identity, deflate, gzip"}
    )
    assert packed.headers["grpc-encoding"] == "gzip"
    assert packed.body[0] == 1
    assert gzip.decompress(packed.body[5:]) == plain.body[5:]


async def test_a_small_answer_is_not(client: Client) -> None:
    answer = await client.rpc("CreateTask", framed(REQUEST), headers={"grpc-accept-encoding": "gzip"})
    assert answer.body[0] == 0


@pytest.mark.parametrize(
    ("verb", "kind", "version", "status"),
    [
        ("POST", "application/grpc+json", "2", 415),
        ("POST", "application/grpc-web", "2", 415),
        ("GET", "application/grpc", "2", 405),
        ("POST", "application/grpc", "1.1", 426),
    ],
)
async def test_what_is_not_quite_grpc_is_refused_in_http(
    client: Client, verb: str, kind: str, version: str, status: int
) -> None:
    headers = {"content-type": kind}
    answer = await client.ask(
        verb, f"/{SERVICE}/CreateTask", body=framed(REQUEST), headers=headers, http_version=version
    )
    assert (answer.status, answer.trailers) == (status, {})


@given(
    body=st.binary(max_size=64) | st.builds(lambda data: b"\0" + len(data).to_bytes(4, "big") + data, st.binary()),
    encoding=st.sampled_from(["identity", "gzip", "deflate", "x"]),
)
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_any_bytes_get_a_well_formed_answer(client: Client, body: bytes, encoding: str) -> None:
    answer = await client.rpc("CreateTask", body, headers={"grpc-encoding": encoding})
    assert answer.status == 200
    assert answer.code in {0, EXHAUSTED, UNIMPLEMENTED, INVALID}
    if answer.code == 0:
        TASK.FromString(answer.body[5:])
    else:
        assert answer.body == b""


async def test_a_client_that_leaves_in_the_middle_gets_no_answer(surface: Surface) -> None:
    sent: list[object] = []

    async def receive() -> dict[str, object]:
        return {"type": "http.disconnect"}

    async def send(event: object) -> None:
        sent.append(event)

    await surface.application()(scope_of(f"/{SERVICE}/CreateTask"), receive, send)
    assert sent == []


# -- health ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("service", ["", SERVICE, "grpc.health.v1.Health"])
async def test_health_is_checked_by_service(surface: Surface, client: Client, service: str) -> None:
    request = StringValue(value=service)
    assert (await client.call("/grpc.health.v1.Health/Check", request, Int32Value))[1].value == 1
    surface.health.report(serving=False)
    assert (await client.call("/grpc.health.v1.Health/Check", request, Int32Value))[1].value == 2
    assert surface.entered == []


async def test_the_health_of_an_unknown_service_is_not_found(client: Client) -> None:
    assert (await client.rpc("/grpc.health.v1.Health/Check", framed(StringValue(value="x")))).code == NOT_FOUND


def scope_of(path: str) -> dict[str, Any]:
    headers = [(b"host", b"localhost"), (b"content-type", b"application/grpc")]
    return {
        "type": "http", "http_version": "2", "method": "POST", "path": path, "raw_path": path.encode(),
        "query_string": b"", "headers": headers, "client": None,
    }  # fmt: skip


class Watcher:
    """A client of Watch that stays."""

    def __init__(self, surface: Surface, service: str) -> None:
        self.left = asyncio.Event()
        self.statuses: asyncio.Queue[int] = asyncio.Queue()
        self.trailers: list[Any] = []
        self._request = [{"type": "http.request", "body": framed(StringValue(value=service)), "more_body": False}]
        app = surface.application()
        self.running = asyncio.ensure_future(app(scope_of("/grpc.health.v1.Health/Watch"), self._receive, self._send))

    async def _receive(self) -> dict[str, Any]:
        if self._request:
            return self._request.pop()
        await self.left.wait()
        return {"type": "http.disconnect"}

    async def _send(self, event: Any) -> None:
        if event.get("body"):
            self.statuses.put_nowait(Int32Value.FromString(event["body"][5:]).value)
        if event["type"] == "http.response.trailers":
            self.trailers.append(event["headers"])


async def test_a_watcher_is_told_the_status_and_every_change(surface: Surface) -> None:
    watcher = Watcher(surface, SERVICE)
    assert await watcher.statuses.get() == 1
    surface.health.report(serving=True)
    surface.health.report(serving=False)
    assert await watcher.statuses.get() == 2
    surface.health.report(serving=True)
    assert await watcher.statuses.get() == 1
    assert not watcher.running.done()
    watcher.left.set()
    await watcher.running
    assert watcher.statuses.empty()


async def test_a_change_that_was_taken_back_before_it_was_told_is_not_told(surface: Surface) -> None:
    watcher = Watcher(surface, SERVICE)
    assert await watcher.statuses.get() == 1
    surface.health.report(serving=False)
    surface.health.report(serving=True)
    for _ in range(5):
        await asyncio.sleep(0)
    assert watcher.statuses.empty()
    surface.health.end()
    await watcher.running


async def test_a_watcher_is_told_and_let_go_when_the_server_ends(surface: Surface) -> None:
    watcher = Watcher(surface, "")
    assert await watcher.statuses.get() == 1
    surface.health.end()
    await watcher.running
    assert await watcher.statuses.get() == 2
    assert watcher.trailers == [[(b"grpc-status", b"0")]]


async def test_an_unknown_service_can_be_watched_too(surface: Surface) -> None:
    watcher = Watcher(surface, "x")
    assert await watcher.statuses.get() == 3
    watcher.running.cancel()
    await asyncio.gather(watcher.running, return_exceptions=True)
    assert watcher.running.cancelled()
