"""What programs do with tasks: create, read, list, run, delete, alone and in batches."""

from __future__ import annotations

from tests.clients.scenario import ANY, Refused, Step
from tests.clients.words import GONE, NO_ENTITY, NO_QUEUE, later, named, queue

TASKS = (
    queue("work"),
    Step(
        "CreateTask",
        {
            "parent": "$place/queues/work",
            "task": {
                **later(named("work", "first"), body="aGVsbG8=", headers={"X-Own": "1"}, httpMethod="PUT"),
                "dispatchDeadline": "15s",
            },
        },
        {
            "name": named("work", "first"),
            "httpRequest": {
                "url": "$worker/later",
                "httpMethod": "PUT",
                "headers": {"X-Own": "1", "User-Agent": "Google-Cloud-Tasks"},
            },
            "scheduleTime": "$later",
            "createTime": ANY,
            "dispatchDeadline": "15s",
            "view": "BASIC",
        },
        without=("httpRequest.body", "dispatchCount", "responseCount", "firstAttempt", "lastAttempt"),
    ),
    Step(
        "CreateTask",
        {"parent": "$place/queues/work", "task": later(named("work", "first"))},
        refused=Refused(409, "Requested entity already exists"),
    ),
    Step("GetTask", {"name": named("work", "first")}, {"view": "BASIC"}, without=("httpRequest.body",)),
    Step(
        "GetTask",
        {"name": named("work", "first"), "responseView": "FULL"},
        {"view": "FULL", "httpRequest": {"body": "aGVsbG8="}},
    ),
    Step(
        "CreateTask",
        {
            "parent": "$place/queues/work",
            "responseView": "FULL",
            "task": {
                "name": named("work", "second"),
                "scheduleTime": "$later",
                "appEngineHttpRequest": {
                    "relativeUri": "/do?x=1",
                    "body": "AP8=",
                    "appEngineRouting": {"service": "back"},
                },
            },
        },
        {
            "appEngineHttpRequest": {
                "relativeUri": "/do?x=1",
                "httpMethod": "POST",
                "body": "AP8=",
                "headers": {"Content-Type": "application/octet-stream", "Content-Length": "2", "User-Agent": ANY},
                "appEngineRouting": {"service": "back", "host": "back-dot-$project.us-central1.r.appspot.com"},
            },
            "view": "FULL",
        },
        without=("dispatchDeadline",),
    ),
    Step(
        "CreateTask",
        {
            "parent": "$place/queues/work",
            "task": later(
                named("work", "third"), oidcToken={"serviceAccountEmail": "a@b.example", "audience": "https://b"}
            ),
        },
        {"httpRequest": {"oidcToken": {"serviceAccountEmail": "a@b.example", "audience": "https://b"}}},
    ),
    Step(
        "ListTasks",
        {"parent": "$place/queues/work", "pageSize": 2, "responseView": "FULL"},
        {
            "tasks": [
                {"name": named("work", "first"), "view": "FULL", "httpRequest": {"body": "aGVsbG8="}},
                {"name": named("work", "second"), "view": "FULL"},
                {"name": named("work", "third"), "view": "FULL"},
            ],
            "pages": [2, 1],
        },
    ),
    Step(
        "RunTask",
        {"name": named("work", "first")},
        {"dispatchCount": 1, "firstAttempt": {"dispatchTime": ANY}, "lastAttempt": {"dispatchTime": ANY}},
        without=("responseCount", "lastAttempt.responseTime", "httpRequest.body"),
    ),
    Step("GetTask", {"name": named("work", "first")}, refused=Refused(404, GONE)),
    Step("DeleteTask", {"name": named("work", "second")}),
    Step("DeleteTask", {"name": named("work", "second")}, refused=Refused(404, GONE)),
    Step("RunTask", {"name": named("work", "never")}, refused=Refused(404, NO_ENTITY)),
    Step("CreateTask", {"parent": "$place/queues/work", "task": later()}, {"name": ANY}, keep={"given": "name"}),
    Step("GetTask", {"name": "$given"}, {"name": "$given"}),
    Step("PurgeQueue", {"name": "$place/queues/work"}, {"purgeTime": ANY}),
    Step("ListTasks", {"parent": "$place/queues/work"}, {"tasks": [], "pages": [0]}),
    Step(
        "CreateTask",
        {"parent": "$place/queues/absent", "task": later()},
        refused=Refused(404, NO_QUEUE),
    ),
    Step(
        "CreateTask",
        {"parent": "$place/queues/work", "task": {"httpRequest": {"url": "ftp://host"}}},
        refused=Refused(400, "HttpTarget.url must start with 'http://' or 'https://'."),
    ),
)

BATCHES = (
    queue("batch"),
    Step(
        "BatchCreateTasks",
        {
            "parent": "$place/queues/batch",
            "requests": [
                {"parent": "$place/queues/batch", "task": later(named("batch", "a"))},
                {"parent": "$place/queues/batch", "task": later(named("batch", "a"))},
                {"parent": "$place/queues/batch", "task": later(named("batch", "b"), body="aGk="), "responseView": 2},
            ],
            "requestId": "6f0b5a2e-56cd-4a0c-9b3b-1d4a3f6e2a01",
        },
        {
            "name": ANY,
            "done": True,
            "metadata": {
                "@type": "type.googleapis.com/google.cloud.tasks.v2.BatchCreateTasksMetadata",
                "startTime": ANY,
                "endTime": ANY,
                "state": "PARTIALLY_SUCCEEDED",
                "failedRequests": {"1": {"code": 6, "message": "Requested entity already exists"}},
            },
            "response": {
                "@type": "type.googleapis.com/google.cloud.tasks.v2.BatchCreateTasksResponse",
                "tasks": [
                    {"name": named("batch", "a"), "view": "BASIC"},
                    {"name": named("batch", "b"), "view": "FULL", "httpRequest": {"body": "aGk="}},
                ],
            },
        },
        keep={"operation": "name"},
    ),
    Step(
        "BatchCreateTasks",
        {
            "parent": "$place/queues/batch",
            "requests": [{"parent": "$place/queues/batch", "task": later(named("batch", "c"))}],
            "requestId": "6f0b5a2e-56cd-4a0c-9b3b-1d4a3f6e2a01",
        },
        {"name": "$operation", "response": {"tasks": [{"name": named("batch", "a")}, {"name": named("batch", "b")}]}},
    ),
    Step("GetOperation", {"name": "$operation"}, {"name": "$operation", "done": True, "response": ANY}),
    Step(
        "BatchDeleteTasks",
        {"parent": "$place/queues/batch", "names": [named("batch", "a"), named("batch", "c")]},
        {
            "done": True,
            "metadata": {"state": "PARTIALLY_SUCCEEDED", "failedRequests": {"1": {"code": 5, "message": NO_ENTITY}}},
        },
    ),
    Step(
        "BatchDeleteTasks",
        {"parent": "$place/queues/batch", "names": [named("batch", "a"), named("batch", "c")]},
        {
            "done": True,
            "metadata": {"state": "PARTIALLY_SUCCEEDED"},
            "error": {
                "code": 10,
                "message": "None of the requests succeeded, refer to BatchDeleteTasksMetadata.failed_requests "
                "for individual error details",
            },
        },
    ),
    Step("ListTasks", {"parent": "$place/queues/batch"}, {"tasks": [{"name": named("batch", "b")}], "pages": [1]}),
    Step("GetOperation", {"name": "$place/operations/none"}, refused=Refused(404, NO_ENTITY)),
)
