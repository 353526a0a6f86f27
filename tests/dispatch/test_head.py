"""Requests as bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kumotasks.dispatch.head import HeadWriter
from kumotasks.dispatch.request import Request
from kumotasks.dispatch.route import ProxySettings, Route, Routes
from kumotasks.domain.attempt import Unreachable


def written(
    method: str = "POST",
    url: str = "http://worker.example/run?x=1",
    headers: tuple[tuple[str, str], ...] = (),
    body: bytes = b"",
    *,
    routes: Routes | None = None,
    writer: HeadWriter | None = None,
) -> bytes | Unreachable:
    route = (routes or Routes()).find(url)
    assert isinstance(route, Route)
    return (writer or HeadWriter()).write(Request(method, url, headers, body, 1), route)


def test_a_request_is_written_in_the_callers_order_and_spelling() -> None:
    headers = (("X-CloudTasks-TaskName", "t1"), ("content-TYPE", "text/plain"), ("X-Empty", ""))
    assert written(headers=headers, body=b"hello") == (
        b"POST /run?x=1 HTTP/1.1\r\nHost: worker.example\r\nX-CloudTasks-TaskName: t1\r\ncontent-TYPE: text/plain\r\n"
        b"X-Empty: \r\nAccept: */*\r\nAccept-Encoding: gzip, deflate, br\r\nContent-Length: 5\r\n\r\nhello"
    )


def test_a_request_without_headers_is_written() -> None:
    assert written(url="http://h:81") == (
        b"POST / HTTP/1.1\r\nHost: h:81\r\nAccept: */*\r\nAccept-Encoding: gzip, deflate, br\r\n"
        b"Content-Length: 0\r\n\r\n"
    )


@pytest.mark.parametrize(
    ("method", "body", "length"),
    [
        ("POST", b"", b"0"),
        ("PUT", b"", b"0"),
        ("PATCH", b"", b"0"),
        ("GET", b"", None),
        ("HEAD", b"", None),
        ("DELETE", b"", None),
        ("OPTIONS", b"", None),
        ("DELETE", b"x", b"1"),
    ],
)
def test_content_length_is_given_where_a_body_is_or_could_be(method: str, body: bytes, length: bytes | None) -> None:
    data = written(method, body=body)
    assert isinstance(data, bytes)
    lines = [line for line in data.split(b"\r\n") if line.startswith(b"Content-Length")]
    assert lines == ([] if length is None else [b"Content-Length: " + length])


def test_what_the_caller_accepts_is_not_added_again() -> None:
    data = written(headers=(("ACCEPT", "text/html"), ("accept-encoding", "identity")))
    assert isinstance(data, bytes)
    assert data.lower().count(b"accept:") == 1
    assert data.lower().count(b"accept-encoding:") == 1
    assert b"ACCEPT: text/html\r\naccept-encoding: identity\r\n" in data


@pytest.mark.parametrize(
    "name",
    ["Host", "content-length", "Transfer-Encoding", "CONNECTION", "Keep-Alive", "TE", "Upgrade", "Expect", "Trailer"],
)
def test_headers_of_the_connection_are_left_out(name: str) -> None:
    plain = (("A", "1"), ("B", "2"))
    assert written(headers=(plain[0], (name, "chunked"), plain[1])) == written(headers=plain)


@pytest.mark.parametrize(
    "header",
    [
        ("X", "a\r\nEvil: 1"),
        ("X", "a\nEvil: 1"),
        ("X", "a\r"),
        ("X", "a\0b"),
        ("X\r\nEvil", "1"),
        ("X\n", "1"),
        ("X: Evil", "1"),
        ("X Y", "1"),
        ("", "1"),
        ("Ü", "1"),
        ("X\0", "1"),
        ("Host\r\n", "1"),
    ],
)
def test_a_header_that_could_smuggle_refuses_the_request(header: tuple[str, str]) -> None:
    writer = HeadWriter()
    for _ in range(2):  # what has been seen once is no less refused
        assert isinstance(written(headers=(("A", "1"), header), writer=writer), Unreachable)
        assert isinstance(written(headers=(("A", "1"), ("X", "1")), writer=writer), bytes)


def test_a_value_is_sent_as_utf_8() -> None:
    data = written(headers=(("X-Name", "Zoë 100%"),))
    assert isinstance(data, bytes)
    assert "X-Name: Zoë 100%\r\n".encode() in data


@given(st.lists(st.tuples(st.text(max_size=8), st.text(max_size=20)), max_size=4))
def test_no_headers_add_a_line_of_their_own(headers: list[tuple[str, str]]) -> None:
    data = written("GET", headers=tuple(headers))
    if isinstance(data, bytes):
        assert data.endswith(b"\r\n\r\n")
        assert data.count(b"\r\n\r\n") == 1
        assert data.count(b"\n") == data.count(b"\r") == data.count(b"\r\n") <= len(headers) + 5


def test_names_are_remembered_in_bounded_number() -> None:
    writer = HeadWriter()
    for i in range(5000):
        written(headers=((f"X-{i}", "1"),), writer=writer)
    assert len(writer._known) <= 4096


def test_a_proxied_request_names_its_whole_url_and_who_asks() -> None:
    routes = Routes(ProxySettings("http://me:secret@proxy.example:3128"))
    data = written("GET", "http://worker.example:81/a", routes=routes)
    assert isinstance(data, bytes)
    assert data.startswith(
        b"GET http://worker.example:81/a HTTP/1.1\r\nHost: worker.example:81\r\n"
        b"Proxy-Authorization: Basic bWU6c2VjcmV0\r\n"
    )


def test_a_tunnelled_request_looks_like_any_other() -> None:
    routes = Routes(ProxySettings("http://me:secret@proxy.example:3128"))
    assert written(url="https://worker.example/a", routes=routes) == written(url="https://worker.example/a")


@pytest.mark.parametrize("url", ["http://localhost:1/", "http://127.1/", "http://[::1]/", "http://in.corp.example/"])
def test_loopback_and_the_operators_exceptions_bypass_the_proxy(url: str) -> None:
    routes = Routes(ProxySettings("http://proxy.example", bypass=("*.CORP.example",)))
    assert written(url=url, routes=routes) == written(url=url)


@pytest.mark.parametrize("url", ["https://proxy.example", "socks5://proxy.example", "proxy.example:3128", "http://"])
def test_a_proxy_that_is_not_http_is_refused_at_start(url: str) -> None:
    with pytest.raises(ValueError, match="must be given as http://"):
        Routes(ProxySettings(url))
