"""What a worker's bytes amount to, without a socket."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kumotasks.dispatch.answer import BODY_LIMIT, HEAD_LIMIT, INTERIM_LIMIT, AnswerReader, Redirected, Reply
from kumotasks.domain.attempt import Answered, Unreachable

LOST = "the connection was lost"


def read(*reads: bytes, ended: bool = False, bodiless: bool = False) -> Reply | None:
    """The answer after these reads, and after the end of the connection if it `ended`."""
    reader = AnswerReader()
    reader.expect(bodiless=bodiless)
    for data in reads:
        reply = reader.feed(data)
        if reply is not None:
            return reply
    return reader.end(LOST) if ended else None


WHOLE = [
    pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", Answered(200, None, b"hello"), id="length"),
    pytest.param(b"HTTP/1.1 201 \r\nContent-Length: 0\r\n\r\n", Answered(201), id="no reason, no body"),
    pytest.param(b"HTTP/1.1 204 No Content\r\n\r\n", Answered(204), id="204"),
    pytest.param(b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", Answered(304), id="304"),
    pytest.param(b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", Answered(200, None, b"ok"), id="HTTP/1.0"),
    pytest.param(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\nRetry-After: 9\r\n\r\n",
        Answered(200, None, b"hello"),
        id="chunked with trailers",
    ),
    pytest.param(
        b"HTTP/1.1 503 Slow\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nRetry-After: 9\r\n\r\n",
        Answered(503, None, b"x"),
        id="a trailer is no header",
    ),
    pytest.param(
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nRetry-After: 1\r\n\r\n"
        b"HTTP/1.1 503 Slow\r\nretry-AFTER:  120 \r\nContent-Length: 0\r\n\r\n",
        Answered(503, "120"),
        id="interim answers",
    ),
    pytest.param(
        b"HTTP/1.1 302 Found\r\nLocation: /next\r\nContent-Length: 1\r\n\r\nx",
        Redirected(Answered(302, None, b"x"), "/next"),
        id="redirect",
    ),
    pytest.param(b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n", Answered(302), id="redirect to nowhere"),
    pytest.param(b"HTTP/1.1 200 OK\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n", Answered(200), id="not a redirect"),
    pytest.param(
        b"HTTP/1.1 200 OK\r\nUpgrade: h2,h2c\r\nConnection: Upgrade\r\nContent-Length: 2\r\n\r\nok",
        Answered(200, None, b"ok"),
        id="an offer to upgrade",
    ),
    pytest.param(b"HTTP/1.1 999 Odd\r\nContent-Length: 0\r\n\r\n", Answered(999), id="a status unheard of"),
    pytest.param(
        b"HTTP/1.1 200 OK\r\nContent-Length: 1300\r\n\r\n" + b"a" * 1300,
        Answered(200, None, b"a" * 1024),
        id="excerpt",
    ),
]


@pytest.mark.parametrize(("data", "expected"), WHOLE)
def test_an_answer_in_one_read(data: bytes, expected: Reply) -> None:
    assert read(data) == expected


@pytest.mark.parametrize(("data", "expected"), WHOLE)
def test_an_answer_byte_by_byte(data: bytes, expected: Reply) -> None:
    assert read(*[data[i : i + 1] for i in range(len(data))]) == expected


@pytest.mark.parametrize(("data", "expected"), WHOLE)
def test_less_than_an_answer_is_none(data: bytes, expected: Reply) -> None:
    assert read(data[:-1]) is None


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param(b"HTTP/1.1 200 OK\r\n\r\nhello", Answered(200, None, b"hello"), id="no length"),
        pytest.param(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nx", Answered(200, None, b"x"), id="coding"),
        pytest.param(b"HTTP/1.1 500 No\r\n\r\nhe", Answered(500, None, b"he"), id="a failure without length"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhe", Unreachable(LOST), id="2xx cut short"),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n",
            Unreachable(LOST),
            id="chunks cut short",
        ),
        pytest.param(
            b"HTTP/1.1 429 Slow\r\nRetry-After: 7\r\nContent-Length: 9\r\n\r\nhe",
            Answered(429, "7", b"he"),
            id="another status cut short",
        ),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Le", Unreachable(LOST), id="head cut short"),
        pytest.param(b"HTTP/1.1 100 Continue\r\n\r\n", Unreachable(LOST), id="only an interim answer"),
        pytest.param(b"", Unreachable(LOST), id="nothing"),
    ],
)
def test_an_answer_that_ends_with_the_connection(data: bytes, expected: Reply) -> None:
    assert read(data, ended=True) == expected


def test_a_reset_ends_no_answer_that_has_no_length() -> None:
    reader = AnswerReader()
    assert reader.feed(b"HTTP/1.1 200 OK\r\n\r\nhello") is None
    assert reader.cut(LOST) == Unreachable(LOST)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"hello\r\n", id="no HTTP"),
        pytest.param(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", id="TLS"),
        pytest.param(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", id="HTTP/2"),
        pytest.param(b"POST / HTTP/1.1\r\n\r\n", id="a request"),
        pytest.param(b"HTTP/1.1 abc OK\r\n\r\n", id="status of letters"),
        pytest.param(b"HTTP/1.1 20 OK\r\n\r\n", id="status of two digits"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", id="negative length"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx", id="two lengths"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n", id="endless length"),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\nx", id="length and chunks"
        ),
        pytest.param(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", id="no chunk size"),
        pytest.param(b"HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n", id="folded header"),
        pytest.param(b"HTTP/1.1 200 OK\r\nA\x00: b\r\n\r\n", id="NUL"),
    ],
)
def test_garbage_is_unreachable_in_one_line(data: bytes) -> None:
    reply = read(data)
    assert isinstance(reply, Unreachable)
    assert reply.reason.startswith("the worker's answer is not HTTP: ")
    assert "\n" not in reply.reason


def test_a_head_that_is_too_large_is_refused_in_one_read_or_many() -> None:
    data = b"HTTP/1.1 200 OK\r\nX: " + b"x" * HEAD_LIMIT
    expected = Unreachable("the answer's header is too large: more than 65536 bytes")
    assert read(data) == expected
    assert read(*[data[i : i + 1000] for i in range(0, len(data), 1000)]) == expected
    assert read(data + b"\r\nContent-Length: 2\r\n\r\nok") == expected


def test_a_head_may_be_followed_by_much_in_the_same_read() -> None:
    body = b"x" * HEAD_LIMIT
    data = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    assert read(data) == Answered(200, None, body[:1024])


@pytest.mark.parametrize("head", [b"Content-Length: 99999999\r\n\r\n", b"\r\n"])
def test_past_its_bound_a_body_no_longer_matters(head: bytes) -> None:
    reader = AnswerReader()
    assert reader.feed(b"HTTP/1.1 200 OK\r\n" + head + b"x" * (BODY_LIMIT - 100)) is None
    assert reader.feed(b"x" * 100) == Answered(200, None, b"x" * 1024)
    assert not reader.reusable


def test_switching_protocols_is_no_answer() -> None:
    data = b"HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n\x81\x05hello"
    assert read(data) == Unreachable("the worker switched protocols")


def test_interim_answers_are_bounded() -> None:
    interim = b"HTTP/1.1 102 Processing\r\n\r\n"
    assert read(interim * INTERIM_LIMIT) is None
    assert read(interim * (INTERIM_LIMIT + 1)) == Unreachable("the worker sent too many interim answers")


@pytest.mark.parametrize(
    ("data", "reusable"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", True),
        (b"HTTP/1.1 204 No Content\r\n\r\n", True),
        (b"HTTP/1.1 503 Slow\r\nContent-Length: 0\r\n\r\n", True),
        (b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok", True),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok\r\n", True),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", False),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", False),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokH", False),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok" * 2, False),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokgarbage", False),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nokgarbage", False),
    ],
)
def test_whether_the_connection_can_be_used_again(data: bytes, reusable: bool) -> None:
    reader = AnswerReader()
    reply = reader.feed(data)
    assert isinstance(reply, Answered)
    assert reply.excerpt in {b"ok", b""}
    assert reader.reusable is reusable


def test_a_second_answer_in_the_same_read_never_replaces_the_first() -> None:
    assert read(
        b"HTTP/1.1 503 Slow\r\nContent-Length: 1\r\n\r\naHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nb"
    ) == Answered(503, None, b"a")


def test_the_answer_to_head_ends_with_its_head() -> None:
    reader = AnswerReader()
    reader.expect(bodiless=True)
    assert reader.feed(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n") == Answered(200)
    assert reader.reusable
    reader.expect(bodiless=False)
    assert reader.feed(b"HTTP/1.1 201 OK\r\nContent-Length: 1\r\n\r\nx") == Answered(201, None, b"x")


def test_a_body_after_the_answer_to_head_spoils_the_connection() -> None:
    reader = AnswerReader()
    reader.expect(bodiless=True)
    assert reader.feed(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok") is not None
    assert not reader.reusable


def test_the_same_bytes_again_are_the_same_answer_again() -> None:
    data = b"HTTP/1.1 429 Slow\r\nRetry-After: 3\r\nContent-Length: 2\r\n\r\nno"
    reader = AnswerReader()
    for _ in range(3):
        reader.expect(bodiless=False)
        assert reader.feed(data) == Answered(429, "3", b"no")
        assert reader.reusable
    reader.expect(bodiless=False)
    assert reader.feed(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok") == Answered(200, None, b"ok")


def test_the_head_of_an_answer_to_head_is_not_taken_for_a_whole_answer_later() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"
    reader = AnswerReader()
    reader.expect(bodiless=True)
    assert reader.feed(head) == Answered(200)
    reader.expect(bodiless=False)
    assert reader.feed(head) is None
    assert reader.feed(b"no") == Answered(200, None, b"no")


def test_an_answer_that_is_part_of_a_longer_one_is_not_mistaken_for_it() -> None:
    short = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    reader = AnswerReader()
    assert reader.feed(short) == Answered(200, None, b"ok")
    reader.expect(bodiless=False)
    assert reader.feed(b"HTTP/1.1 500 No\r\nContent-Length: %d\r\n\r\n" % len(short)) is None
    assert reader.feed(short) == Answered(500, None, short)


@given(st.binary(max_size=200), st.sampled_from(WHOLE), st.integers(0, 200))
def test_no_bytes_break_the_reader(noise: bytes, row: object, cut: int) -> None:
    data = row.values[0][:cut] + noise  # type: ignore[attr-defined]
    reader = AnswerReader()
    for i in range(0, len(data), 7):
        if reader.feed(data[i : i + 7]) is not None:
            return
    assert reader.end(LOST) is not None


@given(st.sampled_from(WHOLE), st.lists(st.integers(1, 120), max_size=8))
def test_where_the_reads_are_cut_makes_no_difference(row: object, cuts: list[int]) -> None:
    data, expected = row.values  # type: ignore[attr-defined]
    edges = [0, *sorted({cut for cut in cuts if cut < len(data)}), len(data)]
    assert read(*[data[a:b] for a, b in pairwise(edges)]) == expected
