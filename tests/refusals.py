"""The master table of errors, word for word as the reference records them from the real service.

Transcribed by hand, never derived from the code. $place is projects/P/locations/us-central1, in which stand: the paused
queue `here` with the waiting task `live`; the task `gone`, deleted a moment ago; the queue `old`, deleted a moment ago.
Rows of the reference that need callers with identities (no permission, an unknown service account) are not here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.calls import encoded

Json = dict[str, Any]
REFERENCE = "https://cloud.google.com/tasks/docs/reference/rest/v2/projects.locations.queues"
QUEUE_HELP = ("Definition of queue name", f"{REFERENCE}#Queue.FIELDS.name")
TASK_HELP = ("Definition of task ID", f"{REFERENCE}.tasks#Task.FIELDS.name")
QUEUE_FORMAT = 'Queue name must be formatted: "projects/<PROJECT_ID>/locations/<LOCATION_ID>/queues/<QUEUE_ID>".'
TASK_FORMAT = (
    'Task name must be formatted: "projects/<PROJECT_ID>/locations/<LOCATION_ID>/queues/<QUEUE_ID>/tasks/<TASK_ID>"'
)
NO_QUEUE = "Queue does not exist. If you just created the queue, wait at least a minute for the queue to initialize."
NO_ENTITY = "Requested entity was not found."
GONE = (
    "The task no longer exists, though a task with this name existed recently. The task either successfully completed "
    "or was deleted."
)
TOMBSTONE = (
    "The task cannot be created because a task with this name existed too recently. For more information about task "
    "de-duplication see https://cloud.google.com/tasks/docs/reference/rest/v2/"
    "projects.locations.queues.tasks/create#body.request_body.FIELDS.task."
)
MALFORMED = "Invalid resource field value in the request."
HERE = "$place/queues/here"


@dataclass(frozen=True, slots=True)
class Row:
    """`status` "OK" means that the call must be taken. `message` None: a refusal whose wording is not recorded."""

    situation: str
    rpc: str
    request: Json
    status: str
    message: str | None = ""
    help: tuple[str, str] | None = None


def _queue(situation: str, settings: Json, message: str, status: str = "INVALID_ARGUMENT") -> Row:
    name = f"$place/queues/{'-'.join(situation.split())}"
    return Row(situation, "CreateQueue", {"parent": "$place", "queue": {"name": name, **settings}}, status, message)


def _named_queue(situation: str, name: str, status: str, message: str, link: tuple[str, str] | None = None) -> Row:
    return Row(situation, "CreateQueue", {"parent": "$place", "queue": {"name": name}}, status, message, link)


def _task(situation: str, task: Json, message: str | None, status: str = "INVALID_ARGUMENT") -> Row:
    return Row(situation, "CreateTask", {"parent": HERE, "task": task}, status, message)


def _named_task(
    situation: str, name: str, message: str, status: str = "INVALID_ARGUMENT", link: tuple[str, str] | None = None
) -> Row:
    task = {"name": name, "httpRequest": {"url": "http://w.example/"}}
    return Row(situation, "CreateTask", {"parent": HERE, "task": task}, status, message, link)


def _bad_id(situation: str, task_id: str) -> Row:
    message = (
        f'Task ID "{task_id}" can contain only letters ([A-Za-z]), numbers ([0-9]), hyphens (-), or underscores (_). '
        "Task ID must between 1 and 500 characters."
    )
    return _named_task(situation, f"{HERE}/tasks/{task_id}", message, link=TASK_HELP)


def _http(situation: str, request: Json, message: str | None, status: str = "INVALID_ARGUMENT") -> Row:
    return _task(situation, {"httpRequest": request}, message, status)


def _due(situation: str, message: str, kind: str = "httpRequest", **times: str) -> Row:
    target = {"url": "http://w.example/"} if kind == "httpRequest" else {"relativeUri": "/"}
    return _task(situation, {kind: target, **times}, message)


def _absent(rpc: str, name: str, message: str) -> Row:
    request: Json = {"parent" if rpc in ("CreateTask", "ListTasks") else "name": name}
    if rpc == "CreateTask":
        request["task"] = {"httpRequest": {"url": "http://w.example/"}}
    return Row(f"{rpc} on {name.rpartition('/')[2]}", rpc, request, "NOT_FOUND", message)


_USERS = ("GetQueue", "PauseQueue", "ResumeQueue", "PurgeQueue", "CreateTask", "ListTasks")
_ONE_TASK = ("GetTask", "DeleteTask", "RunTask")
_RATE, _SLOTS = "RateLimits.maxDispatchesPerSecond", "RateLimits.maxConcurrentDispatches"
_HTTP_DEADLINE = "Task.dispatchDeadline must be between [15s, 30m]."
_APP_ENGINE_DEADLINE = "Task.dispatchDeadline must be between [15s, 24h15s]."
_SIGNED: Json = {"uriOverride": {"host": "w.example"}, "oidcToken": {"audience": "x"}}

ROWS = (
    _named_queue("queue exists", HERE, "ALREADY_EXISTS", "Queue already exists"),
    _named_queue(
        "name deleted recently",
        "$place/queues/old",
        "FAILED_PRECONDITION",
        "The queue cannot be created because a queue with this name existed too recently.",
    ),
    *(
        _named_queue(f"bad queue name {name[-12:]}", name, "INVALID_ARGUMENT", QUEUE_FORMAT, QUEUE_HELP)
        for name in ("", "q", "$place/queues/", "$place/queues/a_b", "$place/queues/" + "q" * 101, "$place/queues/q/x")
    ),
    _named_queue(
        "queue name not under parent",
        "projects/elsewhere/locations/us-central1/queues/q",
        "INVALID_ARGUMENT",
        "projects/elsewhere/locations/us-central1/queues/q must begin with $place.",
    ),
    _queue("negative rate", {"rateLimits": {"maxDispatchesPerSecond": -0.1}}, f"{_RATE} cannot be negative."),
    _queue(
        "rate too high",
        {"rateLimits": {"maxDispatchesPerSecond": 500.1}},
        f"{_RATE} must be less than or equal to 500.",
    ),
    _queue("negative slots", {"rateLimits": {"maxConcurrentDispatches": -1}}, f"{_SLOTS} cannot be negative."),
    _queue(
        "too many slots",
        {"rateLimits": {"maxConcurrentDispatches": 5001}},
        f"{_SLOTS} must be less than or equal to 5000.",
    ),
    _queue("negative burst", {"rateLimits": {"maxBurstSize": -5}}, "", "OK"),
    _queue(
        "attempts below unlimited",
        {"retryConfig": {"maxAttempts": -2}},
        "RetryConfig.maxAttempts must be greater or equal to -1.",
    ),
    _queue("negative doublings", {"retryConfig": {"maxDoublings": -1}}, "RetryConfig.maxDoublings cannot be negative."),
    _queue(
        "negative least backoff", {"retryConfig": {"minBackoff": "-1s"}}, "RetryConfig.minBackoff cannot be negative."
    ),
    _queue(
        "negative most backoff", {"retryConfig": {"maxBackoff": "-1s"}}, "RetryConfig.maxBackoff cannot be negative."
    ),
    _queue(
        "backoffs crossed",
        {"retryConfig": {"minBackoff": "2s", "maxBackoff": "1s"}},
        "RetryConfig.minBackoff must be less than or equal to RetryConfig.maxBackoff.",
    ),
    _queue("queue token without an account", {"httpTarget": _SIGNED}, "service_account_email must be set."),
    Row(
        "updated queue token without an account",
        "UpdateQueue",
        {"queue": {"name": HERE, "httpTarget": _SIGNED}, "updateMask": "httpTarget"},
        "INVALID_ARGUMENT",
        "service_account_email must be set.",
    ),
    *(_absent(rpc, f"$place/queues/{queue}", NO_QUEUE) for rpc in _USERS for queue in ("never", "old")),
    _absent("DeleteQueue", "$place/queues/never", NO_ENTITY),
    _absent("DeleteQueue", "$place/queues/old", NO_ENTITY),
    _named_task("live name", f"{HERE}/tasks/live", "Requested entity already exists", "ALREADY_EXISTS"),
    _named_task("tombstoned name", f"{HERE}/tasks/gone", TOMBSTONE, "ALREADY_EXISTS"),
    _bad_id("task id with a dot", "a.b"),
    _bad_id("task id too long", "t" * 501),
    _bad_id("no task id", ""),
    _named_task(
        "task of another queue",
        "$place/queues/other/tasks/t",
        f"The queue name from request ('{HERE}') must be the same as "
        "the queue name in the named task ('$place/queues/other').",
    ),
    _named_task("structurally wrong task name", "tasks/t", TASK_FORMAT),
    _http("empty url", {"url": ""}, "HttpRequest.url is required."),
    _http("url of ftp", {"url": "ftp://w"}, "HttpTarget.url must start with 'http://' or 'https://'."),
    _http("broken percent escape", {"url": "http://w.example/%zz"}, "", "OK"),
    _due("HTTP deadline too short", _HTTP_DEADLINE, dispatchDeadline="14.999s"),
    _due("HTTP deadline too long", _HTTP_DEADLINE, dispatchDeadline="1800.001s"),
    _due("App Engine deadline too short", _APP_ENGINE_DEADLINE, kind="appEngineHttpRequest", dispatchDeadline="14s"),
    _due("App Engine deadline too long", _APP_ENGINE_DEADLINE, kind="appEngineHttpRequest", dispatchDeadline="86416s"),
    _due(
        "scheduled too far",
        "The Task.scheduleTime, 2099-12-31T16:00:00-08:00, is too far in the future. "
        "Schedule time must be no more than 720h in the future.",
        scheduleTime="2100-01-01T00:00:00Z",
    ),
    _http("too big", {"url": "http://w.example/", "body": encoded(bytes(1_048_569))}, "Task size too large"),
    *(_absent(rpc, f"{HERE}/tasks/never", NO_ENTITY) for rpc in _ONE_TASK),
    *(_absent(rpc, f"{HERE}/tasks/gone", GONE) for rpc in _ONE_TASK),
    Row("malformed parent of a task", "ListTasks", {"parent": "$place/queues/a_b"}, "INVALID_ARGUMENT", MALFORMED),
    Row(
        "malformed parent of a queue",
        "ListQueues",
        {"parent": "projects/a~b/locations/us-central1"},
        "INVALID_ARGUMENT",
        MALFORMED,
    ),
    Row("malformed name of a task", "GetTask", {"name": f"{HERE}/tasks/a.b"}, "INVALID_ARGUMENT", MALFORMED),
    # Refused, with a wording that is not recorded.
    _http("body on GET", {"url": "http://w.example/", "httpMethod": "GET", "body": "aGk="}, None),
    _task("no target", {"scheduleTime": "2020-01-01T00:00:00Z"}, None),
    _http("headers too large", {"url": "http://w.example/", "headers": {"X-Big": "x" * 81_920}}, None),
    _http("url too long", {"url": "http://w.example/" + "x" * 2_067}, None),
    _http("task token without an account", {"url": "http://w.example/", "oidcToken": {"audience": "x"}}, None),
    Row("unknown page token", "ListTasks", {"parent": HERE, "pageToken": "abc"}, "INVALID_ARGUMENT", None),
    Row("negative page size", "ListQueues", {"parent": "$place", "pageSize": -1}, "INVALID_ARGUMENT", None),
    Row("broken filter", "ListQueues", {"parent": "$place", "filter": "state ="}, "INVALID_ARGUMENT", None),
    Row(
        "unknown mask path",
        "UpdateQueue",
        {"queue": {"name": HERE}, "updateMask": "colour"},
        "INVALID_ARGUMENT",
        None,
    ),
    Row("no task in a batch", "BatchCreateTasks", {"parent": HERE, "requests": []}, "INVALID_ARGUMENT", None),
    Row(
        "too many tasks in a batch",
        "BatchDeleteTasks",
        {"parent": HERE, "names": [f"{HERE}/tasks/t"] * 1_001},
        "INVALID_ARGUMENT",
        None,
    ),
    Row(
        "stale etag",
        "SetIamPolicy",
        {"resource": HERE, "policy": {"etag": "c3RhbGU="}},
        "ABORTED",
        "There were concurrent policy changes. Please retry the whole read-modify-write with exponential backoff.",
    ),
    Row(
        "policy version 2",
        "GetIamPolicy",
        {"resource": HERE, "options": {"requestedPolicyVersion": 2}},
        "INVALID_ARGUMENT",
        None,
    ),
    Row("operation that never was", "GetOperation", {"name": "$place/operations/never"}, "NOT_FOUND", NO_ENTITY),
)
