"""What programs do with queues: settings, masks, states, lists, routing, policies."""

from __future__ import annotations

from tests.clients.scenario import ANY, Refused, Step
from tests.clients.words import DEFAULTS, NO_ENTITY, NO_QUEUE, RETIRED, later, queue

QUEUES = (
    Step("CreateQueue", {"parent": "$place", "queue": {"name": "$place/queues/plain"}}, DEFAULTS),
    Step("GetQueue", {"name": "$place/queues/plain"}, {"name": "$place/queues/plain", **DEFAULTS}),
    Step(
        "CreateQueue",
        {"parent": "$place", "queue": {"name": "$place/queues/plain"}},
        refused=Refused(409, "Queue already exists"),
    ),
    queue(
        "tuned",
        rateLimits={"maxDispatchesPerSecond": 0.5, "maxConcurrentDispatches": 7},
        retryConfig={
            "maxAttempts": -1,
            "maxRetryDuration": "86400s",
            "minBackoff": "1.5s",
            "maxBackoff": "60s",
            "maxDoublings": 3,
        },
        stackdriverLoggingConfig={"samplingRatio": 0.25},
        appEngineRoutingOverride={"service": "back", "version": "v1"},
    ),
    Step(
        "UpdateQueue",
        {
            "queue": {"name": "$place/queues/tuned", "retryConfig": {"maxAttempts": 9, "maxDoublings": 9}},
            "updateMask": "retryConfig.maxAttempts,rateLimits.maxDispatchesPerSecond",
        },
        {
            "rateLimits": {"maxDispatchesPerSecond": 500, "maxConcurrentDispatches": 7},
            "retryConfig": {"maxAttempts": 9, "maxDoublings": 3, "minBackoff": "1.5s"},
            "stackdriverLoggingConfig": {"samplingRatio": 0.25},
        },
    ),
    Step("UpdateQueue", {"queue": {"name": "$place/queues/tuned"}}, DEFAULTS, without=("stackdriverLoggingConfig",)),
    Step("UpdateQueue", {"queue": {"name": "$place/queues/made-by-update"}, "updateMask": "rateLimits"}, DEFAULTS),
    Step("PauseQueue", {"name": "$place/queues/plain"}, {"state": "PAUSED"}),
    Step("PauseQueue", {"name": "$place/queues/plain"}, {"state": "PAUSED"}),
    Step("ListQueues", {"parent": "$place", "filter": "state: PAUSED"}, {"queues": [{"name": "$place/queues/plain"}]}),
    Step("ResumeQueue", {"name": "$place/queues/plain"}, {"state": "RUNNING"}),
    Step("PurgeQueue", {"name": "$place/queues/plain"}, {"purgeTime": ANY, "state": "RUNNING"}),
    Step(
        "ListQueues",
        {"parent": "$place", "pageSize": 2},
        {
            "queues": [
                {"name": "$place/queues/made-by-update"},
                {"name": "$place/queues/plain", "purgeTime": ANY},
                {"name": "$place/queues/tuned"},
            ],
            "pages": [2, 1],
        },
    ),
    Step("DeleteQueue", {"name": "$place/queues/tuned"}),
    Step("GetQueue", {"name": "$place/queues/tuned"}, refused=Refused(404, NO_QUEUE)),
    Step("DeleteQueue", {"name": "$place/queues/tuned"}, refused=Refused(404, NO_ENTITY)),
    Step("CreateQueue", {"parent": "$place", "queue": {"name": "$place/queues/tuned"}}, refused=Refused(400, RETIRED)),
)

BINDING = {"role": "roles/cloudtasks.enqueuer", "members": ["serviceAccount:a@b.example"]}

POLICIES = (
    queue("guarded"),
    Step("GetIamPolicy", {"resource": "$place/queues/guarded"}, {"etag": "ACAB"}, without=("bindings",)),
    Step(
        "SetIamPolicy",
        {"resource": "$place/queues/guarded", "policy": {"bindings": [BINDING], "etag": "ACAB"}},
        {"bindings": [BINDING], "etag": ANY},
        keep={"etag": "etag"},
    ),
    Step(
        "SetIamPolicy",
        {"resource": "$place/queues/guarded", "policy": {"etag": "ACAB"}},
        refused=Refused(
            409,
            "There were concurrent policy changes. Please retry the whole read-modify-write with exponential backoff.",
        ),
    ),
    Step("GetIamPolicy", {"resource": "$place/queues/guarded"}, {"bindings": [BINDING], "etag": "$etag"}),
    Step("SetIamPolicy", {"resource": "$place/queues/guarded", "policy": {}}, without=("bindings",)),
    Step(
        "TestIamPermissions",
        {"resource": "$place/queues/guarded", "permissions": ["cloudtasks.tasks.create", "cloudtasks.queues.get"]},
        {"permissions": ["cloudtasks.tasks.create", "cloudtasks.queues.get"]},
    ),
    Step("TestIamPermissions", {"resource": "$place/queues/absent", "permissions": ["cloudtasks.tasks.create"]}),
    Step("GetIamPolicy", {"resource": "$place/queues/absent"}, refused=Refused(404, NO_QUEUE)),
)

TARGET = {
    "uriOverride": {
        "scheme": "HTTP",
        "host": "worker.example",
        "port": "8080",
        "pathOverride": {"path": "/all"},
        "queryOverride": {"queryParams": "a=1"},
        "uriOverrideEnforceMode": "IF_NOT_EXISTS",
    },
    "httpMethod": "PUT",
    "headerOverrides": [{"header": {"key": "X-Queue", "value": "1"}}],
    "oidcToken": {"serviceAccountEmail": "a@b.example", "audience": "https://worker.example"},
}

ROUTING = (
    queue("routed", httpTarget=TARGET),
    Step("GetQueue", {"name": "$place/queues/routed"}, {"httpTarget": TARGET}),
    Step(
        "UpdateQueue",
        {
            "queue": {"name": "$place/queues/routed", "httpTarget": {"uriOverride": {"host": "other.example"}}},
            "updateMask": "httpTarget.uriOverride.host",
        },
        {"httpTarget": {**TARGET, "uriOverride": {**TARGET["uriOverride"], "host": "other.example"}}},  # type: ignore[dict-item]
    ),
    Step(
        "UpdateQueue",
        {"queue": {"name": "$place/queues/routed"}, "updateMask": "httpTarget"},
        without=("httpTarget",),
    ),
    Step(
        "CreateTask",
        {
            "parent": "$place/queues/routed",
            "task": {**later(), "retryConfig": {"maxAttempts": 3, "minBackoff": "2s"}},
        },
        {"retryConfig": {"maxAttempts": 3, "minBackoff": "2s"}},
    ),
)
