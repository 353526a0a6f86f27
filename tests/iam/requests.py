"""The request of every row of the matrix, as proto JSON has it; each would succeed if its caller may make it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from tests.calls import Json

PROJECT = "matrix"
LOCATION = f"projects/{PROJECT}/locations/us-central1"
SIGNER = f"signer@{PROJECT}.iam.gserviceaccount.com"
ABSENT = f"nobody@{PROJECT}.iam.gserviceaccount.com"
FOREIGN = "signer@another.iam.gserviceaccount.com"
_LATER = (datetime.now(UTC) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
_NOWHERE = {"scheme": "HTTP", "host": "127.0.0.1", "port": "9"}  # nobody listens at "discard"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a call is made: names for everything it could speak of. `own` is a name no other row uses."""

    queue: str
    own: str
    operation: str
    bindings: Sequence[Json] = ()

    @property
    def task(self) -> str:
        return f"{self.queue}/tasks/{self.own}"

    @property
    def new_queue(self) -> str:
        return f"{self.queue}-{self.own}"

    def resource(self, kind: str) -> str:
        """What a refusal calls a resource of one of the matrix's kinds."""
        return {
            "project": f"projects/{PROJECT}",
            "location": LOCATION,
            "cmekConfig": f"{LOCATION}/cmekConfig",
            "operation": self.operation,
            "queue": self.queue,
            "task": self.task,
            "signer": SIGNER,
            "absent signer": ABSENT,
            "foreign signer": FOREIGN,
        }[kind]


def oidc(email: str) -> Json:
    return {"oidcToken": {"serviceAccountEmail": email, "audience": "https://worker.example"}}


def oauth(email: str) -> Json:
    return {"oauthToken": {"serviceAccountEmail": email}}


def http_task(name: str = "", **more: object) -> Json:
    request = {"url": "http://127.0.0.1:9/", "body": "aGVsbG8=", **more}
    return {"scheduleTime": _LATER, "httpRequest": request} | ({"name": name} if name else {})


def queue(name: str, **more: object) -> Json:
    """A queue for which BufferTask knows where its tasks go."""
    return {"name": name, "httpTarget": {"uriOverride": _NOWHERE, **more}}


_APP_ENGINE = {"scheduleTime": _LATER, "appEngineHttpRequest": {"relativeUri": "/"}}
_FULL = {"responseView": "FULL"}


def _creation(task: Json, **more: object) -> Callable[[Place], Json]:
    return lambda place: {"parent": place.queue, "task": task, **more}


def _batch(task: Json, **more: object) -> Callable[[Place], Json]:
    return lambda place: {"parent": place.queue, "requests": [{"parent": place.queue, "task": task, **more}]}


def _new_queue(**target: object) -> Callable[[Place], Json]:
    return lambda place: {"parent": LOCATION, "queue": queue(place.new_queue, **target)}


def _changed_queue(**target: object) -> Callable[[Place], Json]:
    return lambda place: {"queue": queue(place.queue, **target), "updateMask": "httpTarget"}


def _of(field: str, kind: str, **more: object) -> Callable[[Place], Json]:
    return lambda place: {field: place.resource(kind), **more}


REQUESTS: dict[str, Callable[[Place], Json]] = {
    "ListLocations": _of("name", "project"),
    "GetLocation": _of("name", "location"),
    "GetCmekConfig": _of("name", "cmekConfig"),
    "UpdateCmekConfig": lambda place: {"cmekConfig": {"name": place.resource("cmekConfig"), "kmsKey": ""}},
    "GetOperation": _of("name", "operation"),
    "ListQueues": _of("parent", "location"),
    "CreateQueue": _new_queue(),
    "CreateQueue: OIDC token": _new_queue(**oidc(SIGNER)),
    "CreateQueue: OAuth token": _new_queue(**oauth(SIGNER)),
    "CreateQueue: absent account": _new_queue(**oidc(ABSENT)),
    "CreateQueue: foreign account": _new_queue(**oidc(FOREIGN)),
    "GetQueue": _of("name", "queue"),
    "UpdateQueue": lambda place: {"queue": {"name": place.queue}, "updateMask": "rateLimits"},
    "UpdateQueue: OIDC token": _changed_queue(**oidc(SIGNER)),
    "UpdateQueue: OAuth token": _changed_queue(**oauth(SIGNER)),
    "UpdateQueue: foreign account": _changed_queue(**oauth(FOREIGN)),
    "PauseQueue": _of("name", "queue"),
    "ResumeQueue": _of("name", "queue"),
    "PurgeQueue": _of("name", "queue"),
    "DeleteQueue": _of("name", "queue"),
    "GetIamPolicy": _of("resource", "queue"),
    "SetIamPolicy": lambda place: {"resource": place.queue, "policy": {"bindings": list(place.bindings)}},
    "TestIamPermissions": _of("resource", "queue", permissions=["cloudtasks.queues.get"]),
    "CreateTask": _creation(http_task()),
    "CreateTask: full view": _creation(http_task(), **_FULL),
    "CreateTask: App Engine": _creation(_APP_ENGINE),
    "CreateTask: OIDC token": _creation(http_task(**oidc(SIGNER))),
    "CreateTask: OAuth token": _creation(http_task(**oauth(SIGNER))),
    "CreateTask: absent account": _creation(http_task(**oidc(ABSENT))),
    "CreateTask: foreign account": _creation(http_task(**oauth(FOREIGN))),
    "CreateTask: full view and token": _creation(http_task(**oidc(SIGNER)), **_FULL),
    "BatchCreateTasks": _batch(http_task()),
    "BatchCreateTasks: full view": _batch(http_task(), **_FULL),
    "BatchCreateTasks: App Engine": _batch(_APP_ENGINE),
    "BatchCreateTasks: OIDC token": _batch(http_task(**oidc(SIGNER))),
    "BufferTask": _of("queue", "queue"),
    "ListTasks": _of("parent", "queue"),
    "ListTasks: full view": _of("parent", "queue", **_FULL),
    "GetTask": _of("name", "task"),
    "GetTask: full view": _of("name", "task", **_FULL),
    "RunTask": _of("name", "task"),
    "RunTask: full view": _of("name", "task", **_FULL),
    "DeleteTask": _of("name", "task"),
    "BatchDeleteTasks": lambda place: {"parent": place.queue, "names": [place.task]},
}
