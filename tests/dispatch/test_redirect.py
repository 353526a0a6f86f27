"""Where answers of 3xx lead."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kumotasks.dispatch.redirect import follow
from kumotasks.dispatch.request import Request

HERE = "https://a.example/dir/page?q=1"
REQUEST = Request("POST", HERE, (("X-A", "1"),), b"body", 7)


def led(status: int = 307, location: str | None = "/next", **changes: object) -> Request | None:
    return follow(replace(REQUEST, **changes), status, location)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("status", "method", "then"),
    [
        (301, "POST", "GET"),
        (302, "POST", "GET"),
        (303, "POST", "GET"),
        (307, "POST", "POST"),
        (308, "POST", "POST"),
        (301, "PUT", "PUT"),
        (302, "DELETE", "DELETE"),
        (303, "PUT", "GET"),
        (303, "GET", "GET"),
        (301, "HEAD", "HEAD"),
        (303, "HEAD", "HEAD"),
        (308, "PATCH", "PATCH"),
    ],
)
def test_the_method_after_a_redirect(status: int, method: str, then: str) -> None:
    onward = led(status, method=method)
    assert onward is not None
    assert onward.method == then
    assert onward.body == (b"body" if then == method else b"")


def test_a_dropped_body_takes_its_headers_along() -> None:
    onward = led(303, headers=(("Content-Type", "text/plain"), ("content-encoding", "gzip"), ("X-A", "1")))
    assert onward == Request("GET", "https://a.example/next", (("X-A", "1"),), b"", 7)


@pytest.mark.parametrize(
    ("location", "url"),
    [
        ("/x", "https://a.example/x"),
        ("x", "https://a.example/dir/x"),
        ("../x", "https://a.example/x"),
        ("?x=1", "https://a.example/dir/page?x=1"),
        ("//b.example/x", "https://b.example/x"),
        ("http://b.example:81/x#y", "http://b.example:81/x#y"),
        ("  /x  ", "https://a.example/x"),
        ("HTTPS://B.example", "HTTPS://B.example"),
    ],
)
def test_a_location_is_resolved(location: str, url: str) -> None:
    onward = led(location=location)
    assert onward is not None
    assert onward.url.lower() == url.lower()


@pytest.mark.parametrize("status", [300, 304, 305, 306, 200, 201, 404, 503])
def test_other_statuses_are_not_followed(status: int) -> None:
    assert led(status) is None


@pytest.mark.parametrize(
    "location",
    [
        None,
        "",
        "ftp://b.example/",
        "javascript:alert(1)",
        "file:///etc/passwd",
        "http://",
        "http://[::1",
        "http://a b/",
        "https://b.example:99999/",
        "/" + "x" * 9000,
    ],
)
def test_a_location_that_cannot_be_used_leaves_the_answer_as_it_is(location: str | None) -> None:
    assert led(location=location) is None


CREDENTIALS = (("AUTHORIZATION", "Bearer t"), ("Cookie", "c"), ("X-A", "1"))


@pytest.mark.parametrize("location", ["/x", "https://a.example:443/x", "https://A.EXAMPLE/x", "https://u:p@a.example/"])
def test_credentials_stay_with_their_origin(location: str) -> None:
    onward = led(location=location, headers=CREDENTIALS)
    assert onward is not None
    assert onward.headers == CREDENTIALS


@pytest.mark.parametrize(
    "location", ["https://b.example/", "https://a.example:444/", "https://a.example.evil.example/", "//b.example"]
)
def test_credentials_never_go_to_another_origin(location: str) -> None:
    onward = led(location=location, headers=CREDENTIALS)
    assert onward is not None
    assert onward.headers == (("X-A", "1"),)


def test_a_request_with_authorization_is_not_followed_down_to_plaintext() -> None:
    assert led(location="http://a.example/", headers=CREDENTIALS) is None
    assert led(location="http://a.example/") is not None


def test_a_request_with_authorization_is_followed_from_plaintext_to_plaintext() -> None:
    onward = led(url="http://a.example/", location="/x", headers=CREDENTIALS)
    assert onward is not None
    assert onward.headers == CREDENTIALS
