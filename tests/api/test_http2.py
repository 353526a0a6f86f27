"""HTTP/2 on the port: calls, bodies, windows, deadlines, ends."""

from __future__ import annotations

import asyncio
import ssl
import struct
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import pytest
import trustme
from hyperframe.frame import GoAwayFrame, PingFrame, RstStreamFrame
from uvicorn.config import Config
from uvicorn.server import ServerState

from kumotasks.api import http2
from kumotasks.api.exchange import BODY, FIELDS, Answer
from kumotasks.api.head import Head, parse_timeout
from kumotasks.api.http2 import PREFACE, Multiplex
from kumotasks.api.limits import Limits
from tests.api.peer import (
    ACK,
    END_HEADERS,
    END_STREAM,
    GRPC,
    HEADERS,
    PING,
    REQUEST,
    SETTINGS,
    Peer,
    both_loops,
    connected,
    echo,
    greeted,
    inside,
    raw,
    read_all,
    reply,
    serving,
)

KIB = 1024


class Held:
    """An application whose calls wait until they are let go; it counts those that were cancelled instead."""

    def __init__(self, answer: Callable[[Any], Awaitable[None]] = reply) -> None:
        self.began = asyncio.Event()
        self.go = asyncio.Event()
        self.ended = asyncio.Event()
        self.cancelled = 0
        self._answer = answer

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.began.set()
        try:
            await self.go.wait()
            await self._answer(send)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.ended.set()


@both_loops
async def test_a_call_is_answered_with_head_body_and_trailers() -> None:
    async with serving(echo) as port, greeted(port) as peer:
        answer = await peer.call(1, GRPC, b"\0\0\0\0\5hello")
        assert (answer.status, answer.body, answer.trailers) == (200, b"\0\0\0\0\5hello", {"grpc-status": "0"})


@both_loops
async def test_an_answer_without_body_or_trailers_is_one_frame() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await reply(send, fields=[(b"grpc-status", b"5")])

    async with serving(app) as port, greeted(port) as peer:
        answer = await peer.call(1, GRPC)
        assert answer.ended_by_head
        assert answer.grpc == ("5", "")


@both_loops
async def test_the_scope_says_what_was_asked() -> None:
    scopes: list[dict[str, Any]] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        scopes.append(scope)
        await reply(send)

    async with serving(app) as port, greeted(port) as peer:
        await peer.call(1, {**REQUEST, ":path": "/a%20b/%C3%A9?x=%20&y", "x-own": "1"})
        local, remote = peer.writer.get_extra_info("peername"), peer.writer.get_extra_info("sockname")
    (scope,) = scopes
    assert scope.pop("asgi")["version"] == "3.0"
    assert scope == {
        "type": "http",
        "http_version": "2",
        "method": "POST",
        "scheme": "http",
        "path": "/a b/é",
        "raw_path": b"/a%20b/%C3%A9",
        "query_string": b"x=%20&y",
        "root_path": "",
        "headers": [(b"host", b"kumo.test"), (b"x-own", b"1")],
        "server": local,
        "client": remote,
        "extensions": {"http.response.trailers": {}},
        FIELDS: {b"host": b"kumo.test", b"x-own": b"1"},
        BODY: None,
    }


@both_loops
async def test_a_body_that_came_in_one_piece_stands_in_the_scope_too() -> None:
    bodies: list[tuple[bytes | None, bytes]] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        bodies.append((scope[BODY], (await receive())["body"]))
        await reply(send)

    async with serving(app) as port, greeted(port) as peer:
        await peer.call(1, REQUEST, b"whole")
        peer.send(peer.head(3, REQUEST), peer.data(3, b"two "), peer.data(3, b"pieces", end=True))
        await peer.answer(3)
    assert bodies == [(b"whole", b"whole"), (None, b"two pieces")]


class Doored:
    """An application with a door, through which it takes calls to `/in`."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await reply(send)

    def door(self, head: Head, body: bytes, peer: str, answer: Answer) -> Coroutine[Any, Any, None] | None:
        assert (head.method, peer) == ("POST", "127.0.0.1")
        return self.take(body, answer) if head.path == "/in" else None

    async def take(self, body: bytes, answer: Answer) -> None:
        self.bodies.append(body)
        answer([(b":status", b"200"), (b"x-own", b"1")], body * 2, [(b"grpc-status", b"0")])
        if body == b"twice":
            answer([(b":status", b"200")], b"again", [])


@both_loops
async def test_a_grpc_call_that_came_whole_may_go_in_by_the_door() -> None:
    app = Doored()
    async with serving(app) as port, greeted(port) as peer:
        taken = await peer.call(1, {**GRPC, ":path": "/in"}, b"whole")
        others = [
            await peer.call(3, {**GRPC, ":path": "/out"}, b"left by the door"),
            await peer.call(5, {**REQUEST, ":path": "/in"}, b"no gRPC"),
            await peer.call(7, {**GRPC, ":path": "/in"}),
        ]
        peer.send(peer.head(9, {**GRPC, ":path": "/in"}), peer.data(9, b"two "), peer.data(9, b"pieces", end=True))
        others.append(await peer.answer(9))
        peer.send(peer.head(11, {**GRPC, ":path": "/in"}), peer.data(11, b"first"))
        others.append(await peer.answer(11))
    assert (taken.head["x-own"], taken.body, taken.trailers) == ("1", b"wholewhole", {"grpc-status": "0"})
    assert app.bodies == [b"whole"]
    assert [(other.status, "x-own" in other.head) for other in others] == [(200, False)] * 5


@both_loops
async def test_two_answers_through_the_door_are_the_applications_mistake(caplog: pytest.LogCaptureFixture) -> None:
    app = Doored()
    async with serving(app) as port, greeted(port) as peer:
        peer.send(peer.head(1, GRPC))  # while it is open, answers wait for the end of the turn
        twice = await peer.call(3, {**GRPC, ":path": "/in"}, b"twice")
        peer.send(peer.data(1, b"", end=True))
        await peer.answer(1)
    assert (twice.body, twice.trailers) == (b"twicetwice", {"grpc-status": "0"})
    assert "the answer has already begun" in caplog.text


@both_loops
async def test_the_authority_is_the_only_host() -> None:
    hosts: list[list[bytes]] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        hosts.append([value for name, value in scope["headers"] if name == b"host"])
        assert scope[FIELDS] == dict(scope["headers"])
        await reply(send)

    without = {name: value for name, value in REQUEST.items() if name != ":authority"}
    async with serving(app) as port, greeted(port) as peer:
        await peer.call(1, {**REQUEST, "host": "kumo.test"})
        await peer.call(3, {**without, "host": "by.host"})
    assert hosts == [[b"kumo.test"], [b"by.host"]]


@both_loops
async def test_calls_share_a_connection_and_end_in_their_own_order() -> None:
    gates = {f"/{number}": asyncio.Event() for number in range(1, 40, 2)}

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await gates[scope["path"]].wait()
        await reply(send, scope["path"].encode())

    async with serving(app) as port, greeted(port) as peer:
        for number in range(1, 40, 2):
            peer.send(peer.head(number, {**REQUEST, ":path": f"/{number}"}, end=True))
        for number in reversed(range(1, 40, 2)):
            gates[f"/{number}"].set()
            assert (await peer.answer(number)).body == f"/{number}".encode()
        assert inside(port)._outlet.streams == {}


@both_loops
@pytest.mark.parametrize("size", [1, 2, 3, 7, 23])
async def test_the_preface_may_come_in_pieces(size: int) -> None:
    async with serving(echo) as port, connected(port) as peer:
        greeting = PREFACE + peer.settings()
        for start in range(0, len(greeting), size):
            peer.send(greeting[start : start + size])
            await asyncio.sleep(0)
        assert (await peer.call(1, body=b"x")).body == b"x"


@both_loops
@pytest.mark.parametrize("cut", [1, 2, 3])
async def test_a_method_that_begins_like_the_preface_is_http1(cut: int) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await reply(send, scope["method"].encode())

    request = b"PROPFIND / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"
    async with serving(app) as port, connected(port) as peer:
        peer.send(request[:cut])
        await asyncio.sleep(0)
        peer.send(request[cut:])
        assert (await peer.reader.read()).endswith(b"PROPFIND\r\n0\r\n\r\n")


@both_loops
async def test_both_protocols_live_on_one_port() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await reply(send, scope["http_version"].encode())

    async with serving(app) as port, greeted(port) as two, connected(port) as one:
        one.send(b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
        assert b"\r\n\r\n3\r\n1.1\r\n0" in await one.reader.read()
        assert (await two.call()).body == b"2"


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def contexts(authority: trustme.CA, protocols: list[str]) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert("localhost").configure_cert(server)
    authority.configure_trust(client)
    if protocols:
        client.set_alpn_protocols(protocols)
    return server, client


@both_loops
@pytest.mark.parametrize("protocols", [["h2"], ["h2", "http/1.1"], []])
async def test_tls_leads_to_http2(authority: trustme.CA, protocols: list[str]) -> None:
    server, client = contexts(authority, protocols)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await reply(send, f"{scope['scheme']} {scope['http_version']}".encode())

    async with serving(app, tls=server) as port, greeted(port, client) as peer:
        assert (await peer.call()).body == b"https 2"


@both_loops
@pytest.mark.parametrize("protocols", [["http/1.1"], []])
async def test_tls_leads_to_http1(authority: trustme.CA, protocols: list[str]) -> None:
    server, client = contexts(authority, protocols)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await reply(send, f"{scope['scheme']} {scope['http_version']}".encode())

    async with serving(app, tls=server) as port, connected(port, client) as peer:
        peer.send(b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
        assert b"https 1.1" in await peer.reader.read()


@both_loops
@pytest.mark.parametrize("window", [1000, 65_535, 2**20])
async def test_large_bodies_pass_both_ways(window: int) -> None:
    body = bytes(range(256)) * 3600
    async with serving(echo) as port, greeted(port, window=window) as peer:
        peer.send(peer.head(1, GRPC))
        await peer.upload(1, body, Limits().stream_window)
        answer = await peer.answer()
        assert answer.body == body
        assert answer.grpc == ("0", "")
        assert inside(port)._intake.held == 0


@both_loops
async def test_request_trailers_end_a_body() -> None:
    async with serving(echo) as port, greeted(port) as peer:
        peer.send(peer.head(1, GRPC), peer.data(1, b"body"))
        peer.send(raw(HEADERS, END_HEADERS | END_STREAM, 1, peer.encoder.encode([("x-checksum", "1")])))
        assert (await peer.answer()).body == b"body"


@both_loops
async def test_an_application_may_read_piece_by_piece() -> None:
    pieces: list[tuple[bytes, bool]] = []
    read = asyncio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        while not pieces or pieces[-1][1]:
            message = await receive()
            pieces.append((message["body"], message["more_body"]))
            read.set()
        await reply(send)

    async with serving(app) as port, greeted(port) as peer:
        peer.send(peer.head(1), peer.data(1, b"one"))
        await read.wait()
        peer.send(peer.data(1, b"two", end=True))
        await peer.answer()
    assert pieces == [(b"one", True), (b"two", False)]


@both_loops
async def test_after_the_body_receive_waits_for_the_end() -> None:
    messages: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await read_all(receive)
        listening = asyncio.create_task(receive())
        await reply(send)
        messages.append((await listening)["type"])
        messages.append((await receive())["type"])

    async with serving(app) as port, greeted(port) as peer:
        await peer.call()
        await peer.pong()
    assert messages == ["http.disconnect", "http.disconnect"]


@both_loops
@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("GET", 204), ("GET", 304)])
async def test_an_answer_that_may_have_no_body_has_none(method: str, status: int) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await reply(send, b"not for you", status)

    async with serving(app) as port, greeted(port) as peer:
        answer = await peer.call(1, {**REQUEST, ":method": method})
        assert (answer.status, answer.body, answer.ended_by_head) == (status, b"", True)


@both_loops
async def test_fields_about_a_connection_are_left_out() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await reply(send, fields=[(b"connection", b"close"), (b"transfer-encoding", b"chunked"), (b"x-own", b"1")])

    async with serving(app) as port, greeted(port) as peer:
        assert (await peer.call()).head == {":status": "200", "x-own": "1"}


@both_loops
async def test_connect_is_refused() -> None:
    async with serving(echo) as port, greeted(port) as peer:
        assert (await peer.call(1, {":method": "CONNECT", ":authority": "a:1"})).error == 10
        assert (await peer.call(3, body=b"x")).body == b"x"


# Ends.


@both_loops
async def test_a_reset_stream_cancels_its_call() -> None:
    app = Held()
    async with serving(app) as port, greeted(port) as peer:
        peer.send(peer.head(1, end=True))
        await app.began.wait()
        peer.send(peer.reset(1))
        await app.ended.wait()
        assert app.cancelled == 1
        await peer.pong()
        assert inside(port)._outlet.streams == {}


@both_loops
async def test_a_call_that_is_reset_at_once_never_begins() -> None:
    app = Held()
    async with serving(app) as port, greeted(port) as peer:
        peer.send(peer.head(1, end=True), peer.reset(1))
        await peer.pong()
        assert not app.began.is_set()


@both_loops
async def test_a_lost_connection_cancels_its_calls() -> None:
    app = Held()
    async with serving(app) as port:
        async with greeted(port) as peer:
            peer.send(peer.head(1, end=True), peer.head(3))
            await app.began.wait()
            await peer.pong()
        await app.ended.wait()
    assert app.cancelled == 2


@both_loops
async def test_a_call_goes_on_after_its_answer() -> None:
    done = asyncio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await reply(send)
        await receive()
        assert (await receive())["type"] == "http.disconnect"
        done.set()

    async with serving(app) as port, greeted(port) as peer:
        await peer.call()
        await done.wait()


@both_loops
async def test_an_answer_before_the_end_of_the_body_stops_the_client() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await reply(send, b"no thanks", 401)

    async with serving(app) as port, greeted(port) as peer:
        peer.send(peer.head(1), peer.data(1, b"x" * 1000))
        answer = await peer.answer()
        reset = await peer.until(RstStreamFrame, 1)
        assert (answer.status, answer.body, reset.error_code) == (401, b"no thanks", 0)
        peer.send(peer.data(1, b"what was on its way", end=True))
        assert (await peer.call(3)).status == 401
        assert inside(port)._intake.held == 0


@pytest.mark.parametrize(
    ("value", "microseconds"),
    [
        (b"1H", 3_600_000_000),
        (b"2M", 120_000_000),
        (b"20S", 20_000_000),
        (b"19999m", 19_999_000),
        (b"7u", 7),
        (b"1n", 1),
        (b"1001n", 2),
        (b"0S", 0),
        (b"99999999H", 99_999_999 * 3_600_000_000),
        (b"123456789S", None),
        (b"", None),
        (b"S", None),
        (b"5", None),
        (b"5s", None),
        (b"-5S", None),
        (b"+5S", None),
        (b"5.5S", None),
        (b" 5S", None),
        ("\u0665S".encode(), None),
    ],
)
def test_a_timeout_is_read(value: bytes, microseconds: int | None) -> None:
    assert parse_timeout(value) == microseconds


@both_loops
@pytest.mark.parametrize("patience", ["20m", "20000u", "0S"])
async def test_a_deadline_cancels_its_call_and_answers(patience: str) -> None:
    app = Held()
    async with serving(app) as port, greeted(port) as peer:
        answer = await peer.call(1, {**GRPC, "grpc-timeout": patience})
        assert answer.ended_by_head
        assert answer.status == 200
        assert answer.grpc == ("4", "Deadline Exceeded")
        await app.ended.wait()
        assert app.cancelled == 1


@both_loops
async def test_a_deadline_passes_while_the_body_is_on_its_way() -> None:
    async with serving(echo) as port, greeted(port) as peer:
        peer.send(peer.head(1, {**GRPC, "grpc-timeout": "20m"}), peer.data(1, b"x"))
        assert (await peer.answer()).grpc == ("4", "Deadline Exceeded")
        assert (await peer.until(RstStreamFrame, 1)).error_code == 0


@both_loops
async def test_a_deadline_after_the_head_is_told_in_the_trailers() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "trailers": True})
        await send({"type": "http.response.body", "body": b"piece", "more_body": True})
        await asyncio.Event().wait()

    async with serving(app) as port, greeted(port) as peer:
        answer = await peer.call(1, {**GRPC, "grpc-timeout": "50m"})
        assert (answer.body, answer.trailers["grpc-status"]) == (b"piece", "4")


@both_loops
async def test_the_sooner_of_two_deadlines_comes_first() -> None:
    async with serving(Held()) as port, greeted(port) as peer:
        peer.send(peer.head(1, {**GRPC, "grpc-timeout": "60m"}, end=True))
        peer.send(peer.head(3, {**GRPC, "grpc-timeout": "10m"}, end=True))
        assert (await peer.answer(3)).grpc[0] == "4"
        assert 1 not in peer.ended
        assert (await peer.answer(1)).grpc[0] == "4"


@both_loops
async def test_a_timeout_means_nothing_outside_grpc() -> None:
    app = Held()
    async with serving(app) as port, greeted(port) as peer:
        peer.send(peer.head(1, {**REQUEST, "grpc-timeout": "0S"}, end=True))
        await app.began.wait()
        app.go.set()
        assert (await peer.answer()).status == 200


@both_loops
async def test_a_failing_application_is_a_fault_and_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise RuntimeError("no luck")

    async with serving(app) as port, greeted(port) as peer:
        assert (await peer.call(1)).status == 500
        assert [(each.name, each.levelname) for each in caplog.records] == [("kumotasks.api", "ERROR")]
        assert (await peer.call(3, GRPC)).grpc[0] == "13"


@both_loops
async def test_an_application_that_fails_in_its_answer_does_not_pretend_to_have_ended() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "trailers": True})
        await send({"type": "http.response.body", "body": b"half", "more_body": True})
        raise RuntimeError("no luck")

    async with serving(app) as port, greeted(port) as peer:
        assert (await peer.call(1)).error == 2
        assert (await peer.call(3, GRPC)).trailers["grpc-status"] == "13"


async def _says_nothing(send: Any) -> None:
    return


async def _begins_twice(send: Any) -> None:
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.start", "status": 200})


async def _has_no_head(send: Any) -> None:
    await send({"type": "http.response.body", "body": b""})


async def _has_trailers_first(send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "trailers": True})
    await send({"type": "http.response.trailers", "headers": []})


async def _forgets_its_trailers(send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "trailers": True})
    await send({"type": "http.response.body", "body": b""})


async def _speaks_nonsense(send: Any) -> None:
    await send({"type": "websocket.accept"})


async def _invents_a_status(send: Any) -> None:
    await send({"type": "http.response.start", "status": 42})


MISTAKES = [
    _says_nothing,
    _begins_twice,
    _has_no_head,
    _has_trailers_first,
    _forgets_its_trailers,
    _speaks_nonsense,
    _invents_a_status,
]


@both_loops
@pytest.mark.parametrize("mistake", MISTAKES)
async def test_an_application_that_breaks_asgi_is_a_fault(mistake: Callable[[Any], Awaitable[None]]) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await mistake(send)

    async with serving(app) as port, greeted(port) as peer:
        assert (await peer.call(1)).status == 500
        assert (await peer.call(3)).status == 500


@both_loops
async def test_a_body_that_is_no_bytes_ends_its_stream_alone() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await reply(send, "text" if scope["path"] == "/bad" else b"bytes")  # type: ignore[arg-type]

    async with serving(app) as port, greeted(port) as peer:
        assert (await peer.call(1, {**REQUEST, ":path": "/bad"})).error == 2
        assert (await peer.call(3)).body == b"bytes"


# Bounds.

SMALL = Limits(max_body=100 * KIB, stream_window=64 * KIB)


@both_loops
async def test_a_body_that_is_announced_too_large_never_begins() -> None:
    app = Held()
    async with serving(app, SMALL) as port, greeted(port) as peer:
        peer.send(peer.head(1, {**REQUEST, "content-length": str(SMALL.max_body + 1)}))
        peer.send(peer.head(3, {**GRPC, "content-length": str(SMALL.max_body + 1)}))
        assert (await peer.answer(1)).status == 413
        assert (await peer.answer(3)).grpc[0] == "8"
        assert (await peer.until(RstStreamFrame, 3)).error_code == 0
        assert not app.began.is_set()


@both_loops
async def test_a_body_that_grows_too_large_is_refused_and_its_call_cancelled() -> None:
    app = Held()
    async with serving(app, Limits(max_body=10 * KIB)) as port, greeted(port) as peer:
        for number, fields in ((1, REQUEST), (3, GRPC)):
            peer.send(peer.head(number, fields))
            await app.began.wait()
            app.began.clear()
            peer.send(peer.data(number, b"x" * 11 * KIB))
        assert (await peer.answer(1)).status == 413
        assert (await peer.answer(3)).grpc[0] == "8"
        await peer.until(RstStreamFrame, 3)
        peer.send(peer.data(3, b"more on its way", end=True))
        await peer.pong()
        assert app.cancelled == 2
        assert inside(port)._intake.held == 0


@both_loops
async def test_a_body_at_the_limit_is_taken() -> None:
    body = b"x" * SMALL.max_body
    async with serving(echo, SMALL) as port, greeted(port) as peer:
        peer.send(peer.head(1, GRPC))
        await peer.upload(1, body, SMALL.stream_window)
        assert (await peer.answer()).body == body


@both_loops
async def test_an_application_that_does_not_read_gets_no_more_than_a_window() -> None:
    app = Held()
    async with serving(app, SMALL) as port, greeted(port) as peer:
        peer.send(peer.head(1), peer.data(1, b"x" * SMALL.stream_window))
        await peer.pong()
        assert inside(port)._intake.held == SMALL.stream_window
        assert peer.credit(1) == 0
        peer.send(peer.data(1, b"x"))  # more than it was given
        assert await peer.goodbye() == 3
        await app.ended.wait()


@both_loops
async def test_a_crowd_of_large_bodies_is_slow_but_not_stuck() -> None:
    limits = Limits(stream_window=16 * KIB, max_held=64 * KIB, max_body=200 * KIB, max_streams=40)
    body = b"x" * 150 * KIB
    most = 0

    async def app(scope: Any, receive: Any, send: Any) -> None:
        nonlocal most
        taken = len(await read_all(receive))
        most = max(most, inside(port)._intake.held)
        await reply(send, b"%d" % taken)

    async with serving(app, limits) as port, greeted(port) as peer:
        numbers = range(1, 61, 2)
        left = dict.fromkeys(numbers, 0)
        for number in numbers:
            peer.send(peer.head(number))
        while left:
            for number, sent in list(left.items()):
                room = min(limits.stream_window + peer.credit(number) - sent, len(body) - sent)
                if room == 0:
                    continue
                peer.send(peer.data(number, body[sent : sent + room], end=sent + room == len(body)))
                left[number] += room
                if left[number] == len(body):
                    del left[number]
            if left:
                assert await peer.frame() is not None
        for number in numbers:
            assert (await peer.answer(number)).body == b"%d" % len(body)
        assert most <= limits.max_held + len(numbers) * limits.stream_window + len(body)
        assert inside(port)._intake.held == 0


@both_loops
async def test_an_answer_in_pieces_waits_for_its_client() -> None:
    sent = 0

    async def app(scope: Any, receive: Any, send: Any) -> None:
        nonlocal sent
        await send({"type": "http.response.start", "status": 200})
        while sent < 4000 * KIB:
            sent += 50 * KIB
            await send({"type": "http.response.body", "body": bytes(50 * KIB), "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    async with serving(app) as port, greeted(port, window=0) as peer:
        peer.send(peer.head(1, end=True), peer.window(0, 2**30))
        await peer.pong()
        assert inside(port)._engine.queued_body_size() == sent <= 310 * KIB
        peer.send(peer.window(1, 2**20))
        answer = await peer.answer()
        assert len(answer.body) == sent == 4000 * KIB


@both_loops
async def test_one_connection_too_many_is_closed_at_once() -> None:
    async with serving(echo, Limits(max_connections=2)) as port, greeted(port) as first, greeted(port):
        async with connected(port) as third:
            assert await third.reader.read() == b""
        assert (await first.call(body=b"x")).body == b"x"


@both_loops
@pytest.mark.parametrize("said", [b"", PREFACE[:5], PREFACE, PREFACE + raw(SETTINGS)[:4]])
async def test_a_connection_that_does_not_greet_is_closed(said: bytes) -> None:
    async with serving(echo, Limits(first_byte_seconds=0.02)) as port, connected(port) as peer:
        peer.send(said)
        await peer.rest()
        assert port.connections == 0


@both_loops
async def test_an_idle_connection_is_closed_with_a_word() -> None:
    async with serving(echo, Limits(idle_seconds=0.02)) as port, greeted(port) as peer:
        await peer.call()
        assert await peer.goodbye() == 0


@both_loops
async def test_a_body_that_stalls_is_cut() -> None:
    app = Held(reply)

    async def reads(scope: Any, receive: Any, send: Any) -> None:
        await read_all(receive)
        await app(scope, receive, send)

    async with serving(reads, Limits(stall_seconds=0.05)) as port, greeted(port) as peer:
        peer.send(peer.head(1), peer.data(1, b"x"))
        assert (await peer.until(RstStreamFrame, 1)).error_code == 8
        assert not app.began.is_set()
        await peer.pong()


@both_loops
async def test_a_guests_conversation_may_begin_as_late_as_it_likes() -> None:
    async def reads(scope: Any, receive: Any, send: Any) -> None:
        await reply(send, await read_all(receive))

    asked: list[bytes] = []

    def guest(host: bytes) -> bool:
        asked.append(host)
        return True

    async with serving(reads, Limits(stall_seconds=0.02, guest=guest)) as port, greeted(port) as peer:
        peer.send(peer.head(1))
        while len(asked) < 3:  # noqa: ASYNC110 - that the time has come shows in nothing else
            await asyncio.sleep(0)
        peer.send(peer.data(1, b"late", end=True))
        assert (await peer.answer(1)).body == b"late"


@both_loops
async def test_a_slow_application_is_no_stall_of_the_client() -> None:
    app = Held()
    async with serving(app, Limits(stall_seconds=0.02)) as port, greeted(port) as peer:
        peer.send(peer.head(1), peer.data(1, b"not read"))
        peer.send(peer.head(3, {**GRPC, "grpc-timeout": "100m"}, end=True))
        await peer.answer(3)
        app.go.set()
        assert (await peer.answer(1)).status == 200


@both_loops
async def test_an_answer_that_nobody_takes_is_cut() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await reply(send, b"x" * 1000)

    async with serving(app, Limits(stall_seconds=0.02)) as port, greeted(port, window=10) as peer:
        peer.grow = False
        peer.send(peer.head(1, end=True))
        assert (await peer.until(RstStreamFrame, 1)).error_code == 8
        assert inside(port)._engine.queued_body_size() == 0


# The end of the connection.


@both_loops
async def test_a_shutdown_lets_open_calls_finish() -> None:
    app = Held()
    async with serving(app) as port, greeted(port) as peer:
        peer.send(peer.head(1, end=True))
        await app.began.wait()
        port.refuse()
        notice = await peer.until(GoAwayFrame)
        assert (notice.last_stream_id, notice.error_code) == (2**31 - 1, 0)
        ping = await peer.until(PingFrame)
        peer.send(peer.head(3, end=True))  # was under way when the notice came
        peer.send(raw(PING, ACK, 0, ping.opaque_data))
        final = await peer.until(GoAwayFrame)
        assert final.last_stream_id == 3
        peer.send(peer.head(5, end=True))  # was not
        app.go.set()
        assert [(await peer.answer(number)).status for number in (1, 3)] == [200, 200]
        assert await peer.goodbye() == 0
        assert 5 not in peer.ended


@both_loops
async def test_a_client_that_answers_no_ping_gets_the_final_word_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http2, "NOTICE_SECONDS", 0.02)
    app = Held()
    async with serving(app) as port, greeted(port) as peer:
        peer.send(peer.head(1, end=True))
        await app.began.wait()
        port.refuse()
        assert [(await peer.until(GoAwayFrame)).last_stream_id for _ in range(2)] == [2**31 - 1, 1]
        app.go.set()
        assert (await peer.answer()).status == 200


@both_loops
async def test_a_shutdown_without_calls_is_immediate() -> None:
    async with serving(echo) as port, greeted(port) as peer, connected(port) as silent:
        await peer.call()
        port.refuse()
        assert await peer.goodbye() == 0
        assert await silent.reader.read() == b""


@both_loops
async def test_calls_that_are_still_open_at_the_end_are_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http2, "NOTICE_SECONDS", 0.02)
    app = Held()
    async with serving(app) as port, greeted(port) as peer:
        peer.send(peer.head(1, GRPC, end=True))
        await app.began.wait()
        await port.stop()
        assert (await peer.answer()).grpc[0] == "14"
        assert app.cancelled == 1


@both_loops
async def test_a_client_that_says_goodbye_gets_its_answers() -> None:
    app = Held()
    async with serving(app) as port, greeted(port) as peer:
        peer.send(peer.head(1, end=True))
        await app.began.wait()
        peer.send(raw(7, 0, 0, struct.pack(">II", 0, 0)))
        app.go.set()
        assert (await peer.answer()).status == 200
        await peer.rest()


# Cheapness.


class Recorder:
    """A transport that keeps what is written."""

    def __init__(self) -> None:
        self.writes: list[bytes] = []

    def get_extra_info(self, name: str) -> None:
        return None

    def is_closing(self) -> bool:
        return False

    def write(self, data: bytes) -> None:
        self.writes.append(data)


async def test_answers_of_one_turn_leave_in_one_write() -> None:
    config = Config(echo, interface="asgi3", ws="none", lifespan="off", log_config=None, proxy_headers=False)
    config.load()
    transport = Recorder()
    connection = Multiplex(config, ServerState(), asyncio.get_running_loop(), Limits())
    connection.connection_made(transport)  # type: ignore[arg-type]
    peer = Peer(asyncio.StreamReader(), None)  # type: ignore[arg-type]
    peer.grow = False
    calls = [peer.head(number, GRPC) + peer.data(number, b"x", end=True) for number in range(1, 61, 2)]
    connection.data_received(PREFACE + peer.settings() + raw(SETTINGS, ACK))
    await asyncio.sleep(0)
    transport.writes.clear()
    connection.data_received(b"".join(calls))
    for _ in range(3):  # the turns of the loop: calls, their answers, their ends
        await asyncio.sleep(0)
    assert len(transport.writes) == 1
    peer.reader.feed_data(transport.writes[0])
    assert [(await peer.answer(number)).body for number in range(1, 61, 2)] == [b"x"] * 30
    connection.connection_lost(None)


async def test_data_of_a_forgotten_stream_costs_no_window() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await reply(send)

    async with serving(app) as port, greeted(port) as peer:
        engine = inside(port)._engine
        for number in range(1, 41, 2):
            peer.send(peer.head(number), peer.data(number, bytes(16 * KIB)))
            await peer.answer(number)
            await peer.until(RstStreamFrame, number)
        # All of it was acknowledged: none of it remains with the engine.
        with pytest.raises(ValueError, match="exceeds"):
            engine.acknowledge_received_data(1, 1)
