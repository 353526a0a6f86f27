"""The head of a request to the proxy."""

from __future__ import annotations

import pytest

from kumotasks.api.connect import MOST_HEAD, Asked, HeadReader, Refused

API = b"cloudtasks.googleapis.com:443"


def read(*pieces: bytes) -> Asked | Refused | None:
    reader = HeadReader()
    for piece in pieces:
        answer = reader.feed(piece)
        if answer is not None:
            return answer
    return None


@pytest.mark.parametrize("version", [b"1.0", b"1.1"])
def test_a_connect_names_a_host_and_a_port(version: bytes) -> None:
    head = b"CONNECT " + API + b" HTTP/" + version + b"\r\nHost: " + API + b"\r\nUser-Agent: x\r\n\r\n"
    assert read(head) == Asked("cloudtasks.googleapis.com", 443)


def test_a_head_may_come_byte_by_byte() -> None:
    head = b"CONNECT " + API + b" HTTP/1.1\r\nHost: a\r\n\r\n"
    assert read(*(head[at : at + 1] for at in range(len(head)))) == Asked("cloudtasks.googleapis.com", 443)


@pytest.mark.parametrize(
    ("target", "asked"),
    [
        (b"CloudTasks.GoogleAPIs.com.:443", Asked("cloudtasks.googleapis.com", 443)),
        (b"[::1]:8443", Asked("::1", 8443)),
        (b"10.0.0.1:1", Asked("10.0.0.1", 1)),
        (b"a_b-c:65535", Asked("a_b-c", 65_535)),
    ],
)
def test_hosts_are_written_in_one_way(target: bytes, asked: Asked) -> None:
    assert read(b"CONNECT " + target + b" HTTP/1.1\r\n\r\n") == asked


@pytest.mark.parametrize(
    "target",
    [
        b"cloudtasks.googleapis.com",
        b"cloudtasks.googleapis.com:",
        b"cloudtasks.googleapis.com:0",
        b"cloudtasks.googleapis.com:65536",
        b"cloudtasks.googleapis.com:443443443",
        b"cloudtasks.googleapis.com:+443",
        b"cloudtasks.googleapis.com:443/path",
        b"me@cloudtasks.googleapis.com:443",
        b"https://cloudtasks.googleapis.com:443",
        b"a..b:443",
        b".a:443",
        b"[fe80::1%25eth0]:443",
        b"::1:443",
        b"%31:443",
        b"a\x00b:443",
        "ß.example:443".encode(),
        b"x" * 64 + b":443",
        b".".join([b"a" * 50] * 6) + b":443",
    ],
)
def test_a_target_that_is_none_is_refused(target: bytes) -> None:
    answer = read(b"CONNECT " + target + b" HTTP/1.1\r\nHost: a\r\n\r\n")
    assert isinstance(answer, Refused)
    assert answer.status == 400


@pytest.mark.parametrize(
    "head",
    [
        b"CONNECT a\r\nb:443 HTTP/1.1\r\n\r\n",
        b"CONNECT a:443\r\n\r\n",
        b"CONNECT a:443 HTTP/2.0\r\n\r\n",
        b"CONNECT a:443 HTTP/0.9\r\n\r\n",
        b"CONNECT a:443 HTTP/1.1\nhost: a\n\n",
        b"CONNECT a:443 HTTP/1.1\r\nA: b\r\n c\r\n\r\n",
        b"CONNECT a:443 HTTP/1.1\r\nA b\r\n\r\n",
        b"CONNECT a:443 HTTP/1.1\r\nA: b\x00\r\n\r\n",
        b"CONNECT a:443 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"CONNECT a:443 HTTP/1.1\r\nContent-Length: 7\r\n\r\n",
        b"CONNECT  a:443 HTTP/1.1 x\r\n\r\n",
        b"connect a:443 HTTP/1.1\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"\x00" * 100,
        b"CONNECT a:443 HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n",
    ],
)
def test_what_is_no_plain_connect_is_refused(head: bytes) -> None:
    answer = read(head)
    assert isinstance(answer, Refused)
    assert answer.status == 400


@pytest.mark.parametrize(
    "head",
    [
        b"GET http://cloudtasks.googleapis.com/v2/ HTTP/1.1\r\nhost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: a\r\n\r\n",
        b"POST http://169.254.169.254/ HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\nabc",
        b"GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n",
    ],
)
def test_another_method_is_told_what_this_port_is(head: bytes) -> None:
    answer = read(head)
    assert isinstance(answer, Refused)
    assert answer.status == 405
    assert "plaintext port" in answer.sentence


@pytest.mark.parametrize(
    "head",
    [
        b"CONNECT " + b"a" * (2 * MOST_HEAD),
        b"CONNECT a:443 HTTP/1.1\r\nX: " + b"a" * (2 * MOST_HEAD) + b"\r\n\r\n",
        b"CONNECT a:443 HTTP/1.1\r\n" + b"a: b\r\n" * 200 + b"\r\n",
        b"X" * 0 + b"CONNECT a:443 HTTP/1.1\r\nX: " + b"a" * (2 * MOST_HEAD),
    ],
)
def test_a_giant_head_is_refused(head: bytes) -> None:
    answer = read(*(head[at : at + 1024] for at in range(0, len(head), 1024)))
    assert isinstance(answer, Refused)
    assert answer.status == 431


def test_a_head_that_is_not_complete_says_nothing_yet() -> None:
    assert read(b"CONNECT " + API + b" HTTP/1.1\r\nHost: a\r\n") is None
