"""An HTTP/1.1 connection: uvicorn's own class over llhttp, with the bounds that it leaves to a proxy in front.

It bounds heads, bodies, pipelining and time, answers garbage once and quietly, takes absolute-form targets, and cancels
a call whose client has gone. A WebSocket is spoken for guests only (`Limits.guest`). What a request means is not its
business.
"""

from __future__ import annotations

import asyncio
import re
from typing import Any, NoReturn, cast

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from kumotasks.api.cork import Cork
from kumotasks.api.crossing import Crossing, host_of, wanted
from kumotasks.api.limits import NEVER, Limits, Watch
from kumotasks.api.streams import LOG, TOO_LARGE, App, Header, Message, Receive, Refusal, Scope, Send
from kumotasks.workers.front.asgi import TUNNEL

# The gRPC codes are for the type's sake: none of these is ever said to a gRPC client.
MALFORMED = Refusal(400, 3, b"This is not an HTTP request that can be understood.")
TOO_SLOW = Refusal(408, 4, b"The request took too long to arrive.")
TOO_MANY = Refusal(429, 8, b"Too many requests were sent ahead of their answers.")
HEAD_TOO_LARGE = Refusal(431, 8, b"The request's line and headers are larger than this server accepts.")

# RFC 9112 section 3.2.2. Groups: the authority without user, the path and query.
ABSOLUTE = re.compile(rb"https?://(?:[^/?#@]*@)?([^/?#@]+)([^#]*)", re.IGNORECASE)

# The parser of targets counts in 16 bits.
URL_MOST = 2**15

UPGRADING = frozenset({b"upgrade", b"http2-settings"})

# The versions that are spoken here, and how many hosts a request must name in them (RFC 9112 section 3.2).
HOSTS_LEAST = {"1.0": 0, "1.1": 1}

# After a refusal the client may still be sending: closing at once would make its TCP lose our answer.
LINGER_SECONDS = 1.0


def place(url: bytes, headers: list[Header], version: str) -> tuple[bytes, list[Header]] | None:
    """A target that begins with a slash, and headers with the one host it is meant for; None if that cannot be told."""
    hosts = sum(name == b"host" for name, _ in headers)
    if hosts > 1 or hosts < HOSTS_LEAST.get(version, 2):
        return None
    if url.startswith(b"/") or url == b"*":
        return url, headers
    absolute = ABSOLUTE.fullmatch(url)
    if absolute is None:
        return None
    authority, target = absolute.groups()
    rest = [field for field in headers if field[0] != b"host"]
    return target if target.startswith(b"/") else b"/" + target, [(b"host", authority), *rest]


def without_upgrade(method: bytes, url: bytes, version: str, headers: list[Header]) -> bytes:
    """The head of a request that offers another protocol, as it would be if it did not."""
    lines = [b"%b %b HTTP/%b" % (method, url, version.encode())]
    for name, value in headers:
        if name == b"connection":
            tokens = [token for token in value.split(b",") if token.strip().lower() not in UPGRADING]
            lines.append(b"connection:" + b",".join(tokens))
        elif name not in UPGRADING:
            lines.append(name + b": " + value)
    return b"\r\n".join([*lines, b"\r\n"])


def said(refusal: Refusal) -> bytes:
    fields = b"".join(b"%b: %b\r\n" % field for field in refusal.fields)
    return STATUS_LINE[refusal.status] + fields + b"connection: close\r\n\r\n" + refusal.sentence


class Whole:
    """HTTP/1.0 knows no chunks: an answer of unknown length is sent when it is whole, at most `most` bytes."""

    def __init__(self, send: Send, most: int) -> None:
        self._send = send
        self._most = most
        self._start: Message | None = None
        self._body = b""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start" and b"content-length" not in dict(message.get("headers", ())):
            self._start = message
            return
        if self._start is None:
            await self._send(message)
            return
        self._body += message.get("body", b"")
        if len(self._body) > self._most:
            raise ValueError("the answer is too large for an HTTP/1.0 client")
        if not message.get("more_body", False):
            length = (b"content-length", b"%d" % len(self._body))
            await self._send({**self._start, "headers": [*self._start.get("headers", ()), length]})
            await self._send({**message, "body": self._body})


class Http1(HttpToolsProtocol):
    """The `on_` methods are called by the parser, from within data_received."""

    def __init__(self, config: Config, state: ServerState, loop: asyncio.AbstractEventLoop, limits: Limits) -> None:
        super().__init__(config, state, {}, loop)
        self.logger = LOG
        self.timeout_keep_alive = limits.keep_alive_seconds
        self._application = cast("App", config.loaded_app)
        self.app = self._serve
        self._limits = limits
        self._watch = Watch(loop, self._look)
        self._now = loop.time()
        self._due, self._stuck_since = self._now + limits.head_seconds, NEVER
        self._running: RequestResponseCycle | None = None
        self._task: asyncio.Task[None] | None = None
        self._refusal = MALFORMED
        self._deaf = self._lingering = False
        self._crossing: Crossing | None = None  # once a guest's client asks for a WebSocket
        self._again: bytes | None = None  # a head to be read once more, without its offer of another protocol
        self._in_head = self._fruitful = False
        # Bytes of this head, of this body, and in a row that brought neither a request nor a piece of a body.
        self._head = self._received = self._barren = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._watch.by(self._due)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._unset_keepalive_if_required()
        self._watch.stop()
        self.pipeline.clear()
        self._give_up_call()

    def data_received(self, data: bytes) -> None:
        if self._deaf or self.transport.is_closing():
            return
        if self._crossing is not None:
            self._crossing.feed(data)
            return
        self._now = self.loop.time()
        self._fruitful = False
        try:
            self._feed(data)
        except httptools.HttpParserError:
            self._refuse(self._refusal)
            return
        self._barren = 0 if self._fruitful else self._barren + len(data)
        if self._barren > self._limits.max_head:
            self._refuse(HEAD_TOO_LARGE)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._stuck_since = self.loop.time()
        self._watch.by(self._stuck_since + self._limits.stall_seconds)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._stuck_since = NEVER

    def shutdown(self) -> None:
        if self._lingering:
            self.transport.close()
        else:
            super().shutdown()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._unset_keepalive_if_required()
        self._in_head = self._fruitful = True
        self._head = self._received = 0
        self._wait(self._limits.head_seconds)

    def on_url(self, url: bytes) -> None:
        self._count(len(url))
        if self._head > URL_MOST:
            self._stop(HEAD_TOO_LARGE)
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count(len(name) + len(value) + 4)
        if self._in_head:  # else it is a trailer field, which must not change what the application has seen
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._wait(self._limits.stall_seconds)
        version = self.parser.get_http_version()
        placed = place(self.url, self.headers, version)
        if placed is None:
            self._stop(MALFORMED)
        self.url, self.headers[:] = placed
        if self.parser.should_upgrade() and not self._crosses(version):
            self._again = without_upgrade(self.parser.get_method(), self.url, version, self.headers)
            return
        size = int(dict(self.headers).get(b"content-length", 0))
        if size > self._limits.max_body and size > self._most():
            self._stop(TOO_LARGE)
        if len(self.pipeline) >= self._limits.max_pipelined:
            self._stop(TOO_MANY)
        super().on_headers_complete()
        if self._crossing is not None:
            self.cycle.keep_alive = False

    def on_body(self, body: bytes) -> None:
        self._fruitful = True
        self._received += len(body)
        if self._received > self._limits.max_body and self._received > self._most():
            self._stop(TOO_LARGE)
        self._due = self._now + self._limits.stall_seconds
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._due = NEVER
        if self._again is None:
            super().on_message_complete()

    def _feed(self, data: bytes) -> None:
        while data:
            try:
                self.parser.feed_data(data)
            except httptools.HttpParserUpgrade as upgrade:
                if self._crossing is not None:
                    self._crossing.feed(data[upgrade.args[0] :])
                    return
                # There is nothing to upgrade to, and this parser would not read the body: a new one does.
                data = (self._again or b"") + data[upgrade.args[0] :]
                self._again = None
                self.parser = httptools.HttpRequestParser(self)
            else:
                return

    def _most(self) -> int:
        """Bytes of a body, for whomever this request is."""
        return self._limits.max_guest_body if self._limits.guest(host_of(self.headers)) else self._limits.max_body

    def _crosses(self, version: str) -> bool:
        """Whether this request opens a WebSocket of a guest's; then nothing that follows is read here any more."""
        fields = dict(self.headers)
        if not wanted(self.parser.get_method(), version, fields) or not self._limits.guest(fields[b"host"]):
            return False
        self._crossing = Crossing(self.transport, self._limits.max_head)
        self.scope["extensions"] = {TUNNEL: self._cross}  # type: ignore[dict-item]
        return True

    async def _cross(self, far: asyncio.Transport, head: bytes, early: bytes) -> None:
        assert self._crossing is not None
        self._watch.stop()
        try:
            await self._crossing.cross(far, head, early)
        finally:
            self._task = None  # which is the one that runs here, and ends by itself
            self.connection_lost(None)

    def _wait(self, seconds: float) -> None:
        self._due = self._now + seconds
        self._watch.by(self._due)

    def _count(self, amount: int) -> None:
        self._head += amount
        if self._head > self._limits.max_head:
            self._stop(HEAD_TOO_LARGE)

    def _stop(self, refusal: Refusal) -> NoReturn:
        """Leave the parser with an answer of our own; it turns any error of a callback into one of its own."""
        self._refusal = refusal
        raise ValueError(refusal.sentence)

    def _refuse(self, refusal: Refusal) -> None:
        self._deaf = True
        running = self._running
        if running is not None and not running.response_complete and not (running is self.cycle and running.more_body):
            # What was refused is a later request: the answer under way is the last.
            running.keep_alive = False
            self.pipeline.clear()
            self.flow.resume_reading()  # and forget what comes: closing on unread bytes would lose the answer
            return
        if running is None or running.response_complete or not running.response_started:
            self.transport.write(said(refusal))
        self._give_up_call()
        self._hang_up()

    def _hang_up(self) -> None:
        if self.transport.can_write_eof():
            self.transport.write_eof()
            self._lingering = True
        else:
            self.transport.close()
        self._watch.by(self.loop.time() + LINGER_SECONDS)

    def _give_up_call(self) -> None:
        running = self._running
        if running is None or running.response_complete:
            return
        running.disconnected = True
        running.message_event.set()
        if self._task is not None:
            self._task.cancel()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._running = cycle
        cycle.transport = Cork(self.transport, self.loop)  # type: ignore[assignment]  # all that a cycle asks of one
        task = self._task = self.loop.create_task(cycle.run_asgi(app))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        running = self._running
        if scope["http_version"] == "1.0":
            send = Whole(send, self._limits.max_body)
        try:
            await self._application(scope, receive, send)
        except asyncio.CancelledError:
            # The client has gone, or the server's patience with open calls has ended: nobody to answer, nothing to log.
            if running is not None:
                running.disconnected = True
            if not self._lingering:
                self.transport.close()

    def _look(self, now: float) -> float:
        stall = self._limits.stall_seconds
        if self._lingering or self.transport.is_closing() or self._stuck_since + stall <= now:
            self.transport.abort()
            return NEVER
        if self.flow.read_paused and self._due < NEVER:
            self._due = now + stall  # it is we who do not read
        if self._due > now:
            return min(self._due, now + stall)
        if self._running is None and not self._in_head:
            self.transport.close()  # not a byte came
        else:
            self._refuse(TOO_SLOW)
        return now + LINGER_SECONDS
