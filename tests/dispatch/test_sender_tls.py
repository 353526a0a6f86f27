"""TLS to workers, and the outbound proxy."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives import serialization

from kumotasks.dispatch.egress import Egress, EgressRule
from kumotasks.dispatch.route import ProxySettings
from kumotasks.dispatch.tls import TlsSettings
from kumotasks.domain.attempt import Answered, Barred, TimedOut, Unreachable
from kumotasks.domain.clock import ManualClock
from tests.dispatch.scripted import Visit, Worker, answering, worker
from tests.dispatch.sending import DEADLINE, START, post, sender, until

ANSWERED = Answered(200, None, b"ok")


class Authority:
    """A CA, the file that names it, and what it issues."""

    def __init__(self, folder: Path) -> None:
        self.ca = trustme.CA()
        self.folder = folder
        self.file = str(folder / "ca.pem")
        self.ca.cert_pem.write_to_path(self.file)

    def server(self, *names: str) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.ca.issue_cert(*names).configure_cert(context)
        return context

    def client_files(self) -> tuple[str, str]:
        issued = self.ca.issue_cert("kumo@client.example")
        cert, key = self.folder / "client.pem", self.folder / "client.key"
        issued.cert_chain_pems[0].write_to_path(cert)
        issued.private_key_pem.write_to_path(key)
        return str(cert), str(key)

    def locked_client_files(self) -> tuple[str, str]:
        cert, key = self.client_files()
        private = serialization.load_pem_private_key(Path(key).read_bytes(), None)
        locked = private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"secret"),
        )
        path = self.folder / "locked.key"
        path.write_bytes(locked)
        return cert, str(path)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls"))


def to_loopback(_: str) -> tuple[str, ...]:
    return ("127.0.0.1",)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
async def test_a_worker_with_a_certificate_of_a_known_ca_is_reached(authority: Authority, host: str) -> None:
    context = authority.server("localhost", "127.0.0.1")
    async with worker(answering(), context) as w, sender(tls=TlsSettings(authority.file)) as s:
        for _ in range(2):
            assert await s.send(post(f"https://{host}:{w.port}/")) == ANSWERED
        assert (w.visits, len(w.requests)) == (1, 2)


async def test_the_name_that_is_asked_for_is_the_urls(authority: Authority) -> None:
    asked: list[str] = []
    context = authority.server("worker.test")
    context.sni_callback = lambda _socket, name, _context: asked.append(name)
    tls = TlsSettings(authority.file)
    async with worker(answering(), context) as w, sender(tls=tls, look_up=to_loopback) as s:
        assert await s.send(post(f"https://WORKER.test.:{w.port}/")) == ANSWERED
        assert asked == ["worker.test"]


async def test_an_unknown_ca_is_not_trusted(authority: Authority) -> None:
    async with worker(answering(), authority.server("localhost")) as w, sender() as s:
        outcome = await s.send(post(w.url))
        assert isinstance(outcome, Unreachable)
        assert outcome.reason.startswith("TLS with localhost failed: certificate verify failed: ")
        assert (w.requests, s.connections_open) == ([], 0)


async def test_a_certificate_for_another_host_is_not_trusted(authority: Authority) -> None:
    tls = TlsSettings(authority.file)
    async with worker(answering(), authority.server("other.test")) as w, sender(tls=tls) as s:
        outcome = await s.send(post(w.url))
        assert isinstance(outcome, Unreachable)
        assert "certificate verify failed: Hostname mismatch" in outcome.reason
        assert w.requests == []


async def test_a_worker_that_asks_for_a_client_certificate_gets_it(authority: Authority) -> None:
    context = authority.server("localhost")
    context.verify_mode = ssl.CERT_REQUIRED
    authority.ca.configure_trust(context)
    cert, key = authority.client_files()
    async with worker(answering(), context) as w:
        async with sender(tls=TlsSettings(authority.file, cert, key)) as s:
            assert await s.send(post(w.url)) == ANSWERED
        async with sender(tls=TlsSettings(authority.file)) as s:
            assert isinstance(await s.send(post(w.url)), Unreachable)


async def test_a_worker_that_speaks_no_tls_is_unreachable(authority: Authority) -> None:
    async def plain(visit: Visit) -> None:
        await visit.send(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")

    async with worker(plain) as w, sender(tls=TlsSettings(authority.file)) as s:
        outcome = await s.send(post(w.url.replace("http:", "https:")))
        assert isinstance(outcome, Unreachable)
        assert outcome.reason.startswith("TLS with localhost failed: ")
        assert s.connections_open == 0


async def test_a_worker_that_closes_within_the_handshake_is_unreachable(authority: Authority) -> None:
    async def closing_at_once(visit: Visit) -> None:
        visit.close()

    async with worker(closing_at_once) as w, sender() as s:
        assert isinstance(await s.send(post(w.url.replace("http:", "https:"))), Unreachable)
        assert s.connections_open == 0


async def test_the_deadline_covers_the_handshake() -> None:
    clock, gone = ManualClock(START), asyncio.Event()

    async def mute(visit: Visit) -> None:
        await visit.gone()
        gone.set()

    async with worker(mute) as w, sender(clock=clock) as s:
        sending = asyncio.ensure_future(s.send(post(w.url.replace("http:", "https:"))))
        await until(lambda: w.visits == 1)
        clock.turn(START + DEADLINE)
        assert await sending == TimedOut()
        assert s.connections_open == 0
        await asyncio.wait_for(gone.wait(), 10)


async def test_an_answer_over_tls_that_ends_with_the_connection_is_whole(authority: Authority) -> None:
    async def ending(visit: Visit) -> None:
        await visit.request()
        await visit.send(b"HTTP/1.1 200 OK\r\n\r\nok")
        visit.close()
        await visit.gone()

    tls = TlsSettings(authority.file)
    async with worker(ending, authority.server("localhost")) as w, sender(tls=tls) as s:
        assert await s.send(post(w.url)) == ANSWERED


async def test_a_locked_key_is_told_at_start_and_nobody_is_asked(authority: Authority) -> None:
    cert, key = authority.locked_client_files()
    with pytest.raises(ssl.SSLError):
        async with sender(tls=TlsSettings(None, cert, key)):
            pass


@pytest.mark.parametrize("field", ["ca_file", "client_cert"])
async def test_a_file_that_is_not_there_is_told_at_start(field: str) -> None:
    with pytest.raises(FileNotFoundError):
        async with sender(tls=TlsSettings(**{field: "/nowhere/file.pem"})):
            pass


# The proxy.


class ProxyScript:
    """An HTTP proxy that leads every host to `worker`, and asks for a password if it has one."""

    def __init__(self, upstream: Worker, *, password: bytes = b"", refusal: bytes = b"") -> None:
        self._upstream = upstream
        self._password = password
        self._refusal = refusal

    async def __call__(self, visit: Visit) -> None:
        request = await visit.request()
        if self._password and b"Proxy-Authorization: Basic " + self._password + b"\r\n" not in request:
            await visit.send(b"HTTP/1.1 407 Password\r\nContent-Length: 0\r\n\r\n")
            return
        if self._refusal:
            await visit.send(self._refusal)
            await visit.gone()
            return
        reader, writer = await asyncio.open_connection("127.0.0.1", self._upstream.port)
        try:
            if request.startswith(b"CONNECT "):
                await visit.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
            else:
                writer.write(request)
            await asyncio.gather(visit.pour_into(writer), visit.pour_from(reader))
        finally:
            writer.transport.abort()


async def test_a_plaintext_target_is_asked_for_by_its_whole_url() -> None:
    async with worker(answering()) as w, worker(ProxyScript(w)) as proxy, sender(proxy=ProxySettings(proxy.url)) as s:
        for _ in range(2):
            assert await s.send(post("http://worker.test/a?b")) == ANSWERED
        assert proxy.requests[0].startswith(b"POST http://worker.test/a?b HTTP/1.1\r\nHost: worker.test\r\n")
        assert (proxy.visits, len(w.requests)) == (1, 2)


async def test_a_tls_target_is_reached_through_a_tunnel(authority: Authority) -> None:
    tls = TlsSettings(authority.file)
    async with (
        worker(answering(), authority.server("worker.test")) as w,
        worker(ProxyScript(w, password=b"bWU6czNj")) as proxy,
        sender(tls=tls, proxy=ProxySettings(f"http://me:s3c@localhost:{proxy.port}")) as s,
    ):
        for _ in range(2):
            assert await s.send(post("https://worker.test/a")) == ANSWERED
        assert proxy.requests == [
            b"CONNECT worker.test:443 HTTP/1.1\r\nHost: worker.test:443\r\nProxy-Authorization: Basic bWU6czNj\r\n\r\n"
        ]
        assert w.requests[0].startswith(b"POST /a HTTP/1.1\r\nHost: worker.test\r\n")
        assert b"Proxy-Authorization" not in w.requests[0]
        assert len(w.requests) == 2


async def test_the_certificate_behind_a_tunnel_is_checked(authority: Authority) -> None:
    async with (
        worker(answering(), authority.server("other.test")) as w,
        worker(ProxyScript(w)) as proxy,
        sender(tls=TlsSettings(authority.file), proxy=ProxySettings(proxy.url)) as s,
    ):
        outcome = await s.send(post("https://worker.test/"))
        assert isinstance(outcome, Unreachable)
        assert "Hostname mismatch" in outcome.reason
        assert (w.requests, s.connections_open) == ([], 0)


@pytest.mark.parametrize(
    ("refusal", "reason"),
    [
        (b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n", "HTTP status code 403"),
        (b"HTTP/1.1 302 Go\r\nLocation: /\r\nContent-Length: 0\r\n\r\n", "HTTP status code 302"),
        (b"SSH-2.0-x\r\n", "not HTTP"),
        (b"HTTP/1.1 200 OK\r\n\r\nhello", "bytes came before the tunnel stood"),
    ],
)
async def test_a_proxy_that_opens_no_tunnel_is_the_reason(refusal: bytes, reason: str) -> None:
    async with (
        worker(answering()) as w,
        worker(ProxyScript(w, refusal=refusal)) as proxy,
        sender(proxy=ProxySettings(proxy.url)) as s,
    ):
        outcome = await s.send(post("https://worker.test/"))
        assert isinstance(outcome, Unreachable)
        assert outcome.reason.startswith("the proxy opened no tunnel: ")
        assert reason in outcome.reason
        await until(lambda: s.connections_open == 0)


async def test_the_deadline_covers_the_tunnel() -> None:
    clock, gone = ManualClock(START), asyncio.Event()

    async def mute(visit: Visit) -> None:
        await visit.request()
        await visit.gone()
        gone.set()

    async with worker(mute) as proxy, sender(clock=clock, proxy=ProxySettings(proxy.url)) as s:
        sending = asyncio.ensure_future(s.send(post("https://worker.test/")))
        await until(lambda: bool(proxy.requests))
        clock.turn(START + DEADLINE)
        assert await sending == TimedOut()
        assert s.connections_open == 0
        await asyncio.wait_for(gone.wait(), 10)


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize(
    "host", ["metadata.google.internal", "169.254.169.254", "0xa9fea9fe", "10.0.0.1", "api.evil.test"]
)
async def test_what_is_refused_is_refused_through_a_proxy_too(scheme: str, host: str) -> None:
    rules = (EgressRule.parse("*.evil.test", allow=False),)
    egress = Egress(loopback_allowed=True, private_allowed=False, rules=rules)
    async with worker(answering()) as proxy, sender(egress=egress, proxy=ProxySettings(proxy.url)) as s:
        assert isinstance(await s.send(post(f"{scheme}://good.test/")), Answered | Unreachable)
        visits = proxy.visits
        assert isinstance(await s.send(post(f"{scheme}://{host}/")), Barred)
        assert proxy.visits == visits


async def test_loopback_is_reached_without_the_proxy() -> None:
    async with worker(answering()) as w, worker(answering()) as proxy, sender(proxy=ProxySettings(proxy.url)) as s:
        assert await s.send(post(w.url)) == ANSWERED
        assert (w.visits, proxy.visits) == (1, 0)
