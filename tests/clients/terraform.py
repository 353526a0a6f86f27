"""The calls that Terraform's google provider makes for four kinds of resources, one class each, in its own order.

They were written down from reading the provider; whatever it compares with what it sent, `read` returns.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

Json = dict[str, Any]
_POLLS = 200  # of an operation; the provider's own patience is twenty minutes


class Refused(Exception):
    """A call was answered with an error."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status} {message}")
        self.status = status


@dataclass(frozen=True, slots=True)
class Provider:
    """The provider block: where the custom endpoints lead, and the token in GOOGLE_OAUTH_ACCESS_TOKEN."""

    address: str
    token: str
    project: str
    region: str
    pause: Callable[[], None]  # between two looks at an operation

    @property
    def place(self) -> str:
        return f"projects/{self.project}/locations/{self.region}"

    def call(self, verb: str, path: str, body: Json | None = None, **query: str) -> Json:
        asked = urllib.parse.urlencode({"alt": "json", **query})
        request = urllib.request.Request(
            f"http://{self.address}/{path}?{asked}",
            None if body is None else json.dumps(body).encode(),
            {
                "Authorization": f"Bearer {self.token}",
                "Content-Type": "application/json",
                "User-Agent": "Terraform/1.9 (+https://www.terraform.io) terraform-provider-google/7.45",
            },
            method=verb,
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                found: Json = json.loads(answer.read() or b"{}")
                return found
        except urllib.error.HTTPError as error:
            with error:
                raise Refused(error.code, json.loads(error.read())["error"]["message"]) from None

    def finished(self, operation: Json) -> Json:
        """What a long-running operation came to; one that is done at once is not asked for again."""
        for _ in range(_POLLS):
            if operation.get("done"):
                if "error" in operation:
                    raise Refused(operation["error"]["code"], operation["error"]["message"])
                answer: Json = operation["response"]
                return answer
            self.pause()
            operation = self.call("GET", f"v2/{operation['name']}")
        raise AssertionError(f"{operation['name']} never ends")

    def gone(self, path: str) -> bool:
        try:
            self.call("GET", path)
        except Refused as refused:
            return refused.status == 404
        return False


class Resource(Protocol):
    """What Terraform does with a resource."""

    def create(self, asked: Json) -> None: ...
    def read(self) -> Json: ...
    def update(self, state: Json) -> None: ...
    def destroy(self) -> None: ...


class Queue:
    """google_cloud_tasks_queue"""

    def __init__(self, provider: Provider, ident: str) -> None:
        self._provider = provider
        self._name = f"{provider.place}/queues/{ident}"

    def create(self, asked: Json) -> None:
        self._provider.call("POST", f"v2/{self._provider.place}/queues", {"name": self._name, **asked})

    def read(self) -> Json:
        return self._provider.call("GET", f"v2/{self._name}")

    def update(self, state: Json) -> None:
        sent = {field: state[field] for field in ("rateLimits", "retryConfig") if field in state}
        self._provider.call("PATCH", f"v2/{self._name}", sent, updateMask=",".join(sent))

    def destroy(self) -> None:
        self._provider.call("DELETE", f"v2/{self._name}")
        assert self._provider.gone(f"v2/{self._name}")


class Account:
    """google_service_account: read until it was there three times in a row."""

    def __init__(self, provider: Provider, ident: str) -> None:
        self._provider = provider
        self._ident = ident
        self._email = f"{ident}@{provider.project}.iam.gserviceaccount.com"
        self._name = f"v1/projects/{provider.project}/serviceAccounts/{self._email}"

    def create(self, asked: Json) -> None:
        body = {"accountId": self._ident, "serviceAccount": asked}
        self._provider.call("POST", f"v1/projects/{self._provider.project}/serviceAccounts", body)
        assert [self.read()["email"] for _ in range(3)] == [self._email] * 3

    def read(self) -> Json:
        return self._provider.call("GET", self._name)

    def update(self, state: Json) -> None:
        etag = self.read()["etag"]
        account = {"displayName": state["displayName"], "description": state.get("description", ""), "etag": etag}
        self._provider.call("PATCH", self._name, {"serviceAccount": account, "updateMask": "displayName,description"})

    def destroy(self) -> None:
        self._provider.call("DELETE", self._name)
        assert self._provider.gone(self._name)


class Service:
    """google_cloud_run_v2_service. `deletion_protection` is known to the provider alone, which then sends nothing."""

    def __init__(self, provider: Provider, ident: str) -> None:
        self._provider = provider
        self._ident = ident
        self._name = f"{provider.place}/services/{ident}"

    def create(self, asked: Json) -> None:
        sent = {**asked, "labels": {"goog-terraform-provisioned": "true", **asked.get("labels", {})}}
        begun = self._provider.call("POST", f"v2/{self._provider.place}/services", sent, serviceId=self._ident)
        self._provider.finished(begun)

    def read(self) -> Json:
        return self._provider.call("GET", f"v2/{self._name}")

    def update(self, state: Json) -> None:
        """All that Terraform keeps in its state is sent, what the server filled in too, and no mask."""
        kept = (
            *("description", "labels", "annotations", "client", "clientVersion", "ingress", "launchStage", "template"),
            *("traffic", "scaling", "customAudiences", "invokerIamDisabled", "defaultUriDisabled"),
        )
        sent = {field: state[field] for field in kept if field in state}
        self._provider.finished(self._provider.call("PATCH", f"v2/{self._name}", sent))

    def destroy(self) -> None:
        self._provider.finished(self._provider.call("DELETE", f"v2/{self._name}"))
        assert self._provider.gone(f"v2/{self._name}")


class IamBinding:
    """google_cloud_run_service_iam_binding: the members of one role, and no others."""

    def __init__(self, provider: Provider, service: str, role: str) -> None:
        self._provider = provider
        self._path = f"v1/{provider.place}/services/{service}"
        self._role = role

    def create(self, asked: Json) -> None:
        self._set(asked["members"])

    def read(self) -> Json:
        found = [each for each in self._policy().get("bindings", []) if each["role"] == self._role]
        return found[0] if found else {}

    def update(self, state: Json) -> None:
        self._set(state["members"])

    def destroy(self) -> None:
        self._set([])
        assert self.read() == {}

    def _set(self, members: list[str]) -> None:
        policy = self._policy()
        others = [each for each in policy.get("bindings", []) if each["role"] != self._role]
        own = [{"role": self._role, "members": members}] if members else []
        sent = {"bindings": others + own, "etag": policy["etag"]}
        self._provider.call("POST", f"{self._path}:setIamPolicy", {"policy": sent})
        assert len({json.dumps(self._policy(), sort_keys=True) for _ in range(3)}) == 1

    def _policy(self) -> Json:
        return self._provider.call("GET", f"{self._path}:getIamPolicy")
