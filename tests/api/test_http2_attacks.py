"""HTTP/2 clients that mean no good, and frames that are wrong: refused or closed, others unharmed, memory bounded."""

from __future__ import annotations

import asyncio
import itertools
import random
import socket
import struct
from collections.abc import Callable
from typing import Any

import pytest
from hyperframe.frame import RstStreamFrame

from kumotasks.api.http2 import PREFACE
from kumotasks.api.limits import Limits
from kumotasks.api.outlet import QUEUE_HIGH, UNREAD_HIGH, WRITE_MOST
from kumotasks.lifecycle import Listener
from tests.api.peer import (
    ACK,
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    GOAWAY,
    HEADERS,
    PADDED,
    PING,
    PRIORITY,
    PUSH_PROMISE,
    REQUEST,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
    Peer,
    both_loops,
    connected,
    echo,
    flood,
    gone,
    greeted,
    inside,
    paused,
    raw,
    reply,
    serving,
)

KIB = 1024
# RFC 9113 section 7.
PROTOCOL_ERROR, FLOW_CONTROL_ERROR, STREAM_CLOSED, FRAME_SIZE_ERROR, REFUSED_STREAM = 1, 3, 5, 6, 7
COMPRESSION_ERROR, ENHANCE_YOUR_CALM = 9, 11


async def serves(port: Listener) -> None:
    """Another client is served as usual, in both protocols."""
    async with greeted(port) as other:
        assert (await other.call(body=b"as usual")).body == b"as usual"
    async with connected(port) as other:
        other.send(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 8\r\nconnection: close\r\n\r\nas usual")
        assert b"as usual" in await other.reader.read()


def literal(name: bytes, value: bytes, *, index: bool = False) -> bytes:
    """A header field as HPACK spells it without tables or Huffman's code (RFC 7541 section 6.2)."""
    return (b"\x40" if index else b"\x00") + _string(name) + _string(value)


def _string(value: bytes) -> bytes:
    size = len(value)
    if size < 127:
        return bytes([size]) + value
    size -= 127
    spelled = bytearray([127])
    while size >= 128:
        spelled.append(size % 128 + 128)
        size //= 128
    return bytes([*spelled, size]) + value


# Floods.


@both_loops
async def test_rapid_resets_end_the_connection() -> None:
    begun = 0

    async def app(scope: Any, receive: Any, send: Any) -> None:
        nonlocal begun
        begun += 1
        await echo(scope, receive, send)

    async with serving(app) as port, greeted(port) as peer:
        pairs = [peer.head(number, end=True) + peer.reset(number) for number in range(1, 20_001, 2)]
        for start in range(0, len(pairs), 100):
            peer.send(*pairs[start : start + 100])
        assert await peer.goodbye() is not None
        assert begun < 2000
        await serves(port)


@both_loops
async def test_streams_that_the_server_is_made_to_reset_end_the_connection() -> None:
    async with serving(echo) as port, greeted(port) as peer:
        for number in range(1, 40_001, 2):
            trailers = peer.encoder.encode([(":path", "/")])
            peer.send(peer.head(number), raw(HEADERS, END_HEADERS | END_STREAM, number, trailers))
        assert await peer.goodbye() is not None
        await serves(port)


@both_loops
@pytest.mark.parametrize("piece", [b"", literal(b"x-a", b"b"), literal(b"x-a", b"b" * 10_000)])
async def test_endless_headers_end_the_connection(piece: bytes) -> None:
    async with serving(echo) as port, greeted(port) as peer:
        peer.send(raw(HEADERS, END_STREAM, 1, peer.encoder.encode(list(REQUEST.items()))))
        peer.send(raw(CONTINUATION, 0, 1, piece) * 1000)
        assert await peer.goodbye() == ENHANCE_YOUR_CALM
        await serves(port)


@both_loops
async def test_a_small_block_that_unfolds_into_a_large_one_ends_the_connection() -> None:
    async with serving(echo) as port, greeted(port) as peer:
        bomb = literal(b"x-bomb", b"b" * 4000, index=True) + b"\xbe" * 8000  # and 8,000 references to it
        peer.send(raw(HEADERS, END_HEADERS | END_STREAM, 1, peer.encoder.encode(list(REQUEST.items())) + bomb))
        assert await peer.goodbye() == ENHANCE_YOUR_CALM
        await serves(port)


@both_loops
async def test_too_many_fields_end_the_connection() -> None:
    async with serving(echo) as port, greeted(port) as peer:
        fields = literal(b"a", b"") * 2000
        peer.send(raw(HEADERS, END_HEADERS | END_STREAM, 1, peer.encoder.encode(list(REQUEST.items())) + fields))
        assert await peer.goodbye() == ENHANCE_YOUR_CALM
        await serves(port)


@both_loops
@pytest.mark.parametrize("frame", [raw(PING, payload=bytes(8)), raw(SETTINGS, payload=struct.pack(">HI", 4, 65_535))])
async def test_a_flood_that_asks_for_answers_and_reads_none_is_cut(frame: bytes) -> None:
    async with serving(echo) as port, greeted(port) as peer:
        peer.writer.transport.pause_reading()  # type: ignore[attr-defined]
        server = inside(port)
        with pytest.raises(ConnectionError):
            await flood(peer, itertools.repeat(frame * 10_000))
        assert server._outlet.closed
        await serves(port)


@both_loops
@pytest.mark.parametrize(
    "frame",
    [
        raw(PING, ACK, payload=bytes(8)),
        raw(PRIORITY, 0, 1, bytes(5)),
        raw(DATA, 0, 1),
        raw(WINDOW_UPDATE, 0, 0, struct.pack(">I", 1)),
        raw(99, 0, 0, b"unknown"),
    ],
    ids=["pong", "priority", "empty data", "window", "unknown"],
)
async def test_a_flood_that_asks_for_nothing_costs_nothing(frame: bytes) -> None:
    async with serving(echo) as port, greeted(port) as peer:
        peer.send(peer.head(1), peer.data(1, b"x"))
        await peer.pong()
        server = inside(port)
        for _ in range(10):
            peer.send(frame * 2000)
            await peer.writer.drain()
        await serves_or_closed(peer)
        assert server._intake.held <= 1
        assert server._engine.queued_body_size() == 0
        await serves(port)


async def serves_or_closed(peer: Peer) -> None:
    """The server has handled everything: it answers a ping, or has closed."""
    peer.send(raw(PING, payload=b"are here"))
    while (frame := await peer.frame()) is not None:
        if getattr(frame, "opaque_data", b"") == b"are here":
            return


@both_loops
async def test_more_streams_than_allowed_are_refused() -> None:
    gate = asyncio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await gate.wait()
        await reply(send)

    async with serving(app, Limits(max_streams=20)) as port, connected(port) as peer:
        peer.send(PREFACE, peer.settings())  # a client that has not yet heard of the limit
        for number in range(1, 61, 2):
            peer.send(peer.head(number, end=True))
        await peer.until(RstStreamFrame, 59)
        assert [(frame.stream_id, frame.error_code) for frame in peer.frames(RstStreamFrame)] == [
            (number, REFUSED_STREAM) for number in range(41, 61, 2)
        ]
        gate.set()
        for number in range(1, 41, 2):
            assert (await peer.answer(number)).status == 200


@both_loops
async def test_more_streams_than_agreed_end_the_connection() -> None:
    async with serving(echo, Limits(max_streams=20)) as port, greeted(port) as peer:
        peer.send(*(peer.head(number) for number in range(1, 61, 2)))
        assert await peer.goodbye() == PROTOCOL_ERROR
        await serves(port)


@both_loops
async def test_calls_that_will_not_be_cancelled_do_not_add_up() -> None:
    gate = asyncio.Event()
    living = most = 0

    async def app(scope: Any, receive: Any, send: Any) -> None:
        nonlocal living, most
        living += 1
        most = max(most, living)
        while not gate.is_set():
            try:
                await gate.wait()
            except asyncio.CancelledError:
                continue
        living -= 1

    async with serving(app, Limits(max_streams=20)) as port, greeted(port) as peer:
        for number in range(1, 401, 2):
            peer.send(peer.head(number, end=True))
            await peer.pong()
            peer.send(peer.reset(number))
        await peer.pong()
        assert most == 40
        gate.set()


# Clients that do not take what they asked for.


@both_loops
async def test_a_client_that_never_opens_its_window_is_bounded_and_cut() -> None:
    answer = b"x" * 100 * KIB

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] == "/large":
            await reply(send, answer)
        else:
            await echo(scope, receive, send)

    limits = Limits(max_held=300 * KIB, stall_seconds=0.3)
    async with serving(app, limits) as port, greeted(port, window=0) as peer:
        for number in range(1, 201, 2):
            peer.send(peer.head(number, {**REQUEST, ":path": "/large"}, end=True))
            await peer.pong()
            assert inside(port)._engine.queued_body_size() <= limits.max_held + len(answer)
        refused = peer.frames(RstStreamFrame)
        assert 90 < len(refused) < 100
        assert {frame.error_code for frame in refused} == {REFUSED_STREAM}
        await serves(port)
        while len(peer.frames(RstStreamFrame)) < 100:
            await peer.frame()
        assert inside(port)._engine.queued_body_size() == 0
        peer.send(peer.window(0, 1000), peer.settings(window=65_535))
        assert (await peer.call(301, body=b"served again")).body == b"served again"


def narrow(peer: Peer) -> None:
    """A client that stops reading, with little room in its kernel."""
    peer.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    peer.writer.transport.pause_reading()  # type: ignore[attr-defined]


@both_loops
async def test_a_client_that_never_reads_its_socket_is_bounded_and_cut() -> None:
    sent = 0
    over = asyncio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        nonlocal sent
        try:
            await send({"type": "http.response.start", "status": 200})
            while True:
                await send({"type": "http.response.body", "body": bytes(100 * KIB), "more_body": True})
                sent += 100 * KIB
        finally:
            over.set()

    async with serving(app, Limits(stall_seconds=0.5)) as port, greeted(port, window=2**31 - 1) as peer:
        narrow(peer)
        peer.send(peer.window(0, 2**30), peer.head(1, end=True))
        server = await paused(port)
        assert server._engine.queued_body_size() <= QUEUE_HIGH + 100 * KIB
        assert server.transport.get_write_buffer_size() <= 64 * KIB + WRITE_MOST
        await over.wait()
        await gone(port)


@both_loops
async def test_a_client_that_only_talks_is_not_listened_to_for_ever() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] == "/large":
            await reply(send, bytes(8000 * KIB))
        else:
            await echo(scope, receive, send)

    async with serving(app, Limits(stall_seconds=0.5)) as port, greeted(port, window=2**31 - 1) as peer:
        narrow(peer)
        peer.send(peer.window(0, 2**30), peer.head(1, {**REQUEST, ":path": "/large"}, end=True))
        server = await paused(port)
        with pytest.raises(ConnectionError):
            await flood(peer, itertools.repeat(raw(PRIORITY, 0, 3, bytes(5)) * 1000))
        assert UNREAD_HIGH < server._outlet._unread <= UNREAD_HIGH + 256 * KIB
        await serves(port)


@both_loops
async def test_silent_connections_leave_room_for_others() -> None:
    async with serving(echo, Limits(first_byte_seconds=0.5, head_seconds=0.5)) as port:
        pairs = [await asyncio.open_connection("127.0.0.1", port.port) for _ in range(500)]
        for number, (_, writer) in enumerate(pairs):
            writer.write([b"", PREFACE[:7], PREFACE, b"GET / HT"][number % 4])
        await serves(port)
        for reader, writer in pairs:
            await reader.read()
            writer.close()
        await gone(port)


@both_loops
async def test_five_hundred_idle_clients_are_kept() -> None:
    async with serving(echo) as port:
        pairs = [await asyncio.open_connection("127.0.0.1", port.port) for _ in range(500)]
        peers = [Peer(reader, writer) for reader, writer in pairs]
        for peer in peers:
            peer.send(PREFACE, peer.settings(), raw(SETTINGS, ACK))
        await serves(port)
        for peer in peers:
            assert (await peer.call(body=b"still here")).body == b"still here"
            peer.writer.close()


@both_loops
async def test_noise_is_closed_without_a_word_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    chance = random.Random(7)
    async with serving(echo, Limits(first_byte_seconds=5)) as port:
        for _ in range(150):
            async with greeted(port) as peer:
                whole = peer.head(1) + peer.data(1, bytes(50), end=True) + raw(PING, payload=bytes(8))
                noise = bytearray(whole * 3)
                for _ in range(chance.randrange(1, 12)):
                    noise[chance.randrange(len(noise))] = chance.randrange(256)
                peer.send(bytes(noise), raw(GOAWAY, 0, 0, bytes(8)))
                peer.writer.write_eof()
                await peer.rest()
        await serves(port)
    assert caplog.records == []


# Frames that are wrong (the cases of RFC 9113 that h2spec tries). Each row: what is sent after the greeting, and the
# error with which the connection (GOAWAY) or stream 1 (RST_STREAM) must end.

Send = Callable[[Peer], bytes]


def _ended(peer: Peer) -> bytes:
    """A stream whose request is over."""
    return peer.head(1, end=True)


CONNECTION_ERRORS: dict[str, tuple[Send, int]] = {
    "data on stream 0": (lambda peer: raw(DATA, 0, 0, b"x"), PROTOCOL_ERROR),
    "data on an idle stream": (lambda peer: raw(DATA, 0, 1, b"x"), PROTOCOL_ERROR),
    "data after the end": (lambda peer: _ended(peer) + raw(DATA, 0, 1, b"x"), STREAM_CLOSED),
    "padding longer than data": (lambda peer: peer.head(1) + raw(DATA, PADDED, 1, b"\x09x"), PROTOCOL_ERROR),
    "headers on stream 0": (lambda peer: peer.head(0), PROTOCOL_ERROR),
    "headers on an even stream": (lambda peer: peer.head(2), PROTOCOL_ERROR),
    "headers after the end": (lambda peer: _ended(peer) + peer.head(1, end=True), STREAM_CLOSED),
    "padding longer than headers": (
        lambda peer: raw(HEADERS, END_HEADERS | PADDED, 1, b"\xff" + peer.encoder.encode([(":method", "GET")])),
        PROTOCOL_ERROR,
    ),
    "headers that do not decode": (
        lambda peer: raw(HEADERS, END_HEADERS, 1, b"\xff\xff\xff\xff\xff"),
        COMPRESSION_ERROR,
    ),
    "a reference to an empty table": (lambda peer: raw(HEADERS, END_HEADERS, 1, b"\xbe"), COMPRESSION_ERROR),
    "a table larger than agreed": (lambda peer: raw(HEADERS, END_HEADERS, 1, b"\x3f\xe1\xff\x03"), COMPRESSION_ERROR),
    "priority of the wrong size": (lambda peer: raw(PRIORITY, 0, 1, bytes(4)), FRAME_SIZE_ERROR),
    "reset of stream 0": (lambda peer: peer.reset(0), PROTOCOL_ERROR),
    "reset of an idle stream": (lambda peer: peer.reset(1), PROTOCOL_ERROR),
    "reset of the wrong size": (lambda peer: peer.head(1) + raw(RST_STREAM, 0, 1, bytes(3)), FRAME_SIZE_ERROR),
    "settings on a stream": (lambda peer: raw(SETTINGS, 0, 1), PROTOCOL_ERROR),
    "settings of the wrong size": (lambda peer: raw(SETTINGS, 0, 0, bytes(5)), FRAME_SIZE_ERROR),
    "acknowledged settings with settings": (lambda peer: raw(SETTINGS, ACK, 0, bytes(6)), FRAME_SIZE_ERROR),
    "push neither on nor off": (lambda peer: raw(SETTINGS, 0, 0, struct.pack(">HI", 2, 2)), PROTOCOL_ERROR),
    "a first window too large": (lambda peer: peer.settings(window=2**31), FLOW_CONTROL_ERROR),
    "frames smaller than allowed": (lambda peer: peer.settings(frame=16_383), PROTOCOL_ERROR),
    "frames larger than allowed": (lambda peer: peer.settings(frame=2**24), PROTOCOL_ERROR),
    "a promise from a client": (lambda peer: raw(PUSH_PROMISE, END_HEADERS, 1, bytes(4)), PROTOCOL_ERROR),
    "ping on a stream": (lambda peer: raw(PING, 0, 1, bytes(8)), PROTOCOL_ERROR),
    "ping of the wrong size": (lambda peer: raw(PING, 0, 0, bytes(7)), FRAME_SIZE_ERROR),
    "goodbye on a stream": (lambda peer: raw(GOAWAY, 0, 1, bytes(8)), PROTOCOL_ERROR),
    "goodbye of the wrong size": (lambda peer: raw(GOAWAY, 0, 0, bytes(7)), FRAME_SIZE_ERROR),
    "no window at all": (lambda peer: peer.window(0, 0), PROTOCOL_ERROR),
    "a window of the wrong size": (lambda peer: raw(WINDOW_UPDATE, 0, 0, bytes(3)), FRAME_SIZE_ERROR),
    "a window of an idle stream": (lambda peer: peer.window(1, 1), PROTOCOL_ERROR),
    "a window beyond its bound": (lambda peer: peer.window(0, 2**31 - 1), FLOW_CONTROL_ERROR),
    "no window on a stream": (lambda peer: peer.head(1) + peer.window(1, 0), PROTOCOL_ERROR),
    "a stream's window beyond its bound": (lambda peer: peer.head(1) + peer.window(1, 2**31 - 1), FLOW_CONTROL_ERROR),
    "continuation of nothing": (lambda peer: raw(CONTINUATION, END_HEADERS, 1), PROTOCOL_ERROR),
    "continuation after the end": (lambda peer: _ended(peer) + raw(CONTINUATION, END_HEADERS, 1), PROTOCOL_ERROR),
    "data between headers": (lambda peer: raw(HEADERS, 0, 1) + raw(DATA, 0, 1), PROTOCOL_ERROR),
    "ping between headers": (lambda peer: raw(HEADERS, 0, 1) + raw(PING, 0, 0, bytes(8)), PROTOCOL_ERROR),
    "headers between headers": (lambda peer: raw(HEADERS, 0, 1) + peer.head(3), PROTOCOL_ERROR),
    "continuation of another stream": (lambda peer: raw(HEADERS, 0, 1) + raw(CONTINUATION, 4, 3), PROTOCOL_ERROR),
    "a frame larger than agreed": (lambda peer: raw(DATA, 0, 1, bytes(16_385)), FRAME_SIZE_ERROR),
    "a large frame of an unknown kind": (lambda peer: raw(99, 0, 0, bytes(16_385)), FRAME_SIZE_ERROR),
}


@pytest.mark.parametrize("case", CONNECTION_ERRORS)
async def test_a_wrong_frame_ends_its_connection(case: str, caplog: pytest.LogCaptureFixture) -> None:
    send, code = CONNECTION_ERRORS[case]
    async with serving(echo) as port, greeted(port) as peer:
        peer.send(send(peer))
        assert await peer.goodbye() == code
        await serves(port)
    assert caplog.records == []


STREAM_ERRORS: dict[str, tuple[Send, int]] = {
    **{
        f"fields {fields}": (
            lambda peer, fields=fields: raw(HEADERS, 5, 1, peer.encoder.encode(fields)),
            PROTOCOL_ERROR,
        )
        for fields in (
            [(":method", "GET"), (":scheme", "http")],
            [(":method", "GET"), (":path", "/")],
            [(":scheme", "http"), (":path", "/")],
            [(":method", "GET"), (":scheme", "http"), (":path", "")],
            [(":method", "GET"), (":scheme", "http"), (":path", "no/slash")],
            [(":method", "GET"), (":method", "GET"), (":scheme", "http"), (":path", "/")],
            [(":method", "GET"), (":scheme", "http"), (":path", "/"), (":own", "1")],
            [(":method", "GET"), (":scheme", "http"), (":path", "/"), (":status", "200")],
            [(":method", "GET"), (":scheme", "http"), ("x", "1"), (":path", "/")],
            [(":method", "GET"), (":scheme", "http"), (":path", "/"), ("Upper", "1")],
            [(":method", "GET"), (":scheme", "http"), (":path", "/"), ("in valid", "1")],
            [(":method", "GET"), (":scheme", "http"), (":path", "/"), ("x", "a\r\nb: c")],
            [(":method", "GET"), (":scheme", "http"), (":path", "/"), ("x", "nul\0")],
            [(":method", "GET"), (":scheme", "http"), (":path", "/"), ("connection", "close")],
            [(":method", "GET"), (":scheme", "http"), (":path", "/"), ("transfer-encoding", "chunked")],
            [(":method", "GET"), (":scheme", "http"), (":path", "/"), ("te", "gzip")],
            [(":method", "GET"), (":scheme", "http"), (":path", "/"), ("content-length", "1")],
            [(":method", "GET"), (":scheme", "http"), (":path", "/"), ("content-length", "-1")],
            [(":method", "GET"), (":scheme", "http"), (":path", "/"), ("content-length", "x")],
        )
    },
    "a body longer than announced": (
        lambda peer: peer.head(1, {**REQUEST, "content-length": "1"}) + peer.data(1, b"xx", end=True),
        PROTOCOL_ERROR,
    ),
    "a body shorter than announced": (
        lambda peer: peer.head(1, {**REQUEST, "content-length": "3"}) + peer.data(1, b"xx", end=True),
        PROTOCOL_ERROR,
    ),
    "pseudo fields in trailers": (
        lambda peer: peer.head(1) + raw(HEADERS, 5, 1, peer.encoder.encode([(":path", "/")])),
        PROTOCOL_ERROR,
    ),
    "trailers that are not the end": (
        lambda peer: peer.head(1) + raw(HEADERS, END_HEADERS, 1, peer.encoder.encode([("x", "1")])),
        PROTOCOL_ERROR,
    ),
}


@pytest.mark.parametrize("case", STREAM_ERRORS)
async def test_a_wrong_request_ends_its_stream_alone(case: str, caplog: pytest.LogCaptureFixture) -> None:
    send, code = STREAM_ERRORS[case]
    async with serving(echo) as port, greeted(port) as peer:
        peer.send(send(peer))
        assert (await peer.answer(1)).error == code
        assert (await peer.call(3, body=b"as usual")).body == b"as usual"
    assert caplog.records == []


# The two last ones are errors by the letter of RFC 9113; libnghttp2 forgets closed streams and old priorities.
HARMLESS: dict[str, Send] = {
    "a frame of an unknown kind": lambda peer: raw(99, 255, 0, b"?"),
    "a frame of an unknown kind on a stream": lambda peer: raw(99, 255, 1, b"?"),
    "flags that mean nothing": lambda peer: raw(PING, 0xFE, 0, bytes(8)),
    "a setting that means nothing": lambda peer: raw(SETTINGS, 0, 0, struct.pack(">HI", 0xFF, 1)),
    "a stream number with its reserved bit": lambda peer: raw(PING, 0, 1 << 31, bytes(8)),
    "priority of an idle stream": lambda peer: raw(PRIORITY, 0, 7, bytes(4) + b"\x10"),
    "a settings frame without settings": lambda peer: raw(SETTINGS),
    "headers of a smaller number": lambda peer: peer.head(5, end=True) + peer.head(3, end=True),
    "priority on stream 0": lambda peer: raw(PRIORITY, 0, 0, bytes(5)),
}


@pytest.mark.parametrize("case", HARMLESS)
async def test_what_must_be_passed_over_is_passed_over(case: str) -> None:
    async with serving(echo) as port, greeted(port) as peer:
        peer.send(HARMLESS[case](peer))
        assert (await peer.call(7, body=b"as usual")).body == b"as usual"


@both_loops
@pytest.mark.parametrize("preface", [b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n", b"PRI * HTTP/1.1\r\n\r\nSM\r\n\r\n"])
async def test_a_wrong_preface_is_a_bad_request(preface: bytes) -> None:
    async with serving(echo) as port, connected(port) as peer:
        peer.send(preface)
        assert (await peer.reader.read()).startswith(b"HTTP/1.1 400 ")
        await serves(port)


@both_loops
async def test_a_greeting_without_settings_is_an_error() -> None:
    async with serving(echo) as port, connected(port) as peer:
        peer.send(PREFACE, raw(PING, 0, 0, bytes(8)))
        assert await peer.goodbye() == PROTOCOL_ERROR
