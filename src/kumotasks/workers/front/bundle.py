"""One HTTP/2 connection to an instance, without TLS: the requests and answers of many exchanges at a time.

Framing, HPACK and flow control are libnghttp2's, in the role of a client. Neither side is ever held whole: an answer
that nobody takes closes its stream's window, an instance that does not read stops whoever sends. It knows nothing of
services, slots or time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, cast

import ngh2

from kumotasks.workers.front.asgi import Header
from kumotasks.workers.front.strand import Strand

HIGH = 256 * 1024  # bytes of an answer that wait here, and of a request for the instance's window
HEAD_MOST = 64 * 1024
WRITE_MOST = 256 * 1024  # bytes in one write; the rest waits for the next turn of the loop
_ASSUMED_STREAMS = 100  # until the instance says how many it takes
# The connection's own window stays out of the way: streams' windows bound what is held.
_WINDOW_MOST = 2**31 - 1
_ENGINE_ERRORS = (ngh2.NGH2Error, ValueError, MemoryError)
_CONFIGURATION = ngh2.Configuration(
    auto_window_update=False,  # the window follows whoever takes the answer
    max_inbound_header_list_size=HEAD_MOST,
    peer_max_concurrent_streams=_ASSUMED_STREAMS,
)
_SETTINGS: dict[int, int] = {
    ngh2.Setting.ENABLE_PUSH: 0,
    ngh2.Setting.INITIAL_WINDOW_SIZE: HIGH,
    ngh2.Setting.MAX_HEADER_LIST_SIZE: HEAD_MOST,
}


class Bundle(asyncio.Protocol):
    """The Wire of its strands. `gone` is called once, when the connection is lost."""

    def __init__(self, gone: Callable[[Bundle], None]) -> None:
        self._gone = gone
        self._loop = asyncio.get_running_loop()
        self._engine = ngh2.Connection(ngh2.Role.CLIENT, _CONFIGURATION)
        self._strands: dict[int, Strand] = {}
        self._crowd: set[Strand] = set()
        self._transport: asyncio.Transport | None = None
        self._scheduled = self._paused = self._leaving = False
        self.used = False  # has carried an exchange before
        self._handlers: dict[type[ngh2.Event], Callable[[Any], None]] = {
            ngh2.ResponseReceived: self._on_response,
            ngh2.DataReceived: self._on_data,
            ngh2.TrailersReceived: self._on_trailers,
            ngh2.StreamClosed: self._on_closed,
            ngh2.GoAwayReceived: self._on_goaway,
            ngh2.ConnectionClosed: self._on_end,
        }

    @property
    def usable(self) -> bool:
        """Whether another request can be handed over now."""
        if self._leaving or not self._lives:
            return False
        most = self._engine.remote_settings.get(ngh2.Setting.MAX_CONCURRENT_STREAMS, _ASSUMED_STREAMS)
        return len(self._strands) < most and bool(self._engine.can_send_request)

    @property
    def _lives(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    def ask(self, headers: list[Header], body: bytes, *, last: bool) -> Strand:
        """Begin an exchange; `last`: the request ends with `body`. Call it while `usable` only."""
        ends = last and not body
        strand = Strand(self._engine.send_request(headers, end_stream=ends), self)
        self._strands[strand.id] = strand
        strand.sent = ends
        if not ends:
            strand.send(body, last=last)
        self._soon()
        return strand

    def leave(self, strand: Strand) -> None:
        """Nobody waits for its answer any more."""
        strand.forget()
        self.used = True
        if self._strands.pop(strand.id, None) is not None and self._lives:
            self._crowd.discard(strand)
            self._engine.reset_stream(strand.id, ngh2.ErrorCode.CANCEL)
            self._soon()
        self._close_if_done()

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    # asked by strands

    def send(self, strand: Strand, data: bytes, *, last: bool) -> None:
        if (data or last) and self._lives:
            self._engine.send_data(strand.id, data, end_stream=last)
            self._soon()

    def taken(self, strand: Strand, amount: int) -> None:
        if self._lives:
            self._engine.acknowledge_received_data(amount, strand.id)
            self._soon()

    def crowded(self, strand: Strand) -> bool:
        if not self._lives or self._engine.queued_body_size(strand.id) <= HIGH:
            return False
        self._crowd.add(strand)
        return True

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._engine.initiate_connection(_SETTINGS)
        self._engine.set_local_window_size(_WINDOW_MOST)
        self._soon()

    def data_received(self, data: bytes) -> None:
        try:
            self._engine.receive_data(data)
            self._handle()
        except _ENGINE_ERRORS as error:
            self._break(error)
        if self._engine.want_write or self._crowd:
            self._soon()

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        strands, self._strands = self._strands, {}
        for strand in strands.values():
            strand.on_end("the connection was closed", refused=False)
        self._gone(self)

    def pause_writing(self) -> None:
        self._paused = True

    def resume_writing(self) -> None:
        self._paused = False
        self._soon()

    def _soon(self) -> None:
        """Write at the end of this turn, once for all exchanges."""
        if not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._scheduled = False
        if self._paused or self._transport is None or self._transport.is_closing():
            return
        try:
            data = self._engine.data_to_send(WRITE_MOST)
            if data:
                self._transport.write(data)
            self._handle()
        except _ENGINE_ERRORS as error:
            self._break(error)
            return
        if len(data) == WRITE_MOST:
            self._soon()
        for strand in [each for each in self._crowd if self._engine.queued_body_size(each.id) <= HIGH // 2]:
            self._crowd.discard(strand)
            strand.wake()

    def _break(self, error: Exception) -> None:
        if not isinstance(error, ngh2.StreamProtocolError):  # of one stream, whose end is told beside it
            self.abort()

    # the engine's events

    def _handle(self) -> None:
        for event in self._engine.events():
            handler = self._handlers.get(type(event))
            if handler is not None:
                handler(event)

    def _on_response(self, event: ngh2.ResponseReceived) -> None:
        strand = self._strands.get(event.stream_id)
        if strand is not None:
            strand.on_head(event.headers, last=event.end_stream)

    def _on_data(self, event: ngh2.DataReceived) -> None:
        strand = self._strands.get(event.stream_id)
        if strand is not None:
            strand.on_data(event.data, last=event.end_stream)
        elif event.data:
            self._engine.acknowledge_received_data(len(event.data), event.stream_id)

    def _on_trailers(self, event: ngh2.TrailersReceived) -> None:
        strand = self._strands.get(event.stream_id)
        if strand is not None:
            strand.on_trailers(event.headers)

    def _on_closed(self, event: ngh2.StreamClosed) -> None:
        strand = self._strands.pop(event.stream_id, None)
        if strand is not None:
            self._crowd.discard(strand)
            refused = event.error_code == ngh2.ErrorCode.REFUSED_STREAM
            strand.on_end(f"the instance reset the stream, code {event.error_code}", refused=refused)
            self._close_if_done()

    def _on_goaway(self, event: ngh2.GoAwayReceived) -> None:
        self._leaving = True
        self._close_if_done()

    def _on_end(self, event: ngh2.ConnectionClosed) -> None:
        if self._transport is not None:
            self._transport.close()

    def _close_if_done(self) -> None:
        """A connection that takes nothing more is closed with its last exchange."""
        if not self._strands and not self.usable and self._transport is not None:
            self._transport.close()
