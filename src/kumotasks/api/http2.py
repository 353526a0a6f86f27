"""One port, two protocols: HTTP/1.1 through uvicorn's own class, HTTP/2 through libnghttp2.

`protocol_class(limits)` is what uvicorn takes as `http=`. It looks at the TLS result (ALPN), else at the first bytes,
and steps aside. A Multiplex is one HTTP/2 connection: it turns the engine's events into calls (streams.py), lets their
answers out (outlet.py) and keeps the times. Framing, HPACK, validation and the limits on abuse are libnghttp2's, which
only this file imports; it knows nothing of gRPC's messages, of REST or of the application.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable
from typing import Any, ClassVar, cast

import ngh2
from uvicorn.config import Config
from uvicorn.protocols.utils import get_local_addr, get_remote_addr
from uvicorn.server import ServerState

from kumotasks.api.credit import Credit
from kumotasks.api.http1 import Http1
from kumotasks.api.limits import NEVER, Limits, Watch
from kumotasks.api.outlet import Outlet
from kumotasks.api.streams import EXPIRED, TOO_LARGE, Scope, Stream, parse_timeout, scope_of

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
WINDOW_MOST = 2**31 - 1

# From "no new calls, please" to the final word, if the client does not answer the ping between them.
NOTICE_SECONDS = 1.0
# A request that is stopped in the middle of a DATA frame takes up to a frame of the connection's window with it; after
# so many of them the client is asked to take a new connection.
CUTS_MOST = 2048

ENGINE_ERRORS = (ngh2.NGH2Error, ValueError, MemoryError)
REASONS: dict[type[Exception], int] = {
    ngh2.DenialOfServiceError: ngh2.ErrorCode.ENHANCE_YOUR_CALM,
    ngh2.ConnectionProtocolError: ngh2.ErrorCode.PROTOCOL_ERROR,
}


class Multiplex(asyncio.Protocol):
    """An HTTP/2 connection: the Owner of its streams and the Driver of its Outlet."""

    errors = ENGINE_ERRORS

    def __init__(self, config: Config, state: ServerState, loop: asyncio.AbstractEventLoop, limits: Limits) -> None:
        self._config = config
        self._state = state
        self._loop = loop
        self._limits = limits
        self._streams: dict[int, Stream] = {}
        self._fresh: list[Stream] = []
        self._last = 0
        self._heard_at = loop.time()
        self._greeted = self._leaving = self._final = False
        self._engine = ngh2.Connection(ngh2.Role.SERVER, _configuration(limits))
        self._watch = Watch(loop, self._look)
        self._credit = Credit(limits.max_held, self._grant)
        self._outlet = Outlet(self._engine, self, streams=self._streams, watch=self._watch, stall=limits.stall_seconds)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self._state.connections.add(self)  # type: ignore[arg-type]  # uvicorn names its own classes
        self._base: Scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": "2",
            "server": get_local_addr(self.transport),
            "client": get_remote_addr(self.transport),
            "scheme": "https" if transport.get_extra_info("sslcontext") else "http",
            "root_path": self._config.root_path,
            "extensions": {"http.response.trailers": {}},
        }
        self._engine.initiate_connection(_settings(self._limits))
        window = self._limits.max_streams * self._limits.stream_window + self._limits.max_held
        self._engine.set_local_window_size(min(window, WINDOW_MOST))
        self._watch.by(self._heard_at + self._limits.first_byte_seconds)
        self._outlet.attach(self.transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._outlet.closed = True
        self._watch.stop()
        self._state.connections.discard(self)  # type: ignore[arg-type]
        for stream in list(self._streams.values()):
            self._abandon(stream)

    def data_received(self, data: bytes) -> None:
        if self._outlet.closed:
            return
        self._heard_at = self._loop.time()
        try:
            self._engine.receive_data(data)
            self.handle()
            if self._engine.want_write:
                self._outlet.soon()
        except ENGINE_ERRORS as error:
            self.fail(error)
        self._outlet.heard(len(data))

    def pause_writing(self) -> None:
        self._outlet.pause()

    def resume_writing(self) -> None:
        self._outlet.resume()

    def shutdown(self) -> None:
        """Take no new calls, end those that are open, close. In two steps, so that no call in flight is lost."""
        if self._outlet.closed or self._leaving:
            return
        self._leaving = True
        if not self._streams:
            self._farewell()
            return
        self._engine.send_shutdown_notice()
        self._engine.ping()
        self._watch.by(self._loop.time() + NOTICE_SECONDS)
        self._outlet.soon()

    def handle(self) -> None:
        for event in self._engine.events():
            handler = _HANDLERS.get(type(event))
            if handler is not None:
                handler(self, event)
        if self._fresh:
            self._begin()

    def fail(self, error: Exception) -> None:
        """The engine takes no further word: say goodbye by hand (a GOAWAY frame)."""
        if not self._outlet.closed:
            code = REASONS.get(type(error), ngh2.ErrorCode.INTERNAL_ERROR)
            self._outlet.close(struct.pack(">IBIII", 8 << 8 | 7, 0, 0, self._last, code))

    def consumed(self, stream: Stream) -> None:
        stream.moved = self._loop.time()
        self._watch.by(stream.moved + self._limits.stall_seconds)
        self._credit.ask(stream)

    def release(self, stream: Stream, task: asyncio.Task[None]) -> None:
        self._state.tasks.discard(task)
        if stream.closed:
            self._forget(stream)

    def _on_request(self, event: ngh2.RequestReceived) -> None:
        number = self._last = event.stream_id
        if len(self._streams) >= 2 * self._limits.max_streams or self._outlet.queued > self._limits.max_held:
            self._engine.reset_stream(number, ngh2.ErrorCode.REFUSED_STREAM)
            return
        known = dict(event.headers)
        if b":path" not in known:
            self._engine.reset_stream(number, ngh2.ErrorCode.CONNECT_ERROR)  # CONNECT: this port is no proxy
            return
        grpc = known.get(b"content-type", b"").startswith(b"application/grpc")
        scope = scope_of(self._base, event.headers, known)
        stream = self._streams[number] = Stream(number, scope, grpc=grpc, outlet=self._outlet, owner=self)
        stream.moved = self._heard_at
        stream.complete = event.end_stream
        self._fresh.append(stream)
        if grpc and b"grpc-timeout" in known:
            timeout = parse_timeout(known[b"grpc-timeout"])
            if timeout is not None:
                stream.expires = self._heard_at + timeout / 1_000_000
        if b"content-length" in known and int(known[b"content-length"]) > self._limits.max_body:
            stream.refuse(TOO_LARGE)

    def _on_data(self, event: ngh2.DataReceived) -> None:
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
        elif stream.received > self._limits.max_body:
            stream.refuse(TOO_LARGE)
        else:
            stream.feed(data, complete=end)
        if end:
            self._grant(stream)
            self._credit.quit(stream)
        else:
            stream.moved = self._heard_at

    def _on_trailers(self, event: ngh2.TrailersReceived) -> None:
        stream = self._streams.get(event.stream_id)
        if stream is not None:
            stream.feed(b"", complete=True)
            self._grant(stream)
            self._credit.quit(stream)

    def _on_closed(self, event: ngh2.StreamClosed) -> None:
        stream = self._streams.get(event.stream_id)
        if stream is not None:
            self._abandon(stream)

    def _on_settings(self, event: ngh2.SettingsReceived) -> None:
        self._greeted = True

    def _on_pong(self, event: ngh2.PingAcknowledged) -> None:
        if self._leaving:
            self._farewell()

    def _on_end(self, event: ngh2.ConnectionClosed) -> None:
        self._outlet.close()

    def _begin(self) -> None:
        """Start the calls of one read together: by now most have their whole body, and some are already cancelled."""
        stall = self._heard_at + self._limits.stall_seconds
        for stream in self._fresh:
            if stream.closed or stream.answered:
                continue
            self._state.tasks.add(stream.start(self._config.loaded_app, self._loop))
            due = stream.expires if stream.complete else min(stream.expires, stall)
            if due < self._watch.when:
                self._watch.by(due)
        self._fresh.clear()

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
        if self._outlet.cut > CUTS_MOST:
            self.shutdown()

    def _grant(self, stream: Stream) -> None:
        amount = stream.received - stream.acknowledged
        if amount and not self._outlet.closed:
            stream.acknowledged = stream.received
            self._engine.acknowledge_received_data(amount, stream.id)
            if not stream.complete:
                self._outlet.soon()  # with the window's update

    def _farewell(self) -> None:
        """The final word: no call above the last one. The engine reports the end when the last answer is out."""
        if not self._final:
            self._final = True
            self._engine.send_goaway()
            self._outlet.flush()

    def _look(self, now: float) -> float:
        stall = self._limits.stall_seconds
        if self._outlet.stuck(now):
            self.transport.abort()
            return NEVER
        if not self._greeted:
            self._outlet.close()
            return NEVER
        if self._leaving:
            self._farewell()
        wake = min((self._judge(stream, now) for stream in list(self._streams.values())), default=NEVER)
        if self._streams:
            return min(wake, now + stall)
        idle = self._heard_at + self._limits.idle_seconds
        if idle <= now:
            self.shutdown()
        return max(idle, now + NOTICE_SECONDS)

    def _judge(self, stream: Stream, now: float) -> float:
        """Expire a call, cut one that stands still; the instant at which to look again."""
        if stream.expires <= now:
            stream.expires = NEVER
            stream.refuse(EXPIRED)
        queued = self._engine.queued_body_size(stream.id)
        if queued and queued != stream.queued:
            stream.queued, stream.moved = queued, now
        elif not queued and (stream.complete or stream.unread):
            return stream.expires
        due = stream.moved + self._limits.stall_seconds
        if due <= now:
            self._outlet.reset(stream, ngh2.ErrorCode.CANCEL)
        return min(due, stream.expires) if due > now else stream.expires


_HANDLERS: dict[type[ngh2.Event], Callable[[Multiplex, Any], None]] = {
    ngh2.RequestReceived: Multiplex._on_request,
    ngh2.DataReceived: Multiplex._on_data,
    ngh2.TrailersReceived: Multiplex._on_trailers,
    ngh2.StreamClosed: Multiplex._on_closed,
    ngh2.SettingsReceived: Multiplex._on_settings,
    ngh2.PingAcknowledged: Multiplex._on_pong,
    ngh2.ConnectionClosed: Multiplex._on_end,
}


def _configuration(limits: Limits) -> ngh2.Configuration:
    return ngh2.Configuration(
        auto_window_update=False,  # the window follows the application, see Credit
        max_inbound_header_list_size=limits.max_head,
    )


def _settings(limits: Limits) -> dict[int, int]:
    return {
        ngh2.Setting.MAX_CONCURRENT_STREAMS: limits.max_streams,
        ngh2.Setting.INITIAL_WINDOW_SIZE: limits.stream_window,
        ngh2.Setting.MAX_HEADER_LIST_SIZE: limits.max_head,
    }


class DualProtocol(asyncio.Protocol):
    """A connection whose protocol is not known yet. uvicorn makes one for each connection it accepts."""

    alpn_protocols: ClassVar[list[str]] = ["h2", "http/1.1"]
    limits: ClassVar[Limits] = Limits()

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        self._config = config
        self._state = server_state
        self._app_state = app_state
        self._loop = _loop or asyncio.get_running_loop()
        self._watch = Watch(self._loop, self._give_up)
        self._seen = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        if len(self._state.connections) >= self.limits.max_connections:
            transport.abort()
            return
        self._state.connections.add(self)  # type: ignore[arg-type]
        tls = transport.get_extra_info("ssl_object")
        match tls and tls.selected_alpn_protocol():
            case "h2":
                self._become(self._http2())
            case "http/1.1":
                self._become(self._http1())
            case _:
                self._watch.by(self._loop.time() + self.limits.first_byte_seconds)

    def data_received(self, data: bytes) -> None:
        self._seen += data
        if self._seen.startswith(PREFACE):
            self._become(self._http2())
        elif not PREFACE.startswith(self._seen):
            self._become(self._http1())

    def connection_lost(self, exc: Exception | None) -> None:
        self._step_aside()

    def shutdown(self) -> None:
        self.transport.close()

    def _http1(self) -> Http1:
        return Http1(self._config, self._state, self._app_state, self._loop, limits=self.limits)

    def _http2(self) -> Multiplex:
        return Multiplex(self._config, self._state, self._loop, self.limits)

    def _become(self, protocol: Http1 | Multiplex) -> None:
        self._step_aside()
        self.transport.set_protocol(protocol)
        protocol.connection_made(self.transport)
        if self._seen:
            protocol.data_received(self._seen)

    def _step_aside(self) -> None:
        self._watch.stop()
        self._state.connections.discard(self)  # type: ignore[arg-type]

    def _give_up(self, now: float) -> float:
        self.transport.abort()
        return NEVER


def protocol_class(limits: Limits) -> type[DualProtocol]:
    """The class to give uvicorn as `http=`, with these limits."""

    class Tuned(DualProtocol):
        pass

    Tuned.limits = limits
    return Tuned
