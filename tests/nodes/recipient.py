"""The worker of the chaos tests: one thread, that writes down what came and what it answered.

Its paths are what it does: /ok succeeds, /slow takes a moment, /fails-once fails the first attempt, /held answers once
it is let go.
"""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import random
import threading
from urllib.parse import urlsplit

import httptools

from kumotasks.domain.clock import SystemClock
from tests.nodes.chronicle import Answered, Arrived, Chronicle

FENCE = "/fence"
_CLOCK = SystemClock()
_MOMENT = 0.1  # seconds at most


class Recipient:
    """An HTTP server in a thread of this process; a context manager. `host` is where it listens."""

    def __init__(self, chronicle: Chronicle, host: str = "127.0.0.1") -> None:
        self._chronicle = chronicle
        self._host = host
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._held: list[asyncio.Future[None]] = []
        self._held_one = threading.Event()
        self._holds = True
        self._connections: set[_Connection] = set()
        self.randomness = random.Random()
        self.port = 0

    def __enter__(self) -> Recipient:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(10)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @property
    def url(self) -> str:
        return f"http://{self._host}:{self.port}"

    def drain(self) -> None:
        """Until everything that has been sent to it so far is noted: our own two requests come in order behind it."""
        connection = http.client.HTTPConnection(self._host, self.port, timeout=30)
        for _ in range(2):
            connection.request("GET", FENCE)
            connection.getresponse().read()
        connection.close()

    def wait_until_holding(self) -> None:
        assert self._held_one.wait(30)

    def let_go(self) -> None:
        """Answer what is held, and hold nothing any longer."""
        self._loop.call_soon_threadsafe(self._let_go)

    def take(self, connection: _Connection, path: str, headers: dict[str, str]) -> None:
        """On the loop: one request has come."""
        task = headers.get("x-cloudtasks-taskname")
        if task is None:
            connection.answer(200)
            return
        retry = int(headers["x-cloudtasks-taskretrycount"])
        self._chronicle.note(Arrived(task, retry, headers["x-cloudtasks-queuename"], _CLOCK.now()))
        status = 500 if path == "/fails-once" and retry == 0 else 200

        def answer() -> None:
            if connection.answer(status):
                self._chronicle.note(Answered(task, retry, status))

        if path == "/held" and self._holds:
            held = self._loop.create_future()
            held.add_done_callback(lambda _: answer())
            self._held.append(held)
            self._held_one.set()
        elif path == "/slow":
            self._loop.call_later(self.randomness.random() * _MOMENT, answer)
        else:
            answer()

    def opened(self, connection: _Connection) -> None:
        self._connections.add(connection)

    def closed(self, connection: _Connection) -> None:
        self._connections.discard(connection)

    async def _listen(self) -> None:
        server = await self._loop.create_server(lambda: _Connection(self), self._host, self.port, backlog=1024)
        self._server = server
        self.port = server.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        self._server.close()
        self._let_go()
        for connection in list(self._connections):
            connection.abort()
        await asyncio.sleep(0)  # for what was aborted to be told so

    def _let_go(self) -> None:
        self._holds = False
        for held in self._held:
            held.set_result(None)
        self._held.clear()


class _Connection(asyncio.Protocol):
    def __init__(self, recipient: Recipient) -> None:
        self._recipient = recipient
        self._parser = httptools.HttpRequestParser(self)
        self._headers: dict[str, str] = {}
        self._path = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._recipient.opened(self)

    def connection_lost(self, _: Exception | None) -> None:
        self._recipient.closed(self)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_url(self, url: bytes) -> None:
        self._path, self._headers = urlsplit(url.decode()).path, {}

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.decode().lower()] = value.decode()

    def on_message_complete(self) -> None:
        self._recipient.take(self, self._path, self._headers)

    def answer(self, status: int) -> bool:
        """Whether there is anybody to hear it."""
        if self._transport.is_closing():
            return False
        self._transport.write(b"HTTP/1.1 %d Said\r\nContent-Length: 0\r\n\r\n" % status)
        return True

    def abort(self) -> None:
        with contextlib.suppress(RuntimeError):
            self._transport.abort()
