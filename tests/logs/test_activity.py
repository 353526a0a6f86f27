"""The wording of TaskActivityLog entries, against entries that were seen at Google's."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kumotasks.domain.attempt import Answered, Attempt, TimedOut, Unreachable
from kumotasks.domain.clock import SECOND
from kumotasks.domain.names import TaskName, parse_queue
from kumotasks.domain.queue import Queue
from kumotasks.domain.retry import dispatched
from kumotasks.domain.target import HttpMethod, HttpRequest, HttpTarget, UriOverride
from kumotasks.domain.task import Progress, RetryOverride, Task
from kumotasks.logs.activity import creation, deletion, dispatch, response
from kumotasks.logs.entry import LogEntry, to_document
from kumotasks.logs.times import from_rfc3339
from tests.factory import NOW, a_queue, a_task, an_app_engine_request

QUEUE = Queue(parse_queue("projects/my-project/locations/asia-northeast1/queues/sample-queue"))
DUE = from_rfc3339("2021-07-31T11:45:59.060021Z")
TASK = Task(
    TaskName(QUEUE.name, "sample-task-faae211a"), HttpRequest("https://worker-exb6xe7e5a-an.a.run.app"), DUE, DUE, 1
)
SENT = from_rfc3339("2021-07-31T11:45:59.061067Z")
ADDRESS = {"targetAddress": "POST https://worker-exb6xe7e5a-an.a.run.app/", "targetType": "HTTP"}


def document(at: str, insert_id: str, **said: object) -> dict[str, object]:
    return {
        "insertId": insert_id,
        "jsonPayload": {
            "@type": "type.googleapis.com/google.cloud.tasks.logging.v1.TaskActivityLog",
            "task": "projects/my-project/locations/asia-northeast1/queues/sample-queue/tasks/sample-task-faae211a",
            **said,
        },
        "logName": "projects/my-project/logs/cloudtasks.googleapis.com%2Ftask_operations_log",
        "receiveTimestamp": at,
        "resource": {
            "labels": {
                "location": "asia-northeast1",
                "project_id": "my-project",
                "queue_id": "sample-queue",
                "target_type": "HTTP",
            },
            "type": "cloud_tasks_queue",
        },
        "severity": "INFO",
        "timestamp": at,
    }


def test_a_creation_reads_as_googles() -> None:
    entry = creation(QUEUE, TASK, at=from_rfc3339("2021-07-31T11:45:58.475179Z"), insert_id="81p50jcfky")
    said = {"scheduleTime": "2021-07-31T11:45:59.060021Z", "status": "OK", **ADDRESS}
    assert to_document(entry) == document("2021-07-31T11:45:58.475179Z", "81p50jcfky", taskCreationLog=said)


def test_a_dispatch_reads_as_googles() -> None:
    entry = dispatch(QUEUE, dispatched(TASK, SENT), asked_for=False, at=SENT, insert_id="2iclncc2y2")
    said = {
        "dispatchCount": "1",
        "dispatchReason": "PUSH_QUEUE",
        "maxAttempts": 0,
        "responseCount": "0",
        "scheduleTime": "2021-07-31T11:45:59.060021Z",
        **ADDRESS,
    }
    assert to_document(entry) == document("2021-07-31T11:45:59.061067Z", "2iclncc2y2", attemptDispatchLog=said)


def test_a_response_reads_as_googles() -> None:
    at = from_rfc3339("2021-07-31T11:46:00.271681Z")
    entry = response(QUEUE, dispatched(TASK, SENT), Answered(200), retry_at=None, at=at, insert_id="2iclncc2y3")
    said = {
        "dispatchCount": "1",
        "maxAttempts": 0,
        "responseCount": "1",
        "scheduleTime": "2021-07-31T11:45:59.060021Z",
        "status": "OK",
        **ADDRESS,
    }
    assert to_document(entry) == document("2021-07-31T11:46:00.271681Z", "2iclncc2y3", attemptResponseLog=said)


def test_a_failure_reads_as_googles() -> None:
    due = from_rfc3339("2025-09-05T20:38:23.096373Z")
    task = dispatched(a_task("t", due=due, target=HttpRequest("http://localhost:8000/path")), due + 700)
    retry_at = from_rfc3339("2025-09-05T20:39:23.111491Z")
    entry = response(a_queue(), task, Unreachable("refused"), retry_at=retry_at, at=due + 700 + 1_250, insert_id="i")
    assert said_in(entry) == {
        "attemptDuration": "0.001250s",
        "dispatchCount": "1",
        "maxAttempts": 0,
        "responseCount": "0",
        "retryTime": "2025-09-05T20:39:23.111491Z",
        "scheduleTime": "2025-09-05T20:38:23.096373Z",
        "status": "UNKNOWN",
        "targetAddress": "POST http://localhost:8000/path",
        "targetType": "HTTP",
    }
    assert to_document(entry)["severity"] == "ERROR"


def said_in(entry: LogEntry) -> dict[str, object]:
    payload = entry.payload
    assert isinstance(payload, dict)
    (kind,) = payload.keys() - {"@type", "task"}
    return dict(payload[kind])


def test_a_later_attempt_counts_those_before_it() -> None:
    before = a_task(progress=Progress(4, 3, 3, 500, NOW, Attempt(NOW)), due=NOW + SECOND)
    task = dispatched(before, NOW + 2 * SECOND)
    sent = said_in(dispatch(a_queue(), task, asked_for=False, at=NOW, insert_id="i"))
    assert (sent["dispatchCount"], sent["responseCount"]) == ("5", "3")
    back = response(a_queue(), task, Answered(503), retry_at=None, at=NOW + 3 * SECOND, insert_id="i")
    assert (said_in(back)["dispatchCount"], said_in(back)["responseCount"]) == ("5", "4")
    assert said_in(back)["attemptDuration"] == "1s"


@pytest.mark.parametrize(
    ("outcome", "status", "severity"),
    [
        (Answered(204), "OK", "INFO"),
        (Answered(403), "PERMISSION_DENIED", "ERROR"),
        (Answered(418), "UNKNOWN", "ERROR"),
        (Answered(500), "INTERNAL", "ERROR"),
        (Answered(503), "UNAVAILABLE", "ERROR"),
        (TimedOut(), "DEADLINE_EXCEEDED", "ERROR"),
    ],
)
def test_status_and_severity_follow_the_outcome(outcome: Answered | TimedOut, status: str, severity: str) -> None:
    entry = response(a_queue(), dispatched(a_task(), NOW), outcome, retry_at=None, at=NOW, insert_id="i")
    assert said_in(entry)["status"] == status
    assert to_document(entry)["severity"] == severity


def test_the_last_failure_has_no_retry_time() -> None:
    entry = response(a_queue(), dispatched(a_task(), NOW), Answered(500), retry_at=None, at=NOW, insert_id="i")
    assert "retryTime" not in said_in(entry)


def test_a_backoff_beyond_the_calendar_is_no_flaw() -> None:
    entry = response(a_queue(), dispatched(a_task(), NOW), Answered(500), retry_at=1 << 62, at=NOW, insert_id="i")
    assert said_in(entry)["retryTime"] == "9999-12-31T23:59:59.999999Z"


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("https://h", "POST https://h/"),
        ("https://h/", "POST https://h/"),
        ("https://h:8443?a=1", "POST https://h:8443/?a=1"),
        ("https://h#f", "POST https://h/#f"),
        ("https://h/p?q#f", "POST https://h/p?q#f"),
        ("https://[::1", "POST https://[::1/"),
    ],
)
def test_an_address_has_a_path(url: str, address: str) -> None:
    entry = creation(a_queue(), a_task(target=HttpRequest(url)), at=NOW, insert_id="i")
    assert said_in(entry)["targetAddress"] == address


def test_the_address_is_where_the_queue_sends_it() -> None:
    target = HttpTarget(UriOverride(host="other.example"), HttpMethod.PUT)
    entry = creation(replace(a_queue(), http_target=target), a_task(), at=NOW, insert_id="i")
    assert said_in(entry)["targetAddress"] == "PUT https://other.example/run"


def test_an_app_engine_task_says_so() -> None:
    entry = creation(a_queue(), a_task(target=an_app_engine_request()), at=NOW, insert_id="i")
    assert said_in(entry)["targetAddress"] == "PUT /run?x=1"
    assert said_in(entry)["targetType"] == entry.resource_labels["target_type"] == "APP_ENGINE_HTTP"


def test_a_run_says_that_it_was_asked_for() -> None:
    entry = dispatch(a_queue(), dispatched(a_task(), NOW), asked_for=True, at=NOW, insert_id="i")
    assert said_in(entry)["dispatchReason"] == "RUN_TASK"


def test_max_attempts_is_the_tasks_own() -> None:
    task = dispatched(a_task(retry=RetryOverride(max_attempts=3)), NOW)
    assert said_in(dispatch(a_queue(), task, asked_for=False, at=NOW, insert_id="i"))["maxAttempts"] == 3


def test_a_deletion_is_an_entry_of_its_own() -> None:
    entry = deletion(a_queue(), a_task("t"), at=NOW, insert_id="i")
    assert isinstance(entry.payload, dict)
    assert entry.payload["taskDeletionLog"] == {
        "status": "OK",
        "scheduleTime": "2026-01-01T00:00:00Z",
        "targetAddress": "POST https://worker.example/run",
        "targetType": "HTTP",
    }
