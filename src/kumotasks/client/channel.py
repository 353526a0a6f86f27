"""A gRPC channel that says whether it is connected, and ends with the program without holding it up.

The library watches a channel in a thread of its own, and for a moment longer than it is asked to. A channel that is
closed in that moment fails in that thread; one that is still open when the interpreter ends waits for a thread that is
no more, and the program hangs. So a channel is closed before, and after that moment.
"""

from __future__ import annotations

import weakref
from dataclasses import dataclass
from threading import Event, Timer
from typing import TYPE_CHECKING

from kumotasks.client.clock import now
from kumotasks.client.place import Endpoint

if TYPE_CHECKING:
    import grpc

_OPTIONS = (
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 500),  # a task waits for it; the library would let it wait two minutes
    ("grpc.min_reconnect_backoff_ms", 5_000),  # for how long it tries to connect
)
_MOMENT = 0.5  # seconds; the library's thread looks every 0.2
_LINGER = 5.0  # seconds in which calls that are under way may end


@dataclass(slots=True)
class _Watched:
    """Until when the library's thread may watch, by clock.now()."""

    until: float = 0.0


class Channel:
    """To one server; `grpc` is the library's own, on which calls are made."""

    def __init__(self, server: Endpoint) -> None:
        import grpc

        self.grpc = (
            grpc.secure_channel(server.target, grpc.ssl_channel_credentials(), _OPTIONS)
            if server.secure
            else grpc.insecure_channel(server.target, _OPTIONS)
        )
        self._watched = _Watched()
        self._end = weakref.finalize(self, _ended, self.grpc, self._watched)  # at the program's end, if not before

    def reached(self, seconds: float) -> bool:
        """Whether it is connected, once it is or has failed to be."""
        from grpc import ChannelConnectivity

        decided, seen = Event(), set[ChannelConnectivity]()

        def look(state: ChannelConnectivity) -> None:
            if state in (ChannelConnectivity.READY, ChannelConnectivity.TRANSIENT_FAILURE):
                seen.add(state)
                decided.set()

        self.grpc.subscribe(look, try_to_connect=True)
        try:
            decided.wait(seconds)
        finally:
            self.grpc.unsubscribe(look)
            self._watched.until = now() + _MOMENT
        return ChannelConnectivity.READY in seen

    def close(self) -> None:
        """Let it go: it ends a few seconds later, or with the program."""
        closing = Timer(_LINGER, self._end)
        closing.daemon = True
        closing.start()


def _ended(channel: grpc.Channel, watched: _Watched) -> None:
    Event().wait(max(0.0, watched.until - now()))
    channel.close()
