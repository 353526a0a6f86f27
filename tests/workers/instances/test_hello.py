"""The hello container, as a child process."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from kumotasks.workers.deploying.images import HELLO


@contextmanager
def hello() -> Iterator[tuple[subprocess.Popen[bytes], http.client.HTTPConnection]]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    env = {**os.environ, "PORT": str(port), "K_SERVICE": "worker", "K_REVISION": "worker-00001-<b>"}
    child = subprocess.Popen(HELLO.command, env=env, stdout=subprocess.PIPE)
    try:
        assert child.stdout is not None
        assert child.stdout.readline().decode().strip().endswith(f"listening for requests on {port}")
        yield child, http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    finally:
        child.kill()
        child.communicate()


@pytest.fixture(scope="module")
def connection() -> Iterator[http.client.HTTPConnection]:
    with hello() as (_, connection):
        yield connection
        connection.close()


def test_the_page_names_the_service_and_the_revision(connection: http.client.HTTPConnection) -> None:
    connection.request("GET", "/any/path?x=1")
    answer = connection.getresponse()
    page = answer.read().decode()
    assert answer.status == 200
    assert answer.headers.get_content_type() == "text/html"
    assert "<b>worker</b>" in page
    assert "<b>worker-00001-&lt;b&gt;</b>" in page


def test_any_method_will_do_and_the_connection_goes_on(connection: http.client.HTTPConnection) -> None:
    for method in ("POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"):
        connection.request(method, "/", body=None if method == "HEAD" else b"x" * 100_000)
        answer = connection.getresponse()
        assert (answer.status, bool(answer.read())) == (200, method != "HEAD")


def test_a_body_in_chunks_is_read_to_its_end(connection: http.client.HTTPConnection) -> None:
    connection.request("POST", "/", body=iter([b"one", b"two"]), encode_chunked=True)
    assert connection.getresponse().read()
    connection.request("GET", "/")
    assert connection.getresponse().status == 200


def test_it_ends_when_it_is_told_to() -> None:
    with hello() as (child, _):
        child.send_signal(signal.SIGTERM)
        assert child.wait(30) == 0
