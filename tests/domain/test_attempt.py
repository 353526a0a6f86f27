"""How attempts end, and the statuses they are remembered by."""

import pytest
from google.rpc import code_pb2
from hypothesis import given
from hypothesis import strategies as st

from kumotasks.domain.attempt import (
    CODE_NAMES,
    Answered,
    Barred,
    Outcome,
    Status,
    TimedOut,
    Unreachable,
    Unsigned,
    classify,
    responded,
    succeeded,
)


@pytest.mark.parametrize(
    ("http", "code", "message"),
    [
        (200, 0, "OK(0): HTTP status code 200"),
        (204, 0, "OK(0): HTTP status code 204"),
        (299, 0, "OK(0): HTTP status code 299"),
        (302, 2, "UNKNOWN(2): HTTP status code 302"),
        (400, 3, "INVALID_ARGUMENT(3): HTTP status code 400"),
        (401, 16, "UNAUTHENTICATED(16): HTTP status code 401"),
        (403, 7, "PERMISSION_DENIED(7): HTTP status code 403"),
        (404, 5, "NOT_FOUND(5): HTTP status code 404"),
        (409, 6, "ALREADY_EXISTS(6): HTTP status code 409"),
        (418, 2, "UNKNOWN(2): HTTP status code 418"),
        (429, 8, "RESOURCE_EXHAUSTED(8): HTTP status code 429"),
        (499, 1, "CANCELLED(1): HTTP status code 499"),
        (500, 13, "INTERNAL(13): HTTP status code 500"),
        (501, 12, "UNIMPLEMENTED(12): HTTP status code 501"),
        (503, 14, "UNAVAILABLE(14): HTTP status code 503"),
        (504, 4, "DEADLINE_EXCEEDED(4): HTTP status code 504"),
    ],
)
def test_an_answer_is_remembered_by_its_code(http: int, code: int, message: str) -> None:
    assert classify(Answered(http)) == Status(code, message)


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        (TimedOut(), Status(4, "DEADLINE_EXCEEDED(4): the attempt reached its dispatch deadline")),
        (Unreachable("connection refused"), Status(2, "UNKNOWN(2): connection refused")),
        (Barred("private address"), Status(7, "PERMISSION_DENIED(7): private address")),
        (Unsigned("no such account"), Status(16, "UNAUTHENTICATED(16): no such account")),
    ],
)
def test_no_answer_is_remembered_by_its_reason(outcome: Outcome, status: Status) -> None:
    assert classify(outcome) == status
    assert not succeeded(outcome)
    assert not responded(outcome)


@given(st.integers(100, 599))
def test_two_hundreds_succeed_and_every_answer_responds(http: int) -> None:
    assert succeeded(Answered(http)) is (200 <= http <= 299)
    assert responded(Answered(http))
    assert (classify(Answered(http)).code == 0) is succeeded(Answered(http))


def test_the_codes_have_googles_names() -> None:
    assert {value: name for name, value in code_pb2.Code.items()} == CODE_NAMES
