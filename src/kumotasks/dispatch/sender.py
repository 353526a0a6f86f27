"""Pushing: a request goes out, an outcome comes back, whatever the worker does.

The usual case is short: an idle connection, one write, one answer. Everything else (a new connection, a redirect) is a
journey, a task of its own, so that the deadline can end it wherever it stands; so is the way to a private worker of our
own, which needs no socket. A deadline covers it all: waiting for room, look-up, connect, TLS, sending, answer,
redirects. The sender never sends a request twice and never raises, bar cancellation. It must never know of queues,
tasks or retries.
"""

from __future__ import annotations

import asyncio

from kumotasks.dispatch.answer import Redirected, Reply
from kumotasks.dispatch.connection import CLOSED_EARLY, Connection
from kumotasks.dispatch.dialer import Dialer
from kumotasks.dispatch.egress import Egress
from kumotasks.dispatch.head import HeadWriter
from kumotasks.dispatch.inside import Inside, visit
from kumotasks.dispatch.pool import Pool, SenderLimits
from kumotasks.dispatch.redirect import MAX_HOPS, follow
from kumotasks.dispatch.request import Request
from kumotasks.dispatch.resolver import Resolver
from kumotasks.dispatch.route import ProxySettings, Route, Routes, straight_to
from kumotasks.dispatch.tls import ClientTls, TlsSettings
from kumotasks.domain.attempt import Barred, Outcome, TimedOut, Unreachable
from kumotasks.domain.clock import Clock
from kumotasks.domain.deadlines import Deadlines

__all__ = ["ProxySettings", "Sender", "SenderLimits", "TlsSettings"]

TIMED_OUT = TimedOut()
STOPPED = Unreachable("the dispatcher was stopped")


class Sender:
    """Sends requests to workers. A Component: `start` before the first one, `stop` ends them all."""

    def __init__(
        self,
        *,
        clock: Clock,
        egress: Egress,
        resolver: Resolver,
        tls: TlsSettings,
        limits: SenderLimits,
        proxy: ProxySettings | None = None,
        inside: Inside | None = None,
    ) -> None:
        """`inside` leads to the private workers that this server runs."""
        inside = inside or Inside(lambda host: None)
        self._inside = inside
        self._clock = clock
        self._tls = ClientTls(tls)
        self._dialer = Dialer(egress=egress, resolver=resolver, tls=self._tls)
        self._routes = Routes(proxy, inside.likely)
        self._heads = HeadWriter()
        self._pool = Pool(limits)
        self._deadlines = Deadlines(clock)
        self._running = False

    @property
    def connections_open(self) -> int:
        """Sockets in use, connecting and idle ones included."""
        return self._pool.connections_open

    @property
    def connections_idle(self) -> int:
        """Those of them that wait for a request."""
        return self._pool.connections_idle

    async def start(self) -> None:
        """Make ready; OSError or ssl.SSLError if a file of the TLS settings is not what it should be."""
        await self._tls.start()
        self._running = True

    async def stop(self) -> None:
        """End what is under way as Unreachable and close every connection; twice is fine."""
        self._running = False
        self._deadlines.cancel_all()
        await self._pool.close()

    async def send(self, request: Request) -> Outcome:
        """Make one attempt. It ends within the request's deadline."""
        route = self._routes.find(request.url)
        if isinstance(route, Unreachable):
            return route
        instant = self._clock.now() + request.deadline
        led_in = route.likely_inside and self._inside.find(route.destination) is not None
        connection = None if led_in else self._pool.take(route.key)
        if connection is None:
            return await self._journey(request, instant, hops=0)
        data = self._heads.write(request, route)
        if isinstance(data, Unreachable):
            self._pool.release(connection)
            return data
        wait = connection.exchange(data, bodiless=request.method == "HEAD")
        self._deadlines.add(wait, instant)
        try:
            reply = await wait
        except asyncio.CancelledError as error:
            if wait.cancelled():
                connection.abort()
            return self._cut_short(error)
        finally:
            self._deadlines.discard(wait)
        if isinstance(reply, Redirected):
            onward = _onward(request, reply, hops=0)
            return reply.answered if onward is None else await self._journey(onward, instant, hops=1)
        return reply

    async def _journey(self, request: Request, instant: int, *, hops: int) -> Outcome:
        """The long way, under the same deadline."""
        if not self._running:
            return STOPPED
        wait = asyncio.get_running_loop().create_task(self._travel(request, hops))
        self._deadlines.add(wait, instant)
        try:
            return await wait
        except asyncio.CancelledError as error:
            return self._cut_short(error)
        finally:
            self._deadlines.discard(wait)

    def _cut_short(self, error: asyncio.CancelledError) -> Outcome:
        """What a cancelled wait amounts to; `error` goes on if it is the sending itself that was cancelled."""
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise error
        return TIMED_OUT if self._running else STOPPED

    async def _travel(self, request: Request, hops: int) -> Outcome:
        """From hop to hop, until an answer is not to be followed."""
        while True:
            reply = await self._visit(request)
            if not isinstance(reply, Redirected):
                return reply
            onward = _onward(request, reply, hops=hops)
            if onward is None:
                return reply.answered
            request, hops = onward, hops + 1

    async def _visit(self, request: Request) -> Reply | Barred:
        route = self._routes.find(request.url)
        if isinstance(route, Unreachable):
            return route
        app = self._inside.find(route.destination) if route.likely_inside else None
        data = self._heads.write(request, route if app is None else straight_to(route.destination))
        if isinstance(data, Unreachable):
            return data
        if app is not None:
            return await visit(app, data, route.destination.scheme)
        connection = await self._connection(route)
        if not isinstance(connection, Connection):
            return connection
        wait = connection.exchange(data, bodiless=request.method == "HEAD")
        try:
            return await wait
        finally:
            if wait.cancelled():
                connection.abort()

    async def _connection(self, route: Route) -> Connection | Barred | Unreachable:
        """An idle connection, or a new one once there is room."""
        connection = self._pool.take(route.key)
        while connection is None:
            connection = await self._pool.admit(route.key)
            if connection is None:
                return await self._dial(route)
            if not connection.usable():  # lost in the moment it was handed over
                connection = None
        return connection

    async def _dial(self, route: Route) -> Connection | Barred | Unreachable:
        dialled: Connection | Barred | Unreachable | None = None
        try:
            dialled = await self._dialer.dial(self._pool, route)
        finally:
            if not isinstance(dialled, Connection):
                self._pool.leave()
        if isinstance(dialled, Connection) and not self._pool.adopt(dialled):
            return Unreachable(CLOSED_EARLY)
        return dialled


def _onward(request: Request, reply: Redirected, *, hops: int) -> Request | None:
    if not request.follow_redirects or hops >= MAX_HOPS:
        return None
    return follow(request, reply.answered.status, reply.location)
