"""The table of calls of Cloud Run's Knative v1, as gcloud makes them, and of v1's policies.

Each document has two paths: one by namespace, for which the host says the region, and one that names the location.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from google.protobuf.message import Message

from kumotasks.api.call import Caller, RawCall, RawRoute, Route
from kumotasks.api.run.documents import Document
from kumotasks.api.run.knative_calls import KnativeCalls
from kumotasks.api.run.regions import Places, needing
from kumotasks.api.tasks import messages as iam
from kumotasks.api.tasks.policy_calls import PolicyCalls
from kumotasks.domain.principal import Need

_PACKAGE = "google.cloud.run.v1"
_NAMESPACE = "/apis/serving.knative.dev/v1/namespaces/{project}"
_LOCATION = "/v1/projects/{project}/locations/{location}"
_POLICY = "/v1/{resource=projects/*/locations/*/services/*}"
_DELETED = "run.revisions.delete"
_GET_POLICY, _SET_POLICY = "run.services.getIamPolicy", "run.services.setIamPolicy"
Handle = Callable[[RawCall, Caller], Awaitable[Document]]
Needs = Callable[[RawCall], tuple[Need, ...]]


def knative_routes(calls: KnativeCalls, policies: PolicyCalls, places: Places) -> tuple[RawRoute | Route, ...]:
    """`policies` are those of services."""
    return (
        *_document_routes(calls, places),
        RawRoute(
            f"{_PACKAGE}.Locations",
            "ListLocations",
            "GET",
            "/v1/projects/{project}/locations",
            "",
            calls.list_locations,
            None,
            needs=_listing_locations(places),
        ),
        *_policy_routes(policies),
    )


def _document_routes(c: KnativeCalls, at: Places) -> tuple[RawRoute, ...]:
    # fmt: off
    return (
        _row("Services.ListServices", "GET /services", "run.services.list", at.location, c.list),
        _row("Services.CreateService", "POST /services", "run.services.create", at.location, c.create),
        _row("Services.GetService", "GET /services/{service}", "run.services.get", at.service, c.get),
        _row("Services.ReplaceService", "PUT /services/{service}", "run.services.update", at.service, c.replace),
        _row("Services.DeleteService", "DELETE /services/{service}", "run.services.delete", at.service, c.delete),
        _row("Revisions.ListRevisions", "GET /revisions", "run.revisions.list", at.location, c.list_revisions),
        _row("Revisions.GetRevision", "GET /revisions/{revision}", "run.revisions.get", at.location, c.get_revision),
        _row("Revisions.DeleteRevision", "DELETE /revisions/{revision}", _DELETED, at.location, c.delete_revision),
    )
    # fmt: on


def _row(call: str, rest: str, permission: str, where: Callable[[RawCall], str], handle: Handle) -> RawRoute:
    """A row: "Service.Method", "VERB path below a namespace or a location", permission, on what, handler."""
    service, method = call.split(".")
    verb, path = rest.split(" ", 1)
    paths = (f"{_NAMESPACE}{path}", f"{_LOCATION}{path}")
    return RawRoute(
        f"{_PACKAGE}.{service}",
        method,
        verb,
        paths[0],
        "",
        handle,
        None,
        aliases=paths[1:],
        needs=needing(permission, where),
    )


def _listing_locations(places: Places) -> Needs:
    """This path is also where Node's REST client of Cloud Tasks asks, whose users know nothing of Cloud Run."""
    of_run = needing("run.locations.list", places.project)
    of_tasks = needing("cloudtasks.locations.list", places.project)

    def needs(call: RawCall) -> tuple[Need, ...]:
        host = dict(call.headers).get("host", "")
        return of_tasks(call) if host.startswith("cloudtasks.") else of_run(call)

    return needs


def _policy_routes(c: PolicyCalls) -> tuple[Route, ...]:
    tested = (iam.TestIamPermissionsRequest, iam.TestIamPermissionsResponse)
    return (
        _policy_row("GET", "GetIamPolicy", (iam.GetIamPolicyRequest, iam.Policy), _GET_POLICY, c.get_policy),
        _policy_row("POST", "SetIamPolicy", (iam.SetIamPolicyRequest, iam.Policy), _SET_POLICY, c.set_policy),
        _policy_row("POST", "TestIamPermissions", tested, "", c.test_permissions),
    )


def _policy_row(
    verb: str,
    method: str,
    messages: tuple[type[Message], type[Message]],
    permission: str,
    handle: Callable[[Any, Caller], Awaitable[Any]],
) -> Route:
    path = f"{_POLICY}:{method[0].lower()}{method[1:]}"
    body = "*" if verb == "POST" else ""
    return Route(f"{_PACKAGE}.Services", method, *messages, verb, path, body, permission, handle)
