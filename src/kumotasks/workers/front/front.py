"""The door in front of private workers: who comes in, to which instance, for how long, and what the log says of it.

Cloud Run's front, as an ASGI application for the hosts of services. It asks in this order: may the caller come near at
all (ingress), may he invoke the service, is there room in an instance. It knows no process and no socket.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

from kumotasks.domain.clock import Clock
from kumotasks.domain.deadlines import Deadlines
from kumotasks.domain.run.service import Ingress
from kumotasks.workers.errors import NoInstance, StartFailed
from kumotasks.workers.front.asgi import Receive, Scope, Send, host_in
from kumotasks.workers.front.connection import InstanceLost, Unreached
from kumotasks.workers.front.h2c import H2c
from kumotasks.workers.front.invoker import Admitted, Invoker
from kumotasks.workers.front.passage import ClientLeft, Passage
from kumotasks.workers.front.refusal import LOST, NO_INSTANCE, NOT_FOUND, NOT_STARTED, TIMED_OUT, Refusal, unauthorized
from kumotasks.workers.front.upstream import Upstream
from kumotasks.workers.front.visit import Visit
from kumotasks.workers.instances.running import Running, Slot
from kumotasks.workers.run_log import Place, Request

_INSTANCES = 5  # that a request is brought to in turn, as long as none of them can be reached


class Directory(Protocol):
    """Who runs instances (runtime.Runtime)."""

    def find(self, host: str, /) -> Running | None:
        """The service behind a host, which is in lower case and without a port."""

    async def acquire(self, running: Running, /) -> Slot:
        """Room for one request. Raises NoInstance, StartFailed."""

    def release(self, slot: Slot, /, *, failed: bool = False) -> None:
        """The request has ended; `failed`: the instance broke off."""


class RequestLog(Protocol):
    """Keeps what is said of requests (run_log.RunLog)."""

    def request(self, place: Place, request: Request, /) -> None: ...


class Patience:
    """Ends the request that its task carries when its time is over."""

    __slots__ = ("_task", "over")

    def __init__(self, task: asyncio.Task[object]) -> None:
        self._task = task
        self.over = False

    def cancel(self) -> None:
        self.over = True
        self._task.cancel()


class Front:
    """An ASGI application, and a Component: `stop` closes the connections to instances.

    `clock` measures request timeouts. `tasks_are_internal`: our own dispatcher reaches services of internal ingress.
    """

    def __init__(
        self,
        directory: Directory,
        invoker: Invoker,
        log: RequestLog,
        clock: Clock,
        *,
        tasks_are_internal: bool = False,
    ) -> None:
        self._directory = directory
        self._invoker = invoker
        self._log = log
        self._clock = clock
        self._tasks_are_internal = tasks_are_internal
        self._upstream = Upstream()
        self._passage, self._h2c = Passage(self._upstream), H2c()
        self._deadlines = Deadlines(clock)

    async def start(self) -> None:
        """Nothing runs before the first request."""

    async def stop(self) -> None:
        self._deadlines.cancel_all()
        self._upstream.close()
        self._h2c.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        running = self._directory.find(host_in(scope))
        if running is None:
            await _turn_away(scope, send)
            return
        visit = Visit(scope, running, send, self._clock.now())
        try:
            refusal = await self._judge(visit) or await self._serve(visit, receive)
            if refusal is not None:
                await visit.refuse(refusal)
        except ClientLeft:
            return
        finally:
            self._log.request(visit.place(), visit.summary(self._clock.now()))

    async def _judge(self, visit: Visit) -> Refusal | None:
        """Why the caller stays outside, if he does."""
        service, fields = visit.running.service, visit.fields
        if service.ingress is not Ingress.ALL and not (self._tasks_are_internal and visit.of_tasks):
            return NOT_FOUND
        if fields.doubtful:
            return unauthorized(visit.path)
        verdict = await self._invoker.verdict(visit.running, fields.noted.get(fields.token), visit.path)
        if isinstance(verdict, Admitted):
            visit.unsigned = verdict.unsigned
            return None
        return verdict

    async def _serve(self, visit: Visit, receive: Receive) -> Refusal | None:
        """Bring the request to an instance, to another where that one just ended; a refusal where none answers."""
        for _ in range(_INSTANCES):
            try:
                slot = visit.slot = await self._directory.acquire(visit.running)
            except NoInstance:
                return NO_INSTANCE
            except StartFailed:
                return NOT_STARTED
            try:
                return await self._ask(visit, slot, receive)
            except Unreached:
                continue
        return LOST

    async def _ask(self, visit: Visit, slot: Slot, receive: Receive) -> Refusal | None:
        """Raises Unreached."""
        failed = False
        try:
            return await self._in_time(visit, slot, receive)
        except InstanceLost:
            failed = True
            if visit.status:
                raise asyncio.CancelledError from None  # there is no honest way to end the answer that has begun
            return LOST
        except Unreached:
            failed = True
            raise
        finally:
            self._directory.release(slot, failed=failed)

    async def _in_time(self, visit: Visit, slot: Slot, receive: Receive) -> Refusal | None:
        task = asyncio.current_task()
        assert task is not None
        patience = Patience(task)
        self._deadlines.add(patience, self._clock.now() + slot.revision.template.timeout)
        try:
            await (self._h2c if slot.h2c else self._passage).carry(visit, slot, receive)
        except asyncio.CancelledError:
            if not patience.over or task.uncancel() or visit.status:
                raise
            return TIMED_OUT
        finally:
            self._deadlines.discard(patience)
        return None


async def _turn_away(scope: Scope, send: Send) -> None:
    """No such service any more: it was there when the request was led here."""
    length = (b"content-length", b"%d" % len(NOT_FOUND.body))
    await send({"type": "http.response.start", "status": NOT_FOUND.status, "headers": [*NOT_FOUND.headers, length]})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else NOT_FOUND.body})
