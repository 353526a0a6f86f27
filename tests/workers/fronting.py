"""A front on a real port, before a worker that behaves by script on another; an installation's keys and policies."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from kumotasks.api.hosts import Hosts
from kumotasks.api.http2 import protocol_class
from kumotasks.api.limits import Limits
from kumotasks.auth.keyring import Keyring
from kumotasks.auth.revoked import Revoked
from kumotasks.auth.tokens import Tokens
from kumotasks.domain.account import ServiceAccount, account_email
from kumotasks.domain.policy import Binding, Policy
from kumotasks.domain.run.service import Service, ServiceName
from kumotasks.domain.run.template import Container, Template
from kumotasks.lifecycle import Listener, Port
from kumotasks.workers.front.alone import Alone
from kumotasks.workers.front.front import Front
from kumotasks.workers.front.invoker import Invoker
from kumotasks.workers.front.proofs import OwnProofs
from kumotasks.workers.run_log import Place, Request
from tests.auth.judging import World, world
from tests.dispatch.scripted import Script, Worker, answering, worker

NAME = ServiceName("shop", "us-central1", "worker")
URL = "https://worker-123.us-central1.run.app"
HOST = "worker-123.us-central1.run.app"
ISSUER = "https://accounts.google.com"
GUARD_SECONDS = 20.0  # a test that hangs fails here
INVOKER = "roles/run.invoker"
SERVICE = Service(NAME, "uid", Template((Container("image"),)))


@dataclass
class Told:
    """What the front said for the log."""

    entries: list[tuple[Place, Request]] = field(default_factory=list)

    def request(self, place: Place, request: Request) -> None:
        self.entries.append((place, request))

    @property
    def statuses(self) -> list[int]:
        return [request.status for _, request in self.entries]


@dataclass
class Stage:
    """The front's port, the worker behind it, and whoever may call it."""

    port: int
    worker: Worker
    world: World
    tokens: Tokens
    log: Told
    front: Front

    async def token(self, account: ServiceAccount, audience: str = URL, **options: bool) -> str:
        return await self.tokens.id_token(account, audience, **options)

    async def caller(self, account_id: str, *, bound: bool = True) -> ServiceAccount:
        """An account, which may invoke the service if it is bound."""
        email = account_email(account_id, "shop")
        account = await self.world.account(account_id)
        if bound:
            await self.let_in(f"serviceAccount:{email}")
        return account

    async def let_in(self, *members: str) -> None:
        await self.world.book.put(str(NAME), policy_of(*members), if_etag=b"")

    async def say(self, data: bytes) -> bytes:
        """Everything the front says to some bytes, up to the end of the connection."""
        async with connected(self.port) as (reader, writer):
            writer.write(data)
            return await reader.read()

    async def ask(
        self,
        *fields: str,
        method: str = "GET",
        target: str = "/",
        body: bytes = b"",
    ) -> Answered:
        """One request on a connection of its own."""
        size = [f"Content-Length: {len(body)}"] if body else []
        lines = [f"{method} {target} HTTP/1.1", f"Host: {HOST}", "Connection: close", *fields, *size]
        return read_answer(await self.say("\r\n".join([*lines, "", ""]).encode() + body))


@dataclass(frozen=True)
class Answered:
    status: int
    headers: dict[str, str]
    body: bytes


def read_answer(data: bytes) -> Answered:
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return Answered(int(first.split()[1]), headers, body)


def policy_of(*members: str) -> Policy:
    return Policy(3, (Binding(INVOKER, members),) if members else ())


@contextlib.asynccontextmanager
async def connected(port: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield reader, writer
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


async def nobody(scope: object, receive: object, send: Callable[[dict[str, object]], Awaitable[None]]) -> None:
    """The application for every other host."""
    await send({"type": "http.response.start", "status": 418, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body"})


@contextlib.asynccontextmanager
async def stage(
    directory: Path,
    script: Script | None = None,
    *,
    service: Service = SERVICE,
    hosts: Sequence[str] = (HOST,),
    tasks_are_internal: bool = False,
    port: int = 0,
) -> AsyncIterator[Stage]:
    """`port` is where the front looks for the worker, if not at its own."""
    async with asyncio.timeout(GUARD_SECONDS), world(directory) as made, worker(script or answering()) as behind:
        tokens = Tokens(Keyring(directory / "keys", made.clock), made.clock, ISSUER)
        proofs = OwnProofs(tokens, made.accounts, Revoked(made.records, made.clock), issuer=ISSUER, anyone=False)
        alone = Alone(service, (URL,), number="123", host="127.0.0.1", port=port or behind.port)
        log = Told()
        front = Front(
            alone,
            Invoker(proofs, made.authorizer, made.clock),
            log,
            made.clock,
            tasks_are_internal=tasks_are_internal,
        )
        switch = Hosts(lambda host: host if host in hosts else None, front=front, application=nobody)
        limits = Limits(max_body=1024 * 1024, guest=switch.guest)
        listener = Listener(switch, protocol_class(limits), port=Port("127.0.0.1", 0), drain=0)
        await listener.start()
        try:
            yield Stage(listener.port, behind, made, tokens, log, front)
        finally:
            await listener.stop()
            await front.stop()


def unguarded(**changes: object) -> Service:
    """The service, open to everybody."""
    return replace(SERVICE, invoker_iam_disabled=True, **changes)  # type: ignore[arg-type]
