"""The other end of the wire: a port that serves an application, and an HTTP/2 client made of raw frames."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import ssl
import struct
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import hpack
import pytest
import uvloop
from hyperframe.frame import (
    DataFrame,
    Frame,
    GoAwayFrame,
    HeadersFrame,
    PingFrame,
    RstStreamFrame,
    SettingsFrame,
    WindowUpdateFrame,
)

from kumotasks.api.http2 import PREFACE, protocol_class
from kumotasks.api.limits import Limits
from kumotasks.lifecycle import App, Listener, Port

LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
GUARD_SECONDS = 20.0  # a test that hangs fails here

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM, END_HEADERS, ACK, PADDED = 1, 4, 1, 8

REQUEST = {":method": "POST", ":scheme": "http", ":path": "/", ":authority": "kumo.test"}
GRPC = {**REQUEST, "content-type": "application/grpc", "te": "trailers"}


def both_loops(story: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Run an async test on asyncio's loop and on uvloop's: their transports differ in small things that matter here."""

    def test(loop: str, **arguments: object) -> None:
        async def guarded() -> None:
            async with asyncio.timeout(GUARD_SECONDS):
                await story(**arguments)

        with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
            runner.run(guarded())

    signature = inspect.signature(story)
    parameter = inspect.Parameter("loop", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    test.__signature__ = signature.replace(parameters=[parameter, *signature.parameters.values()])  # type: ignore[attr-defined]
    test.__name__, test.__doc__, test.__module__ = story.__name__, story.__doc__, story.__module__
    marked: Callable[..., None] = pytest.mark.parametrize("loop", LOOPS)(test)
    test.pytestmark += getattr(story, "pytestmark", [])  # type: ignore[attr-defined]
    return marked


@contextlib.asynccontextmanager
async def serving(app: App, limits: Limits | None = None, tls: ssl.SSLContext | None = None) -> AsyncIterator[Listener]:
    """A port on loopback that serves `app`."""
    listener = Listener(app, protocol_class(limits or Limits()), port=Port("127.0.0.1", 0), tls=tls, drain=0)
    await listener.start()
    try:
        yield listener
    finally:
        await listener.stop()


def inside(listener: Listener) -> Any:
    """The server's side of the only connection."""
    assert listener._server is not None
    (connection,) = listener._server.connections
    return connection


def raw(kind: int, flags: int = 0, stream: int = 0, payload: bytes = b"", length: int | None = None) -> bytes:
    """A frame's bytes, however wrong."""
    size = len(payload) if length is None else length
    return struct.pack(">I", size)[1:] + struct.pack(">BBI", kind, flags, stream) + payload


@dataclass
class Answer:
    """What came on a stream: the head, the body, the trailers, how it ended."""

    head: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    trailers: dict[str, str] = field(default_factory=dict)
    ended_by_head: bool = False
    error: int | None = None

    @property
    def status(self) -> int:
        return int(self.head[":status"])

    @property
    def grpc(self) -> tuple[str, str]:
        """Code and message, from wherever they came."""
        said = {**self.head, **self.trailers}
        return said["grpc-status"], said.get("grpc-message", "")


class Peer:
    """An HTTP/2 client that says exactly what it is told, and remembers every frame it got."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.encoder = hpack.Encoder()
        self.decoder = hpack.Decoder()
        self.seen: list[Frame] = []
        self.answers: dict[int, Answer] = {}
        self.ended: set[int] = set()
        self.grow = True  # give every byte of a body back to the server's window

    def send(self, *pieces: bytes) -> None:
        self.writer.write(b"".join(pieces))

    def settings(self, **values: int) -> bytes:
        known = {"streams": 3, "window": 4, "frame": 5, "list": 6, "table": 1}
        payload = b"".join(struct.pack(">HI", known[name], value) for name, value in values.items())
        return raw(SETTINGS, payload=payload)

    def head(self, stream: int, fields: dict[str, str] | None = None, *, end: bool = False) -> bytes:
        block = self.encoder.encode(list((fields or REQUEST).items()))
        return raw(HEADERS, END_HEADERS | (END_STREAM if end else 0), stream, block)

    def data(self, stream: int, body: bytes, *, end: bool = False) -> bytes:
        """DATA frames of at most 16 KiB."""
        pieces = [body[i : i + 16_384] for i in range(0, len(body), 16_384)] or [b""]
        flags = [0] * (len(pieces) - 1) + [END_STREAM if end else 0]
        return b"".join(raw(DATA, flag, stream, piece) for flag, piece in zip(flags, pieces, strict=True))

    def window(self, stream: int, amount: int) -> bytes:
        return raw(WINDOW_UPDATE, 0, stream, struct.pack(">I", amount))

    def reset(self, stream: int, code: int = 8) -> bytes:
        return raw(RST_STREAM, 0, stream, struct.pack(">I", code))

    async def frame(self) -> Frame | None:
        """The next frame, or None at the end of the connection."""
        try:
            start = await self.reader.readexactly(9)
            frame, length = Frame.parse_frame_header(memoryview(start))
            frame.parse_body(memoryview(await self.reader.readexactly(length)))
        except (asyncio.IncompleteReadError, ConnectionError):
            return None
        self.seen.append(frame)
        self._note(frame)
        return frame

    def _note(self, frame: Frame) -> None:
        answer = self.answers.setdefault(frame.stream_id, Answer())
        match frame:
            case HeadersFrame():
                fields = dict(self.decoder.decode(frame.data))
                answer.ended_by_head = not answer.head and "END_STREAM" in frame.flags
                if answer.head:
                    answer.trailers = fields
                else:
                    answer.head = fields
            case DataFrame():
                answer.body += frame.data
                if self.grow and frame.data and not self.writer.is_closing():
                    self.send(self.window(0, len(frame.data)), self.window(frame.stream_id, len(frame.data)))
            case RstStreamFrame():
                answer.error = frame.error_code
        if "END_STREAM" in frame.flags or isinstance(frame, RstStreamFrame):
            self.ended.add(frame.stream_id)

    async def until(self, kind: type[Frame], stream: int | None = None) -> Any:
        """The next frame of that kind."""
        while (frame := await self.frame()) is not None:
            if isinstance(frame, kind) and stream in (None, frame.stream_id):
                return frame
        raise AssertionError(f"the connection ended before a {kind.__name__}; it brought {self.seen}")

    async def answer(self, stream: int = 1) -> Answer:
        """The whole answer on a stream."""
        while stream not in self.ended:
            assert await self.frame() is not None, f"the connection ended before its answer; it brought {self.seen}"
        return self.answers[stream]

    async def call(self, stream: int = 1, fields: dict[str, str] | None = None, body: bytes = b"") -> Answer:
        self.send(self.head(stream, fields), self.data(stream, body, end=True))
        return await self.answer(stream)

    async def upload(self, stream: int, body: bytes, window: int, *, end: bool = True) -> None:
        """Send a body as fast as the server's window allows, which began as `window`."""
        sent = 0
        while sent < len(body):
            room = window + self.credit(stream) - sent
            if room <= 0:
                assert await self.frame() is not None, "the connection ended during the upload"
                continue
            piece = body[sent : sent + min(room, 16_384)]
            sent += len(piece)
            self.send(self.data(stream, piece))
            await self.writer.drain()
        if end:
            self.send(self.data(stream, b"", end=True))

    async def rest(self) -> list[Frame]:
        """Everything up to the end of the connection."""
        while await self.frame() is not None:
            pass
        return self.seen

    async def goodbye(self) -> int | None:
        """The error code of the last GOAWAY before the server closed; None if it closed without a word."""
        said = [frame for frame in await self.rest() if isinstance(frame, GoAwayFrame)]
        return said[-1].error_code if said else None

    async def pong(self) -> None:
        """Everything sent so far has been read and handled by the server."""
        self.send(raw(PING, payload=b"are here"))
        while True:
            frame = await self.until(PingFrame)
            if "ACK" in frame.flags and frame.opaque_data == b"are here":
                return

    def frames(self, kind: type[Frame], stream: int | None = None) -> list[Any]:
        return [frame for frame in self.seen if isinstance(frame, kind) and stream in (None, frame.stream_id)]

    def credit(self, stream: int) -> int:
        """The bytes that the server has given back on a stream."""
        return sum(frame.window_increment for frame in self.frames(WindowUpdateFrame, stream))


async def gone(listener: Listener) -> None:
    """Every connection has ended on the server's side too."""
    assert listener._server is not None
    await listener._server.connections.gone.wait()


async def deaf(connection: Any) -> None:
    """An HTTP/1.1 connection has stopped reading."""
    flow, reached = connection.flow, asyncio.Event()
    pause = flow.pause_reading

    def heard() -> None:
        pause()
        reached.set()

    if not flow.read_paused:
        flow.pause_reading = heard
        await reached.wait()


async def paused(listener: Listener) -> Any:
    """The server's side of the only connection, once its socket takes no more."""
    server = inside(listener)
    reached = asyncio.Event()
    pause = server._outlet.pause

    def heard() -> None:
        pause()
        reached.set()

    server._outlet.pause = heard
    await reached.wait()
    return server


async def flood(peer: Peer, frames: Iterator[bytes]) -> None:
    """Send until the server has had enough."""
    for piece in frames:
        peer.send(piece)
        await peer.writer.drain()


@contextlib.asynccontextmanager
async def connected(listener: Listener, tls: ssl.SSLContext | None = None) -> AsyncIterator[Peer]:
    """A connection on which nothing has been said."""
    name = "localhost" if tls else None
    reader, writer = await asyncio.open_connection("127.0.0.1", listener.port, ssl=tls, server_hostname=name)
    try:
        yield Peer(reader, writer)
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            await writer.wait_closed()


@contextlib.asynccontextmanager
async def greeted(listener: Listener, tls: ssl.SSLContext | None = None, **settings: int) -> AsyncIterator[Peer]:
    """An HTTP/2 connection after both greetings."""
    async with connected(listener, tls) as peer:
        peer.send(PREFACE, peer.settings(**settings))
        await peer.until(SettingsFrame)
        peer.send(raw(SETTINGS, ACK))
        yield peer


async def read_all(receive: Callable[[], Coroutine[Any, Any, dict[str, Any]]]) -> bytes:
    """An application reads its request's body."""
    body, more = b"", True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return body
        body += message["body"]
        more = message["more_body"]
    return body


async def reply(send: Any, body: bytes = b"", status: int = 200, fields: Iterable[tuple[bytes, bytes]] = ()) -> None:
    """An application answers."""
    await send({"type": "http.response.start", "status": status, "headers": list(fields)})
    await send({"type": "http.response.body", "body": body})


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """An application that answers with the request's body; over HTTP/2 with trailers, as a unary gRPC call does."""
    body = await read_all(receive)
    if scope["http_version"] != "2":
        await reply(send, body)
        return
    head = [(b"content-type", b"application/grpc")]
    await send({"type": "http.response.start", "status": 200, "headers": head, "trailers": True})
    await send({"type": "http.response.body", "body": body})
    await send({"type": "http.response.trailers", "headers": [(b"grpc-status", b"0")]})
