"""The proxy port: an HTTPS CONNECT proxy that leads programs which name no endpoint to our TLS port.

Google's API names, and those of our own services, end here: they are never asked of the real Google, since what
programs say to them (tasks, credentials) is not meant for it. Any other host is reached through a tunnel, for programs
on this machine only, and refused to everybody else: it is never an open proxy. A client that is slow, endless or talks
garbage costs its slot, for some seconds. It knows nothing of TLS, of calls or of the application.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable, Sequence
from http import HTTPStatus
from typing import Protocol, cast

from kumotasks.api.connect import Asked, HeadReader, Refused
from kumotasks.api.guard import is_loopback
from kumotasks.api.outside import Outside
from kumotasks.api.relay import Tunnel

logger = logging.getLogger("kumotasks.api.proxy")

SLOTS = 1024  # clients at a time, tunnels included; one more is closed at once
HEAD_SECONDS = 10.0  # from the connection to the end of its request's head
LINGER_SECONDS = 2.0  # for a refused client to read why, before the connection is cut
LINGER_BYTES = 256 * 1024  # that it may go on sending meanwhile
TLS_PORT = 443
BACKLOG = 512
ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"
OTHER_PORT = "Of this name only port 443 is answered here."
STRANGER = "This proxy leads to Google's API names and to the services that run here; it is not open to other hosts."

Adopt = Callable[[asyncio.Transport], Awaitable[None]]  # takes a connection over; OSError if its TLS greeting fails


class Seat(Protocol):
    """Where to listen (lifecycle.Port)."""

    @property
    def sockets(self) -> Sequence[socket.socket]: ...
    def bind(self) -> None: ...
    def close(self) -> None: ...


def google(host: str) -> bool:
    """Whether programs mean Google's APIs by `host`, which is in lower case."""
    return host.endswith(".googleapis.com") or host in ("googleapis.com", "accounts.google.com")


class Proxy:
    """Component. `adopt` takes the connections that are meant for us, `ours` knows the hosts of our own services
    (lower case), `outside` reaches the others; without it they are refused to everybody."""

    def __init__(
        self, seat: Seat, adopt: Adopt, *, ours: Callable[[str], bool] = lambda host: False, outside: Outside | None
    ) -> None:
        self._seat = seat
        self._adopt = adopt
        self._ours = ours
        self._outside = outside
        self._servers: list[asyncio.Server] = []
        self._visits: set[Visit] = set()

    @property
    def visits(self) -> int:
        """Slots in use."""
        return len(self._visits)

    async def start(self) -> None:
        self._seat.bind()
        loop = asyncio.get_running_loop()
        for each in self._seat.sockets:
            self._servers.append(await loop.create_server(lambda: Visit(self), sock=each, backlog=BACKLOG))

    def refuse(self) -> None:
        """Accept nobody. What is led to our TLS port is drained there."""
        for server in self._servers:
            server.close()

    def cut(self) -> None:
        """Nothing here is waited for."""

    async def stop(self) -> None:
        self.refuse()
        visits = list(self._visits)
        for visit in visits:
            visit.abort()
        await asyncio.gather(*(visit.leading for visit in visits if visit.leading), return_exceptions=True)
        self._seat.close()

    def enter(self, visit: Visit) -> bool:
        """Take a slot, if there is one."""
        if len(self._visits) >= SLOTS:
            return False
        self._visits.add(visit)
        return True

    def leave(self, visit: Visit) -> None:
        self._visits.discard(visit)

    async def lead(self, visit: Visit, asked: Asked) -> None:
        """Bring a client to where it wants to go, or tell it why not."""
        if google(asked.host) or self._ours(asked.host):
            await self._lead_home(visit, asked)
        elif self._outside is None or not is_loopback(visit.peer):
            visit.refuse(Refused(403, STRANGER))
        else:
            await self._lead_outside(visit, asked, self._outside)

    async def _lead_home(self, visit: Visit, asked: Asked) -> None:
        if asked.port != TLS_PORT:
            visit.refuse(Refused(403, OTHER_PORT))
            return
        visit.transport.write(ESTABLISHED)
        try:
            await self._adopt(visit.transport)
        except OSError as error:
            logger.debug("%s: no TLS for %s: %s", visit.peer, asked.host, error)
            visit.transport.abort()
        finally:
            self.leave(visit)  # whose connection is somebody else's now, or nobody's

    async def _lead_outside(self, visit: Visit, asked: Asked, outside: Outside) -> None:
        tunnel = visit.tunnel = Tunnel(lambda: self.leave(visit))
        made = await outside.connect(asked, tunnel.far)
        if isinstance(made, Refused):
            visit.refuse(made)
            return
        if visit.transport.is_closing():
            made.abort()
            return
        visit.transport.write(ESTABLISHED)
        visit.transport.set_protocol(tunnel.near)
        tunnel.near.connection_made(visit.transport)
        tunnel.join()


class Visit(asyncio.Protocol):
    """One client, from its connection until it is led on or refused."""

    def __init__(self, proxy: Proxy) -> None:
        self._proxy = proxy
        self._reader: HeadReader | None = HeadReader()
        self._timer: asyncio.TimerHandle | None = None
        self._ignored = 0
        self.leading: asyncio.Task[None] | None = None
        self.tunnel: Tunnel | None = None
        self.peer = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        name = transport.get_extra_info("peername")
        self.peer = str(name[0]) if name else ""
        if self._proxy.enter(self):
            self._abort_in(HEAD_SECONDS)
        else:
            self.transport.abort()

    def data_received(self, data: bytes) -> None:
        if self._reader is None:
            self._ignore(len(data))
            return
        match self._reader.feed(data):
            case Asked() as asked:
                self._reader = None
                self._no_timer()
                # From here on its bytes are somebody else's.
                self.transport.pause_reading()
                self.leading = asyncio.create_task(self._proxy.lead(self, asked))
                self.leading.add_done_callback(self._led)
            case Refused() as refused:
                self.refuse(refused)

    def connection_lost(self, exc: Exception | None) -> None:
        self._no_timer()
        self._proxy.leave(self)

    def refuse(self, refused: Refused) -> None:
        """Say why, and give the client a moment to read it."""
        self._reader = None
        logger.debug("%s: refused with %d: %s", self.peer, refused.status, refused.sentence)
        if self.transport.is_closing():
            return
        self.transport.write(answer(refused))
        self.transport.write_eof()
        self.transport.resume_reading()
        self._abort_in(LINGER_SECONDS)

    def abort(self) -> None:
        if self.leading is not None:
            self.leading.cancel()
        if self.tunnel is not None:
            self.tunnel.abort()
        self.transport.abort()

    def _led(self, leading: asyncio.Task[None]) -> None:
        failure = None if leading.cancelled() else leading.exception()
        if failure is not None:
            logger.error("a client of the proxy could not be led on", exc_info=failure)
            self.transport.abort()

    def _ignore(self, size: int) -> None:
        self._ignored += size
        if self._ignored > LINGER_BYTES:
            self.transport.abort()

    def _abort_in(self, seconds: float) -> None:
        self._no_timer()
        self._timer = asyncio.get_running_loop().call_later(seconds, self.transport.abort)

    def _no_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()


def answer(refused: Refused) -> bytes:
    """The whole response."""
    body = f"{refused.sentence}\n".encode()
    allow = "Allow: CONNECT\r\n" if refused.status == HTTPStatus.METHOD_NOT_ALLOWED else ""
    head = (
        f"HTTP/1.1 {refused.status} {HTTPStatus(refused.status).phrase}\r\n{allow}Connection: close\r\n"
        f"Content-Type: text/plain; charset=utf-8\r\nX-Content-Type-Options: nosniff\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
