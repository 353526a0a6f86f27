"""Who may talk to a server that asks nobody for a password."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kumotasks.api.guard import guard_of, open_door

GUARD = guard_of(frozenset({"kumo", "Tasks.Example.com", "*.run.app"}))


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "localhost:8123",
        "LOCALHOST:8123",
        "localhost.",
        "anything.localhost:1",
        "127.0.0.1",
        "127.0.0.1:8123",
        "127.9.9.9:1",
        "[::1]",
        "[::1]:8123",
        "[::ffff:127.0.0.1]:8123",
        "cloudtasks.googleapis.com",
        "cloudtasks.googleapis.com:443",
        "us-central1-run.googleapis.com",
        "accounts.google.com",
        "metadata.google.internal",
        "kumo:8123",
        "tasks.example.com",
        "hello-123.us-central1.run.app",
    ],
)
def test_a_host_that_can_be_meant_is_answered(host: str) -> None:
    assert GUARD(host.encode(), None)
    assert GUARD(host.encode(), f"http://{host}".encode())
    assert GUARD(b"localhost", f"https://{host}".encode())


@pytest.mark.parametrize(
    "host",
    [
        "",
        "evil.example",
        "evil.example:8123",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "evil-localhost",
        "googleapis.com",
        "evilgoogleapis.com",
        "x.googleapis.com.evil.example",
        "google.com",
        "0.0.0.0:8123",
        "10.0.0.1",
        "169.254.169.254",
        "127.1",
        "2130706433",
        "0x7f.0.0.1",
        "[::]",
        "[::1",
        "[::ffff:10.0.0.1]",
        "[fe80::1%lo]",
        "localhost:8123:9",
        "localhost:99999999",
        "localhost/evil",
        "a@localhost",
        "localhost, evil.example",
        "run.app",
        "sub.kumo",
        "localhost\xff",
    ],
)
def test_any_other_host_is_a_stranger(host: str) -> None:
    assert not GUARD(host.encode("latin-1"), None)
    assert not GUARD(b"localhost", f"http://{host}".encode("latin-1"))


@pytest.mark.parametrize(
    "origin",
    ["null", "", "file://", "ftp://localhost", "chrome-extension://localhost", "localhost", "http://", "http://localhost/x",
     "http://localhost http://evil.example", "http://user@localhost"],
)  # fmt: skip
def test_an_origin_that_is_no_page_of_ours_is_foreign(origin: str) -> None:
    assert not GUARD(b"localhost", origin.encode())


def test_a_good_origin_does_not_excuse_a_foreign_host() -> None:
    assert not GUARD(b"evil.example", b"http://localhost")


def test_no_browser_leaves_out_the_host() -> None:
    assert GUARD(None, None)
    assert not GUARD(None, b"http://evil.example")


def test_without_names_only_loopback_and_google_are_known() -> None:
    assert not guard_of()(b"kumo", None)
    assert guard_of()(b"localhost", None)


def test_an_open_door_lets_everybody_in() -> None:
    assert open_door(b"evil.example", b"null")


@given(st.binary(max_size=30), st.none() | st.binary(max_size=30))
def test_every_header_gets_a_verdict(host: bytes, origin: bytes | None) -> None:
    assert GUARD(host, origin) in {True, False}


@pytest.mark.parametrize(
    ("host", "origin", "let_in"),
    [
        (b"10.0.0.5:8123", None, True),
        (b"tasks.internal:8123", b"http://tasks.internal:8123", True),
        (b"tasks.internal:8123", b"https://evil.example", False),
        (b"tasks.internal:8123", b"null", False),
        (b"tasks.internal:8123", b"http://localhost:3000", True),
    ],
)
def test_a_server_for_everybody_takes_any_host_but_no_foreign_page(
    host: bytes, origin: bytes | None, let_in: bool
) -> None:
    assert guard_of(any_host=True)(host, origin) is let_in
