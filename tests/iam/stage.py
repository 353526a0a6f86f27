"""The stage of the matrix: an account for every (role, scope), its token and its queues, and the policies in force.

All of it is made once, before the first call. What is expected of a caller is not known here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tests.calls import Json
from tests.iam.callers import Client, RestClient
from tests.iam.expectations import NO_ROLE, ROLES, ROWS, Grant, Row
from tests.iam.requests import LOCATION, PROJECT, SIGNER, Place, http_task, queue

TRANSPORTS = ("grpc", "rest")
CASES = tuple((role, scope) for scope in ("project", "queue", "signer") for role in ROLES)
# Who is bound on an account alone may not even create tasks; so that actAs decides, all of Cloud Tasks is theirs.
_GROUND = Grant("roles/cloudtasks.admin", "project")
SHARED = f"{LOCATION}/queues/shared"  # everybody who is bound on queues is bound on this one too
_CLOUD_PLATFORM = "https://www.googleapis.com/auth/cloud-platform"


@dataclass(frozen=True, slots=True)
class Cast:
    """A caller: the account of one case."""

    case: tuple[str, str]
    email: str
    token: str

    @property
    def grants(self) -> Sequence[Grant]:
        role, scope = self.case
        return [_GROUND, Grant(role, scope)] if scope == "signer" else [Grant(role, scope)]

    def bindings(self, scope: str) -> list[Json]:
        """What a policy of this scope has about the caller."""
        mine = [grant.role for grant in self.grants if grant.scope == scope and grant.role != NO_ROLE]
        return [{"role": role, "members": [f"serviceAccount:{self.email}"]} for role in mine]


class Stage:
    """Built by `owner`, who may do everything; `rest` is everybody else's, as is `grpc`."""

    def __init__(self, owner: RestClient, *, grpc: Client, rest: RestClient) -> None:
        self.owner = owner
        self.rest = rest
        self._clients: dict[str, Client] = {"grpc": grpc, "rest": rest}
        self._operations: dict[str, str] = {}
        self._account("signer", PROJECT)
        self._account("signer", "another")
        self._casts = {case: self._cast(index, case) for index, case in enumerate(CASES)}
        for case in CASES:
            for transport in TRANSPORTS:
                self._furnish(self._queue(case, transport), self._casts[case])
        owner.json("POST", f"/v2/{LOCATION}/queues", queue(SHARED))
        self._bind(f"/v1/projects/{PROJECT}", "project")
        self._bind(f"/v1/projects/-/serviceAccounts/{SIGNER}", "signer")
        self._bind(f"/v2/{SHARED}", "queue")

    def cast(self, case: tuple[str, str]) -> Cast:
        return self._casts[case]

    def client(self, transport: str, token: str) -> Client:
        client = self._clients[transport]
        client.token = token
        return client

    def place(self, case: tuple[str, str], transport: str, row: Row) -> Place:
        """Where a row is asked: everything that it names exists."""
        full_name = self._queue(case, transport)
        return Place(full_name, row.slug, self._operations[full_name], self._casts[case].bindings("queue"))

    def nowhere(self, case: tuple[str, str], transport: str, row: Row) -> Place:
        """The same, and nothing of it exists; each row has a nowhere of its own, since UpdateQueue makes it a place."""
        return Place(f"{self._queue(case, transport)}-not-{row.slug}", row.slug, f"{LOCATION}/operations/none")

    def _bind(self, path: str, scope: str) -> None:
        """One policy for everybody who is bound on that kind of resource."""
        bindings = [each for cast in self._casts.values() for each in cast.bindings(scope)]
        self.owner.json("POST", f"{path}:setIamPolicy", {"policy": {"bindings": bindings}})

    def _queue(self, case: tuple[str, str], transport: str) -> str:
        return f"{LOCATION}/queues/case-{CASES.index(case)}-{transport}"

    def _cast(self, index: int, case: tuple[str, str]) -> Cast:
        email = self._account(f"caller-{index}", PROJECT)
        path = f"/v1/projects/-/serviceAccounts/{email}:generateAccessToken"
        return Cast(case, email, self.owner.json("POST", path, {"scope": [_CLOUD_PLATFORM]})["accessToken"])

    def _account(self, ident: str, project: str) -> str:
        body = {"accountId": ident, "serviceAccount": {}}
        email: str = self.owner.json("POST", f"/v1/projects/{project}/serviceAccounts", body)["email"]
        return email

    def _furnish(self, full_name: str, cast: Cast) -> None:
        """A queue with a task for each row that speaks of one, and the caller's policy on it."""
        self.owner.json("POST", f"/v2/{LOCATION}/queues", queue(full_name))
        named = [row.slug for row in ROWS if row.needs_any("task") or row.rpc == "BatchDeleteTasks"]
        batch = {"requests": [{"task": http_task(f"{full_name}/tasks/{slug}")} for slug in named]}
        made = self.owner.json("POST", f"/v2/{full_name}/tasks:batchCreate", batch)
        assert len(made["response"]["tasks"]) == len(named)
        self._operations[full_name] = made["name"]
        policy = {"policy": {"bindings": cast.bindings("queue")}}
        self.owner.json("POST", f"/v2/{full_name}:setIamPolicy", policy)
