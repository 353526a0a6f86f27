"""Pushing: a request goes out, an outcome comes back, whatever the worker does.

The usual case is short: an idle connection, one write, one answer, no task and no future. Everything else (a new
connection, a redirect) is a journey, a task of its own, so that the deadline can end it wherever it stands; so is the
way to a private worker of our own, which needs no socket. A deadline covers it all: waiting for room, look-up, connect,
TLS, sending, answer, redirects. The sender never sends a request twice. It must never know of queues, tasks or retries.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial

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
from kumotasks.domain.deadlines import Deadlines, Wait
from kumotasks.domain.value import entry

__all__ = ["ProxySettings", "Sender", "SenderLimits", "TlsSettings"]

TIMED_OUT = TimedOut()
STOPPED = Unreachable("the dispatcher was stopped")

Ended = Callable[[Outcome | BaseException], None]


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
        self.deadlines = Deadlines(clock)
        self._running = False
        self._loop: asyncio.AbstractEventLoop | None = None  # to find it anew costs a system call

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
        self._loop = asyncio.get_running_loop()
        self._running = True

    async def stop(self) -> None:
        """End what is under way as Unreachable and close every connection; twice is fine."""
        self._running = False
        self.deadlines.cancel_all()
        await self._pool.close()

    def send(self, request: Request, ended: Ended) -> Wait:
        """Make one attempt; `ended` is told how it ended, within the request's deadline, but not before this returns.

        An exception is a mistake of our own. Whoever cancels the attempt may be told that its time was over.
        """
        assert self._loop is not None
        route = self._routes.find(request.url)
        if isinstance(route, Unreachable):
            return self._loop.call_soon(ended, route)
        instant = self._clock.now() + request.deadline
        led_in = route.likely_inside and self._inside.find(route.destination) is not None
        connection = None if led_in else self._pool.take(route.key)
        if connection is None:
            return self._journey(self._travel(request, hops=0), instant, ended)
        data = self._heads.write(request, route)
        if isinstance(data, Unreachable):
            self._pool.release(connection)
            return self._loop.call_soon(ended, data)
        sending = _Sending(self, connection, request, instant, ended)
        connection.exchange(data, sending.answered, bodiless=request.method == "HEAD")
        self.deadlines.add(sending, instant)
        return sending

    def follow(self, request: Request, reply: Redirected, instant: int, ended: Ended) -> Wait:
        """Go where an answer leads, in what is left of the time."""
        return self._journey(self._follow(request, reply), instant, ended)

    @property
    def too_late(self) -> Outcome:
        """What an attempt comes to that is cut short."""
        return TIMED_OUT if self._running else STOPPED

    def _journey(self, travel: Coroutine[None, None, Outcome], instant: int, ended: Ended) -> Wait:
        """The long way, under the same deadline."""
        assert self._loop is not None
        wait = self._loop.create_task(travel)
        self.deadlines.add(wait, instant)
        wait.add_done_callback(partial(self._arrived, ended))
        return wait

    def _arrived(self, ended: Ended, wait: asyncio.Task[Outcome]) -> None:
        self.deadlines.discard(wait)
        ended(self.too_late if wait.cancelled() else wait.exception() or wait.result())

    async def _follow(self, request: Request, reply: Redirected) -> Outcome:
        onward = _onward(request, reply, hops=0)
        return reply.answered if onward is None else await self._travel(onward, hops=1)

    async def _travel(self, request: Request, hops: int) -> Outcome:
        """From hop to hop, until an answer is not to be followed."""
        while self._running:
            reply = await self._visit(request)
            if not isinstance(reply, Redirected):
                return reply
            onward = _onward(request, reply, hops=hops)
            if onward is None:
                return reply.answered
            request, hops = onward, hops + 1
        return STOPPED

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
        wait: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        connection.exchange(data, partial(_tell, wait, connection), bodiless=request.method == "HEAD")
        try:
            return await wait
        finally:
            if wait.cancelled():
                connection.abandon()

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


@entry
class _Sending:
    """One attempt on its way: over a connection that was idle, and on a journey from there if the answer leads on."""

    sender: Sender
    connection: Connection
    request: Request
    instant: int
    ended: Ended
    onward: Wait | None = None

    def answered(self, reply: Reply) -> None:
        self.sender.deadlines.discard(self)
        if isinstance(reply, Redirected):
            self.onward = self.sender.follow(self.request, reply, self.instant, self.ended)
        else:
            self.ended(reply)

    def cancel(self) -> None:
        """Its time is over, or nobody wants to know any more."""
        if self.onward is not None:
            self.onward.cancel()
            return
        self.sender.deadlines.discard(self)
        self.connection.abandon()
        self.ended(self.sender.too_late)


def _tell(wait: asyncio.Future[Reply], connection: Connection, reply: Reply) -> None:
    """A journey that was cut short in this very moment has given its connection up."""
    if wait.done():
        connection.abort()
    else:
        wait.set_result(reply)


def _onward(request: Request, reply: Redirected, *, hops: int) -> Request | None:
    if not request.follow_redirects or hops >= MAX_HOPS:
        return None
    return follow(request, reply.answered.status, reply.location)
