"""A task's headers as values, from any framework's headers."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from kumotasks.client.task_headers import NotATask, TaskRequest

HEADERS = {
    "X-CloudTasks-QueueName": "mail",
    "X-CloudTasks-TaskName": "welcome",
    "X-CloudTasks-TaskRetryCount": "2",
    "X-CloudTasks-TaskExecutionCount": "1",
    "X-CloudTasks-TaskETA": "1893553445.000007",
}
FIRST = TaskRequest("mail", "welcome", 2, 1, datetime(2030, 1, 2, 3, 4, 5, 7, tzinfo=UTC))


def test_headers_are_a_mapping_or_pairs_of_text_or_bytes() -> None:
    assert TaskRequest.from_headers(HEADERS) == FIRST
    assert TaskRequest.from_headers((name.lower(), value) for name, value in HEADERS.items()) == FIRST
    assert (
        TaskRequest.from_headers([(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]) == FIRST
    )


def test_a_wsgi_environ_has_them_too() -> None:
    environ = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in HEADERS.items()}
    assert TaskRequest.from_environ({**environ, "REQUEST_METHOD": "POST"}) == FIRST


def test_app_engines_headers_have_a_prefix_of_their_own() -> None:
    theirs = {name.replace("CloudTasks", "AppEngine"): value for name, value in HEADERS.items()}
    assert TaskRequest.from_headers(theirs) == FIRST


def test_a_retry_says_what_came_before() -> None:
    more = {"X-CloudTasks-TaskPreviousResponse": "503", "X-CloudTasks-TaskRetryReason": "busy"}
    found = TaskRequest.from_headers(HEADERS | more)
    assert (found.previous_response, found.retry_reason) == (503, "busy")


def test_an_eta_may_have_no_fraction() -> None:
    found = TaskRequest.from_headers(HEADERS | {"X-CloudTasks-TaskETA": "1893553445"})
    assert found.eta == datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    "change",
    [
        {"X-CloudTasks-QueueName": None},
        {"X-CloudTasks-TaskName": None},
        {"X-CloudTasks-TaskRetryCount": "many"},
        {"X-CloudTasks-TaskRetryCount": "-1"},
        {"X-CloudTasks-TaskRetryCount": "²"},
        {"X-CloudTasks-TaskETA": "soon"},
        {"X-CloudTasks-TaskETA": "9" * 40},
        {"X-CloudTasks-TaskPreviousResponse": "x"},
    ],
)
def test_what_no_queue_writes_is_no_task(change: dict[str, str | None]) -> None:
    headers = {name: value for name, value in (HEADERS | change).items() if value is not None}
    with pytest.raises(NotATask):
        TaskRequest.from_headers(headers)
