"""Garbage on the port: whatever strangers send or leave unsent, they are refused and others are served."""

from __future__ import annotations

import contextlib
import random
import resource
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.calls import CALLS, RawGrpc, Reply
from tests.running import KumoProcess, running

MIB = 1024 * 1024
PLACE = "projects/calm/locations/us-central1"
QUEUE = f"{PLACE}/queues/q"
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
CREATE = f"/{CALLS['CreateTask'].service}/CreateTask"


@pytest.fixture(scope="module")
def kumo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KumoProcess]:
    """A server with a paused queue; at the end its log must hold no sign of a stumble."""
    with running(tmp_path_factory.mktemp("garbage")) as process:
        assert process.http("POST", f"/v2/{PLACE}/queues", {"name": QUEUE})[0] == 200
        assert process.http("POST", f"/v2/{QUEUE}:pause")[0] == 200
        yield process
        told = process.log.read_text()
        assert "Traceback" not in told, told
        assert "failed inside" not in told, told


@pytest.fixture(autouse=True)
def unharmed(kumo: KumoProcess) -> Iterator[None]:
    """A client that was there before goes on working on its connection, and a new one is served too."""
    client = RawGrpc(kumo.address)
    create_task(client)
    yield
    create_task(client)
    client.close()
    assert kumo.http("GET", f"/v2/{QUEUE}")[0] == 200


def create_task(client: RawGrpc) -> None:
    task = {"httpRequest": {"url": "http://127.0.0.1:1/"}}
    assert client.call("CreateTask", {"parent": QUEUE, "task": task}).status == "OK"


def connected(kumo: KumoProcess) -> socket.socket:
    return socket.create_connection(("127.0.0.1", kumo.port), timeout=20)


def answered(connection: socket.socket) -> bytes:
    """All that comes until the server closes."""
    said = b""
    with contextlib.suppress(ConnectionError):
        while piece := connection.recv(65_536):
            said += piece
    return said


def sent(connection: socket.socket, data: bytes) -> None:
    """Send what the server takes; it may close in the middle."""
    with contextlib.suppress(ConnectionError):
        connection.sendall(data)


def status_of(said: bytes) -> int:
    return int(said.split(b" ", 2)[1])


def test_a_tls_greeting_on_the_plain_port_is_closed(kumo: KumoProcess) -> None:
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    greeting = ssl.create_default_context().wrap_bio(incoming, outgoing, server_hostname="cloudtasks.googleapis.com")
    with pytest.raises(ssl.SSLWantReadError):
        greeting.do_handshake()
    with connected(kumo) as connection:
        sent(connection, outgoing.read())
        said = answered(connection)
    assert said == b"" or status_of(said) == 400


def test_http_1_0_is_answered_and_closed(kumo: KumoProcess) -> None:
    with connected(kumo) as connection:
        connection.sendall(b"GET /v2/%s HTTP/1.0\r\n\r\n" % QUEUE.encode())
        said = answered(connection)
    assert status_of(said) == 200
    assert QUEUE.encode() in said
    assert b"transfer-encoding" not in said.lower()


@pytest.mark.parametrize(
    "head",
    [
        b"GET /" + b"a" * MIB + b" HTTP/1.1\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Large: " + b"a" * MIB,
        b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"X-Many: 1\r\n" * 100_000,
        b"A" * MIB,
    ],
    ids=["target", "header", "headers", "verb"],
)
def test_an_oversized_head_is_refused(head: bytes, kumo: KumoProcess) -> None:
    with connected(kumo) as connection:
        sent(connection, head)
        said = answered(connection)
    assert said == b"" or status_of(said) in (400, 414, 431)


def test_a_body_of_100_megabytes_is_refused_when_it_is_announced(kumo: KumoProcess) -> None:
    with connected(kumo) as connection:
        head = f"POST /v2/{QUEUE}/tasks HTTP/1.1\r\nHost: localhost\r\nContent-Length: {100 * MIB}\r\n\r\n"
        connection.sendall(head.encode())
        assert status_of(answered(connection)) == 413


def test_a_body_without_end_is_refused_when_it_grows_too_large(kumo: KumoProcess) -> None:
    chunk = b"100000\r\n" + bytes(MIB) + b"\r\n"
    with connected(kumo) as connection:
        connection.sendall(
            b"POST /v2/%s/tasks HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n" % QUEUE.encode()
        )
        for _ in range(100):
            sent(connection, chunk)
        said = answered(connection)
    assert said == b"" or status_of(said) == 413
    assert memory_of(kumo.pid) < 400 * MIB


def test_a_message_of_100_megabytes_is_refused(kumo: KumoProcess) -> None:
    client = RawGrpc(kumo.address)
    reply = client.send(CREATE, bytes(100 * MIB))
    client.close()
    assert isinstance(reply, Reply)
    assert reply.status == "RESOURCE_EXHAUSTED"
    assert memory_of(kumo.pid) < 400 * MIB


def memory_of(pid: int) -> int:
    """The most memory a process has had at a time, in bytes."""
    status = Path(f"/proc/{pid}/status")
    if not status.exists():
        return 0
    (line,) = [line for line in status.read_text().splitlines() if line.startswith("VmHWM:")]
    return int(line.split()[1]) * 1024


@pytest.mark.parametrize("seed", range(5))
def test_random_bytes_are_closed_or_refused(seed: int, kumo: KumoProcess) -> None:
    noise = random.Random(seed).randbytes(10_000)
    prefix = (b"", PREFACE, b"POST / HTTP/1.1\r\n", b"\x16\x03\x01", b"\0")[seed]
    with connected(kumo) as connection:
        sent(connection, prefix + noise)
        connection.shutdown(socket.SHUT_WR)
        said = answered(connection)
    assert not said.startswith(b"HTTP/1.1 5")


def test_two_answers_for_one_smuggled_request_are_not_given(kumo: KumoProcess) -> None:
    """Content-Length and Transfer-Encoding together are what request smuggling is made of."""
    with connected(kumo) as connection:
        connection.sendall(
            b"POST /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"0\r\n\r\nGET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
        )
        connection.shutdown(socket.SHUT_WR)
        said = answered(connection)
    assert said.count(b"HTTP/1.1 ") == 1
    assert status_of(said) == 400


def test_slow_senders_hold_up_nobody(kumo: KumoProcess) -> None:
    head = b"POST /v2/%s/tasks HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n{" % QUEUE.encode()
    client = RawGrpc(kumo.address)
    with contextlib.ExitStack() as held:
        slow = [held.enter_context(connected(kumo)) for _ in range(100)]
        for byte in range(20):
            for number, connection in enumerate(slow):
                greeting = head if number % 2 else PREFACE
                sent(connection, greeting[byte : byte + 1])
            create_task(client)
    client.close()


def test_hundreds_of_idle_connections_hold_up_nobody(kumo: KumoProcess) -> None:
    client = RawGrpc(kumo.address)
    with contextlib.ExitStack() as held:
        for _ in range(500):
            held.enter_context(connected(kumo))
        for _ in range(20):
            create_task(client)
    client.close()


@pytest.mark.soak
def test_ten_thousand_idle_connections_hold_up_nobody(kumo: KumoProcess) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 11_000:
        pytest.skip(f"this machine allows {hard} open files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 11_000), hard))
    client = RawGrpc(kumo.address)
    try:
        with contextlib.ExitStack() as held:
            for _ in range(10_000):
                held.enter_context(connected(kumo))
            for _ in range(100):
                create_task(client)
            assert memory_of(kumo.pid) < 600 * MIB
    finally:
        client.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
