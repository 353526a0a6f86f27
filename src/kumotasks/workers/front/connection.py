"""One HTTP/1.1 connection to an instance: a request out, its answer in, both in pieces if they are large.

Neither side is ever held whole: an answer that nobody takes stops the reading, an instance that does not read stops
whoever sends. Interim answers are passed over, trailers dropped. It knows nothing of services, slots or time.
"""

from __future__ import annotations

import asyncio
import select
from collections.abc import Callable
from typing import cast

import httptools

from kumotasks.workers.front.asgi import Header

HIGH = 256 * 1024  # bytes of an answer that wait here before the instance has to
HEAD_MOST = 64 * 1024
INTERIM_MOST = 16
SWITCHING = 101
# A system that closes a socket resets its connection if bytes lie there that nobody has read, and ends it in order if
# not. So few bytes are read by a server in one piece: if there was a reset, it has read none of them.
READ_AT_ONCE = 4096


class InstanceLost(Exception):
    """The instance broke off, or said what is no HTTP. `untouched`: it has answered nothing; `unread`: nor has it seen
    anything of the request."""

    def __init__(self, reason: str, *, untouched: bool = False, unread: bool = False) -> None:
        super().__init__(reason)
        self.untouched = untouched
        self.unread = unread


class Unreached(Exception):
    """The instance ended before it saw anything of the request, which is still there to be brought to another."""


class Connection(asyncio.Protocol):
    """Carries one exchange at a time. `gone` is called once, when the connection is lost. The methods that begin with
    `on_` are llhttp's."""

    __slots__ = (
        "_asked",
        "_bodiless",
        "_chunks",
        "_failure",
        "_gone",
        "_head_ended",
        "_held",
        "_interim",
        "_loop",
        "_parser",
        "_paused",
        "_poll",
        "_reader",
        "_received",
        "_reset",
        "_room",
        "_sent",
        "early",
        "ended",
        "headers",
        "idle_since",
        "keeps",
        "status",
        "transport",
        "used",
    )

    headers: list[Header]  # of the answer, names in lower case
    status: int
    ended: bool  # the answer has ended
    keeps: bool  # another request may follow
    _chunks: list[bytes]
    _failure: str
    _held: int
    _interim: int
    _paused: bool
    _reset: bool
    _sent: int

    def __init__(self, gone: Callable[[Connection], None]) -> None:
        self._gone = gone
        self._loop = asyncio.get_running_loop()
        self._parser = httptools.HttpResponseParser(self)
        self._reader: asyncio.Future[None] | None = None
        self._room: asyncio.Future[None] | None = None
        self._asked = self._bodiless = False
        self.transport: asyncio.Transport | None = None
        self.idle_since = 0.0  # loop time
        self.used = False  # has carried an exchange before
        self.early = b""  # what followed the answer that switched protocols
        self._expect(bodiless=False)

    @property
    def usable(self) -> bool:
        """Whether a request can be handed over."""
        return self.transport is not None and not self.transport.is_closing() and not self._failure

    def quiet(self) -> bool:
        """Whether nothing has come while it lay idle, the end of the connection included, of which the event loop may
        not know yet."""
        return not self._poll.poll(0)

    def ask(self, data: bytes, *, bodiless: bool) -> None:
        """Send a request's head, with all of its body or the beginning; `bodiless` if the answer has none (HEAD)."""
        self._expect(bodiless=bodiless)
        self._asked = True
        self.send(data)

    def send(self, data: bytes) -> None:
        self._sent += len(data)
        if self.transport is not None:
            self.transport.write(data)

    async def room(self) -> None:
        """Wait until the instance has taken enough of what was sent."""
        if self._room is not None and not self._failure:
            await self._room

    async def answer(self) -> int:
        """The status of the answer, whose `headers` are here then. Raises InstanceLost."""
        while not self._head_ended:
            await self._more()
        return self.status

    async def piece(self) -> tuple[bytes, bool]:
        """The next bytes of the answer's body, and whether more follow. Raises InstanceLost."""
        while not self._chunks and not self.ended:
            await self._more()
        chunks = self._chunks
        body = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        self._chunks, self._held = [], 0
        if self._paused and self.transport is not None:
            self._paused = False
            self.transport.resume_reading()
        return body, not self.ended

    def rest(self, now: float) -> None:
        """Its answer was read to the end, and it waits for another request from `now` (loop time) on."""
        self._asked, self.used, self.idle_since = False, True, now

    def abort(self) -> None:
        if self.transport is not None:
            self.transport.abort()

    def release(self) -> asyncio.Transport:
        """Hand the connection itself over: it speaks another protocol now."""
        transport, self.transport = self.transport, None
        assert transport is not None
        self._gone(self)
        return transport

    def headers_but_connection(self) -> list[Header]:
        return [header for header in self.headers if header[0] != b"connection"]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self._poll = select.poll()
        self._poll.register(transport.get_extra_info("socket").fileno(), select.POLLIN)

    def data_received(self, data: bytes) -> None:
        if self.ended or not self._asked:
            self._break("bytes that nobody asked for")
            return
        self._received += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._switched(data[upgrade.args[0] :])
        except httptools.HttpParserError as error:
            self._break(self._failure or f"not HTTP: {error}")
        if not self._head_ended and self._received > HEAD_MOST:
            self._break("the head of the answer is too large")
        if self._held > HIGH and not self._paused and self.transport is not None:
            self._paused = True
            self.transport.pause_reading()
        self._wake()

    def eof_received(self) -> None:
        self.keeps = False
        if self._head_ended and not self.ended and self._ends_with_the_connection():
            self.ended = True
            self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        self.transport = None
        self._failure = self._failure or "the connection was closed"
        self._reset = isinstance(exc, ConnectionResetError)
        self.pause_ended()
        self._wake()
        self._gone(self)

    def pause_writing(self) -> None:
        self._room = self._loop.create_future()

    def resume_writing(self) -> None:
        self.pause_ended()

    def pause_ended(self) -> None:
        """Nobody has to wait any longer before he sends."""
        room, self._room = self._room, None
        if room is not None and not room.done():
            room.set_result(None)

    def on_message_begin(self) -> None:
        if self.ended:
            raise ValueError("bytes after the answer")

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._head_ended:  # else it is a trailer
            self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if status == SWITCHING or status >= 200:
            self.status = status
            self._head_ended = True
            self.ended = self._bodiless
            self.keeps = self._parser.should_keep_alive()
            return
        self.headers.clear()
        self._interim += 1
        if self._interim > INTERIM_MOST:
            self._failure = "too many interim answers"
            raise ValueError(self._failure)

    def on_body(self, body: bytes) -> None:
        if self._bodiless:
            self.keeps = False
            return
        self._chunks.append(body)
        self._held += len(body)

    def on_message_complete(self) -> None:
        if self._head_ended and self.status != SWITCHING:
            self.ended = True

    def _expect(self, *, bodiless: bool) -> None:
        if self._bodiless:
            # llhttp could not be told that no body follows: its reading of that answer has not ended.
            self._parser = httptools.HttpResponseParser(self)
        self._bodiless = bodiless
        self._chunks = []
        self._held = self._received = self._sent = self._interim = 0
        self._failure = ""
        self._head_ended = self._paused = self._reset = False
        self.headers = []
        self.status = 0
        self.ended = self.keeps = False

    def _switched(self, rest: bytes) -> None:
        """Llhttp stops where another protocol begins."""
        if self.status != SWITCHING:
            self._break("an upgrade that was not asked for")
            return
        self.early, self.ended = rest, True
        if self.transport is not None:
            self.transport.pause_reading()  # what follows is somebody else's

    def _ends_with_the_connection(self) -> bool:
        return not any(name in (b"content-length", b"transfer-encoding") for name, _ in self.headers)

    def _break(self, reason: str) -> None:
        self._failure = reason
        self.keeps = False
        self.abort()

    def _wake(self) -> None:
        reader, self._reader = self._reader, None
        if reader is not None and not reader.done():
            reader.set_result(None)

    async def _more(self) -> None:
        if self._failure:
            untouched = not self._received
            unread = untouched and self._reset and self._sent <= READ_AT_ONCE
            raise InstanceLost(self._failure, untouched=untouched, unread=unread)
        self._reader = self._loop.create_future()
        await self._reader
