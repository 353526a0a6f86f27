"""Every call as every role: what matrix.toml lets through comes through, and everything else is refused in Google's words.

The verdict must not depend on what exists, so each call is also made where nothing does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from tests.calls import CALLS, Reply
from tests.iam.expectations import NO_ROLE, ROLES, ROWS, Row, missing
from tests.iam.requests import ABSENT, REQUESTS, Place
from tests.iam.stage import CASES, TRANSPORTS, Cast, Stage

GRANTED = "granted"
# Of the calls on what is not there, those that are let through find that out, make it, or have nothing to say.
FOUND_OUT = {"OK", "NOT_FOUND"}
NO_CREDENTIAL = (
    "Request is missing required authentication credential. Expected OAuth 2 access token, login cookie or other valid "
    "authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project."
)
BAD_CREDENTIAL = NO_CREDENTIAL.replace("is missing required authentication credential", "had invalid authentication credentials")


def denial(permission: str, resource: str) -> str:
    return (
        f'PERMISSION_DENIED The principal (user or service account) lacks IAM permission "{permission}" for the '
        f'resource "{resource}" (or the resource may not exist).'
    )


def expected(cast: Cast, row: Row, place: Place, *, exists: bool = True) -> str:
    """GRANTED, or the refusal. A policy of a queue that does not exist is in force nowhere."""
    need = missing(row, [grant for grant in cast.grants if exists or grant.scope != "queue"])
    return GRANTED if need is None else denial(need.permission, place.resource(need.on))


def said(reply: Reply, granted: Sequence[str] | set[str]) -> str:
    return GRANTED if reply.status in granted else f"{reply.status} {reply.message}".strip()


def outcome(row: Row) -> set[str]:
    """How a call that is let through ends where everything is there that should be."""
    return {"NOT_FOUND"} if ABSENT in str(REQUESTS[row.name](Place("", "", ""))) else {"OK"}


def rows(transport: str, wanted: Callable[[Row], bool] = lambda row: True) -> list[Row]:
    return [row for row in ROWS if (transport == "rest" or row.rpc in CALLS) and wanted(row)]


def of_scope(scope: str) -> Callable[[Row], bool]:
    """On an account only what speaks of accounts is worth asking."""
    return lambda row: scope != "signer" or row.needs_any("signer", "absent signer", "foreign signer")


def names(case: tuple[str, str]) -> str:
    role, scope = case
    return f"{role} on the {scope}"


every_case = pytest.mark.parametrize("case", CASES, ids=names)
every_transport = pytest.mark.parametrize("transport", TRANSPORTS)


@every_transport
@every_case
def test_who_may_make_a_call(stage: Stage, case: tuple[str, str], transport: str) -> None:
    cast = stage.cast(case)
    client = stage.client(transport, cast.token)
    found, wanted = {}, {}
    for row in rows(transport, of_scope(case[1])):
        place = stage.place(case, transport, row)
        wanted[row.name] = expected(cast, row, place)
        found[row.name] = said(client.call(row.rpc, REQUESTS[row.name](place)), outcome(row))
    assert found == wanted


@every_transport
@every_case
def test_the_verdict_is_the_same_of_what_does_not_exist(stage: Stage, case: tuple[str, str], transport: str) -> None:
    cast = stage.cast(case)
    client = stage.client(transport, cast.token)
    found, wanted = {}, {}
    for row in rows(transport, of_scope(case[1])):
        place = stage.nowhere(case, transport, row)
        wanted[row.name] = expected(cast, row, place, exists=False)
        found[row.name] = said(client.call(row.rpc, REQUESTS[row.name](place)), FOUND_OUT)
    assert found == wanted
