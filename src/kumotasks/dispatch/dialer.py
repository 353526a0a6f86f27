"""From a route to an open connection: look-up, the egress policy's verdict, connect, the proxy's tunnel, TLS.

Each address is judged before it is connected to, and the other end of the socket must then be that address. Addresses
are tried in the resolver's order. Every error of the system and of TLS ends here as one line of text. It must never
know of requests or deadlines: its caller cancels it.
"""

from __future__ import annotations

import asyncio
import os
import ssl
from ipaddress import ip_address

from kumotasks.dispatch.connection import Connection, Owner
from kumotasks.dispatch.egress import Egress
from kumotasks.dispatch.resolver import Resolver, literal
from kumotasks.dispatch.route import Route
from kumotasks.dispatch.tls import ClientTls
from kumotasks.dispatch.tunnel import Tunnel
from kumotasks.domain.attempt import Barred, Unreachable

Dialled = Connection | Barred | Unreachable

# How long one address may keep the next one waiting (the last one has the attempt's whole time).
SECONDS_AN_ADDRESS = 10.0


class Dialer:
    """Opens connections."""

    def __init__(self, *, egress: Egress, resolver: Resolver, tls: ClientTls) -> None:
        self._egress = egress
        self._resolver = resolver
        self._tls = tls

    async def dial(self, owner: Owner, route: Route) -> Dialled:
        """A connection for `route` that belongs to `owner`, or why there is none."""
        addresses = await self._addresses(route)
        if not isinstance(addresses, tuple):
            return addresses
        try:
            context = await self._tls.context() if route.destination.scheme == "https" else None
        except (OSError, ssl.SSLError) as error:
            return Unreachable(f"TLS cannot be set up: {error}")
        failure = Unreachable(f"the name {route.destination.host} has no address")
        for tried, address in enumerate(addresses, start=1):
            patience = SECONDS_AN_ADDRESS if tried < len(addresses) else None
            try:
                async with asyncio.timeout(patience):
                    return await self._try(Connection(owner, route.key), route, address, context)
            except OSError as error:
                # What the first address said is the news: the second of localhost is as a rule not listened on.
                failure = failure if tried > 1 else Unreachable(_reason(error, route, address))
        return failure

    async def _addresses(self, route: Route) -> tuple[str, ...] | Barred | Unreachable:
        host = route.destination.host
        if route.proxy is not None:
            # The proxy looks the name up: what can be judged here is the name, and an address spelled out.
            verdicts = [self._egress.judge(host, each) for each in literal(host)] or [self._egress.judge_name(host)]
            barred = next((verdict for verdict in verdicts if verdict is not None), None)
            return barred or await self._resolver.resolve(route.proxy.host)
        found = await self._resolver.resolve(host)
        if isinstance(found, Unreachable):
            return found
        verdicts = [self._egress.judge(host, address) for address in found]
        allowed = tuple(address for address, barred in zip(found, verdicts, strict=True) if barred is None)
        return allowed or next((barred for barred in verdicts if barred is not None), ())

    async def _try(self, connection: Connection, route: Route, address: str, context: ssl.SSLContext | None) -> Dialled:
        """OSError if nothing listens there, or too slowly: the next address may. All else is the worker's doing."""
        port = route.destination.port if route.proxy is None else route.proxy.port
        tunnelled = route.proxy is not None and context is not None
        connect = self._connect_through if tunnelled else self._connect
        result: Dialled | None = None
        try:
            result = await connect(connection, route, (address, port), context) or connection
            if result is connection and not tunnelled and not _same(connection.peer(), address):
                result = Unreachable(f"the connection to {address} was lost at once, or led elsewhere")
        except ssl.SSLError as error:
            result = Unreachable(_tls_reason(error, route))
        finally:
            if result is not connection:
                connection.abort()
        return result

    async def _connect(
        self, connection: Connection, route: Route, where: tuple[str, int], context: ssl.SSLContext | None
    ) -> Unreachable | None:
        name = route.destination.host.rstrip(".") if context is not None else None
        loop = asyncio.get_running_loop()
        await loop.create_connection(lambda: connection, *where, ssl=context, server_hostname=name)
        return None

    async def _connect_through(
        self, connection: Connection, route: Route, where: tuple[str, int], context: ssl.SSLContext | None
    ) -> Unreachable | None:
        assert route.proxy is not None
        assert context is not None
        loop = asyncio.get_running_loop()
        transport, tunnel = await loop.create_connection(Tunnel, *where)
        stands = False
        try:
            host = route.destination.host
            refusal = await tunnel.ask(host, route.destination.port, route.proxy)
            if refusal is None:
                secured = await loop.start_tls(transport, connection, context, server_hostname=host.rstrip("."))
                assert secured is not None
                connection.connection_made(secured)
                stands = True
            return refusal
        finally:
            if not stands:
                transport.abort()


def _same(peer: str, address: str) -> bool:
    """Whether both are one address, however they are spelled."""
    try:
        return ip_address(peer.partition("%")[0]) == ip_address(address.partition("%")[0])
    except ValueError:
        return False


def _reason(error: OSError, route: Route, address: str) -> str:
    port = route.destination.port if route.proxy is None else route.proxy.port
    detail = os.strerror(error.errno).lower() if error.errno else str(error) or type(error).__name__
    if isinstance(error, TimeoutError):
        detail = "connection timed out"
    return f"cannot connect to {route.destination.host} ({address} port {port}): {detail}"


def _tls_reason(error: ssl.SSLError, route: Route) -> str:
    detail = (error.reason or str(error)).replace("_", " ").lower()
    if isinstance(error, ssl.SSLCertVerificationError):
        detail = f"certificate verify failed: {error.verify_message}"
    return f"TLS with {route.destination.host} failed: {detail}"
