"""One port, two protocols: HTTP/1.1 through uvicorn's own class, HTTP/2 through libnghttp2.

`protocol_class(limits)` is what uvicorn takes as `http=`. It looks at the TLS result (ALPN), else at the first bytes,
and steps aside. A Multiplex is one HTTP/2 connection: it drives the engine between what comes in (intake.py) and what
goes out (outlet.py). Framing, HPACK, validation and the limits on abuse are libnghttp2's, which only this file imports
and, for the way to instances, workers/front/bundle.py. It knows nothing of messages, of REST or of the application.
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

from kumotasks.api.entrance import Entrance
from kumotasks.api.head import BLANK
from kumotasks.api.http1 import Http1
from kumotasks.api.intake import Intake
from kumotasks.api.limits import NEVER, Limits, Watch
from kumotasks.api.outlet import Outlet

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
# The connection's own window stays out of the way: streams' windows and Credit bound what is held, and a crowd of
# withheld streams must not block the favoured one.
WINDOW_MOST = 2**31 - 1

# From "no new calls, please" to the final word, if the client does not answer the ping between them.
NOTICE_SECONDS = 1.0
# A request that is stopped in the middle of a DATA frame takes up to a frame of the connection's window with it; after
# so many of them the client is asked to take a new connection.
CUTS_MOST = 32_768

ENGINE_ERRORS = (ngh2.NGH2Error, ValueError, MemoryError)
REASONS: dict[type[Exception], int] = {
    ngh2.DenialOfServiceError: ngh2.ErrorCode.ENHANCE_YOUR_CALM,
    ngh2.ConnectionProtocolError: ngh2.ErrorCode.PROTOCOL_ERROR,
}


class Multiplex(asyncio.Protocol):
    """An HTTP/2 connection: the Driver of its engine."""

    errors = ENGINE_ERRORS

    def __init__(self, config: Config, state: ServerState, loop: asyncio.AbstractEventLoop, limits: Limits) -> None:
        self._config = config
        self._state = state
        self._loop = loop
        self._limits = limits
        self._greeted = self._leaving = self._final = False
        self._engine = ngh2.Connection(ngh2.Role.SERVER, _configuration(limits))
        self._watch = Watch(loop, self._look)
        self._outlet = Outlet(self._engine, self, self._watch, stall=limits.stall_seconds)
        self._intake = Intake(self._engine, self._outlet, self._watch, limits=limits, state=state)
        self._handlers: dict[type[ngh2.Event], Callable[[Any], None]] = {
            ngh2.RequestReceived: self._intake.request,
            ngh2.DataReceived: self._intake.data,
            ngh2.TrailersReceived: self._intake.trailers,
            ngh2.StreamClosed: self._intake.closed,
            ngh2.SettingsReceived: self._on_settings,
            ngh2.PingAcknowledged: self._on_pong,
            ngh2.ConnectionClosed: self._on_end,
        }

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self._state.connections.add(self)  # type: ignore[arg-type]  # uvicorn lists its own classes
        base = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": "2",
            "server": get_local_addr(self.transport),
            "client": get_remote_addr(self.transport),
            "scheme": "https" if transport.get_extra_info("sslcontext") else "http",
            "root_path": self._config.root_path,
            "extensions": {"http.response.trailers": {}},
            **BLANK,
        }
        self._intake.entrance = Entrance(self._config.loaded_app, base)
        self._engine.initiate_connection(_settings(self._limits))
        self._engine.set_local_window_size(WINDOW_MOST)
        self._intake.heard_at = self._loop.time()
        self._watch.by(self._intake.heard_at + self._limits.first_byte_seconds)
        self._outlet.attach(self.transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._outlet.closed = True
        self._watch.stop()
        self._state.connections.discard(self)
        self._intake.abandon()

    def data_received(self, data: bytes) -> None:
        if self._outlet.closed:
            return
        self._intake.heard_at = self._loop.time()
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
        try:
            if not self._outlet.streams:
                self._farewell()
                return
            self._engine.send_shutdown_notice()
            self._outlet.flush()  # the engine would send a ping before the notice that it is to follow
            self._engine.ping()
        except ENGINE_ERRORS as error:
            self.fail(error)
        self._outlet.soon()
        self._watch.by(self._loop.time() + NOTICE_SECONDS)

    def handle(self) -> None:
        for event in self._engine.events():
            handler = self._handlers.get(type(event))
            if handler is not None:
                handler(event)
        self._intake.begin()
        if self._outlet.cut > CUTS_MOST:
            self.shutdown()

    def fail(self, error: Exception) -> None:
        """The engine takes no further word: say goodbye by hand, with a GOAWAY frame."""
        if isinstance(error, ngh2.StreamProtocolError) or self._outlet.closed:
            return  # that stream ended before its answer; the connection is well
        code = REASONS.get(type(error), ngh2.ErrorCode.INTERNAL_ERROR)
        self._outlet.close(struct.pack(">IBIII", 8 << 8 | 7, 0, 0, self._intake.last, code))

    def _on_settings(self, event: ngh2.SettingsReceived) -> None:
        self._greeted = True
        self._watch.by(self._intake.heard_at + self._limits.idle_seconds)

    def _on_pong(self, event: ngh2.PingAcknowledged) -> None:
        if self._leaving:
            self._farewell()

    def _on_end(self, event: ngh2.ConnectionClosed) -> None:
        self._outlet.close()

    def _farewell(self) -> None:
        """The final word: no call above the last one. The engine reports the end when the last answer is out."""
        if not self._final:
            self._final = True
            self._engine.send_goaway()
            self._outlet.flush()

    def _look(self, now: float) -> float:
        if self._outlet.stuck(now):
            self.transport.abort()
            return NEVER
        if not self._greeted:
            self._outlet.close()
            return NEVER
        try:
            return self._care(now)
        except ENGINE_ERRORS as error:
            self.fail(error)
            return NEVER

    def _care(self, now: float) -> float:
        if self._leaving:
            self._farewell()
        if self._outlet.streams:
            return self._intake.judge(now)
        idle = self._intake.heard_at + self._limits.idle_seconds
        if idle <= now:
            self.shutdown()
        return max(idle, now + NOTICE_SECONDS)


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
        self._loop = _loop or asyncio.get_running_loop()
        self._watch = Watch(self._loop, self._give_up)
        self._seen = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        if len(self._state.connections) >= self.limits.max_connections:
            self.transport.abort()
            return
        self._state.connections.add(self)  # type: ignore[arg-type]  # uvicorn lists its own classes
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
        return Http1(self._config, self._state, self._loop, self.limits)

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
        self._state.connections.discard(self)

    def _give_up(self, now: float) -> float:
        self.transport.abort()
        return NEVER


def protocol_class(limits: Limits) -> type[DualProtocol]:
    """The class to give uvicorn as `http=`, with these limits."""

    class Tuned(DualProtocol):
        pass

    Tuned.limits = limits
    return Tuned
