"""One call of a multiplexed connection, as ASGI sees it: `receive`, `send` and the task that runs them.

A stream decides nothing about frames, windows or sockets: it asks its outlet and its owner. It never imports an HTTP/2
engine. The common call (a body that came whole, an answer said at once) costs no event and no future, and is one
word to the outlet.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterable, MutableMapping
from dataclasses import dataclass
from typing import Any, Protocol

from kumotasks.api.head import Head
from kumotasks.api.limits import NEVER

LOG = logging.getLogger("kumotasks.api")

Header = tuple[bytes, bytes]
Message = MutableMapping[str, Any]
Scope = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

STATUS: dict[int, Header] = {status: (b":status", b"%d" % status) for status in range(100, 600)}
# RFC 9113 section 8.2.2: fields about a connection have no place on a stream.
HOP_BY_HOP = frozenset({b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade"})
BODILESS = frozenset({204, 304})


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer of the transport's own: an HTTP status, a gRPC code, and the sentence for both."""

    status: int
    code: int
    sentence: bytes

    @property
    def fields(self) -> list[Header]:
        return [(b"content-type", b"text/plain"), (b"content-length", b"%d" % len(self.sentence))]


TOO_LARGE = Refusal(413, 8, b"The request is larger than this server accepts.")
EXPIRED = Refusal(504, 4, b"Deadline Exceeded")
FAULT = Refusal(500, 13, b"An internal error has occurred; it was logged.")
STOPPING = Refusal(503, 14, b"The server is stopping.")


class Wire(Protocol):
    """Where a stream speaks (outlet.py)."""

    def push(self, stream: Stream, head: list[Header] | None, body: bytes) -> None:
        """Send a piece of an answer; the head goes with the first."""

    def finish(self, stream: Stream, head: list[Header] | None, body: bytes, trailers: Iterable[Header] | None) -> None:
        """Send an answer, or the last piece of it."""

    def crowded(self, stream: Stream) -> bool:
        """The client is slow: no further piece for now; the stream is woken when there is room."""

    def reset(self, stream: Stream) -> None:
        """Cut the stream short: there is no honest way to end its answer."""


class Owner(Protocol):
    """Whom a stream tells about itself (http2.py)."""

    def consumed(self, stream: Stream) -> None:
        """The application has taken everything that arrived so far; the rest may come."""

    def release(self, stream: Stream, task: asyncio.Task[None]) -> None:
        """The stream's task has ended."""


class Stream:
    """A call between its request and the end of its answer."""

    __slots__ = (
        "_bodiless",
        "_chunks",
        "_head",
        "_opened",
        "_outlet",
        "_owner",
        "_reader",
        "_tail",
        "_taken",
        "_trailing",
        "_writer",
        "acknowledged",
        "answered",
        "closed",
        "complete",
        "expires",
        "grpc",
        "head",
        "id",
        "moved",
        "queued",
        "received",
        "task",
    )

    def __init__(self, number: int, head: Head, grpc: bool, outlet: Wire, owner: Owner) -> None:
        self.id = number
        self.head = head
        self.grpc = grpc
        self.complete = False  # the request's body has ended
        self.answered = False  # nothing more will be said
        self.closed = False  # nothing more can be said
        self.task: asyncio.Task[None] | None = None
        self.expires = NEVER
        self.moved = 0.0  # when the client last did its part (loop time)
        self.received = 0  # bytes of the body that came
        self.acknowledged = 0  # bytes of them that were given back to the client's window
        self.queued = 0  # bytes of the answer that the client would not take, when last looked at
        self._outlet = outlet
        self._owner = owner
        self._chunks: list[bytes] | None = None
        self._head: list[Header] | None = None
        self._tail: bytes | None = None
        self._taken = self._opened = self._trailing = self._bodiless = False
        self._reader: asyncio.Future[None] | None = None
        self._writer: asyncio.Future[None] | None = None

    @property
    def waits_for_client(self) -> bool:
        """The application cannot go on before more of the request comes; once its answer has begun, it can."""
        return not (self.complete or self._chunks is not None or (self._opened and not self.answered))

    @property
    def whole(self) -> bytes | None:
        """The request's body, if it came whole and in one piece."""
        chunks = self._chunks
        return chunks[0] if self.complete and chunks is not None and len(chunks) == 1 else None

    def start(self, call: Coroutine[Any, Any, None], loop: asyncio.AbstractEventLoop) -> asyncio.Task[None]:
        task = asyncio.Task(call, loop=loop, name="call")  # a name of its own would have to be made
        task.add_done_callback(self._ended)
        self.task = task
        return task

    def feed(self, data: bytes, *, complete: bool) -> None:
        if data:
            if self._chunks is None:
                self._chunks = [data]
            else:
                self._chunks.append(data)
        self.complete = complete
        if self._reader is not None:
            self.wake()

    def wake(self) -> None:
        """Let whoever waits for the client look again."""
        for waiter in (self._reader, self._writer):
            if waiter is not None and not waiter.done():
                waiter.set_result(None)

    def abandon(self) -> None:
        """The stream is closed: nobody will read an answer that is not out."""
        self.closed = True
        if self.task is None:
            return
        self._chunks = None
        if not self.answered:
            self.task.cancel()
        if self._reader is not None or self._writer is not None:
            self.wake()

    def refuse(self, refusal: Refusal) -> None:
        """Answer in the application's place and cancel it."""
        if self.answered or self.closed:
            return
        self._say(refusal)
        self._chunks = None
        if self.task is not None:
            self.task.cancel()

    async def receive(self) -> Message:
        while self._chunks is None and (self._taken or not self.complete):
            if self.closed or self.answered:
                return {"type": "http.disconnect"}
            await self._arrival()
        chunks, self._chunks = self._chunks or [b""], None
        body = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        if self.complete:
            self._taken = True
            return {"type": "http.request", "body": body, "more_body": False}
        self._owner.consumed(self)
        return {"type": "http.request", "body": body, "more_body": True}

    def answer(self, head: list[Header], body: bytes, trailers: list[Header]) -> None:
        """Say all of it at once: what `send` would be told in three messages."""
        if self.closed:
            return
        if self.answered or self._head is not None:
            raise RuntimeError("the answer has already begun")
        self.answered = True
        self._outlet.finish(self, head, body, trailers)

    async def send(self, message: Message) -> None:
        if self.closed:
            return
        step = _STEPS.get(message["type"])
        if step is None or self.answered:
            raise RuntimeError(f"unexpected ASGI message {message['type']!r}")
        step(self, message)
        while self._opened and self._waits():
            await self._room()

    def _waits(self) -> bool:
        return not (self.answered or self.closed) and self._outlet.crowded(self)

    def _start(self, message: Message) -> None:
        if self._head is not None:
            raise RuntimeError("the answer has already begun")
        status = message["status"]
        self._trailing = message.get("trailers", False)
        self._bodiless = status in BODILESS or self.head.method == "HEAD"
        self._head = [STATUS[status], *[field for field in message.get("headers", ()) if field[0] not in HOP_BY_HOP]]

    def _body(self, message: Message) -> None:
        if self._head is None or self._tail is not None:
            raise RuntimeError("a body must follow the start of its answer")
        body = b"" if self._bodiless else message.get("body", b"")
        if message.get("more_body", False):
            self._push(body)
        elif self._trailing:
            self._tail = body
        else:
            self._finish(body, None)

    def _trailers(self, message: Message) -> None:
        if self._tail is None:
            raise RuntimeError("trailers must follow a body")
        self._finish(self._tail, message["headers"] or None)  # an answer may turn out to have none

    def _push(self, body: bytes) -> None:
        head = None if self._opened else self._head
        self._opened = True
        self._outlet.push(self, head, body)

    def _finish(self, body: bytes, trailers: Iterable[Header] | None) -> None:
        self.answered = True
        self._outlet.finish(self, None if self._opened else self._head, body, trailers)

    def _say(self, refusal: Refusal) -> None:
        status = [(b"grpc-status", b"%d" % refusal.code), (b"grpc-message", refusal.sentence)]
        if self._opened and self.grpc:
            self._finish(b"", status)
        elif self._opened:
            self.answered = True
            self._outlet.reset(self)
        elif self.grpc:
            self._head = [STATUS[200], (b"content-type", b"application/grpc"), *status]
            self._finish(b"", None)
        else:
            self._head = [STATUS[refusal.status], *refusal.fields]
            self._finish(b"" if self.head.method == "HEAD" else refusal.sentence, None)

    async def _arrival(self) -> None:
        self._reader = asyncio.get_running_loop().create_future()
        try:
            await self._reader
        finally:
            self._reader = None

    async def _room(self) -> None:
        self._writer = asyncio.get_running_loop().create_future()
        try:
            await self._writer
        finally:
            self._writer = None

    def _ended(self, task: asyncio.Task[None]) -> None:
        self.task = None
        if task.cancelled():
            self.refuse(STOPPING)
        elif (error := task.exception()) is not None:
            LOG.error("the application failed in a call", exc_info=error, extra={"path": self.head.path})
            self.refuse(FAULT)
        elif not self.answered and not self.closed:
            LOG.error("the application ended without an answer", extra={"path": self.head.path})
            self.refuse(FAULT)
        self._owner.release(self, task)


_STEPS: dict[str, Callable[[Stream, Message], None]] = {
    "http.response.start": Stream._start,
    "http.response.body": Stream._body,
    "http.response.trailers": Stream._trailers,
}
