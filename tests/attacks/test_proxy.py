"""The proxy, asked for hosts that are none of its business: from this machine, and from another one."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.attacks.realm import ALPHA, PATIENCE, Person, Realm, queue_of, raw_http, realm_in, request
from tests.running import RecordingWorker, missing

API = "cloudtasks.googleapis.com:443"
FORBIDDEN = [
    "169.254.169.254:80",
    "169.254.169.254:443",
    "169.254.1.1:80",
    "[fe80::1]:80",
    "[::ffff:169.254.169.254]:80",
    "[::ffff:a9fe:a9fe]:80",
    "2852039166:80",
    "0xa9fea9fe:80",
    "0251.0376.0251.0376:80",
    "0xA9.0xFE.0xA9.0xFE:80",
    "169.254.43518:80",
    "metadata.google.internal:80",
    "METADATA.google.internal.:80",
    "metadata:80",
    "cloudtasks.googleapis.com:80",
    "cloudtasks.googleapis.com:22",
]
MALFORMED = [
    "cloudtasks.googleapis.com",
    "cloudtasks.googleapis.com:",
    "cloudtasks.googleapis.com:443@evil.example:80",
    "user@cloudtasks.googleapis.com:443",
    "cloudtasks.googleapis.com:70000",
    "cloudtasks.googleapis.com:-1",
    ":443",
    "[::1:443",
    "cloudtasks.googleapis.com%00.evil.example:443",
    "cloudtasks.googleapis.com/../:443",
    "evil..example:443",
]


def own_address() -> str:
    """An address of this machine that is not loopback."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return ""
        address = str(probe.getsockname()[0])
    return "" if address.startswith("127.") else address


@contextmanager
def asking(
    port: int, target: str, *fields: str, host: str = "127.0.0.1", more: bytes = b""
) -> Iterator[tuple[int, socket.socket]]:
    """The status of CONNECT, and the connection as it then is."""
    with socket.create_connection((host, port), PATIENCE) as connection:
        lines = [f"CONNECT {target} HTTP/1.1", f"Host: {target}", *fields, "\r\n"]
        connection.sendall("\r\n".join(lines).encode("latin-1") + more)
        heard = b""
        while b"\r\n\r\n" not in heard:
            piece = connection.recv(1)
            if not piece:
                break
            heard += piece
        yield int(heard.split()[1]) if heard else 0, connection


def status_of(port: int, target: str, *fields: str, host: str = "127.0.0.1", more: bytes = b"") -> int:
    with asking(port, target, *fields, host=host, more=more) as (status, _):
        return status


def through(connection: socket.socket, *lines: bytes) -> bytes:
    """What is answered behind the proxy, to TLS as a program speaks it that trusts this installation's CA alone."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with context.wrap_socket(connection, server_hostname="cloudtasks.googleapis.com") as tls:
        tls.sendall(b"".join(lines))
        heard = b""
        while piece := tls.recv(65_536):
            heard += piece
        return heard


@pytest.mark.parametrize("target", FORBIDDEN)
def test_metadata_and_other_ports_are_never_reached(realm: Realm, target: str) -> None:
    assert status_of(realm.kumo.proxy_port, target) in (403, 502)


@pytest.mark.parametrize("target", MALFORMED)
def test_what_is_no_host_and_port_is_refused(realm: Realm, target: str) -> None:
    assert status_of(realm.kumo.proxy_port, target) == 400


def test_nothing_may_follow_before_the_answer(realm: Realm) -> None:
    inner = request("/v2/", close=True)
    assert status_of(realm.kumo.proxy_port, API, more=inner) == 400
    assert status_of(realm.kumo.proxy_port, API, f"Content-Length: {len(inner)}", more=inner) == 400
    assert status_of(realm.kumo.proxy_port, API, "Transfer-Encoding: chunked", more=b"0\r\n\r\n") == 400


@pytest.mark.parametrize("verb", ["GET", "POST", "OPTIONS", "DELETE"])
def test_it_fetches_nothing(realm: Realm, worker: RecordingWorker, verb: str) -> None:
    for target in (f"{worker.url}/", f"http://{realm.kumo.address}/v2/{queue_of(ALPHA)}", "/", "/metrics"):
        assert [status for status, _ in raw_http(realm.kumo.proxy_port, request(target, verb=verb))] == [405]
    assert worker.arrivals == []


def test_behind_it_everybody_is_asked_who_he_is(realm: Realm, ann: Person) -> None:
    target, token = f"/v2/{queue_of(ALPHA)}", f"Authorization: Bearer {ann.token()}"
    for fields, status in (((), b"401"), (("Proxy-Authorization: Bearer x",), b"401"), ((token,), b"200")):
        with asking(realm.kumo.proxy_port, API, *fields) as (answer, connection):
            assert answer == 200
            said = through(connection, request(target, *fields, host="cloudtasks.googleapis.com", close=True))
            assert said.split()[1] == status
    with asking(realm.kumo.proxy_port, API, token) as (_, connection):
        said = through(connection, request(target, host="cloudtasks.googleapis.com", close=True))
        assert said.split()[1] == b"401"  # what was said to the proxy counts for nothing behind it


def test_a_program_on_this_machine_reaches_others(realm: Realm, worker: RecordingWorker) -> None:
    with asking(realm.kumo.proxy_port, worker.url.removeprefix("http://")) as (status, connection):
        assert status == 200
        connection.sendall(request("/tunnelled", close=True))
        worker.wait_for(1)


def test_another_machine_reaches_no_other_host(
    tmp_path_factory: pytest.TempPathFactory, worker: RecordingWorker
) -> None:
    address = own_address()
    if not address:
        pytest.skip(missing("an address that is not loopback"))
    port = worker.url.rpartition(":")[2]
    tls = ("--tls", "auto", "--tls-port", "0", "--proxy-port", "0")
    with realm_in(tmp_path_factory.mktemp("open"), "--host", "0.0.0.0", *tls) as realm:
        proxy = realm.kumo.proxy_port
        trust_me = (
            "X-Forwarded-For: 127.0.0.1",
            "Forwarded: for=127.0.0.1",
            "X-Real-IP: 127.0.0.1",
            "Via: 1.1 localhost",
        )
        for target in (f"127.0.0.1:{port}", f"localhost:{port}", f"{address}:{port}", f"[::1]:{port}", "192.0.2.1:443",
                       f"[::ffff:127.0.0.1]:{port}", f"2130706433:{port}", "evil.example:443",
                       "cloudtasks.googleapis.com.evil.example:443", "notgoogleapis.com:443", *FORBIDDEN):  # fmt: skip
            assert status_of(proxy, target, *trust_me, host=address) == 403, target
        with asking(proxy, API, host=address) as (status, connection):
            assert status == 200
            said = through(connection, request(f"/v2/{queue_of(ALPHA)}", host="cloudtasks.googleapis.com", close=True))
            assert said.split()[1] == b"401"
        assert worker.arrivals == []
        assert status_of(proxy, f"127.0.0.1:{port}") == 200  # and one on this machine still does
