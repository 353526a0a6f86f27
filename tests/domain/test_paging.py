"""Page tokens: they name the last key shown, hold two hours, and belong to one listing."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kumotasks.domain import paging
from kumotasks.domain.errors import InvalidArgument
from tests.domain.factory import NOW, SECOND

TWO_HOURS = 7_200 * SECOND


@given(st.text(max_size=20), st.text(max_size=600), st.integers(0, 4 * NOW), st.integers(0, TWO_HOURS))
def test_a_token_is_read_back_within_two_hours(scope: str, after: str, now: int, later: int) -> None:
    token = paging.encode(scope, after, now)
    assert token.replace("-", "").replace("_", "").isalnum()
    assert paging.decode(scope, token, now + later) == after


def test_a_token_expires() -> None:
    token = paging.encode("s", "key", NOW)
    with pytest.raises(InvalidArgument, match="invalid or has expired"):
        paging.decode("s", token, NOW + TWO_HOURS + 1)


def test_no_token_is_the_first_page() -> None:
    assert paging.decode("s", "", NOW) == ""


def test_a_token_holds_for_its_own_listing_only() -> None:
    token = paging.encode("queues of a", "key", NOW)
    with pytest.raises(InvalidArgument, match="invalid or has expired"):
        paging.decode("queues of b", token, NOW)


@given(
    st.text(max_size=40) | st.binary(max_size=40).map(lambda raw: base64.urlsafe_b64encode(raw).decode().rstrip("="))
)
def test_what_is_no_token_is_refused(text: str) -> None:
    if text:
        with pytest.raises(InvalidArgument, match="invalid or has expired"):
            paging.decode("s", text, NOW)


@given(st.text(max_size=30), st.integers(0, 10**6), st.integers(1, 255))
def test_a_token_that_was_meddled_with_is_refused(after: str, place: int, change: int) -> None:
    token = paging.encode("s", after, NOW)
    raw = bytearray(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    raw[place % len(raw)] ^= change
    with pytest.raises(InvalidArgument, match="invalid or has expired"):
        paging.decode("s", base64.urlsafe_b64encode(raw).decode(), NOW)


@pytest.mark.parametrize(("asked", "most", "size"), [(0, 1_000, 1_000), (25, 1_000, 25), (9_999, 1_000, 1_000)])
def test_a_page_is_as_long_as_asked_and_allowed(asked: int, most: int, size: int) -> None:
    assert paging.page_size(asked, most) == size


def test_a_negative_page_size_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="cannot be negative"):
        paging.page_size(-1, 1_000)
