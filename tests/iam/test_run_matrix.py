"""Every call of Cloud Run as every role: what run_matrix.toml lets through comes through, the rest is refused.

Nothing is changed by it: calls that change anything are asked for what is not there, or for validation only.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from google.auth import jwt

from tests.iam.callers import RestClient
from tests.iam.sentences import denial
from tests.running import KumoProcess, running

_FILE = tomllib.loads((Path(__file__).parent / "run_matrix.toml").read_text())
CALLS: dict[str, list[str]] = _FILE["calls"]
NO_ROLE = "no role"
ACTING = "roles/iam.serviceAccountUser"
ROLES = {
    role: {f"{noun}.{verb}" for noun, _, verbs in (line.partition(": ") for line in lines) for verb in verbs.split()}
    for role, lines in _FILE["roles"].items()
}
# (roles, where they are bound); whoever deploys needs to act as the service's account too.
CASES = [((role,), scope) for scope in ("project", "service") for role in ROLES]
CASES += [(("roles/run.developer", ACTING), "project"), (("roles/run.admin", ACTING), "project")]
PROJECT = "runmatrix"
PLACE = f"projects/{PROJECT}/locations/us-central1"
SHARED, ABSENT = f"{PLACE}/services/shared", f"{PLACE}/services/absent"
RUNNER = f"runner@{PROJECT}.iam.gserviceaccount.com"
HELLO = "us-docker.pkg.dev/cloudrun/container/hello"
NAMESPACE = f"/apis/serving.knative.dev/v1/namespaces/{PROJECT}"
POLICY = {"policy": {"bindings": [], "etag": "AAAA"}}  # of no policy that was ever there
GRANTED = "granted"
FOUND_OUT = {200, 404, 409, 400}  # the caller was let through, whatever came of it


def refusal(permission: str, resource: str) -> str:
    """Cloud Run has a sentence of its own for accounts that one may not act as."""
    if permission == "iam.serviceAccounts.actAs":
        return f"Permission 'iam.serviceaccounts.actAs' denied on service account {resource} (or it may not exist)."
    return denial(permission, resource).removeprefix("PERMISSION_DENIED ")


def v2_service(name: str) -> dict[str, Any]:
    return {"name": name, "template": {"containers": [{"image": HELLO}], "serviceAccount": RUNNER}}


def v1_service(ident: str) -> dict[str, Any]:
    spec = {"containers": [{"image": HELLO}], "serviceAccountName": RUNNER}
    metadata = {"name": ident, "namespace": PROJECT}
    head = {"apiVersion": "serving.knative.dev/v1", "kind": "Service", "metadata": metadata}
    return {**head, "spec": {"template": {"spec": spec}}}


@dataclass(frozen=True)
class Stage:
    """`tokens` are access tokens and ID tokens, by case."""

    kumo: KumoProcess
    rest: RestClient
    host: str
    operation: str
    revision: str
    tokens: list[tuple[str, str]]

    def call(self, name: str, case: int) -> tuple[int, str]:
        """Status and, where there is one, the sentence of the error."""
        if name == "Invoke":
            self.rest.token = self.tokens[case][1]
            return self.rest.send("GET", "/", headers={"Host": self.host}).status, ""
        self.rest.token = self.tokens[case][0]
        verb, target, body = self.requests()[name]
        data = None if body is None else json.dumps(body).encode()
        reply = self.rest.send(verb, target, data, {"Content-Type": "application/json"})
        said = json.loads(reply.body)
        error = said.get("error", said)  # the Knative form has no envelope
        return reply.status, str(error.get("message", ""))

    def requests(self) -> dict[str, tuple[str, str, Any]]:
        v2, v1 = f"/v2/{SHARED}", f"/v1/{SHARED}"
        absent = f"/v2/{ABSENT}?validateOnly=true"
        return {
            "v2 ListServices": ("GET", f"/v2/{PLACE}/services", None),
            "v2 GetService": ("GET", v2, None),
            "v2 CreateService": ("POST", f"/v2/{PLACE}/services?serviceId=new&validateOnly=true", v2_service("")),
            "v2 UpdateService": ("PATCH", f"{v2}?validateOnly=true", v2_service(SHARED)),
            "v2 UpdateService: allow missing": ("PATCH", f"{absent}&allowMissing=true", v2_service(ABSENT)),
            "v2 DeleteService": ("DELETE", f"{v2}?validateOnly=true", None),
            "v2 GetIamPolicy": ("GET", f"{v2}:getIamPolicy", None),
            "v2 SetIamPolicy": ("POST", f"{v2}:setIamPolicy", POLICY),
            "v2 TestIamPermissions": ("POST", f"{v2}:testIamPermissions", {"permissions": []}),
            "v2 ListRevisions": ("GET", f"{v2}/revisions", None),
            "v2 GetRevision": ("GET", f"{v2}/revisions/{self.revision}", None),
            "v2 DeleteRevision": ("DELETE", f"{v2}/revisions/{self.revision}?validateOnly=true", None),
            "v2 GetOperation": ("GET", f"/v2/{self.operation}", None),
            "v2 WaitOperation": ("POST", f"/v2/{self.operation}:wait", {}),
            "v2 ListOperations": ("GET", f"/v2/{PLACE}/operations", None),
            "v2 DeleteOperation": ("DELETE", f"/v2/{self.operation[:-4]}0000", None),
            "v1 ListLocations": ("GET", f"/v1/projects/{PROJECT}/locations", None),
            "v1 ListServices": ("GET", f"{NAMESPACE}/services", None),
            "v1 GetService": ("GET", f"{NAMESPACE}/services/shared", None),
            "v1 CreateService": ("POST", f"{NAMESPACE}/services?dryRun=all", v1_service("new")),
            "v1 ReplaceService": ("PUT", f"{NAMESPACE}/services/shared?dryRun=all", v1_service("shared")),
            "v1 DeleteService": ("DELETE", f"{NAMESPACE}/services/shared?dryRun=all", None),
            "v1 GetIamPolicy": ("GET", f"{v1}:getIamPolicy", None),
            "v1 SetIamPolicy": ("POST", f"{v1}:setIamPolicy", POLICY),
            "v1 TestIamPermissions": ("POST", f"{v1}:testIamPermissions", {"permissions": []}),
            "v1 ListRevisions": ("GET", f"{NAMESPACE}/revisions", None),
            "v1 GetRevision": ("GET", f"{NAMESPACE}/revisions/{self.revision}", None),
            "v1 DeleteRevision": ("DELETE", f"{NAMESPACE}/revisions/{self.revision}?dryRun=all", None),
        }

    def resource(self, name: str, kind: str) -> str:
        """What a refusal calls a resource of one of the matrix's kinds."""
        return {
            "project": f"projects/{PROJECT}",
            "location": PLACE,
            "service": ABSENT if name.endswith("allow missing") else SHARED,
            "revision": f"{SHARED}/revisions/{self.revision}",
            "operation": f"{self.operation[:-4]}0000" if name == "v2 DeleteOperation" else self.operation,
            "runner": RUNNER,
        }[kind]

    def expected(self, name: str, roles: tuple[str, ...], scope: str) -> str:
        """GRANTED, or the refusal that names the first need that no role gives."""
        reach = [] if name.endswith("allow missing") and scope == "service" else _FILE["reach"][scope]
        for need in CALLS[name]:
            permission, kind = need.split(" on ")
            if kind not in reach or not any(permission in ROLES[role] for role in roles):
                return "403 " if name == "Invoke" else f"403 {refusal(permission, self.resource(name, kind))}"
        return GRANTED

    def found(self, name: str, case: int) -> str:
        status, message = self.call(name, case)
        return GRANTED if status in FOUND_OUT else f"{status} {message}"


@pytest.fixture(scope="module")
def run_stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with ExitStack() as stack:
        kumo = stack.enter_context(running(tmp_path_factory.mktemp("run-iam"), "--auth", "iam"))
        owner, rest = (stack.enter_context(closing(RestClient(kumo.address))) for _ in range(2))
        key = jwt.Credentials.from_service_account_file(
            kumo.directory / "data" / "owner.json", audience="https://cloudtasks.googleapis.com/"
        )
        key.refresh(None)
        owner.token = key.token.decode()
        yield made(kumo, owner, rest)


def made(kumo: KumoProcess, owner: RestClient, rest: RestClient) -> Stage:
    account(owner, "runner")
    emails = [account(owner, f"caller-{index}") for index in range(len(CASES))]
    bindings: dict[str, dict[str, list[str]]] = {"project": {}, "service": {}}
    for email, (roles, scope) in zip(emails, CASES, strict=True):
        for role in roles:
            if role != NO_ROLE:
                bindings[scope].setdefault(role, []).append(f"serviceAccount:{email}")
    operation = owner.json("POST", f"/v2/{PLACE}/services?serviceId=shared", v2_service(""))
    done = owner.json("POST", f"/v2/{operation['name']}:wait", {"timeout": "60s"})
    bind(owner, f"/v1/projects/{PROJECT}", bindings["project"])
    bind(owner, f"/v2/{SHARED}", bindings["service"])
    url = done["response"]["uri"]
    revision = done["response"]["latestReadyRevision"].rpartition("/")[2]
    tokens = [tokens_of(owner, email, url) for email in emails]
    return Stage(kumo, rest, url.removeprefix("https://"), operation["name"], revision, tokens)


def account(owner: RestClient, ident: str) -> str:
    body = {"accountId": ident, "serviceAccount": {}}
    return str(owner.json("POST", f"/v1/projects/{PROJECT}/serviceAccounts", body)["email"])


def bind(owner: RestClient, path: str, bindings: dict[str, list[str]]) -> None:
    listed = [{"role": role, "members": members} for role, members in bindings.items()]
    owner.json("POST", f"{path}:setIamPolicy", {"policy": {"bindings": listed}})


def tokens_of(owner: RestClient, email: str, url: str) -> tuple[str, str]:
    path = f"/v1/projects/-/serviceAccounts/{email}"
    scope = {"scope": ["https://www.googleapis.com/auth/cloud-platform"]}
    asked = {"audience": url, "includeEmail": True}
    access = owner.json("POST", f"{path}:generateAccessToken", scope)["accessToken"]
    return access, owner.json("POST", f"{path}:generateIdToken", asked)["token"]


def name_of(case: tuple[tuple[str, ...], str]) -> str:
    roles, scope = case
    return f"{' and '.join(roles)} on the {scope}"


every_case: Callable[..., Any] = pytest.mark.parametrize("index", range(len(CASES)), ids=[name_of(c) for c in CASES])


@every_case
def test_who_may_make_a_call(run_stage: Stage, index: int) -> None:
    wanted = {name: run_stage.expected(name, *CASES[index]) for name in CALLS}
    found = {name: run_stage.found(name, index) for name in CALLS}
    wrong = [
        f"{name}\n  expected {wanted[name]}\n  answered {found[name]}" for name in CALLS if found[name] != wanted[name]
    ]
    if wrong:
        pytest.fail("\n".join(wrong), pytrace=False)


def test_every_row_can_be_asked(run_stage: Stage) -> None:
    assert {*run_stage.requests(), "Invoke"} == set(CALLS)


def test_every_permission_of_a_role_is_needed_by_a_call() -> None:
    needed = {need.split(" on ")[0] for needs in CALLS.values() for need in needs}
    assert needed == set().union(*ROLES.values())


@pytest.mark.parametrize("target", [f"/v2/{SHARED}", f"{NAMESPACE}/services/shared"])
def test_who_says_nothing_is_asked_who_he_is(run_stage: Stage, target: str) -> None:
    run_stage.rest.token = ""
    assert run_stage.rest.send("GET", target).status == 401


def test_nobody_comes_in_without_a_token(run_stage: Stage) -> None:
    run_stage.rest.token = ""
    assert run_stage.rest.send("GET", "/", headers={"Host": run_stage.host}).status == 403
