"""Where URLs lead."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kumotasks.dispatch.destination import Destination, locate
from kumotasks.domain.attempt import Unreachable


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://example.com", Destination("http", "example.com", 80, "/")),
        ("https://example.com/", Destination("https", "example.com", 443, "/")),
        ("HTTPS://Example.COM:8443/A?b=C", Destination("https", "example.com", 8443, "/A?b=C")),
        ("http://example.com?x=1", Destination("http", "example.com", 80, "/?x=1")),
        ("http://example.com#top", Destination("http", "example.com", 80, "/")),
        ("http://example.com/a#b?c", Destination("http", "example.com", 80, "/a")),
        ("http://example.com:/a", Destination("http", "example.com", 80, "/a")),
        ("http://user:pass@example.com:81/a", Destination("http", "example.com", 81, "/a")),
        ("http://evil@good@example.com/", Destination("http", "example.com", 80, "/")),
        ("http://example.com.:80/", Destination("http", "example.com.", 80, "/")),
        ("http://[::1]:8080/x", Destination("http", "::1", 8080, "/x")),
        ("http://[2001:DB8:0:0::1]/", Destination("http", "2001:db8::1", 80, "/")),
        ("http://[::ffff:127.0.0.1]/", Destination("http", "::ffff:7f00:1", 80, "/")),
        ("http://0x7f.1/", Destination("http", "0x7f.1", 80, "/")),
        ("http://ex%61mple.com/", Destination("http", "example.com", 80, "/")),
        ("http://bücher.example/ü", Destination("http", "xn--bcher-kva.example", 80, "/%C3%BC")),
        ("http://１２７.0.0.1/", Destination("http", "127.0.0.1", 80, "/")),
        ("http://a_b.example/", Destination("http", "a_b.example", 80, "/")),
        ("http://h/a b\tc", Destination("http", "h", 80, "/a%20b%09c")),
        ("http://h/a\r\nX: y", Destination("http", "h", 80, "/a%0D%0AX:%20y")),
        ("http://h/%zz%2", Destination("http", "h", 80, "/%zz%2")),
        ("http://h/%2F%0d%0a", Destination("http", "h", 80, "/%2F%0d%0a")),
        ('http://h/a"<>^`{|}\\', Destination("http", "h", 80, "/a%22%3C%3E%5E%60%7B%7C%7D%5C")),
        ("http://h/!$&'()*+,;=:@[]~-._", Destination("http", "h", 80, "/!$&'()*+,;=:@[]~-._")),
        ("http://h/?q=a?b/c", Destination("http", "h", 80, "/?q=a?b/c")),
        ("http://h//x/../y", Destination("http", "h", 80, "//x/../y")),
        ("http://h\\@evil/", Destination("http", "h", 80, "/%5C@evil/")),
        ("http://h/\ud800", Destination("http", "h", 80, "/%ED%A0%80")),
    ],
)
def test_a_url_leads_to(url: str, expected: Destination) -> None:
    assert locate(url) == expected


@pytest.mark.parametrize(
    "url",
    [
        "http://",
        "http:///path",
        "http://?",
        "http://:80/",
        "http://user@/",
        "http://a b/",
        "http://a\r\nHost: b/",
        "http://a%0d%0ab/",
        "http://a\x00/",
        "http://a..b/",
        "http://.a/",
        "http://" + "a" * 64 + ".example/",
        "http://" + "a." * 128 + "/",
        "http://a/".replace("a", "ü" * 70),
        "http://[::1/",
        "http://[::1]x/",
        "http://[fe80::1%25eth0]/",
        "http://[localhost]/",
        "http://h:0/",
        "http://h:65536/",
        "http://h:80x/",
        "http://h:-1/",
        "http://h:１/",
        "http://1::2/",
        "ftp://h/",
        "h/",
        "",
    ],
)
def test_a_url_that_leads_nowhere_is_unreachable(url: str) -> None:
    found = locate(url)
    assert isinstance(found, Unreachable)
    assert found.reason.startswith("the URL")


@pytest.mark.parametrize(
    ("url", "authority", "origin"),
    [
        ("http://h/", "h", "http://h"),
        ("http://h:443/", "h:443", "http://h:443"),
        ("https://h:443/", "h", "https://h"),
        ("https://[::1]:8443/", "[::1]:8443", "https://[::1]:8443"),
    ],
)
def test_the_authority_has_a_port_only_where_it_is_not_the_schemes(url: str, authority: str, origin: str) -> None:
    found = locate(url)
    assert isinstance(found, Destination)
    assert (found.authority, found.origin) == (authority, origin)


@given(st.text(max_size=60))
def test_whatever_follows_the_prefix_cannot_break_out_of_the_request_line(junk: str) -> None:
    for url in (f"http://{junk}", f"http://h/{junk}"):
        found = locate(url)
        if isinstance(found, Destination):
            line = found.authority + found.target
            assert line.isascii()
            assert line.isprintable()
            assert " " not in line
            assert found.target.startswith("/")
