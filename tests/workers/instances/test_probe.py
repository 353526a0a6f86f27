"""Questions to programs that come up, over real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import grpc
import pytest

from kumotasks.domain.clock import MILLISECOND, SECOND
from kumotasks.domain.run.template import DEFAULT_STARTUP_PROBE, Probe, ProbeKind
from kumotasks.workers.instances.probe import described, passed

QUICK = Probe(timeout=200 * MILLISECOND, period=200 * MILLISECOND, failures=2)
HTTP = Probe(ProbeKind.HTTP, path="/up?x=1", timeout=2 * SECOND, period=10 * MILLISECOND, failures=3)
GRPC = Probe(ProbeKind.GRPC, timeout=5 * SECOND, period=10 * MILLISECOND, failures=2)
Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def listening(talk: Talk) -> AsyncIterator[int]:
    async with await asyncio.start_server(talk, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]


def free_port() -> int:
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        return int(asked.getsockname()[1])


def answering(*statuses: str) -> tuple[Talk, list[bytes]]:
    left, heads = list(statuses), list[bytes]()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer), contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            heads.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(f"HTTP/1.1 {left.pop(0)}\r\nContent-Length: 0\r\n\r\n".encode())

    return talk, heads


async def test_a_connection_is_enough_for_tcp() -> None:
    talk, _ = answering("200 OK")
    async with listening(talk) as port:
        assert await passed(QUICK, port) == 1


async def test_nobody_listens() -> None:
    assert await passed(QUICK, free_port()) == 0


async def test_one_attempt_waits_until_somebody_listens() -> None:
    port, talk = free_port(), answering("200 OK")[0]
    asking = asyncio.create_task(passed(DEFAULT_STARTUP_PROBE, port))
    await asyncio.sleep(0)
    async with await asyncio.start_server(talk, "127.0.0.1", port):
        assert await asyncio.wait_for(asking, 10) == 1


async def test_http_asks_until_the_status_is_good() -> None:
    talk, heads = answering("503 Not Yet", "404 Not Found", "302 Found")
    async with listening(talk) as port:
        assert await passed(HTTP, port) == 3
    assert heads[0].startswith(b"GET /up?x=1 HTTP/1.1\r\nHost: 127.0.0.1\r\n")


async def test_http_sends_the_headers_that_it_was_told() -> None:
    talk, heads = answering("200 OK")
    async with listening(talk) as port:
        assert await passed(Probe(ProbeKind.HTTP, headers=(("Host", "me"), ("X-A", "b"))), port) == 1
    assert b"\r\nHost: me\r\nX-A: b\r\n" in b"\r\n" + heads[0]
    assert heads[0].count(b"Host:") == 1


@pytest.mark.parametrize("status", ["500 No", "199 Odd", "400 Bad"])
async def test_http_gives_up(status: str) -> None:
    talk, heads = answering(status, status, status)
    async with listening(talk) as port:
        assert await passed(HTTP, port) == 0
    assert len(heads) == 3


@asynccontextmanager
async def health_server(answers: dict[bytes, bytes]) -> AsyncIterator[int]:
    """Google's own gRPC server, with a health service that knows some names by the bytes of the question."""

    async def check(request: bytes, context: grpc.aio.ServicerContext[bytes, bytes]) -> bytes:
        if request not in answers:
            await context.abort(grpc.StatusCode.NOT_FOUND, "unknown")
        return answers[request]

    server = grpc.aio.server()
    handler = grpc.unary_unary_rpc_method_handler(check)
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler("grpc.health.v1.Health", {"Check": handler}),)
    )
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    yield port
    await server.stop(None)


async def test_grpc_is_healthy_when_it_says_so() -> None:
    long_name = "s" * 200
    async with health_server({b"": b"\x08\x01", b"\x0a\xc8\x01" + long_name.encode(): b"\x08\x01"}) as port:
        assert await passed(GRPC, port) == 1
        assert await passed(Probe(ProbeKind.GRPC, service=long_name, timeout=5 * SECOND), port) == 1


async def test_grpc_that_does_not_serve_or_does_not_know_fails() -> None:
    async with health_server({b"": b"\x08\x02"}) as port:
        probe = Probe(ProbeKind.GRPC, timeout=300 * MILLISECOND, period=10 * MILLISECOND)
        assert await passed(probe, port) == 0
        assert await passed(Probe(ProbeKind.GRPC, service="x", timeout=300 * MILLISECOND), port) == 0


def test_probes_are_called_what_cloud_run_calls_them() -> None:
    told = described(DEFAULT_STARTUP_PROBE, "worker-1", 8080).format("succeeded after 1 attempt")
    assert told == 'Default STARTUP TCP probe succeeded after 1 attempt for container "worker-1" on port 8080.'
    told = described(HTTP, "web", 80).format("failed 3 times consecutively")
    assert told == 'STARTUP HTTP probe failed 3 times consecutively for container "web" on path "/up?x=1" port 80.'
