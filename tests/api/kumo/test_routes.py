"""Our own surface: what each call needs, and how its answers look."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import msgspec
import pytest

from kumotasks.api.call import JsonRoute
from kumotasks.api.jsonstruct import StructBinding, StructCodec
from kumotasks.api.kumo import messages as m
from kumotasks.api.kumo.calls import AttemptCalls, LetterCalls
from kumotasks.api.kumo.routes import routes
from kumotasks.api.needs import needs_of
from kumotasks.domain.clock import SECOND
from kumotasks.domain.errors import InvalidArgument
from kumotasks.domain.retry import dispatched
from kumotasks.storage.history import DeadLetter
from tests.factory import NOW, PARENT, a_named_task, a_record, a_request

NOTHING = cast("Any", None)  # no call is made
TABLE = {row.method: row for row in routes(AttemptCalls(NOTHING), LetterCalls(NOTHING))}
QUEUE = f"{PARENT}/queues/q"
PATH = (("project", "p"), ("location", "l"), ("queue", "q"))


def needs(row: JsonRoute, **fields: str) -> list[tuple[str, str]]:
    request = StructBinding(row).of_json(PATH, tuple(fields.items()), body=b"")
    return [(need.permission, need.resource) for need in needs_of(row)(request)]


@pytest.mark.parametrize(
    ("method", "fields", "permission", "resource"),
    [
        ("ListAttempts", {"task": "t"}, "cloudtasks.tasks.get", f"{QUEUE}/tasks/t"),
        ("ListDeadLetters", {}, "cloudtasks.tasks.list", QUEUE),
        ("GetDeadLetter", {"letter": "t"}, "cloudtasks.tasks.get", QUEUE),
        ("RedriveDeadLetter", {"letter": "t"}, "cloudtasks.tasks.create", QUEUE),
        ("RedriveDeadLetters", {}, "cloudtasks.tasks.create", QUEUE),
        ("PurgeDeadLetter", {"letter": "t"}, "cloudtasks.tasks.delete", QUEUE),
        ("PurgeDeadLetters", {}, "cloudtasks.tasks.delete", QUEUE),
    ],
)
def test_each_call_needs_what_the_same_on_tasks_needs(
    method: str, fields: dict[str, str], permission: str, resource: str
) -> None:
    assert needs(TABLE[method], **fields) == [(permission, resource)]


def test_no_call_is_open_to_everybody() -> None:
    assert len(TABLE) == 7
    assert all(row.permission.startswith("cloudtasks.tasks.") for row in TABLE.values())


def test_bodies_are_for_those_who_may_see_them() -> None:
    for method, fields in (("ListDeadLetters", {}), ("GetDeadLetter", {"letter": "t"})):
        row = TABLE[method]
        assert needs(row, responseView="FULL", **fields)[1:] == [("cloudtasks.tasks.fullView", QUEUE)]
        assert needs(row, responseView="BASIC", **fields)[1:] == []


async def test_an_unknown_view_shows_nothing() -> None:
    calls = LetterCalls(NOTHING)
    with pytest.raises(InvalidArgument, match="response_view"):
        await calls.get(m.GetLetter("p", "l", "q", "t", "full"), NOTHING)


def shown(answer: msgspec.Struct) -> Any:
    return StructCodec().encode(answer, enum_ints=False)


def test_a_letter_shows_the_task_as_the_api_does_and_its_last_attempt() -> None:
    task = dispatched(replace(a_named_task("n", serial=NOW + 5), target=a_request(b"secret")), NOW)
    letter = DeadLetter(task, replace(a_record(1, ended=NOW + SECOND // 4), next_at=None, due=NOW - 1, sent=NOW))
    answer = shown(m.letter_message(letter, full=False))
    assert answer["name"] == f"{QUEUE}/deadLetters/n.{NOW + 5}"
    assert (answer["task"]["name"], answer["task"]["dispatchCount"]) == (f"{QUEUE}/tasks/n", 1)
    assert "body" not in answer["task"]["httpRequest"]
    assert answer["deathTime"] == "2026-01-01T00:00:00.250000Z"
    assert answer["lastAttempt"] == {
        "number": 1,
        "taskCreateTime": "2026-01-01T00:00:00.000005Z",
        "scheduleTime": "2025-12-31T23:59:59.999999Z",
        "dispatchTime": "2026-01-01T00:00:00.000000Z",
        "endTime": "2026-01-01T00:00:00.250000Z",
        "duration": "0.250s",
        "httpStatus": 500,
        "responseStatus": {"code": 13, "message": "INTERNAL(13): HTTP status code 500"},
        "responseExcerpt": "oh",
        "reason": "backoff",
    }
    assert shown(m.letter_message(letter, full=True))["task"]["httpRequest"]["body"] == "c2VjcmV0"


def test_an_attempt_that_nothing_answered_has_no_http_status() -> None:
    record = replace(a_record(3), status=None, excerpt=b"\xff\x00<", sent=NOW + 7)
    answer = shown(m.attempt_message(record, NOW))
    assert "httpStatus" not in answer
    assert answer["responseExcerpt"] == "\ufffd\x00<"
    assert answer["duration"] == "0s"  # the clock was set back


def test_numbers_of_nothing_are_said() -> None:
    assert shown(m.Purged(0)) == {"deadLettersPurged": 0}
    assert shown(m.Redriven(tasks_redriven=0)) == {"tasksRedriven": 0}
