"""A JWT that can be read in two ways is not read at all."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kumotasks.auth.envelope import MAX_TOKEN, Malformed, open_envelope
from tests.auth.proving import packed

HEADER, CLAIMS, SIGNATURE = packed(b'{"alg":"RS256"}'), packed(b'{"iss":"a"}'), packed(b"signed")


def test_a_jwt_is_taken_apart() -> None:
    opened = open_envelope(f"{HEADER}.{CLAIMS}.{SIGNATURE}")
    assert (opened.header, opened.claims, opened.signature) == ({"alg": "RS256"}, {"iss": "a"}, b"signed")
    assert opened.signed == f"{HEADER}.{CLAIMS}".encode()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "..",
        HEADER,
        f"{HEADER}.{CLAIMS}",
        f"{HEADER}.{CLAIMS}.",
        f"{HEADER}.{CLAIMS}.{SIGNATURE}.{SIGNATURE}",
        f"{HEADER}.{CLAIMS}.{SIGNATURE}\n",
        f" {HEADER}.{CLAIMS}.{SIGNATURE}",
        f"{HEADER}=.{CLAIMS}.{SIGNATURE}",
        f"{HEADER}.{CLAIMS}.{SIGNATURE}é",
        f"{HEADER}.{CLAIMS}.A",
    ],
)
def test_what_is_not_three_parts_of_base64url_is_refused(text: str) -> None:
    with pytest.raises(Malformed):
        open_envelope(text)


def test_loose_bits_at_the_end_of_a_part_are_refused() -> None:
    assert open_envelope(f"{HEADER}.{CLAIMS}.AA").signature == b"\0"
    with pytest.raises(Malformed):
        open_envelope(f"{HEADER}.{CLAIMS}.AB")


@pytest.mark.parametrize(
    "claims",
    [
        b"",
        b"null",
        b"[]",
        b'"text"',
        b"{",
        b"{}{}",
        b'{"iss":"a","iss":"b"}',
        b'{"a":{"b":1,"b":2}}',
        b'{"iss":"a","\\u0069ss":"b"}',
        b'{"exp":NaN}',
        b'{"exp":-Infinity}',
        b'{"exp":' + b"9" * 5000 + b"}",
        b'\xef\xbb\xbf{"iss":"a"}',
        '{"iss":"a"}'.encode("utf-16"),
        '{"iss":"é"}'.encode("latin-1"),
        b'{"iss":"\xed\xa0\x80"}',
        b'{"a":' + b"[" * 9000,
        b'{"a":' * 1500 + b"1" + b"}" * 1500,
    ],
)
def test_what_is_not_plain_json_is_refused(claims: bytes) -> None:
    with pytest.raises(Malformed):
        open_envelope(f"{HEADER}.{packed(claims)}.{SIGNATURE}")
    with pytest.raises(Malformed):
        open_envelope(f"{packed(claims)}.{CLAIMS}.{SIGNATURE}")


@pytest.mark.parametrize("extension", [b'"crit":["exp"]', b'"crit":[]', b'"b64":false', b'"b64":true'])
def test_an_extension_that_changes_what_is_signed_is_refused(extension: bytes) -> None:
    with pytest.raises(Malformed):
        open_envelope(f"{packed(b'{' + extension + b'}')}.{CLAIMS}.{SIGNATURE}")


def test_a_giant_is_refused_before_it_is_looked_at() -> None:
    longest = MAX_TOKEN - len(f"{HEADER}.{CLAIMS}.")
    assert open_envelope(f"{HEADER}.{CLAIMS}.{'A' * longest}").signature
    with pytest.raises(Malformed):
        open_envelope(f"{HEADER}.{CLAIMS}.{'A' * (longest + 4)}")
    with pytest.raises(Malformed):
        open_envelope("A" * 1_000_000)


@given(
    st.one_of(
        st.text(), st.lists(st.binary(max_size=60), min_size=3, max_size=3).map(lambda p: ".".join(map(packed, p)))
    )
)
def test_whatever_it_is_given_it_opens_or_says_that_it_cannot(text: str) -> None:
    try:
        opened = open_envelope(text)
    except Malformed:
        return
    assert text.encode() == opened.signed + b"." + packed(opened.signature).encode()
