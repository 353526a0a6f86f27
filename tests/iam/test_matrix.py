"""Every call as every role: what matrix.toml lets through comes through, the rest is refused in Google's words.

The verdict must not depend on what exists, so each call is also made where nothing does.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.calls import CALLS, Reply
from tests.iam.expectations import ROLES, ROWS, Row, missing
from tests.iam.requests import ABSENT, LOCATION, REQUESTS, Place
from tests.iam.sentences import BAD_CREDENTIAL, NO_CREDENTIAL, denial
from tests.iam.stage import CASES, SHARED, TRANSPORTS, Cast, Stage

GRANTED = "granted"
HELD = sorted(frozenset().union(*ROLES.values()))
# Who may make a call on what is not there finds that out, makes it, or is told that there is nothing.
FOUND_OUT = {"OK", "NOT_FOUND"}


def rows(transport: str, scope: str = "") -> list[Row]:
    """BufferTask has no gRPC method; and of a role on an account only what speaks of accounts is worth asking."""
    spoken = [row for row in ROWS if transport == "rest" or row.rpc in CALLS]
    return [row for row in spoken if scope != "signer" or row.needs_any("signer", "absent signer", "foreign signer")]


def expected(cast: Cast, row: Row, place: Place, *, exists: bool) -> str:
    """GRANTED, or the refusal. A queue that does not exist has no policy."""
    need = missing(row, [grant for grant in cast.grants if exists or grant.scope != "queue"])
    return GRANTED if need is None else denial(need.permission, place.resource(need.on))


def said(reply: Reply, granted: set[str]) -> str:
    return GRANTED if reply.status in granted else f"{reply.status} {reply.message}".strip()


def outcome(request: object) -> set[str]:
    """How a call that is let through ends where everything is there that should be."""
    return {"NOT_FOUND"} if ABSENT in str(request) else {"OK"}


def compare(found: dict[str, str], wanted: dict[str, str]) -> None:
    """Fail with what is wrong, row by row."""
    assert found.keys() == wanted.keys()
    wrong = [f"{row}\n  expected {wanted[row]}\n  answered {found[row]}" for row in wanted if found[row] != wanted[row]]
    if wrong:
        pytest.fail("\n".join(wrong), pytrace=False)


def name_of(case: tuple[str, str]) -> str:
    role, scope = case
    return f"{role} on the {scope}"


def cases(*scopes: str) -> Callable[..., pytest.MarkDecorator]:
    return pytest.mark.parametrize("case", [case for case in CASES if case[1] in scopes], ids=name_of)


every_transport = pytest.mark.parametrize("transport", TRANSPORTS)


@every_transport
@cases("project", "queue", "signer")
def test_who_may_make_a_call(stage: Stage, case: tuple[str, str], transport: str) -> None:
    cast = stage.cast(case)
    client = stage.client(transport, cast.token)
    found, wanted = {}, {}
    for row in rows(transport, case[1]):
        place = stage.place(case, transport, row)
        request = REQUESTS[row.name](place)
        wanted[row.name] = expected(cast, row, place, exists=True)
        found[row.name] = said(client.call(row.rpc, request), outcome(request))
    compare(found, wanted)


@every_transport
@cases("project", "queue", "signer")
def test_the_verdict_is_the_same_of_what_does_not_exist(stage: Stage, case: tuple[str, str], transport: str) -> None:
    cast = stage.cast(case)
    client = stage.client(transport, cast.token)
    found, wanted = {}, {}
    for row in rows(transport, case[1]):
        place = stage.nowhere(case, transport, row)
        wanted[row.name] = expected(cast, row, place, exists=False)
        found[row.name] = said(client.call(row.rpc, REQUESTS[row.name](place)), FOUND_OUT)
    compare(found, wanted)


@every_transport
@cases("project", "queue")
def test_a_caller_is_told_what_it_holds_on_a_queue(stage: Stage, case: tuple[str, str], transport: str) -> None:
    client = stage.client(transport, stage.cast(case).token)
    reply = client.call("TestIamPermissions", {"resource": SHARED, "permissions": HELD})
    assert sorted(reply.answer.get("permissions", [])) == sorted(ROLES[case[0]])


@every_transport
@pytest.mark.parametrize(
    ("token", "refusal"), [("", NO_CREDENTIAL), ("ya29.made-up", BAD_CREDENTIAL), ("a.b.c", BAD_CREDENTIAL)]
)
@pytest.mark.parametrize("queue", [SHARED, f"{SHARED}-not"])
def test_who_does_not_say_who_he_is_may_do_nothing(
    stage: Stage, transport: str, token: str, refusal: str, queue: str
) -> None:
    client = stage.client(transport, token)
    asked = [row for row in rows(transport) if row.needs or token]
    places = [Place(queue, row.slug, f"{LOCATION}/operations/none") for row in asked]
    replies = [client.call(row.rpc, REQUESTS[row.name](place)) for row, place in zip(asked, places, strict=True)]
    found = {row.name: said(reply, {"OK"}) for row, reply in zip(asked, replies, strict=True)}
    compare(found, {row.name: refusal for row in asked})


@every_transport
@pytest.mark.parametrize("queue", [SHARED, f"{SHARED}-not"])
def test_who_does_not_say_who_he_is_may_ask_what_everybody_holds(stage: Stage, transport: str, queue: str) -> None:
    reply = stage.client(transport, "").call("TestIamPermissions", {"resource": queue, "permissions": HELD})
    assert reply == Reply("OK")
