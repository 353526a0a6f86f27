"""HTTP/1.1 on the port: bounds, garbage, targets, ends."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from kumotasks.api.http1 import place
from kumotasks.api.limits import Limits
from kumotasks.lifecycle import Listener
from tests.api.peer import both_loops, connected, deaf, echo, flood, gone, inside, read_all, reply, serving

KIB = 1024


async def ask(port: Listener, request: bytes) -> bytes:
    """Everything the server says to some bytes, up to the end of the connection."""
    async with connected(port) as peer:
        peer.send(request)
        return await peer.reader.read()


def get(target: bytes = b"/", *fields: bytes, version: bytes = b"1.1", last: bool = True) -> bytes:
    fields = (b"host: kumo.test", *fields, *([b"connection: close"] if last else []))
    return b"GET " + target + b" HTTP/" + version + b"\r\n" + b"\r\n".join(fields) + b"\r\n\r\n"


def post(body: bytes, *fields: bytes, last: bool = True) -> bytes:
    return get(b"/", b"content-length: %d" % len(body), *fields, last=last).replace(b"GET", b"POST", 1) + body


class Scopes:
    """An application that remembers what it was asked."""

    def __init__(self) -> None:
        self.seen: list[dict[str, Any]] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.seen.append(scope)
        await reply(send, await read_all(receive))


@both_loops
async def test_requests_follow_each_other_on_a_connection() -> None:
    async with serving(echo) as port:
        heard = await ask(port, post(b"one", last=False) + post(b"two", last=False) + post(b"three"))
        assert heard.count(b"HTTP/1.1 200 OK") == 3
        assert heard.index(b"one") < heard.index(b"two") < heard.index(b"three")


@both_loops
async def test_a_body_may_come_in_chunks() -> None:
    request = b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n"
    async with serving(echo) as port:
        assert b"hello world" in await ask(port, request + b"6\r\nhello \r\n5;x=y\r\nworld\r\n0\r\n\r\n")


@both_loops
async def test_trailers_do_not_change_what_the_application_has_seen() -> None:
    app = Scopes()
    request = b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n"
    async with serving(app) as port:
        await ask(port, request + b"1\r\nx\r\n0\r\nauthorization: forged\r\n\r\n")
    assert [name for name, _ in app.seen[0]["headers"]] == [b"host", b"transfer-encoding", b"connection"]


@both_loops
@pytest.mark.parametrize("known", [True, False])
async def test_http_1_0_gets_a_length_and_a_close(known: bool) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        length = [(b"content-length", b"10")] if known else []
        await send({"type": "http.response.start", "status": 200, "headers": length})
        await send({"type": "http.response.body", "body": b"hello", "more_body": True})
        await send({"type": "http.response.body", "body": b"world"})

    async with serving(app) as port:
        heard = await ask(port, b"GET / HTTP/1.0\r\n\r\n")
        assert heard.endswith(b"\r\n\r\nhelloworld")
        assert b"content-length: 10\r\n" in heard
        assert b"transfer-encoding" not in heard


@both_loops
async def test_an_endless_answer_to_http_1_0_has_an_end() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200})
        while True:
            await send({"type": "http.response.body", "body": bytes(KIB), "more_body": True})

    async with serving(app, Limits(max_body=100 * KIB)) as port:
        assert (await ask(port, b"GET / HTTP/1.0\r\n\r\n")).startswith(b"HTTP/1.1 500 ")


@both_loops
@pytest.mark.parametrize(
    ("target", "path", "query", "host"),
    [
        (b"/a%20b?x=%20", "/a b", b"x=%20", b"kumo.test"),
        (b"http://other.test/a%20b?x=1", "/a b", b"x=1", b"other.test"),
        (b"http://other.test", "/", b"", b"other.test"),
        (b"http://other.test?x", "/", b"x", b"other.test"),
        (b"HTTPS://user:secret@other.test:8443/a", "/a", b"", b"other.test:8443"),
        (b"http://[::1]:80/a", "/a", b"", b"[::1]:80"),
        (b"//two/slashes", "//two/slashes", b"", b"kumo.test"),
    ],
)
async def test_a_target_leads_to_its_path_and_host(target: bytes, path: str, query: bytes, host: bytes) -> None:
    app = Scopes()
    async with serving(app) as port:
        assert (await ask(port, get(target))).startswith(b"HTTP/1.1 200 ")
    (scope,) = app.seen
    assert (scope["path"], scope["query_string"]) == (path, query)
    assert [value for name, value in scope["headers"] if name == b"host"] == [host]


@both_loops
async def test_options_may_ask_about_the_server() -> None:
    app = Scopes()
    async with serving(app) as port:
        await ask(port, get(b"*").replace(b"GET", b"OPTIONS"))
    assert app.seen[0]["path"] == "*"


@pytest.mark.parametrize(
    ("url", "hosts", "version"),
    [
        (b"/", 0, "1.1"),
        (b"/", 2, "1.1"),
        (b"/", 2, "1.0"),
        (b"ftp://a/", 1, "1.1"),
        (b"http:///a", 1, "1.1"),
        (b"http://a/#b", 1, "1.1"),
        (b"a:443", 1, "1.1"),
        (b"", 1, "1.1"),
        (b"/", 1, "0.9"),
        (b"/", 1, "2.0"),
    ],
)
def test_a_request_that_leads_nowhere_has_no_place(url: bytes, hosts: int, version: str) -> None:
    assert place(url, [(b"host", b"a")] * hosts, version) is None


def test_http_1_0_needs_no_host() -> None:
    assert place(b"/", [], "1.0") == (b"/", [])


# Garbage: each is answered with one of these statuses, or with nothing, and the connection closed.

GARBAGE: dict[str, tuple[bytes, bytes]] = {
    "a TLS greeting": (bytes.fromhex("1603010200010001fc0303") + bytes(200), b"400"),
    "zeros": (bytes(300), b"400"),
    "an SSH greeting": (b"SSH-2.0-OpenSSH_9.0\r\n", b"400"),
    "a Redis command": (b"*1\r\n$4\r\nPING\r\n", b"400"),
    "words": (b"hello there\r\n\r\n", b"400"),
    "HTTP/0.9": (b"GET /\r\n\r\n", b"400"),
    "HTTP/2.0 by name": (b"GET / HTTP/2.0\r\nhost: a\r\n\r\n", b"400"),
    "HTTP/9.9": (b"GET / HTTP/9.9\r\nhost: a\r\n\r\n", b"400"),
    "no host": (b"GET / HTTP/1.1\r\n\r\n", b"400"),
    "two hosts": (b"GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n", b"400"),
    "a target without a slash": (b"GET a HTTP/1.1\r\nhost: a\r\n\r\n", b"400"),
    "a target of another scheme": (b"GET ftp://a/ HTTP/1.1\r\nhost: a\r\n\r\n", b"400"),
    "a target that is not ASCII": ("GET /é HTTP/1.1\r\nhost: a\r\n\r\n".encode(), b"400"),
    "CONNECT": (b"CONNECT a:443 HTTP/1.1\r\nhost: a:443\r\n\r\n", b"400"),
    "a space before the colon": (b"GET / HTTP/1.1\r\nhost : a\r\n\r\n", b"400"),
    "a folded field": (b"GET / HTTP/1.1\r\nhost: a\r\nx: b\r\n c\r\n\r\n", b"400"),
    "a zero in a field": (b"GET / HTTP/1.1\r\nhost: a\r\nx: \0\r\n\r\n", b"400"),
    "a length that is no number": (b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: x\r\n\r\n", b"400"),
    "a negative length": (b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: -1\r\n\r\n", b"400"),
    "a length beyond numbers": (b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: " + b"9" * 40 + b"\r\n\r\n", b"400"),
    "two lengths": (b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n", b"400"),
    "a length and chunks": (
        b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"400",
    ),
    "chunks that are not last": (b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked, gzip\r\n\r\n", b"400"),
    "a chunk of no size": (b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n", b"400"),
    "a length beyond the limit": (b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 100000000\r\n\r\n", b"413"),
    "a head beyond the limit": (b"GET / HTTP/1.1\r\nhost: a\r\nx: " + b"y" * 100_000 + b"\r\n\r\n", b"431"),
    "a target beyond the limit": (b"GET /" + b"y" * 100_000 + b" HTTP/1.1\r\nhost: a\r\n\r\n", b"431"),
    "many fields beyond the limit": (b"GET / HTTP/1.1\r\nhost: a\r\n" + b"x: y\r\n" * 20_000 + b"\r\n", b"431"),
}


@both_loops
@pytest.mark.parametrize("case", GARBAGE)
async def test_garbage_is_answered_once_and_quietly(case: str, caplog: pytest.LogCaptureFixture) -> None:
    said, status = GARBAGE[case]
    caplog.set_level(logging.INFO)
    async with serving(echo) as port:
        heard = await ask(port, said)
        assert heard.startswith(b"HTTP/1.1 " + status)
        assert heard.count(b"HTTP/1.1") == 1
        assert b"connection: close\r\n" in heard
        assert b"as usual" in await ask(port, post(b"as usual"))
    assert [each for each in caplog.records if each.name != "asyncio"] == []


@both_loops
@pytest.mark.parametrize("piece", [b"x" * 1000, b"x: y\r\n" * 100, b"\r\n" * 500], ids=["value", "fields", "lines"])
async def test_an_endless_head_is_refused(piece: bytes) -> None:
    start = b"" if piece.startswith(b"\r") else b"GET / HTTP/1.1\r\nhost: a\r\nx: "
    async with serving(echo) as port, connected(port) as peer:
        peer.send(start)
        await peer.writer.drain()
        for _ in range(200):
            peer.send(piece)
            await asyncio.sleep(0)
        assert (await peer.reader.read()).startswith(b"HTTP/1.1 431 ")


@both_loops
async def test_endless_trailers_are_refused() -> None:
    async with serving(echo) as port, connected(port) as peer:
        peer.send(b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nx: ")
        for _ in range(300):
            peer.send(b"y" * 1000)
            await peer.writer.drain()
        assert (await peer.reader.read()).startswith(b"HTTP/1.1 431 ")


@both_loops
async def test_a_body_in_chunks_beyond_the_limit_is_refused_and_its_call_cancelled() -> None:
    began, ended = asyncio.Event(), asyncio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        began.set()
        try:
            await read_all(receive)
            await asyncio.Event().wait()
        finally:
            ended.set()

    async with serving(app, Limits(max_body=100 * KIB)) as port, connected(port) as peer:
        peer.send(b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n")
        await began.wait()
        for _ in range(15):
            peer.send(b"2800\r\n" + bytes(10 * KIB) + b"\r\n")
            await peer.writer.drain()
        assert (await peer.reader.read()).startswith(b"HTTP/1.1 413 ")
        await ended.wait()


@both_loops
async def test_a_call_that_is_refused_at_once_never_begins() -> None:
    app = Scopes()
    request = b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n"
    async with serving(app, Limits(max_body=KIB)) as port:
        heard = await ask(port, request + b"800\r\n" + bytes(2 * KIB) + b"\r\n0\r\n\r\n")
        assert heard.startswith(b"HTTP/1.1 413 ")
    assert app.seen == []


@both_loops
async def test_an_application_that_does_not_read_stops_the_client() -> None:
    began, gate = asyncio.Event(), asyncio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        began.set()
        await gate.wait()
        await reply(send, b"%d" % len(await read_all(receive)))

    size = 8_000 * KIB
    async with serving(app) as port, connected(port) as peer:
        peer.send(get(b"/", b"content-length: %d" % size).replace(b"GET", b"POST", 1))
        peer.send(bytes(size))
        await began.wait()
        await deaf(inside(port))
        assert len(inside(port).cycle.body) <= 64 * KIB + 256 * KIB
        gate.set()
        assert b"%d" % size in await peer.reader.read()


@both_loops
async def test_requests_ahead_of_their_answers_are_bounded() -> None:
    began, gate = asyncio.Event(), asyncio.Event()
    calls = 0

    async def app(scope: Any, receive: Any, send: Any) -> None:
        nonlocal calls
        calls += 1
        began.set()
        await receive()
        await gate.wait()
        await reply(send)

    async with serving(app) as port, connected(port) as peer:
        peer.send(get(last=False) * 5000)
        await began.wait()
        assert len(inside(port).pipeline) <= Limits().max_pipelined
        gate.set()
        assert (await peer.reader.read()).count(b"HTTP/1.1 200") == calls == 1


@both_loops
async def test_garbage_behind_a_request_does_not_spoil_its_answer() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await reply(send, b"whole")

    async with serving(app) as port, connected(port) as peer:
        peer.send(get(last=False) + b"\0\0 garbage \r\n\r\n")
        heard = await peer.reader.read()
        assert heard.count(b"HTTP/1.1") == 1
        assert b"5\r\nwhole\r\n0\r\n\r\n" in heard


@both_loops
@pytest.mark.parametrize("body", [b"", b"with a body"])
async def test_an_offered_upgrade_is_passed_over(body: bytes, caplog: pytest.LogCaptureFixture) -> None:
    fields = [b"connection: upgrade, http2-settings", b"upgrade: h2c", b"http2-settings: AAMAAABk"]
    async with serving(echo) as port:
        heard = await ask(port, post(body, *fields, last=False) + post(b"and on"))
        assert heard.count(b"HTTP/1.1 200 OK") == 2
        assert body in heard
        assert b"and on" in heard
    assert caplog.records == []


@both_loops
async def test_an_offered_upgrade_leaves_the_rest_of_the_head_alone() -> None:
    app = Scopes()
    fields = [b"upgrade: h2c", b"connection: keep-alive, Upgrade, HTTP2-Settings", b"x-own: 1"]
    async with serving(app) as port:
        await ask(port, get(b"/a?b", *fields))
    (scope,) = app.seen
    assert (scope["path"], scope["query_string"]) == ("/a", b"b")
    assert dict(scope["headers"])[b"x-own"] == b"1"
    assert b"upgrade" not in dict(scope["headers"])


@both_loops
async def test_a_client_that_asks_first_is_told_to_continue() -> None:
    async with serving(echo) as port, connected(port) as peer:
        head, body = post(b"hello", b"expect: 100-continue")[:-5], b"hello"
        peer.send(head)
        assert await peer.reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        peer.send(body)
        assert b"hello" in await peer.reader.read()


@both_loops
async def test_a_client_that_asks_first_is_told_when_it_is_too_much() -> None:
    async with serving(echo) as port, connected(port) as peer:
        peer.send(get(b"/", b"content-length: 999999999", b"expect: 100-continue"))
        assert (await peer.reader.read()).startswith(b"HTTP/1.1 413 ")


@both_loops
async def test_a_lost_connection_cancels_its_call_quietly(caplog: pytest.LogCaptureFixture) -> None:
    began, ended = asyncio.Event(), asyncio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async with serving(app) as port:
        async with connected(port) as peer:
            peer.send(get())
            await began.wait()
        await ended.wait()
        await gone(port)
    assert caplog.records == []


@both_loops
async def test_a_failing_application_is_a_fault_and_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise RuntimeError("no luck")

    async with serving(app) as port:
        assert (await ask(port, get())).startswith(b"HTTP/1.1 500 ")
    assert [(each.name, each.levelname) for each in caplog.records] == [("kumotasks.api", "ERROR")]


HASTY = Limits(first_byte_seconds=0.05, head_seconds=0.05, stall_seconds=0.05, keep_alive_seconds=0)


@both_loops
@pytest.mark.parametrize(
    ("said", "heard"),
    [
        (b"", b""),
        (b"GET / HT", b"HTTP/1.1 408 "),
        (b"GET / HTTP/1.1\r\nhost: a\r\n", b"HTTP/1.1 408 "),
        (b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\nab", b"HTTP/1.1 408 "),
        (get(last=False), b"HTTP/1.1 200 "),
    ],
)
async def test_a_slow_client_is_not_waited_for(said: bytes, heard: bytes) -> None:
    async with serving(echo, HASTY) as port:
        assert (await ask(port, said)).startswith(heard)
        await gone(port)


@both_loops
async def test_a_drip_does_not_buy_time_for_a_head() -> None:
    async with serving(echo, HASTY) as port, connected(port) as peer:
        peer.send(b"GET / HTTP/1.1\r\nhost: a\r\n")
        heard = asyncio.create_task(peer.reader.read())
        while not heard.done():
            peer.send(b"x: y\r\n")
            await asyncio.wait([heard], timeout=0.01)
        assert heard.result().startswith(b"HTTP/1.1 408 ")


@both_loops
async def test_a_slow_application_is_waited_for() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.wait([asyncio.create_task(asyncio.Event().wait())], timeout=0.2)
        await reply(send, b"at last")

    async with serving(app, HASTY) as port:
        assert b"at last" in await ask(port, get())


@both_loops
async def test_a_client_that_does_not_read_is_cut() -> None:
    over = asyncio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        try:
            await send({"type": "http.response.start", "status": 200})
            while True:
                await send({"type": "http.response.body", "body": bytes(100 * KIB), "more_body": True})
        finally:
            over.set()

    async with serving(app, Limits(stall_seconds=0.2)) as port, connected(port) as peer:
        peer.writer.transport.pause_reading()  # type: ignore[attr-defined]
        peer.send(get())
        await over.wait()
        await gone(port)


@both_loops
async def test_a_large_upload_that_is_refused_hears_why() -> None:
    async with serving(echo, Limits(max_body=KIB)) as port, connected(port) as peer:
        peer.send(get(b"/", b"content-length: 4000000").replace(b"GET", b"POST", 1))
        await flood(peer, iter([bytes(100 * KIB)] * 39))
        assert (await peer.reader.read()).startswith(b"HTTP/1.1 413 ")


@both_loops
async def test_a_shutdown_lets_the_answer_finish() -> None:
    began, gate = asyncio.Event(), asyncio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        began.set()
        await gate.wait()
        await reply(send, b"whole")

    async with serving(app) as port, connected(port) as peer, connected(port) as idle:
        idle.send(b"GET / HT")
        peer.send(get(last=False))
        await began.wait()
        port.refuse()
        gate.set()
        heard = await peer.reader.read()
        assert b"connection: close\r\n" in heard
        assert b"whole" in heard
        assert await idle.reader.read() == b""
