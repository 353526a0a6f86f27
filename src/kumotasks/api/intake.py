"""What comes into one HTTP/2 connection: the engine's events become calls, and calls get their bodies.

It opens, feeds, cancels and forgets streams, and judges which of them have had their time. It knows the engine by the
two words it says to it and the shape of its events, and nothing of what a call means.
"""

from __future__ import annotations

import asyncio
from typing import Any, Protocol

from uvicorn.server import ServerState

from kumotasks.api.credit import Credit
from kumotasks.api.entrance import Entrance
from kumotasks.api.head import head_of, parse_timeout
from kumotasks.api.limits import NEVER, Limits, Watch
from kumotasks.api.outlet import Outlet
from kumotasks.api.streams import EXPIRED, TOO_LARGE, Stream

# RFC 9113 section 7.
REFUSED_STREAM, CANCEL, CONNECT_ERROR = 7, 8, 10

Event = Any  # one of the engine's, see its documentation for the fields


class Engine(Protocol):
    """The part of an HTTP/2 engine that listens."""

    def acknowledge_received_data(self, amount: int, stream_id: int) -> None: ...
    def reset_stream(self, stream_id: int, error_code: int = 8) -> None: ...
    def queued_body_size(self, stream_id: int | None = None) -> int: ...


class Intake:
    """The Owner of a connection's streams; `entrance` is set before the first of them comes."""

    entrance: Entrance

    def __init__(self, engine: Engine, outlet: Outlet, watch: Watch, *, limits: Limits, state: ServerState) -> None:
        self.heard_at = 0.0  # when the client last said anything (loop time)
        self.last = 0  # the number of the newest stream
        self._engine = engine
        self._outlet = outlet
        self._watch = watch
        self._limits = limits
        self._tasks = state.tasks
        self._loop = asyncio.get_running_loop()
        self._streams = outlet.streams
        self._fresh: list[Stream] = []
        self._credit = Credit(limits.max_held, self._grant)

    @property
    def held(self) -> int:
        """Body bytes of unfinished calls, here or with the application."""
        return self._credit.held

    def request(self, event: Event) -> None:
        number = self.last = event.stream_id
        if len(self._streams) >= 2 * self._limits.max_streams or self._outlet.queued > self._limits.max_held:
            self._engine.reset_stream(number, REFUSED_STREAM)
            return
        head = head_of(event.headers)
        if head is None:
            self._engine.reset_stream(number, CONNECT_ERROR)  # CONNECT: this port is no proxy
            return
        known = head.known
        grpc = known.get(b"content-type", b"").startswith(b"application/grpc")
        stream = self._streams[number] = Stream(number, head, grpc, self._outlet, self)
        stream.moved = self.heard_at
        stream.complete = event.end_stream
        self._fresh.append(stream)
        if grpc and b"grpc-timeout" in known:
            timeout = parse_timeout(known[b"grpc-timeout"])
            if timeout is not None:
                stream.expires = self.heard_at + timeout / 1_000_000
        if b"content-length" in known and int(known[b"content-length"]) > self._limits.max_body:
            self._refuse_large(stream)

    def data(self, event: Event) -> None:
        stream = self._streams.get(event.stream_id)
        data, end = event.data, event.end_stream
        if stream is None:
            if data:
                self._engine.acknowledge_received_data(len(data), event.stream_id)
            return
        stream.received += len(data)
        self._credit.held += len(data)
        if stream.answered or stream.closed:
            stream.complete = end
            self._grant(stream)
        elif stream.received > self._limits.max_body and self._refuse_large(stream):
            pass
        else:
            stream.feed(data, complete=end)
        if end:
            self._grant(stream)
            self._credit.quit(stream)
        else:
            stream.moved = self.heard_at

    def trailers(self, event: Event) -> None:
        stream = self._streams.get(event.stream_id)
        if stream is not None:
            stream.feed(b"", complete=True)
            self._grant(stream)
            self._credit.quit(stream)

    def closed(self, event: Event) -> None:
        stream = self._streams.get(event.stream_id)
        if stream is not None:
            self._abandon(stream)

    def begin(self) -> None:
        """Start the calls of one read together: by now most have their whole body, and some are already cancelled."""
        if not self._fresh:
            return
        stall = self.heard_at + self._limits.stall_seconds
        for stream in self._fresh:
            if stream.closed or stream.answered:
                continue
            self._tasks.add(stream.start(self.entrance.call(stream), self._loop))
            due = stream.expires if stream.complete else min(stream.expires, stall)
            if due < self._watch.when:
                self._watch.by(due)
        self._fresh.clear()
        self._outlet.soon()  # behind the calls in the same turn: what they answer at once leaves at once

    def consumed(self, stream: Stream) -> None:
        stream.moved = self._loop.time()
        self._watch.by(stream.moved + self._limits.stall_seconds)
        self._credit.ask(stream)

    def release(self, stream: Stream, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if stream.closed:
            self._forget(stream)

    def abandon(self) -> None:
        """The connection is gone, and with it every call."""
        for stream in list(self._streams.values()):
            self._abandon(stream)

    def judge(self, now: float) -> float:
        """Expire calls, cut those that stand still; the instant at which to look again."""
        wake = NEVER if not self._streams else now + self._limits.stall_seconds
        for stream in list(self._streams.values()):
            wake = min(wake, self._judge(stream, now))
        return wake

    def _judge(self, stream: Stream, now: float) -> float:
        if stream.expires <= now:
            stream.expires = NEVER
            stream.refuse(EXPIRED)
        queued = self._engine.queued_body_size(stream.id)
        if queued and queued != stream.queued:
            stream.queued, stream.moved = queued, now
        elif not queued and not stream.waits_for_client:
            return stream.expires  # it is the application's turn
        due = stream.moved + self._limits.stall_seconds
        if due > now:
            return min(due, stream.expires)
        if not queued and self._is_guests(stream):
            stream.moved = now  # a conversation may begin as late as it likes: his own time limit holds
            return min(now + self._limits.stall_seconds, stream.expires)
        self._outlet.reset(stream, CANCEL)
        return stream.expires

    def _refuse_large(self, stream: Stream) -> bool:
        """Bodies of guests have no bound here: they are never held whole."""
        if self._is_guests(stream):
            return False
        stream.refuse(TOO_LARGE)
        return True

    def _is_guests(self, stream: Stream) -> bool:
        return self._limits.guest(stream.head.known.get(b"host", b""))

    def _abandon(self, stream: Stream) -> None:
        stream.abandon()
        if stream.task is None:
            self._forget(stream)

    def _forget(self, stream: Stream) -> None:
        if self._streams.pop(stream.id, None) is None:
            return
        if stream.received != stream.acknowledged:
            self._grant(stream)
        self._outlet.crowd.discard(stream)
        self._credit.held -= stream.received
        self._credit.quit(stream)

    def _grant(self, stream: Stream) -> None:
        amount = stream.received - stream.acknowledged
        if amount and not self._outlet.closed:
            stream.acknowledged = stream.received
            self._engine.acknowledge_received_data(amount, stream.id)
            if not stream.complete:
                self._outlet.soon()  # with the window's update
