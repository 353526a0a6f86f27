"""grpc.health.v1: whether this server takes calls, asked once (Check) or watched.

Its two messages have one field each and the same number and wire type as two of protobuf's wrappers, so no generated
code is needed: a request is a StringValue (service name), an answer an Int32Value (status). It knows no transport.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from google.protobuf.wrappers_pb2 import Int32Value, StringValue

from kumotasks.domain.errors import EntityNotFound

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable

SERVICE = "grpc.health.v1.Health"
CHECK, WATCH = f"/{SERVICE}/Check", f"/{SERVICE}/Watch"
SERVING, NOT_SERVING, SERVICE_UNKNOWN = 1, 2, 3


class Health:
    """The state of all services together: they live in one process and stop together."""

    def __init__(self, services: Iterable[str] = ()) -> None:
        self._services = {"", SERVICE, *services}
        self._serving = True
        self._ended = False
        self._turn = asyncio.Event()  # set and replaced at every change

    def report(self, *, serving: bool) -> None:
        """Tell every watcher, if that is news."""
        if serving != self._serving:
            self._serving = serving
            self._announce()

    def end(self) -> None:
        """Not serving, for good: watchers are told and let go, so that they do not hold up a shutdown."""
        self._serving, self._ended = False, True
        self._announce()

    def status(self, service: str) -> int:
        if service not in self._services:
            return SERVICE_UNKNOWN
        return SERVING if self._serving else NOT_SERVING

    def check(self, request: StringValue) -> Int32Value:
        """The answer to Check."""
        status = self.status(request.value)
        if status == SERVICE_UNKNOWN:
            raise EntityNotFound("unknown service")
        return Int32Value(value=status)

    async def watch(self, request: StringValue) -> AsyncGenerator[Int32Value, None]:
        """The answers to Watch: the status now, and every other one that follows."""
        told = 0
        while True:
            turn, status = self._turn, self.status(request.value)
            if status != told:
                yield Int32Value(value=status)
                told = status
            if self._ended:
                return
            if turn is self._turn:  # else it changed while the last answer was on its way
                await turn.wait()

    async def ended(self) -> None:
        """Returns when the server stops."""
        while not self._ended:
            await self._turn.wait()

    def _announce(self) -> None:
        turn, self._turn = self._turn, asyncio.Event()
        turn.set()
