"""A client's connection that asks to become a WebSocket of a private worker's, until it is one, or is refused.

What the client says meanwhile waits here. Once the worker agrees, its bytes and the client's pass each other untouched:
frames, extensions and the closing of a WebSocket are for the two ends alone.
"""

from __future__ import annotations

import asyncio

from kumotasks.api.relay import Tunnel
from kumotasks.api.streams import Header

_BODY = frozenset({b"content-length", b"transfer-encoding"})


def wanted(method: bytes, version: str, fields: dict[bytes, bytes]) -> bool:
    """Whether a request opens a WebSocket (RFC 6455 section 4.1)."""
    return (
        method == b"GET"
        and version == "1.1"
        and fields.get(b"upgrade", b"").lower() == b"websocket"
        and not _BODY & fields.keys()
    )


def host_of(headers: list[Header]) -> bytes:
    """The Host header, which a request of HTTP/1.0 may lack."""
    return dict(headers).get(b"host", b"")


class Crossing:
    """Holds at most `most` bytes of the client's."""

    def __init__(self, near: asyncio.Transport, most: int) -> None:
        self._near = near
        self._most = most
        self._held: list[bytes] = []
        self._size = 0

    def feed(self, data: bytes) -> None:
        """Bytes of the client's, before the worker has answered."""
        self._size += len(data)
        if self._size > self._most:
            self._near.abort()
        elif data:
            self._held.append(data)

    async def cross(self, far: asyncio.Transport, head: bytes, early: bytes) -> None:
        """Send the worker's answer and let bytes pass until both sides have ended; cancellation ends them."""
        ended = asyncio.Event()
        tunnel = Tunnel(ended.set)
        self._near.write(head + early)
        for transport, side in ((self._near, tunnel.near), (far, tunnel.far)):
            transport.set_protocol(side)
            side.connection_made(transport)
        for data in self._held:
            tunnel.near.data_received(data)
        tunnel.join()
        try:
            await ended.wait()
        finally:
            tunnel.abort()
