"""One attempt to deliver a task: how it ended, what that means, and what is remembered of it.

Cloud Tasks: 2xx is success; everything else is a failure that the retry rules judge. An answer counts as a response
whatever its status; no answer (refused, timed out, barred) does not. Nothing here knows how an attempt is made.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import assert_never

from kumotasks.domain.value import value

HTTP_OK = range(200, 300)
OVERLOAD = frozenset({429, 503})
GATEWAY_TIMEOUT = 504


@value
class Answered:
    """The worker answered. `retry_after` is the header as it came, `excerpt` the first bytes of the body."""

    status: int
    retry_after: str | None = None
    excerpt: bytes = b""


@dataclass(frozen=True, slots=True)
class TimedOut:
    """The dispatch deadline passed before an answer."""


@dataclass(frozen=True, slots=True)
class Unreachable:
    """No answer: name look-up, connection, TLS or the answer's syntax failed. `reason` is one line for people."""

    reason: str


@dataclass(frozen=True, slots=True)
class Barred:
    """The egress policy refused the target. `reason` names the rule."""

    reason: str


@dataclass(frozen=True, slots=True)
class Unsigned:
    """The token that the request should carry could not be had, so nothing was sent. `reason` is one line."""

    reason: str


Outcome = Answered | TimedOut | Unreachable | Barred | Unsigned


@value
class Status:
    """A canonical status (google.rpc.Status): `code` is the number, `message` Google's wording of it."""

    code: int
    message: str


@value
class Attempt:
    """What a task remembers of an attempt; instants in microseconds, None where it has not happened."""

    schedule_time: int | None = None
    dispatch_time: int | None = None
    response_time: int | None = None
    response_status: Status | None = None


CODE_NAMES = {
    0: "OK",
    1: "CANCELLED",
    2: "UNKNOWN",
    3: "INVALID_ARGUMENT",
    4: "DEADLINE_EXCEEDED",
    5: "NOT_FOUND",
    6: "ALREADY_EXISTS",
    7: "PERMISSION_DENIED",
    8: "RESOURCE_EXHAUSTED",
    9: "FAILED_PRECONDITION",
    10: "ABORTED",
    11: "OUT_OF_RANGE",
    12: "UNIMPLEMENTED",
    13: "INTERNAL",
    14: "UNAVAILABLE",
    15: "DATA_LOSS",
    16: "UNAUTHENTICATED",
}

CODE_OF_HTTP_STATUS = {
    400: 3,
    401: 16,
    403: 7,
    404: 5,
    409: 6,
    429: 8,
    499: 1,
    500: 13,
    501: 12,
    503: 14,
    504: 4,
}


def succeeded(outcome: Outcome) -> bool:
    """Whether the task is done."""
    return isinstance(outcome, Answered) and outcome.status in HTTP_OK


def responded(outcome: Outcome) -> bool:
    """Whether the attempt counts in `response_count`: any answer does, whatever its status."""
    return isinstance(outcome, Answered)


@lru_cache(maxsize=1_000)  # there are hardly more
def _status_of(http: int) -> Status:
    code = 0 if http in HTTP_OK else CODE_OF_HTTP_STATUS.get(http, 2)
    return Status(code, f"{CODE_NAMES[code]}({code}): HTTP status code {http}")


def classify(outcome: Outcome) -> Status:
    """The status an attempt is remembered by, e.g. `UNAVAILABLE(14): HTTP status code 503`."""
    if isinstance(outcome, Answered):  # nearly always, and a pattern takes ten times as long
        return _status_of(outcome.status)
    match outcome:
        case TimedOut():
            return Status(4, "DEADLINE_EXCEEDED(4): the attempt reached its dispatch deadline")
        case Unreachable(reason):
            return Status(2, f"UNKNOWN(2): {reason}")
        case Barred(reason):
            return Status(7, f"PERMISSION_DENIED(7): {reason}")
        case Unsigned(reason):
            return Status(16, f"UNAUTHENTICATED(16): {reason}")
        case _:
            assert_never(outcome)
