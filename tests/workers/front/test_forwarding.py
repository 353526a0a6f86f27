"""A head as the instance gets it."""

from __future__ import annotations

import pytest

from kumotasks.workers.front.asgi import Header
from kumotasks.workers.front.forwarding import Trace, added, read, returned, trace_of

TRACE = "0123456789abcdef0123456789abcdef"
HERE = Trace(TRACE, "00000000000000ff")


def fields_of(*headers: Header) -> dict[bytes, bytes]:
    return dict(added(read(list(headers)), peer="1.2.3.4", scheme="https", trace=HERE, unsigned=b""))


def test_cookies_that_http_2_splits_are_one_again() -> None:
    assert fields_of((b"cookie", b"a=1"), (b"cookie", b"b=2"))[b"cookie"] == b"a=1; b=2"


def test_an_address_of_ipv6_is_written_in_brackets() -> None:
    made = dict(added(read([]), peer="::1", scheme="http", trace=HERE, unsigned=b""))
    assert (made[b"x-forwarded-for"], made[b"forwarded"]) == (b"::1", b'for="[::1]";proto=http')


@pytest.mark.parametrize(
    ("header", "kept"),
    [
        ((b"x-cloud-trace-context", f"{TRACE}/1;o=1".encode()), True),
        ((b"x-cloud-trace-context", TRACE.encode()), True),
        ((b"x-cloud-trace-context", b"short/1"), False),
        ((b"traceparent", f"00-{TRACE}-00f067aa0ba902b7-01".encode()), True),
        ((b"traceparent", f"00-{'0' * 32}-00f067aa0ba902b7-01".encode()), False),
        ((b"traceparent", b"garbage"), False),
        ((b"x", b"y"), False),
    ],
)
def test_a_trace_goes_on_if_it_is_one(header: Header, kept: bool) -> None:
    first, second = trace_of(read([header])), trace_of(read([header]))
    assert (first.trace == TRACE) is kept
    assert first.span != second.span
    assert len(first.trace) == 32


def test_spans_are_decimal_in_one_header_and_hexadecimal_in_the_other() -> None:
    made = fields_of()
    assert made[b"x-cloud-trace-context"] == f"{TRACE}/255;o=1".encode()
    assert made[b"traceparent"] == f"00-{TRACE}-00000000000000ff-01".encode()


def test_what_a_client_calls_its_connections_own_goes_no_further() -> None:
    fields = read([(b"connection", b"Close, X-Hop"), (b"x-hop", b"1"), (b"x-stays", b"2"), (b"te", b"trailers")])
    assert fields.others == [(b"x-stays", b"2")]


@pytest.mark.parametrize("name", [b"authorization", b"x-serverless-authorization", b"host", b"content-length"])
def test_two_of_what_can_only_be_one_are_doubtful(name: bytes) -> None:
    assert read([(name, b"1"), (name, b"2")]).doubtful
    assert not read([(name, b"1"), (b"x-forwarded-for", b"a"), (b"x-forwarded-for", b"b")]).doubtful


def test_an_answers_own_fields_go_back_and_its_connections_stay() -> None:
    headers = [(b"set-cookie", b"a"), (b"set-cookie", b"b"), (b"connection", b"close"), (b"transfer-encoding", b"x")]
    assert returned(200, headers) == headers[:2]
    assert returned(304, [(b"content-length", b"5"), (b"etag", b"x")]) == [(b"etag", b"x")]
