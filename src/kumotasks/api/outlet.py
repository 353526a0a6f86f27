"""What goes out of one HTTP/2 connection: the answers of its calls, and at most one write a turn of the loop.

Bounded by both of the client's valves. A stream that answers in pieces waits while more than QUEUE_HIGH of its bytes
wait for its window. A client that does not read its socket stops our output and, UNREAD_HIGH bytes later, our input.
It knows nothing of requests, and the engine only by the few words it needs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Protocol

from kumotasks.api.limits import KIB, Watch
from kumotasks.api.streams import Header, Stream

# A write takes at most this much from the engine; the rest waits for the next turn of the loop.
WRITE_MOST = 256 * KIB
# A stream that answers in pieces waits above this, and goes on below half of it.
QUEUE_HIGH = 256 * KIB
# Bytes read from a client that does not take our output, before we stop reading too.
UNREAD_HIGH = 1024 * KIB
# For the client to take the last bytes of a connection that is being closed.
LINGER_SECONDS = 1.0

# RFC 9113 section 7.
NO_ERROR, INTERNAL_ERROR = 0, 2


class Engine(Protocol):
    """The part of an HTTP/2 engine that speaks."""

    def send_response(self, stream_id: int, headers: Iterable[Header], *, end_stream: bool = False) -> None: ...
    def send_data(self, stream_id: int, data: bytes, *, end_stream: bool = False) -> None: ...
    def send_trailers(self, stream_id: int, headers: Iterable[Header]) -> None: ...
    def reset_stream(self, stream_id: int, error_code: int = 8) -> None: ...
    def data_to_send(self, amount: int | None = None) -> bytes: ...
    def queued_body_size(self, stream_id: int | None = None) -> int: ...


class Driver(Protocol):
    """Who drives the engine."""

    def handle(self) -> None:
        """Take the events that sending has brought about."""

    def fail(self, error: Exception) -> None:
        """The engine gave up with one of `errors`."""

    @property
    def errors(self) -> tuple[type[Exception], ...]: ...


class Outlet:
    """The Wire of a connection's streams; `watch` is told when to look whether the client has taken anything."""

    def __init__(self, engine: Engine, driver: Driver, watch: Watch, *, stall: float) -> None:
        self._engine = engine
        self._driver = driver
        self._errors = driver.errors
        self._watch = watch
        self._stall = stall
        self.streams: dict[int, Stream] = {}  # the open calls
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self.crowd: set[Stream] = set()  # streams that wait for room
        self._overtaken: list[Stream] = []
        self._unread = 0
        self._scheduled = False
        self._paused_since: float | None = None
        self.closed = False
        self.queued = 0  # body bytes waiting for the client's windows
        self.cut = 0  # requests that were answered before their end

    def attach(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self.soon()

    def stuck(self, now: float) -> bool:
        """The client has not taken a byte for too long, or has had its time to take the last ones."""
        if self._transport is None or self._transport.is_closing():
            return True
        return self._paused_since is not None and self._paused_since + self._stall <= now

    def push(self, stream: Stream, head: list[Header] | None, body: bytes) -> None:
        try:
            if head is not None:
                self._engine.send_response(stream.id, head)
            self._engine.send_data(stream.id, body)
        except self._errors as error:
            self._driver.fail(error)
        except TypeError:
            self.reset(stream)  # the application's mistake, and its to hear of
            raise
        self.soon()

    def finish(self, stream: Stream, head: list[Header] | None, body: bytes, trailers: Iterable[Header] | None) -> None:
        engine, number = self._engine, stream.id
        try:
            if head is not None:
                engine.send_response(number, head, end_stream=not body and trailers is None)
            if trailers is not None:
                if body:
                    engine.send_data(number, body)
                engine.send_trailers(number, trailers)
            elif body or head is None:
                engine.send_data(number, body, end_stream=True)
        except self._errors as error:
            self._driver.fail(error)
        except TypeError:
            self.reset(stream)  # the application's mistake, and its to hear of
            raise
        if not stream.complete:
            self._overtaken.append(stream)
        if len(self.streams) == 1:
            self.flush()  # nobody else has anything to say in this turn
        elif not self._scheduled:
            self.soon()

    def crowded(self, stream: Stream) -> bool:
        if self._engine.queued_body_size(stream.id) <= QUEUE_HIGH:
            return False
        self.crowd.add(stream)
        return True

    def reset(self, stream: Stream, code: int = INTERNAL_ERROR) -> None:
        if not self.closed:
            self._engine.reset_stream(stream.id, code)
            self.soon()

    def soon(self) -> None:
        """Write at the end of this turn."""
        if not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self.flush)

    def flush(self) -> None:
        self._scheduled = False
        if self.closed or self._paused_since is not None or self._transport is None or self._transport.is_closing():
            return
        try:
            data = self._engine.data_to_send(WRITE_MOST)
            if data:
                self._transport.write(data)
            self._driver.handle()
            self.queued = self._engine.queued_body_size()
        except self._errors as error:
            self._driver.fail(error)
            return
        if len(data) == WRITE_MOST:
            self.soon()
        elif self._overtaken:
            self._stop_overtaken()
        if self.queued or self.crowd:
            self._relieve()

    def pause(self) -> None:
        self._paused_since = self._loop.time()
        self._watch.by(self._paused_since + self._stall)

    def resume(self) -> None:
        self._paused_since = None
        if self._unread > UNREAD_HIGH and self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()
        self._unread = 0
        self.soon()

    def heard(self, amount: int) -> None:
        """`amount` bytes came from the client; if it does not listen itself, we soon stop listening too."""
        if self._paused_since is None:
            return
        self._unread += amount
        if self._unread > UNREAD_HIGH and self._transport is not None and not self._transport.is_closing():
            self._transport.pause_reading()

    def close(self, last: bytes = b"") -> None:
        """Nothing further is sent but `last`."""
        self.closed = True
        if self._transport is not None and not self._transport.is_closing():
            if last:
                self._transport.write(last)
            self._transport.close()
            self._watch.by(self._loop.time() + LINGER_SECONDS)

    def _stop_overtaken(self) -> None:
        """Answers that are out, to requests that still send: ask the client to stop."""
        waiting, self._overtaken = self._overtaken, []
        for stream in waiting:
            if stream.closed or stream.complete:
                continue
            if self._engine.queued_body_size(stream.id):
                self._overtaken.append(stream)
                continue
            self.reset(stream, NO_ERROR)
            self.cut += 1

    def _relieve(self) -> None:
        low = QUEUE_HIGH // 2
        for stream in [waiting for waiting in self.crowd if self._engine.queued_body_size(waiting.id) <= low]:
            self.crowd.discard(stream)
            stream.wake()
        self._watch.by(self._loop.time() + self._stall)
