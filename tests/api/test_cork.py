"""Head and body of an answer in one write, and a head that nothing follows in a write of its own."""

from __future__ import annotations

import asyncio
from typing import Any

from kumotasks.api.cork import Cork
from tests.api.peer import connected, serving


class Written:
    """The transport's side: what each write held, and whether it was closed."""

    def __init__(self) -> None:
        self.writes: list[bytes] = []
        self.closed = False

    def write(self, data: bytes) -> None:
        self.writes.append(data)

    def close(self) -> None:
        self.closed = True


def corked() -> tuple[Written, Cork]:
    transport = Written()
    return transport, Cork(transport, asyncio.get_running_loop())  # type: ignore[arg-type]


async def test_what_follows_at_once_leaves_with_the_head() -> None:
    transport, cork = corked()
    for data in (b"head", b"body", b"more"):
        cork.write(data)
    assert transport.writes == [b"headbody", b"more"]
    await asyncio.sleep(0)
    assert transport.writes == [b"headbody", b"more"]


async def test_a_head_alone_leaves_in_the_same_turn() -> None:
    transport, cork = corked()
    cork.write(b"head")
    assert transport.writes == []
    await asyncio.sleep(0)
    cork.write(b"body")
    assert transport.writes == [b"head", b"body"]


async def test_nothing_is_lost_at_the_end() -> None:
    transport, cork = corked()
    cork.write(b"head")
    cork.close()
    await asyncio.sleep(0)
    assert (transport.writes, transport.closed) == ([b"head"], True)


async def test_a_client_sees_the_head_of_an_answer_whose_body_is_still_to_come() -> None:
    go = asyncio.Event()

    async def slow(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"4")]})
        await go.wait()
        await send({"type": "http.response.body", "body": b"late"})

    async with asyncio.timeout(20), serving(slow) as port, connected(port) as peer:
        peer.send(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
        assert (await peer.reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
        go.set()
        assert await peer.reader.readexactly(4) == b"late"
