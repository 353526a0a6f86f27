"""A proxy in front of a TLS port that tells each caller what it saw of him, and clients that say exactly what they are
told."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import trustme

from kumotasks.api.http2 import protocol_class
from kumotasks.api.limits import Limits
from kumotasks.api.outside import Outside
from kumotasks.api.proxy import Proxy
from kumotasks.domain.attempt import Unreachable
from kumotasks.lifecycle import Listener, Port
from tests.api.peer import reply

AUTHORITY = trustme.CA()
API = "cloudtasks.googleapis.com"


async def mirror(scope: Any, receive: Any, send: Any) -> None:
    """Answers with the caller's address, the scheme, the Host and the version."""
    host = dict(scope["headers"]).get(b"host", b"-").decode()
    said = f"{scope['client'][0]} {scope['scheme']} {host} {scope['http_version']}".encode()
    await reply(send, said, fields=[(b"content-length", b"%d" % len(said))])


def server_tls(*names: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    AUTHORITY.issue_cert(*names).configure_cert(context)
    return context


def client_tls(*alpn: str) -> ssl.SSLContext:
    context = ssl.create_default_context()
    AUTHORITY.configure_trust(context)
    if alpn:
        context.set_alpn_protocols(list(alpn))
    return context


@dataclass
class Names:
    """What names stand for; those that are not here do not exist."""

    known: dict[str, tuple[str, ...]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    async def resolve(self, host: str) -> tuple[str, ...] | Unreachable:
        from kumotasks.dispatch.resolver import literal

        self.asked.append(host)
        return literal(host) or self.known.get(host) or Unreachable("no such name")


@dataclass
class House:
    proxy: Proxy
    port: int
    listener: Listener
    names: Names


@contextlib.asynccontextmanager
async def house(app: Any = mirror, *, outside: bool = True, host: str = "127.0.0.1") -> AsyncIterator[House]:
    tls = server_tls("*.googleapis.com", "accounts.google.com", "shop-1.us-central1.run.app")
    listener = Listener(app, protocol_class(Limits()), port=Port("127.0.0.1", 0), tls=tls, drain=0)
    names = Names()
    port = Port(host, 0)
    proxy = Proxy(
        port,
        listener.adopt,
        ours=lambda name: name == "shop-1.us-central1.run.app",
        outside=Outside(names.resolve) if outside else None,
    )
    await listener.start()
    await proxy.start()
    try:
        yield House(proxy, port.number, listener, names)
    finally:
        await proxy.stop()
        await listener.stop()


class Client:
    """A connection to the proxy."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def head(self) -> bytes:
        return await self.reader.readuntil(b"\r\n\r\n")

    async def connect(self, target: str, version: str = "1.1") -> bytes:
        """The head of the answer to CONNECT."""
        self.send(f"CONNECT {target} HTTP/{version}\r\nHost: {target}\r\n\r\n".encode())
        return await self.head()

    async def secure(self, name: str, context: ssl.SSLContext | None = None) -> None:
        await self.writer.start_tls(context or client_tls("http/1.1"), server_hostname=name)

    async def get(self, host: str) -> bytes:
        self.send(f"GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        return (await self.reader.read()).partition(b"\r\n\r\n")[2]


@contextlib.asynccontextmanager
async def visiting(place: House, source: str = "127.0.0.1") -> AsyncIterator[Client]:
    reader, writer = await asyncio.open_connection("127.0.0.1", place.port, local_addr=(source, 0))
    try:
        yield Client(reader, writer)
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def visits(place: House, count: int) -> None:
    """So many slots are in use."""
    while place.proxy.visits != count:  # noqa: ASYNC110 - the proxy tells nobody; each turn of the loop is a look
        await asyncio.sleep(0)


async def empty(place: House) -> None:
    """Every slot is free again."""
    await visits(place, 0)
