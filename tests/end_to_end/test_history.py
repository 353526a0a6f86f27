"""What is left of attempts, and of tasks that ran out of them: read, driven again, removed, over HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.end_to_end.stage import DAY, Stage, statuses
from tests.running import Answer

Json = dict[str, Any]


def ask(stage: Stage, verb: str, path: str, body: Mapping[str, Any] | None = None) -> tuple[int, Json]:
    """A call below the queue: `tasks/T/attempts`, `deadLetters:purge`."""
    status, answer = stage.server.http(verb, f"/kumo/v1/{stage.queue}/{path}", body)
    return status, answer


def call(stage: Stage, verb: str, path: str, body: Mapping[str, Any] | None = None) -> Json:
    """A call that must succeed."""
    status, answer = ask(stage, verb, path, body)
    assert status == 200, answer
    return answer


def attempts(stage: Stage, task: str) -> list[Json]:
    return list(call(stage, "GET", f"tasks/{task}/attempts").get("attempts", []))


def letters(stage: Stage) -> list[Json]:
    return list(call(stage, "GET", "deadLetters").get("deadLetters", []))


def answers(stage: Stage, *given: Answer) -> None:
    """The worker gives these one after the other, then 200."""
    left = iter(given)
    stage.worker.answer = lambda arrival: next(left, Answer())


def test_two_failures_and_a_success_are_told_one_by_one(stage: Stage) -> None:
    stage.retries(minBackoff="20s", maxBackoff="3600s", maxDoublings=3)
    answers(
        stage,
        Answer(500, {}, b"no database"),
        Answer(503, {"Retry-After": "60"}, b"x" * 5_000),
    )
    created = stage.now()
    stage.create("twice")
    stage.advance(0)
    stage.advance(20)
    stage.advance(60)
    assert stage.gone(stage.name("twice"))
    first, second, third = attempts(stage, "twice")
    begin = created.isoformat(timespec="microseconds").replace("+00:00", "Z")
    assert first.pop("taskCreateTime") == second["taskCreateTime"] == third["taskCreateTime"]
    assert first == {
        "number": 1,
        "scheduleTime": begin,
        "dispatchTime": begin,
        "endTime": begin,
        "duration": "0s",
        "httpStatus": 500,
        "responseStatus": {"code": 13, "message": "INTERNAL(13): HTTP status code 500"},
        "responseExcerpt": "no database",
        "nextScheduleTime": second["scheduleTime"],
        "reason": "backoff 20 s after failure 1",
    }
    assert (second["number"], second["httpStatus"]) == (2, 503)
    assert (second["responseExcerpt"], second["reason"]) == ("x" * 1_024, "Retry-After asked for 60 s")
    assert second["nextScheduleTime"] == third["scheduleTime"]
    assert (third["number"], third["httpStatus"]) == (3, 200)
    assert {"nextScheduleTime", "reason"}.isdisjoint(third)
    assert letters(stage) == []


def test_a_first_success_leaves_nothing(stage: Stage) -> None:
    stage.create("fine")
    stage.settle()
    status, answer = ask(stage, "GET", "tasks/fine/attempts")
    assert (status, answer["error"]["status"]) == (404, "NOT_FOUND")
    assert "no longer exists" in answer["error"]["message"]
    assert ask(stage, "GET", "tasks/never/attempts")[1]["error"]["message"] == "Requested entity was not found."


def test_a_task_that_fails_to_its_end_is_driven_again_and_taken(stage: Stage) -> None:
    stage.retries(maxAttempts=2, minBackoff="10s")
    stage.worker.answer = statuses(500, 404)
    stage.create("fails", httpRequest={"body": "aGVsbG8="})
    stage.advance(0)
    stage.advance(10)
    assert stage.gone(stage.name("fails"))
    (letter,) = letters(stage)
    assert letter["task"]["name"] == stage.name("fails")
    assert letter["task"]["dispatchCount"] == 2
    assert letter["lastAttempt"]["reason"] == "last of 2 attempts"
    assert letter["lastAttempt"]["httpStatus"] == 404
    assert "body" not in letter["task"]["httpRequest"]
    assert attempts(stage, "fails")[-1] == letter["lastAttempt"]
    described = call(stage, "GET", "deadLetters/fails?responseView=FULL")
    assert described["name"] == letter["name"]
    assert described["task"]["httpRequest"]["body"] == "aGVsbG8="

    driven = call(stage, "POST", "deadLetters/fails:redrive", {})["task"]
    assert driven["name"] == stage.name("fails")
    assert "dispatchCount" not in driven
    stage.settle()
    arrival = stage.worker.arrivals[-1]
    assert arrival.body == b"hello"
    assert arrival.headers["x-cloudtasks-taskretrycount"] == "0"
    assert stage.gone(stage.name("fails"))
    assert letters(stage) == []
    assert ask(stage, "POST", "deadLetters/fails:redrive", {})[0] == 404


def test_a_task_driven_again_may_die_again(stage: Stage) -> None:
    stage.retries(maxAttempts=1)
    stage.worker.answer = statuses(*[500] * 3)
    stage.create("dies")
    stage.settle()
    call(stage, "POST", "deadLetters/dies:redrive", {})
    stage.settle()
    (letter,) = letters(stage)
    assert [each["number"] for each in attempts(stage, "dies")] == [1, 1]
    assert call(stage, "POST", "deadLetters:redrive", {}) == {"tasksRedriven": 1}
    stage.settle()
    (again,) = letters(stage)
    assert again["name"] != letter["name"]
    assert len(stage.worker.arrivals) == 3


def test_a_filter_says_which_letters_are_driven_and_which_are_removed(stage: Stage) -> None:
    stage.retries(maxAttempts=1)
    stage.worker.answer = lambda arrival: Answer(int(arrival.path[1:]))
    for status in (500, 404, 404, 429):
        stage.create(path=f"/{status}")
    stage.settle()
    assert len(letters(stage)) == 4
    assert [
        each["lastAttempt"]["httpStatus"]
        for each in call(stage, "GET", "deadLetters?filter=httpStatus>499")["deadLetters"]
    ] == [500]
    assert call(stage, "POST", "deadLetters:purge", {"filter": "httpStatus=404"}) == {"deadLettersPurged": 2}
    stage.worker.answer = lambda arrival: Answer()
    assert call(stage, "POST", "deadLetters:redrive", {"filter": 'url:"/429"'}) == {"tasksRedriven": 1}
    stage.settle()
    (left,) = letters(stage)
    assert left["lastAttempt"]["httpStatus"] == 500
    assert call(stage, "POST", f"deadLetters/{left['name'].rpartition('/')[2]}:purge", {}) == {}
    assert call(stage, "POST", "deadLetters:purge", {}) == {"deadLettersPurged": 0}
    assert ask(stage, "POST", "deadLetters:purge", {"filter": "httpStatus="})[0] == 400


def test_a_purge_leaves_them_and_the_queues_end_does_not(stage: Stage) -> None:
    stage.retries(maxAttempts=1)
    stage.worker.answer = statuses(500)
    stage.create("dies")
    stage.settle()
    stage.call("PurgeQueue", name=stage.queue)
    assert (len(letters(stage)), len(attempts(stage, "dies"))) == (1, 1)
    assert call(stage, "POST", "deadLetters/dies:redrive", {})["task"]["name"] == stage.name("dies")
    stage.call("DeleteQueue", name=stage.queue)
    assert ask(stage, "GET", "deadLetters")[0] == 404
    assert ask(stage, "GET", "tasks/dies/attempts")[0] == 404


def test_they_are_kept_for_their_time(stage: Stage) -> None:
    stage.retries(maxAttempts=1)
    stage.worker.answer = statuses(500)
    stage.create("dies")
    stage.settle()
    stage.advance(7 * DAY - 1)
    assert len(attempts(stage, "dies")) == 1
    stage.advance(DAY + 1)
    assert ask(stage, "GET", "tasks/dies/attempts")[0] == 404
    assert len(letters(stage)) == 1
    stage.advance(23 * DAY)
    assert letters(stage) == []
