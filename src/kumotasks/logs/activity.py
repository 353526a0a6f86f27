"""The wording of what happened to tasks: Google's TaskActivityLog, one entry an operation. The only place that has it.

Counters are 64-bit integers, which JSON writes as texts; `maxAttempts` is what the task itself limits, 0 where its
queue does. Whether an entry is wanted, and what becomes of it, is unknown here.
"""

from __future__ import annotations

import re

from kumotasks.domain.attempt import CODE_NAMES, Outcome, classify, responded, succeeded
from kumotasks.domain.queue import Queue
from kumotasks.domain.target import AppEngineHttpRequest, HttpMethod
from kumotasks.domain.task import Task, target_kind
from kumotasks.domain.uri import overridden_url
from kumotasks.logs.entry import ERROR, INFO, LogEntry
from kumotasks.logs.times import rfc3339, seconds_text

RESOURCE = "cloud_tasks_queue"
LOG_ID = "cloudtasks.googleapis.com%2Ftask_operations_log"
_TYPE = "type.googleapis.com/google.cloud.tasks.logging.v1.TaskActivityLog"
_OK = "OK"
_PUSHED = "PUSH_QUEUE"
_ASKED_FOR = "RUN_TASK"  # our word: how Google calls the dispatch of a RunTask is not published
_METHOD_NAMES = {method.value: method.name for method in HttpMethod}
_AUTHORITY = re.compile(r"[^:/?#]+://[^/?#]*")


def creation(queue: Queue, task: Task, *, at: int, insert_id: str) -> LogEntry:
    """CreateTask was answered."""
    return _entry(queue, task, "taskCreationLog", {"status": _OK, **_scheduled(task)}, at=at, insert_id=insert_id)


def deletion(queue: Queue, task: Task, *, at: int, insert_id: str) -> LogEntry:
    """DeleteTask was answered."""
    return _entry(queue, task, "taskDeletionLog", {"status": _OK, **_scheduled(task)}, at=at, insert_id=insert_id)


def dispatch(queue: Queue, task: Task, *, asked_for: bool, at: int, insert_id: str) -> LogEntry:
    """An attempt begins: `task` has it counted already. `asked_for`: by RunTask."""
    said = {
        "dispatchReason": _ASKED_FOR if asked_for else _PUSHED,
        **_counted(task, task.progress.response_count),
        **_attempted(task),
    }
    return _entry(queue, task, "attemptDispatchLog", said, at=at, insert_id=insert_id)


def response(queue: Queue, task: Task, outcome: Outcome, *, retry_at: int | None, at: int, insert_id: str) -> LogEntry:
    """The attempt that `task` was dispatched for has ended. Of a failure: how long it took, when the next is due."""
    said: dict[str, object] = {
        "status": CODE_NAMES[classify(outcome).code],
        **_counted(task, task.progress.response_count + responded(outcome)),
        **_attempted(task),
    }
    failed = not succeeded(outcome)
    last = task.progress.last_attempt
    if failed and last is not None and last.dispatch_time is not None:
        said["attemptDuration"] = seconds_text(max(0, at - last.dispatch_time))
    if retry_at is not None:
        said["retryTime"] = rfc3339(retry_at)
    return _entry(
        queue, task, "attemptResponseLog", said, severity=ERROR if failed else INFO, at=at, insert_id=insert_id
    )


def _scheduled(task: Task) -> dict[str, object]:
    return {"scheduleTime": rfc3339(task.schedule_time)}


def _attempted(task: Task) -> dict[str, object]:
    """When the attempt, not the next one, was due."""
    last = task.progress.last_attempt
    due = None if last is None else last.schedule_time
    return {"scheduleTime": rfc3339(task.schedule_time if due is None else due)}


def _counted(task: Task, responses: int) -> dict[str, object]:
    most = task.retry_config.max_attempts if task.retry_config is not None else None
    return {
        "dispatchCount": str(task.progress.dispatch_count),
        "responseCount": str(responses),
        "maxAttempts": most or 0,
    }


def _entry(
    queue: Queue,
    task: Task,
    kind: str,
    said: dict[str, object],
    *,
    severity: int = INFO,
    at: int,
    insert_id: str,
) -> LogEntry:
    name, target = queue.name, target_kind(task.target)
    return LogEntry(
        log_name=f"projects/{name.project}/logs/{LOG_ID}",
        resource_type=RESOURCE,
        timestamp=at,
        payload={
            "@type": _TYPE,
            "task": str(task.name),
            kind: {**said, "targetAddress": _address(queue, task), "targetType": target},
        },
        resource_labels={
            "project_id": name.project,
            "location": name.location,
            "queue_id": name.queue,
            "target_type": target,
        },
        severity=severity,
        insert_id=insert_id,
        receive_timestamp=at,
    )


def _address(queue: Queue, task: Task) -> str:
    """`POST https://worker.example/`: the method, and the URL that the request goes to, with a path in any case."""
    target = task.target
    method = target.http_method
    if isinstance(target, AppEngineHttpRequest):
        return f"{_METHOD_NAMES[method]} {target.relative_uri}"
    url = target.url
    if queue.http_target is not None:
        url = overridden_url(url, queue.http_target.uri_override)
        method = queue.http_target.http_method or method
    authority = _AUTHORITY.match(url)
    if authority is not None and not url.startswith("/", authority.end()):
        url = f"{authority[0]}/{url[authority.end() :]}"
    return f"{_METHOD_NAMES[method]} {url}"
