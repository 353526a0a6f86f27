"""The CONNECT proxy: who is led where, and what attackers get."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from kumotasks import lifecycle
from kumotasks.api import proxy as proxying
from kumotasks.api.connect import Refused
from kumotasks.api.proxy import Visit, answer, google
from kumotasks.lifecycle import Draining
from tests.api.peer import both_loops
from tests.api.proxying import API, Client, House, client_tls, empty, house, visiting, visits

METADATA = [
    "169.254.169.254",
    "169.254.169.254.",
    "2852039166",
    "0xa9fea9fe",
    "0xA9.0xFE.0xA9.0xFE",
    "0251.0376.0251.0376",
    "169.254.43518",
    "169.16689662",
    "[::ffff:169.254.169.254]",
    "[::ffff:a9fe:a9fe]",
    "[::169.254.169.254]",
    "[64:ff9b::a9fe:a9fe]",
    "[2002:a9fe:a9fe::]",
    "[fd00:ec2::254]",
    "[fd20:ce::254]",
    "[fe80::1]",
    "169.254.0.1",
    "100.100.100.200",
    "metadata.google.internal",
    "Metadata.Google.Internal.",
    "metadata.goog",
    "0.0.0.0",
    "0",
    "[::]",
    "224.0.0.1",
]


@asynccontextmanager
async def worker() -> AsyncIterator[tuple[int, list[bytes]]]:
    """A server that is not ours: it echoes in capitals, and says `bye` at the end of what it hears."""
    heard: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            heard.append(data)
            writer.write(data.upper())
        writer.write(b"bye")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1], heard
    finally:
        server.close()
        await server.wait_closed()


def far_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every client counts as one of another machine."""
    monkeypatch.setattr(proxying, "is_loopback", lambda peer: False)


def test_a_proxy_takes_part_in_draining() -> None:
    assert issubclass(proxying.Proxy, Draining)


@pytest.mark.parametrize(
    ("host", "known"),
    [
        ("cloudtasks.googleapis.com", True),
        ("us-central1-run.googleapis.com", True),
        ("googleapis.com", True),
        ("accounts.google.com", True),
        ("metadata.google.internal", False),
        ("www.google.com", False),
        ("evilgoogleapis.com", False),
        ("cloudtasks.googleapis.com.evil.example", False),
        ("accounts.google.com.evil.example", False),
    ],
)
def test_which_names_are_googles_apis(host: str, known: bool) -> None:
    assert google(host) is known


# To us.


@both_loops
@pytest.mark.parametrize("version", ["1.0", "1.1"])
async def test_an_api_name_leads_to_our_tls_port_and_the_caller_stays_known(version: str) -> None:
    async with house() as place, visiting(place, "127.0.0.5") as client:
        assert await client.connect(f"{API}:443", version) == b"HTTP/1.1 200 Connection established\r\n\r\n"
        await client.secure(API)
        assert await client.get(API) == f"127.0.0.5 https {API} 1.1".encode()
        await empty(place)


@both_loops
@pytest.mark.parametrize("name", ["accounts.google.com", "shop-1.us-central1.run.app", "OAuth2.GoogleAPIs.com"])
async def test_other_names_that_are_ours(name: str) -> None:
    async with house() as place, visiting(place) as client:
        assert b" 200 " in await client.connect(f"{name}:443")
        await client.secure(name)
        assert (await client.get(name)).startswith(b"127.0.0.1 https")
        assert place.names.asked == []


@both_loops
async def test_http2_is_agreed_on_through_the_proxy() -> None:
    async with house() as place, visiting(place) as client:
        await client.connect(f"{API}:443")
        await client.secure(API, client_tls("h2", "http/1.1"))
        assert client.writer.get_extra_info("ssl_object").selected_alpn_protocol() == "h2"
        client.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00")
        assert (await client.reader.readexactly(9))[3] == 4  # SETTINGS


@both_loops
async def test_callers_of_other_machines_reach_the_apis_too(monkeypatch: pytest.MonkeyPatch) -> None:
    far_away(monkeypatch)
    async with house() as place, visiting(place) as client:
        await client.connect(f"{API}:443")
        await client.secure(API)
        assert (await client.get(API)).startswith(b"127.0.0.1 https")


@both_loops
@pytest.mark.parametrize("name", [API, "shop-1.us-central1.run.app"])
@pytest.mark.parametrize("port", [80, 22, 8443, 442, 65_535])
async def test_our_names_have_one_port_and_are_asked_of_nobody_else(name: str, port: int) -> None:
    async with house() as place, visiting(place) as client:
        assert b" 403 " in await client.connect(f"{name}:{port}")
        assert place.names.asked == []


@both_loops
async def test_a_client_that_speaks_no_tls_is_closed_quietly(caplog: pytest.LogCaptureFixture) -> None:
    async with house() as place, visiting(place) as client:
        await client.connect(f"{API}:443")
        client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert b"HTTP" not in await client.reader.read()
        await empty(place)
    assert [record for record in caplog.records if record.levelname != "DEBUG"] == []


@both_loops
async def test_a_client_that_never_begins_tls_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lifecycle, "HANDSHAKE_SECONDS", 0.05)
    async with house() as place, visiting(place) as client:
        await client.connect(f"{API}:443")
        assert await client.reader.read() == b""
        await empty(place)


@both_loops
async def test_a_client_that_does_not_trust_us_is_let_go() -> None:
    async with house() as place, visiting(place) as client:
        await client.connect(f"{API}:443")
        with pytest.raises(ssl.SSLError):
            await client.secure(API, ssl.create_default_context())
        await empty(place)


# Elsewhere.


@both_loops
async def test_another_host_is_reached_untouched_and_half_closed() -> None:
    async with worker() as (port, heard), house() as place, visiting(place) as client:
        place.names.known["other.example"] = ("127.0.0.1",)
        assert b" 200 " in await client.connect(f"other.example:{port}")
        client.send(b"hello")
        assert await client.reader.readexactly(5) == b"HELLO"
        client.writer.write_eof()
        assert await client.reader.read() == b"bye"
        await empty(place)
    assert heard == [b"hello"]


@both_loops
@pytest.mark.parametrize("target", ["other.example", "127.0.0.1", "[::1]", "localhost", "10.0.0.1", "169.254.169.254"])
async def test_another_host_is_refused_to_other_machines(target: str, monkeypatch: pytest.MonkeyPatch) -> None:
    far_away(monkeypatch)
    async with worker() as (port, heard), house() as place, visiting(place) as client:
        place.names.known["other.example"] = ("127.0.0.1",)
        assert b" 403 " in await client.connect(f"{target}:{port}")
        assert place.names.asked == []
    assert heard == []


@both_loops
async def test_another_host_is_refused_where_tunnels_are_off() -> None:
    async with house(outside=False) as place, visiting(place) as client:
        assert b" 403 " in await client.connect("other.example:443")


@both_loops
@pytest.mark.parametrize("target", METADATA)
async def test_metadata_and_link_local_addresses_are_refused_in_every_spelling(target: str) -> None:
    async with house() as place:
        async with visiting(place) as client:
            assert b" 403 " in await client.connect(f"{target}:80")
        await empty(place)


@both_loops
@pytest.mark.parametrize("address", ["169.254.169.254", "::ffff:169.254.169.254", "fe80::1", "100.100.100.200"])
async def test_a_name_that_becomes_a_metadata_address_is_refused(address: str) -> None:
    async with house() as place, visiting(place) as client:
        place.names.known["rebound.example"] = (address,)
        assert b" 403 " in await client.connect("rebound.example:443")


@both_loops
async def test_a_name_with_one_good_address_is_reached_by_that() -> None:
    async with worker() as (port, _), house() as place, visiting(place) as client:
        place.names.known["mixed.example"] = ("169.254.169.254", "127.0.0.1")
        assert b" 200 " in await client.connect(f"mixed.example:{port}")


@both_loops
async def test_a_name_that_does_not_exist_is_a_bad_gateway() -> None:
    async with house() as place:
        async with visiting(place) as client:
            assert b" 502 " in await client.connect("nowhere.example:443")
        await empty(place)


@both_loops
async def test_a_host_that_does_not_answer_is_a_bad_gateway() -> None:
    async with worker() as (port, _):
        pass
    async with house() as place, visiting(place) as client:
        assert b" 502 " in await client.connect(f"127.0.0.1:{port}")


@both_loops
async def test_a_tunnel_to_us_by_another_name_gives_no_other_address() -> None:
    async with house() as place, visiting(place, "127.0.0.7") as client:
        assert b" 200 " in await client.connect(f"127.0.0.1:{place.listener.port}")
        await client.secure(API)
        assert (await client.get(API)).startswith(b"127.0.0.1 https")


@both_loops
async def test_a_fault_of_ours_costs_one_client_and_is_told(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with house() as place:

        async def fault(host: str) -> tuple[str, ...]:
            raise RuntimeError(host)

        monkeypatch.setattr(place.proxy._outside, "_resolve", fault)
        async with visiting(place) as client:
            with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
                await client.connect("other.example:443")
        await empty(place)
        async with visiting(place) as client:
            assert b" 200 " in await client.connect(f"{API}:443")
    assert "could not be led on" in caplog.text


# Attacks.

GARBAGE = [
    (b"GET http://cloudtasks.googleapis.com/v2/projects HTTP/1.1\r\nHost: a\r\n\r\n", 405),
    (b"GET /<script>alert(1)</script> HTTP/1.1\r\nHost: a\r\n\r\n", 405),
    (b"CONNECT cloudtasks.googleapis.com:443\r\nX: y HTTP/1.1\r\n\r\n", 400),
    (b"CONNECT cloudtasks.googleapis.com:443%0d%0aX:y HTTP/1.1\r\n\r\n", 400),
    (b"CONNECT user:pass@cloudtasks.googleapis.com:443 HTTP/1.1\r\n\r\n", 400),
    (b"CONNECT / HTTP/1.1\r\n\r\n", 400),
    (b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03" + b"\x00" * 100, 400),
    (b"CONNECT cloudtasks.googleapis.com:443 HTTP/1.1\r\n\r\n\x16\x03\x01", 400),
    (b"CONNECT a:443 HTTP/1.1\r\nX: " + b"a" * 100_000, 431),
    (b"\r\n" * 50_000, 431),
]


@both_loops
@pytest.mark.parametrize(("said", "status"), GARBAGE)
async def test_garbage_gets_a_plain_refusal_and_the_slot_is_free(said: bytes, status: int) -> None:
    async with house() as place, visiting(place) as client:
        client.send(said)
        client.writer.write_eof()
        whole = await client.reader.read()
        assert whole.startswith(b"HTTP/1.1 %d " % status)
        assert b"script" not in whole
        assert b"Content-Type: text/plain" in whole
        await empty(place)
        assert place.names.asked == []


@both_loops
async def test_a_head_that_never_ends_costs_a_slot_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proxying, "HEAD_SECONDS", 0.05)
    async with house() as place, visiting(place) as silent, visiting(place) as slow:
        slow.send(b"CONNECT cloudtasks.googleapis.com:443 HTTP/1.1\r\nX:")
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            await slow.head()
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            await silent.head()
        await empty(place)


async def babble(client: Client) -> None:
    while True:
        client.send(b"x" * 65_536)
        await client.writer.drain()


@both_loops
async def test_a_refused_client_that_goes_on_sending_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proxying, "LINGER_BYTES", 1000)
    async with house() as place, visiting(place) as client:
        client.send(b"nonsense\r\n\r\n")
        await client.head()
        with pytest.raises(ConnectionError):
            await babble(client)
        await empty(place)


@both_loops
async def test_a_refused_client_that_stays_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proxying, "LINGER_SECONDS", 0.05)
    async with house() as place, visiting(place) as client:
        client.send(b"nonsense\r\n\r\n")
        await client.reader.read()
        await empty(place)


@both_loops
async def test_one_client_too_many_is_closed_and_the_others_are_served(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proxying, "SLOTS", 2)
    async with house() as place, visiting(place) as first, visiting(place) as second:
        await visits(place, 2)
        async with visiting(place) as third:
            with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
                await third.head()
        assert place.proxy.visits == 2
        await first.connect(f"{API}:443")
        await first.secure(API)
        await visits(place, 1)
        async with visiting(place) as fourth:
            assert b" 200 " in await fourth.connect(f"{API}:443")
        assert second.writer.get_extra_info("peername")


# Stopping.


@both_loops
async def test_a_stop_ends_every_kind_of_visit() -> None:
    async with worker() as (port, _), house() as place:
        clients: list[Client] = []
        async with visiting(place) as silent, visiting(place) as greeting, visiting(place) as tunnel:
            clients = [silent, greeting, tunnel]
            assert b" 200 " in await greeting.connect(f"{API}:443")
            assert b" 200 " in await tunnel.connect(f"127.0.0.1:{port}")
            await visits(place, 3)
            await place.proxy.stop()
            for client in clients:
                try:
                    assert await client.reader.read() == b""
                except ConnectionError:
                    pass
            await empty(place)
        with pytest.raises(ConnectionRefusedError):
            async with visiting(place):
                pass


@both_loops
async def test_what_was_led_to_us_outlives_the_proxy() -> None:
    async with house() as place, visiting(place) as client:
        await client.connect(f"{API}:443")
        await client.secure(API)
        await empty(place)
        await place.proxy.stop()
        assert (await client.get(API)).startswith(b"127.0.0.1 https")


@both_loops
async def test_a_listener_that_refuses_adopts_nobody() -> None:
    async with house() as place, visiting(place) as client:
        place.listener.refuse()
        await client.connect(f"{API}:443")
        with pytest.raises((ConnectionError, ssl.SSLError)):
            await client.secure(API)
        await empty(place)


def test_a_refusal_is_one_whole_response() -> None:
    text = answer(Refused(405, "No."))
    head, _, body = text.partition(b"\r\n\r\n")
    assert head.split(b"\r\n")[0] == b"HTTP/1.1 405 Method Not Allowed"
    assert b"Allow: CONNECT" in head
    assert b"Content-Length: 4" in head
    assert body == b"No.\n"


async def test_a_visit_of_an_unknown_peer_is_no_visit_from_loopback() -> None:
    class Unnamed(asyncio.Transport):
        def get_extra_info(self, name: str, default: Any = None) -> Any:
            return default

    async with house() as place:
        visit = Visit(place.proxy)
        visit.connection_made(Unnamed())
        assert not proxying.is_loopback(visit.peer)
        visit.connection_lost(None)
        assert isinstance(place, House)
