"""A sender to test with: loopback allowed, a clock that stands still, nothing else out of the ordinary."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from kumotasks.dispatch.egress import Egress
from kumotasks.dispatch.inside import Inside
from kumotasks.dispatch.pool import SenderLimits
from kumotasks.dispatch.request import Request
from kumotasks.dispatch.resolver import Found, Resolver
from kumotasks.dispatch.route import ProxySettings
from kumotasks.dispatch.sender import Sender
from kumotasks.dispatch.tls import TlsSettings
from kumotasks.domain.attempt import Outcome, Unreachable
from kumotasks.domain.clock import SECOND, ManualClock

START = 1_750_000_000 * SECOND
DEADLINE = 30 * SECOND


def post(url: str, body: bytes = b"hello", *headers: tuple[str, str], follow_redirects: bool = True) -> Request:
    return asking("POST", url, body, *headers, follow_redirects=follow_redirects)


def asking(
    method: str, url: str, body: bytes = b"", *headers: tuple[str, str], follow_redirects: bool = True
) -> Request:
    return Request(method, url, headers, body, DEADLINE, follow_redirects)


def nowhere(host: str) -> Found:
    return Unreachable(f"the name {host} cannot be looked up: tests know no names")


async def outcome_of(sender: Sender, request: Request) -> Outcome:
    """How the request ends; cancelled, it is given up."""
    told: asyncio.Future[Outcome | BaseException] = asyncio.get_running_loop().create_future()
    sending = sender.send(request, lambda outcome: None if told.done() else told.set_result(outcome))
    try:
        outcome = await told
    finally:
        if told.cancelled():
            sending.cancel()
    if isinstance(outcome, BaseException):
        raise outcome
    return outcome


@dataclass(frozen=True, slots=True)
class Awaited:
    """A sender whose outcomes can be waited for."""

    sender: Sender

    async def send(self, request: Request) -> Outcome:
        return await outcome_of(self.sender, request)

    async def start(self) -> None:
        await self.sender.start()

    async def stop(self) -> None:
        await self.sender.stop()

    @property
    def connections_open(self) -> int:
        return self.sender.connections_open

    @property
    def connections_idle(self) -> int:
        return self.sender.connections_idle


@asynccontextmanager
async def sender(
    *,
    clock: ManualClock | None = None,
    egress: Egress | None = None,
    look_up: Callable[[str], Found] = nowhere,
    tls: TlsSettings | None = None,
    limits: SenderLimits | None = None,
    proxy: ProxySettings | None = None,
    inside: Inside | None = None,
) -> AsyncIterator[Awaited]:
    """A started sender, stopped afterwards."""
    clock = clock or ManualClock(START)
    made = Sender(
        clock=clock,
        egress=egress or Egress(loopback_allowed=True),
        resolver=Resolver(clock=clock, look_up=look_up),
        tls=tls or TlsSettings(),
        limits=limits or SenderLimits(),
        proxy=proxy,
        inside=inside,
    )
    await made.start()
    try:
        yield Awaited(made)
    finally:
        await made.stop()
        assert made.connections_open == 0


async def until(condition: Callable[[], bool]) -> None:
    """Let the event loop turn until something holds; the test's own time limit is the bound."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0)
