"""The far end of the network for lines of `kumo`: a server that keeps what it was asked and gives stored answers.

It judges nothing, so that what stands in a recording is the line's doing alone.
"""

from __future__ import annotations

import base64
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote

import jwt

Json = dict[str, object]
Q = "projects/shop/locations/us-central1/queues"
A = "projects/shop/serviceAccounts"
_QUEUES: list[Json] = [
    {"name": f"{Q}/bills", "state": "PAUSED", "rateLimits": {"maxDispatchesPerSecond": 500}, "tags": ["a", "b"]},
    {"name": f"{Q}/mail", "state": "RUNNING", "retryConfig": {"maxAttempts": 3}, "tags": ["c"]},
]
_TASK: Json = {
    "name": f"{Q}/mail/tasks/welcome",
    "httpRequest": {"url": "https://shop.example/send", "httpMethod": "POST"},
    "createTime": "2030-01-02T03:04:05Z",
    "scheduleTime": "2030-01-02T03:04:05Z",
    "dispatchCount": 1,
}
_ATTEMPTS: list[Json] = [
    {"number": 1, "dispatchTime": "2030-01-02T03:04:05Z", "duration": "0.250s", "httpStatus": 503, "reason": "backoff"},
    {"number": 2, "dispatchTime": "2030-01-02T03:04:15Z", "duration": "600s", "reason": "last of 2 attempts"},
]
_LETTERS: list[Json] = [
    {"name": f"{Q}/mail/deadLetters/{name}", "deathTime": "2030-01-02T03:14:15Z", "task": _TASK, "lastAttempt": attempt}
    for name, attempt in zip(("bill.2", "welcome.1"), _ATTEMPTS, strict=True)
]
_LOCATIONS: list[Json] = [
    {"name": f"projects/shop/locations/{each}", "locationId": each} for each in ("europe-west1", "us-central1")
]
_ACCOUNTS: list[Json] = [
    {"name": f"{A}/{name}@shop.iam.gserviceaccount.com", "email": f"{name}@shop.iam.gserviceaccount.com"}
    for name in ("mail", "sender")
]
_KEYS: list[Json] = [
    {
        "name": f"{A}/sender@shop.iam.gserviceaccount.com/keys/{name}",
        "validAfterTime": f"2030-01-0{day}T03:04:05Z",
        "validBeforeTime": "9999-12-31T23:59:59Z",
        "keyType": kind,
    }
    for name, day, kind in (("0123456789abcdef", 1, "USER_MANAGED"), ("fedcba9876543210", 3, "SYSTEM_MANAGED"))
]
_POLICY: Json = {
    "version": 1,
    "etag": "BwYAAAAAAAA=",
    "bindings": [
        {"role": "roles/cloudtasks.viewer", "members": ["user:anna@shop.example", "user:bob@shop.example"]},
        {"role": "roles/owner", "members": ["user:anna@shop.example"]},
    ],
}
_ROLES: list[Json] = [
    {"name": "roles/cloudtasks.viewer", "title": "Viewer", "includedPermissions": ["cloudtasks.queues.get"]},
    {"name": "roles/owner", "title": "Owner"},
]
_PROJECTS: list[Json] = [
    {"projectId": each, "projectNumber": "1", "name": each, "lifecycleState": "ACTIVE"} for each in ("shop", "store")
]
_SERVICES: list[Json] = [
    {"name": f"projects/1/services/{each}.googleapis.com", "config": {"name": f"{each}.googleapis.com", "title": each}}
    for each in ("cloudtasks", "pubsub")
]
S = "projects/shop/locations/us-central1/services"
_RUN: list[Json] = [
    {
        "name": f"{S}/{name}",
        "uri": f"http://{name}.localhost",
        "etag": "e",
        "template": {"containers": [{"image": "worker"}], "maxInstanceRequestConcurrency": 80},
        "traffic": [{"type": "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST", "percent": 100}],
        "latestReadyRevision": f"{S}/{name}/revisions/{name}-00001-abc",
        "terminalCondition": {"type": "Ready", "state": "CONDITION_SUCCEEDED"},
    }
    for name in ("bills", "mail")
]
_REVISIONS: list[Json] = [{"name": f"{S}/mail/revisions/mail-0000{number}-abc", "service": "mail"} for number in (1, 2)]
_DEPLOYED: Json = {"name": "projects/shop/locations/us-central1/operations/1", "done": True, "response": _RUN[1]}
_ENTRY: Json = {"logName": "projects/shop/logs/my-log", "insertId": "a", "textPayload": "hello", "severity": "ERROR"}
_DONE: Json = {"name": "operations/acat.p2-1-abc", "done": True, "response": {}}
_CREATED: Json = {"name": f"{Q}/mail/operations/1", "done": True, "response": {"tasks": [_TASK]}}
_PRIVATE = base64.b64encode(b'{"type": "service_account"}').decode()
# (verb and path, a pattern): the answer. "PAGE[...]" above all: the field of a list, which is given in pages of one.
_ANSWERS: tuple[tuple[str, object], ...] = (
    (r".*:[gs]etIamPolicy", _POLICY),
    (r"GET .*/queues", {"queues": _QUEUES}),
    (r"(GET|POST|PATCH) .*/queues(/[^/]*)?", {**_QUEUES[1], "name": f"{Q}/mail"}),
    (r"GET /v2/.*/locations/[^/]*/services", {"services": _RUN}),
    (r"GET /v2/.*/locations/[^/]*/services/[^/]*", _RUN[1]),
    (r"GET /v2/.*/revisions", {"revisions": _REVISIONS}),
    (r"GET /v2/.*/revisions/[^/]*", _REVISIONS[0]),
    (r"(POST|PATCH|DELETE) /v2/.*/locations/[^/]*/services.*", _DEPLOYED),
    (r"GET /v2/.*/operations/1", _DEPLOYED),
    (r".*/tasks:batchCreate", _CREATED),
    (r".*/tasks:batchDelete", {**_CREATED, "response": {}}),
    (r".*/attempts", {"attempts": _ATTEMPTS}),
    (r"GET .*/deadLetters", {"deadLetters": _LETTERS}),
    (r".*/deadLetters:redrive", {"tasksRedriven": 2}),
    (r".*/deadLetters:purge", {"deadLettersPurged": 2}),
    (r".*/deadLetters/[^/]*:redrive", {"task": _TASK}),
    (r".*/deadLetters/[^/]*", _LETTERS[1]),
    (r"GET .*/tasks", {"tasks": [_TASK]}),
    (r".*/tasks(/[^/]*)?", _TASK),
    (r".*/locations", {"locations": _LOCATIONS}),
    (r".*/locations/[^/]*", _LOCATIONS[1]),
    (r".*/cmekConfig", {"name": "projects/shop/locations/us-central1/cmekConfig", "kmsKey": "key"}),
    (r"GET .*/keys", {"keys": _KEYS}),
    (r"GET .*/keys/[^/]*", {**_KEYS[0], "publicKeyData": base64.b64encode(b"-----BEGIN\n").decode()}),
    (r"POST .*/keys", {**_KEYS[0], "privateKeyData": _PRIVATE}),
    (r"POST .*/keys:upload", _KEYS[0]),
    (r".*/keys/.*", {}),
    (r"GET .*/serviceAccounts", {"accounts": _ACCOUNTS}),
    (r".*:generateAccessToken", {"accessToken": "ACCESS", "expireTime": "2030-01-02T03:04:05Z"}),
    (r".*:generateIdToken", {"token": "IDENTITY"}),
    (r".*/[^/]*:undelete", {"restoredAccount": _ACCOUNTS[1]}),
    (r".*/serviceAccounts(/[^/]*)?", _ACCOUNTS[1]),
    (r"GET /v1/roles", {"roles": _ROLES}),
    (r".*/roles/.*", _ROLES[0]),
    (r"GET /v1/projects", {"projects": _PROJECTS}),
    (r"GET /v1/projects/[^/]*", _PROJECTS[0]),
    (r"GET .*/services", {"services": _SERVICES}),
    (r".*/services.*", _DONE),
    (r".*/entries:list", {"entries": [_ENTRY, {**_ENTRY, "insertId": "b"}]}),
    (r".*/entries:tail", [{}, {"entries": [_ENTRY]}]),
    (r".*/logs", {"logNames": ["projects/shop/logs/my-log", "projects/shop/logs/tasks"]}),
    (
        r"GET /kumo/v1/iam:explain",
        {"granted": True, "reason": "OWNER", "member": "m", "permission": "p", "resource": "r"},
    ),
    (r"POST /kumo/v1/keys:rotate", {"keyId": "abc", "retiring": []}),
    (r"POST .*/token", {"access_token": "ACCESS", "id_token": "IDENTITY"}),
    (r".*", {}),
)


@dataclass
class FarEnd:
    """`asked` is what it was asked since it was last emptied, a line or two for each call."""

    owner_key: Path
    asked: list[str] = field(default_factory=list)
    url: str = ""
    auth: str = "iam"


@contextmanager
def far_end(owner_key: Path) -> Iterator[FarEnd]:
    own = FarEnd(owner_key)

    class Handler(BaseHTTPRequestHandler):
        def _do(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            path = unquote(self.path)
            if path.endswith("/kumo/v1/env"):
                page = {"auth": own.auth, "project": "default-project", "location": "us-central1", "port": 8123}
                self._say({**page, "ownerKey": str(own.owner_key)})
                return
            caller = self.headers.get("Authorization", "").removeprefix("Bearer ")
            own.asked.append(f"{self.command} {path}{_as(caller)}{_shown(body)}")
            asked = f"{self.command} {path.partition('?')[0]}"
            self._say(next(answer for pattern, answer in _ANSWERS if re.fullmatch(pattern, asked)))

        def _say(self, answer: object) -> None:
            text = json.dumps(answer).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = _do

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        own.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield own
        finally:
            server.shutdown()
            thread.join()


def _claims(token: str) -> dict[str, object]:
    found: dict[str, object] = jwt.decode(token, options={"verify_signature": False})
    return found


def _as(token: str) -> str:
    """Who calls, if it is not the owner."""
    if token == "ACCESS":
        return "  (with the token that was made)"
    account = str(_claims(token)["iss"]).partition("@")[0] if token else "owner"
    return "" if account == "owner" else f"  (as {account})"


def _shown(body: bytes) -> str:
    if not body:
        return ""
    if body.startswith(b"grant_type"):
        claims = _claims(parse_qs(body.decode())["assertion"][0])
        kept = {name: claims[name] for name in ("iss", "scope", "target_audience") if name in claims}
        return f"\n  assertion {json.dumps(kept)}"
    return f"\n  {json.dumps(json.loads(body), ensure_ascii=False)}"
