"""Where a server is reached: its ports, its names, and the URLs that are it."""

from __future__ import annotations

import dataclasses

import pytest

from kumotasks.lifecycle import Port
from kumotasks.server.addresses import Addresses
from kumotasks.settings import Settings

PORTS = {"port": 81, "tls_port": 8443, "proxy_port": 8124}
LOOPBACK = ("localhost", "127.0.0.1", "[::1]")


def addresses(**settings: object) -> Addresses:
    return Addresses(dataclasses.replace(Settings(), **{**PORTS, **settings}))  # type: ignore[arg-type]


def test_without_tls_there_is_one_port() -> None:
    found = addresses()
    assert (found.secure, found.proxy) == (None, None)
    assert [(port.host, port.number) for port in found.ports] == [("127.0.0.1", 81)]


@pytest.mark.parametrize("tls", ["auto", "cert.pem:key.pem"])
def test_with_tls_there_are_three(tls: str) -> None:
    assert [port.number for port in addresses(tls=tls).ports] == [81, 8443, 8124]


@pytest.mark.parametrize(
    ("host", "shown"), [("127.0.0.1", "127.0.0.1"), ("::1", "[::1]"), ("::", "[::]"), ("kumo.example", "kumo.example")]
)
def test_the_host_is_shown_as_a_url_writes_it(host: str, shown: str) -> None:
    assert addresses(host=host).shown_host == shown


@pytest.mark.parametrize(
    ("host", "more", "hosts"),
    [
        ("127.0.0.1", (), ("127.0.0.1", "localhost", "[::1]")),
        ("localhost", (), LOOPBACK),
        ("kumo.example", (), ("kumo.example", *LOOPBACK)),
        ("10.0.0.7", ("kumo.example", "kumo"), ("10.0.0.7", "kumo.example", "kumo", *LOOPBACK)),
        ("0.0.0.0", ("kumo.example",), ("kumo.example", *LOOPBACK)),
        ("::", (), LOOPBACK),
        ("", (), LOOPBACK),
        (
            "2001:db8::7",
            ("2001:db8::8", "[2001:db8::9]"),
            ("[2001:db8::7]", "[2001:db8::8]", "[2001:db8::9]", *LOOPBACK),
        ),
    ],
)
def test_every_name_is_told_once_and_none_that_means_any_address(
    host: str, more: tuple[str, ...], hosts: tuple[str, ...]
) -> None:
    assert addresses(host=host, hosts=more).hosts == hosts


def test_key_files_ask_google_for_tokens_where_the_proxy_leads_here() -> None:
    assert addresses(tls="auto").token_uri() == "https://oauth2.googleapis.com/token"


@pytest.mark.parametrize(
    ("settings", "uri"),
    [
        ({}, "http://127.0.0.1:81/token"),
        ({"host": "0.0.0.0", "hosts": ("kumo.example",)}, "http://kumo.example:81/token"),
        ({"host": "0.0.0.0"}, "http://localhost:81/token"),
        ({"host": "::1"}, "http://[::1]:81/token"),
    ],
)
def test_without_tls_key_files_ask_this_server_for_tokens(settings: dict[str, object], uri: str) -> None:
    assert addresses(**settings).token_uri() == uri


def test_a_port_that_is_picked_late_is_in_the_urls_once_it_is_picked() -> None:
    found = addresses(port=0)
    found.plain.bind()
    try:
        assert found.plain.number > 0
        assert found.token_uri() == f"http://127.0.0.1:{found.plain.number}/token"
        assert f"http://localhost:{found.plain.number}" in found.urls()
    finally:
        found.plain.close()


def test_without_tls_every_url_is_plain() -> None:
    assert addresses().urls() == {f"http://{host}:81" for host in LOOPBACK}


def test_with_tls_both_ports_are_this_server_and_the_proxy_is_not() -> None:
    urls = addresses(tls="auto", host="kumo.example").urls()
    assert urls == {
        f"{scheme}://{host}:{port}"
        for host in ("kumo.example", *LOOPBACK)
        for scheme, port in (("http", 81), ("https", 8443))
    }


def test_the_usual_port_of_https_may_be_left_out() -> None:
    urls = addresses(tls="auto", tls_port=443, hosts=("kumo.example",)).urls()
    assert {"https://kumo.example", "https://kumo.example:443", "https://localhost"} <= urls
    assert "http://kumo.example" not in urls


def test_ports_are_told_in_the_order_in_which_they_are_taken() -> None:
    found = addresses(tls="auto")
    assert found.ports == (found.plain, found.secure, found.proxy)
    assert all(isinstance(port, Port) for port in found.ports)
