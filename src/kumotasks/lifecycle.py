"""How the program lives: what starts, in which order it stops, and what a signal means.

Everything that runs is a Component. A Port is a place to listen, a Listener serves one. The order of a stop is:
refuse, drain with a deadline, cancel, close. It stands left of everything and knows none of our layers: the application
and the protocol class are handed to it. Its times are those of sockets, not of the domain: seconds of the event loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import signal
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol, Self, cast, runtime_checkable

from kumotasks.postponed import put_off

put_off("uvicorn")  # its `__init__` brings a command line, a tenth of the server's start
from uvicorn.config import Config  # noqa: E402
from uvicorn.server import Server as Uvicorn  # noqa: E402

App = Callable[[Any, Any, Any], Awaitable[None]]  # an ASGI application

BACKLOG = 2048
# A client that connects and then says nothing has this long to finish its TLS greeting.
HANDSHAKE_SECONDS = 10.0
# For calls that were cancelled to say so, and for last bytes to leave.
LAST_SECONDS = 1.0
# A free port that was picked for one address may be taken on the next: pick again.
PICK_TRIES = 16
# A name such as localhost may stand for addresses that this machine does not have.
ABSENT = frozenset({errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT})


class Component(Protocol):
    """Something that runs. Stopping twice is fine, and so is stopping what was never started."""

    async def start(self) -> None: ...
    async def stop(self) -> None: ...


@runtime_checkable
class Draining(Protocol):
    """A component that takes work from outside."""

    def refuse(self) -> None:
        """Take no new work; go on with what is open."""

    def cut(self) -> None:
        """Wait no longer for open work."""


class Connections(set[Any]):
    """uvicorn's set of open connections, which can be waited for."""

    def __init__(self) -> None:
        super().__init__()
        self.gone = asyncio.Event()
        self.gone.set()

    def add(self, connection: Any) -> None:
        super().add(connection)
        self.gone.clear()

    def discard(self, connection: Any) -> None:
        super().discard(connection)
        if not self:
            self.gone.set()


class Server(Uvicorn):
    """uvicorn's server without its signals, its clock tick and its polling."""

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.connections = self.server_state.connections = Connections()
        self.servers: list[asyncio.Server] = []

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        if not self.config.loaded:
            self.config.load()
        tls = self.config.ssl
        handshake = HANDSHAKE_SECONDS if tls else None
        loop = asyncio.get_running_loop()
        for each in sockets or []:
            server = await loop.create_server(
                self.accept, sock=each, ssl=tls, backlog=BACKLOG, ssl_handshake_timeout=handshake
            )
            self.servers.append(server)

    def accept(self) -> asyncio.Protocol:
        """The protocol of one more connection."""
        make: Callable[..., asyncio.Protocol] = self.config.http_protocol_class
        return make(config=self.config, server_state=self.server_state, app_state={})


class Port:
    """A place to listen: taken early, so that a taken one is told before anything is touched; 0 picks a free one.

    `shared` allows others that say the same to take it, too: the system spreads connections over all of them.
    """

    def __init__(self, host: str, number: int, *, shared: bool = False) -> None:
        self.host = host
        self.number = number
        self._shared = shared
        self.sockets: list[socket.socket] = []

    def bind(self) -> None:
        """Take it, or raise an OSError whose text is one clear line."""
        if self.sockets:
            return
        try:
            self.sockets = _bind(self.host, self.number, shared=self._shared)
            for each in self.sockets:  # a port that nobody listens on yet could be taken by another just the same
                each.listen(BACKLOG)
        except OSError as error:
            raise OSError(error.errno, f"cannot listen on {self.host}:{self.number}: {error.strerror}") from error
        self.number = self.sockets[0].getsockname()[1]

    def close(self) -> None:
        for each in self.sockets:
            each.close()


class Held(asyncio.Protocol):
    """Keeps what comes on a connection while its own protocol is not there yet."""

    def __init__(self) -> None:
        self.seen: list[bytes] = []
        self.lost = False

    def data_received(self, data: bytes) -> None:
        self.seen.append(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True

    def hand_over(self, transport: asyncio.Transport, protocol: asyncio.Protocol) -> None:
        transport.set_protocol(protocol)
        protocol.connection_made(transport)
        for each in self.seen:
            # Asked anew each time: a protocol may put another in its place.
            cast("asyncio.Protocol", transport.get_protocol()).data_received(each)


class Listener:
    """One port: `protocol` is the class that uvicorn makes for each connection, `drain` the seconds that open calls
    get at a stop."""

    def __init__(
        self,
        app: App,
        protocol: type[asyncio.Protocol],
        *,
        port: Port,
        tls: ssl.SSLContext | None = None,
        drain: float = 10.0,
    ) -> None:
        self._port = port
        self._drain = drain
        self._refusing = False
        self._patience: asyncio.Timeout | None = None
        self._server: Server | None = None
        self._tls = tls
        if tls is not None:
            tls.set_alpn_protocols(getattr(protocol, "alpn_protocols", []))
        self._config = Config(
            app,
            http=protocol,
            ws="none",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=False,
            proxy_headers=False,
            ssl_context_factory=None if tls is None else lambda config, default: tls,
        )

    @property
    def port(self) -> int:
        """The port in use; 0 becomes a free one when the listener is bound."""
        return self._port.number

    @property
    def connections(self) -> int:
        return 0 if self._server is None else len(self._server.connections)

    def bind(self) -> None:
        """Take the port, or raise an OSError whose text is one clear line."""
        self._port.bind()

    async def start(self) -> None:
        self.bind()
        self._server = Server(self._config)
        await self._server.startup(self._port.sockets)

    async def adopt(self, transport: asyncio.Transport) -> None:
        """Serve a connection that was accepted elsewhere as if it had come here, its peer's address included.

        Its reading is paused, and its next byte is the first of TLS. Raises OSError if the greeting fails.
        """
        if self._server is None or self._tls is None or self._refusing or transport.is_closing():
            transport.abort()
            return
        held = Held()
        loop = asyncio.get_running_loop()
        secure = await loop.start_tls(
            transport, held, self._tls, server_side=True, ssl_handshake_timeout=HANDSHAKE_SECONDS
        )
        if secure is not None and not held.lost:
            held.hand_over(secure, self._server.accept())

    def refuse(self) -> None:
        """Accept nobody, and tell every client to send nothing new."""
        if self._server is None or self._refusing:
            return
        self._refusing = True
        for server in self._server.servers:
            server.close()
        for connection in list(self._server.connections):
            connection.shutdown()

    def cut(self) -> None:
        self._drain = 0.0
        if self._patience is not None:
            self._patience.reschedule(asyncio.get_running_loop().time())

    async def stop(self, drain: float | None = None) -> None:
        server = self._server
        if server is not None:
            self.refuse()
            await self._until_gone(server, self._drain if drain is None else drain)
            for task in list(server.server_state.tasks):
                task.cancel()
            await self._until_gone(server, LAST_SECONDS)
            for connection in list(server.connections):
                connection.transport.abort()
            await self._until_gone(server, LAST_SECONDS)
        self._port.close()

    async def _until_gone(self, server: Server, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            try:
                async with asyncio.timeout(seconds) as self._patience:
                    await server.connections.gone.wait()
            finally:
                self._patience = None


class Signals:
    """SIGTERM or SIGINT begins a stop; a second one cuts it short. A context manager, for a running event loop."""

    def __init__(self) -> None:
        self.stop = asyncio.Event()
        self.cut = asyncio.Event()

    def __enter__(self) -> Self:
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self._heard)
        return self

    def __exit__(self, *_: object) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().remove_signal_handler(number)

    def _heard(self) -> None:
        (self.cut if self.stop.is_set() else self.stop).set()


async def run(components: Sequence[Component], stop: asyncio.Event, cut: asyncio.Event | None = None) -> None:
    """Start in order, wait for `stop`, stop in reverse; whatever was started is stopped, even when a start fails."""
    draining = [each for each in components if isinstance(each, Draining)]
    async with contextlib.AsyncExitStack() as stack:
        if cut is not None:
            stack.callback(asyncio.create_task(_cut(cut, draining)).cancel)
        for component in components:
            stack.push_async_callback(component.stop)
            await component.start()
        await stop.wait()
        for each in draining:
            each.refuse()


async def _cut(cut: asyncio.Event, draining: Sequence[Draining]) -> None:
    await cut.wait()
    for each in draining:
        each.cut()


def _bind(host: str, port: int, tries: int = PICK_TRIES, *, shared: bool = False) -> list[socket.socket]:
    """A socket for each address of `host`, all on one port."""
    sockets: list[socket.socket] = []
    absent: OSError | None = None
    for family, _, _, _, place in socket.getaddrinfo(
        host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    ):
        taken = sockets[0].getsockname()[1] if sockets else port
        try:
            sockets.append(_bound(family, (place[0], taken, *place[2:]), shared=shared))
        except OSError as error:
            if error.errno in ABSENT:
                absent = error
                continue
            for each in sockets:
                each.close()
            if port == 0 and sockets and tries:
                return _bind(host, port, tries - 1, shared=shared)
            raise
    if absent is not None and not sockets:
        raise absent
    return sockets


def _bound(family: int, place: tuple[Any, ...], *, shared: bool = False) -> socket.socket:
    # The protocol is named because asyncio turns Nagle's delay off only where it can see that it is TCP's.
    made = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.setblocking(False)
        made.bind(place)
    except OSError:
        made.close()
        raise
    return made
