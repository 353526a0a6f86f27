"""Starting, draining, stopping."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
import ssl
from collections.abc import AsyncIterator
from typing import Any

import pytest
import trustme

from kumotasks import lifecycle
from kumotasks.api import http2
from kumotasks.api.http2 import protocol_class
from kumotasks.api.limits import Limits
from kumotasks.lifecycle import Component, Draining, Listener, Port, Signals, run
from tests.api.peer import Peer, both_loops, connected, echo, greeted, inside, reply


class Part:
    """A component that writes down what happens to it."""

    def __init__(self, name: str, log: list[str], *, fails: str = "") -> None:
        self._name = name
        self._log = log
        self._fails = fails

    async def start(self) -> None:
        self._note("start")

    async def stop(self) -> None:
        self._note("stop")

    def _note(self, what: str) -> None:
        self._log.append(f"{what} {self._name}")
        if self._fails == what:
            raise OSError(f"{self._name} failed to {what}")


class Door(Part):
    """A component that takes work; its stop lasts until it is cut."""

    def __init__(self, name: str, log: list[str]) -> None:
        super().__init__(name, log)
        self._cut = asyncio.Event()
        self.stopping = asyncio.Event()

    def refuse(self) -> None:
        self._note("refuse")

    def cut(self) -> None:
        self._note("cut")
        self._cut.set()

    async def stop(self) -> None:
        await super().stop()
        self.stopping.set()
        await self._cut.wait()


def listener(app: Any = echo, *, port: Port | None = None, **options: Any) -> Listener:
    return Listener(app, protocol_class(Limits()), port=port or Port("127.0.0.1", 0), **options)


async def test_components_start_in_order_and_stop_in_reverse() -> None:
    log: list[str] = []
    stop = asyncio.Event()
    stop.set()
    await run([Part("a", log), Part("b", log), Part("c", log)], stop)
    assert log == ["start a", "start b", "start c", "stop c", "stop b", "stop a"]


async def test_a_start_that_fails_stops_what_was_started() -> None:
    log: list[str] = []
    with pytest.raises(OSError, match="b failed to start"):
        await run([Part("a", log), Part("b", log, fails="start"), Part("c", log)], asyncio.Event())
    assert log == ["start a", "start b", "stop b", "stop a"]


async def test_a_stop_that_fails_does_not_spare_the_others() -> None:
    log: list[str] = []
    stop = asyncio.Event()
    stop.set()
    with pytest.raises(OSError, match="b failed to stop"):
        await run([Part("a", log), Part("b", log, fails="stop"), Part("c", log)], stop)
    assert log[-3:] == ["stop c", "stop b", "stop a"]


async def test_every_door_is_shut_before_the_first_is_emptied_and_a_cut_hurries_all() -> None:
    log: list[str] = []
    stop, cut = asyncio.Event(), asyncio.Event()
    plain, tls = Door("plain", log), Door("tls", log)
    components: list[Component] = [Part("store", log), plain, tls]
    running = asyncio.create_task(run(components, stop, cut))
    stop.set()
    await tls.stopping.wait()
    cut.set()
    await running
    assert log[3:] == ["refuse plain", "refuse tls", "stop tls", "cut plain", "cut tls", "stop plain", "stop store"]


@both_loops
async def test_the_first_signal_stops_and_the_second_cuts() -> None:
    with Signals() as signals:
        os.kill(os.getpid(), signal.SIGTERM)
        await signals.stop.wait()
        assert not signals.cut.is_set()
        os.kill(os.getpid(), signal.SIGINT)
        await signals.cut.wait()
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


# The listener.


def test_a_listener_takes_part_in_draining() -> None:
    assert isinstance(listener(), Draining)


@both_loops
async def test_port_zero_becomes_a_free_port() -> None:
    port = listener()
    assert port.port == 0
    port.bind()
    assert port.port != 0
    await port.start()
    async with greeted(port) as peer:
        assert (await peer.call(body=b"x")).body == b"x"
    await port.stop()


@both_loops
async def test_answers_are_not_held_back_by_the_kernel() -> None:
    port = listener()
    await port.start()
    async with greeted(port):
        server = inside(port).transport.get_extra_info("socket")
        assert server.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    await port.stop()


async def test_all_addresses_of_a_name_share_a_port() -> None:
    port = listener(port=Port("localhost", 0))
    port.bind()
    assert {each.getsockname()[1] for each in port._port.sockets} == {port.port}
    await port.stop()


async def test_a_port_in_use_is_one_clear_line() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        number = taken.getsockname()[1]
        with pytest.raises(OSError, match=rf"cannot listen on 127\.0\.0\.1:{number}: Address already in use"):
            await listener(port=Port("127.0.0.1", number)).start()


async def test_a_host_that_is_not_ours_is_one_clear_line() -> None:
    with pytest.raises(OSError, match=r"cannot listen on 192\.0\.2\.1:0: Cannot assign"):
        listener(port=Port("192.0.2.1", 0)).bind()


async def test_a_host_that_is_unknown_is_one_clear_line() -> None:
    with pytest.raises(OSError, match=r"cannot listen on not\.a\.host\.invalid:0: "):
        listener(port=Port("not.a.host.invalid", 0)).bind()


async def test_stopping_what_was_never_started_is_fine() -> None:
    port = listener()
    await port.stop()
    bound = listener()
    bound.bind()
    await bound.stop()
    await bound.stop()


@both_loops
async def test_stopping_twice_is_fine() -> None:
    port = listener()
    await port.start()
    await port.stop()
    await port.stop()


@both_loops
async def test_a_listener_that_refuses_takes_nobody() -> None:
    port = listener()
    await port.start()
    port.refuse()
    port.refuse()
    await asyncio.sleep(0)
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port.port)
    await port.stop()


@both_loops
async def test_a_stop_waits_for_open_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http2, "NOTICE_SECONDS", 0.02)
    began, gate = asyncio.Event(), asyncio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        began.set()
        await gate.wait()
        await reply(send, b"whole")

    port = listener(app, drain=3600)
    await port.start()
    async with greeted(port) as two, connected(port) as one:
        two.send(two.head(1, end=True))
        one.send(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
        await began.wait()
        await two.pong()
        stopping = asyncio.create_task(port.stop())
        await asyncio.sleep(0)
        gate.set()
        assert (await two.answer()).body == b"whole"
        assert b"whole" in await one.reader.read()
        await two.rest()
        await stopping
    assert port.connections == 0


class Stubborn:
    """An application that never ends by itself."""

    def __init__(self) -> None:
        self.began = asyncio.Event()
        self.cancelled = False

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.began.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled = True
            raise


@both_loops
@pytest.mark.parametrize("early", [True, False])
async def test_a_cut_ends_the_wait_for_open_calls(early: bool, caplog: pytest.LogCaptureFixture) -> None:
    app = Stubborn()
    port = listener(app, drain=3600)
    await port.start()
    async with connected(port) as peer:
        peer.send(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
        await app.began.wait()
        if early:
            port.cut()
        stopping = asyncio.create_task(port.stop())
        await asyncio.sleep(0)
        if not early:
            port.cut()
        await stopping
    assert app.cancelled
    assert caplog.records == []


@both_loops
async def test_a_call_that_outlives_the_drain_is_cancelled() -> None:
    app = Stubborn()
    port = listener(app, drain=0.01)
    await port.start()
    async with connected(port) as peer:
        peer.send(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
        await app.began.wait()
        await port.stop()
    assert app.cancelled
    assert port.connections == 0


async def test_a_listener_without_clients_has_no_timers() -> None:
    port = listener()
    await port.start()
    loop: Any = asyncio.get_running_loop()
    assert [timer for timer in loop._scheduled if not timer.cancelled()] == []
    await port.stop()


@both_loops
async def test_a_client_that_begins_no_tls_is_closed_quietly(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(lifecycle, "HANDSHAKE_SECONDS", 0.05)
    caplog.set_level(logging.INFO)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("localhost").configure_cert(tls)
    port = listener(tls=tls)
    await port.start()
    async with connected(port) as silent, connected(port) as plain:
        plain.send(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
        assert b"HTTP" not in await plain.reader.read()
        assert await silent.reader.read() == b""
    await port.stop()
    assert [record for record in caplog.records if record.name != "asyncio"] == []


# Connections that were accepted elsewhere.


class HandedOver(asyncio.Protocol):
    """Gives each connection to a listener, once its client has said a word."""

    def __init__(self, port: Listener, failures: list[OSError]) -> None:
        self._port = port
        self._failures = failures

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._transport.pause_reading()
        self._transport.write(b"!")
        self._task = asyncio.create_task(self._hand())

    async def _hand(self) -> None:
        try:
            await self._port.adopt(self._transport)
        except OSError as error:
            self._failures.append(error)


@contextlib.asynccontextmanager
async def handed_over(port: Listener, failures: list[OSError]) -> AsyncIterator[Peer]:
    """A client whose connection `port` is to adopt; TLS has not begun."""
    door = await asyncio.get_running_loop().create_server(lambda: HandedOver(port, failures), "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*door.sockets[0].getsockname())
    writer.write(b"?")
    assert await reader.readexactly(1) == b"!"
    try:
        yield Peer(reader, writer)
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
        door.close()


class Wire:
    """A TLS client by hand, which says when which of its bytes are sent."""

    def __init__(self, context: ssl.SSLContext, peer: Any) -> None:
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._in, self._out, server_hostname="localhost")
        self._peer = peer

    async def greet(self) -> bytes:
        """The greeting, but for its last flight, which is given back."""
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                self._peer.send(self._out.read())
                self._in.write(await self._peer.reader.read(65_536))
            else:
                return self._out.read()

    def sealed(self, data: bytes) -> bytes:
        self._tls.write(data)
        return self._out.read()

    async def read(self) -> bytes:
        """What comes next, as far as one record goes."""
        while True:
            try:
                return self._tls.read(65_536)
            except ssl.SSLWantReadError:
                data = await self._peer.reader.read(65_536)
                assert data, "the connection ended"
                self._in.write(data)


def tls_pair(*alpn: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's context and that of a client that trusts it."""
    authority, server = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(server)
    client = ssl.create_default_context()
    authority.configure_trust(client)
    client.set_alpn_protocols(list(alpn))
    return server, client


@both_loops
async def test_an_adopted_connection_is_served_as_any_other_and_stops_with_them() -> None:
    server, client = tls_pair("http/1.1")
    port, failures = listener(tls=server), list[OSError]()
    await port.start()
    async with handed_over(port, failures) as peer:
        await peer.writer.start_tls(client, server_hostname="localhost")
        peer.send(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\nhi")
        assert b"hi" in await peer.reader.readuntil(b"hi\r\n")
        assert port.connections == 1
        await port.stop()
        assert await peer.reader.read() == b"0\r\n\r\n"
    assert failures == []


@both_loops
@pytest.mark.parametrize("protocol", ["h2", "http/1.1"])
async def test_what_an_adopted_client_says_with_its_last_greeting_is_heard(protocol: str) -> None:
    server, client = tls_pair(protocol)
    port, failures = listener(tls=server, drain=0), list[OSError]()
    await port.start()
    async with handed_over(port, failures) as peer:
        wire = Wire(client, peer)
        last = await wire.greet()
        said = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n" if protocol == "http/1.1" else http2.PREFACE + peer.settings()
        peer.send(last + wire.sealed(said))
        heard = await wire.read()
        assert heard.startswith(b"HTTP/1.1 200") if protocol == "http/1.1" else heard[3] == 4  # SETTINGS
    await port.stop()
    assert failures == []


@both_loops
async def test_a_greeting_that_fails_is_an_os_error() -> None:
    server, _ = tls_pair()
    port, failures = listener(tls=server), list[OSError]()
    await port.start()
    async with handed_over(port, failures) as peer:
        peer.send(b"GET / HTTP/1.1\r\n\r\n")
        assert b"HTTP" not in await peer.reader.read()
    await port.stop()
    assert len(failures) == 1


@both_loops
async def test_a_listener_that_has_no_tls_or_is_not_running_adopts_nobody() -> None:
    server, _ = tls_pair()
    plain, idle = listener(), listener(tls=server)
    await plain.start()
    for port in (plain, idle):
        async with handed_over(port, []) as peer:
            with contextlib.suppress(ConnectionError):
                assert await peer.reader.read() == b""
    await plain.stop()
