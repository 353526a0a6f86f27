"""The table of calls of the projects surface. Of a listing, and of an operation, each use case judges what may be seen.

A test holds the rows against Google's published discovery documents.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from google.protobuf.message import Message

from kumotasks.api.call import Caller, JsonRoute, Route
from kumotasks.api.projects import messages as m
from kumotasks.api.projects.application_calls import ApplicationCalls
from kumotasks.api.projects.project_calls import ProjectCalls
from kumotasks.api.projects.usage_calls import UsageCalls
from kumotasks.api.tasks import messages as iam

_V1 = "google.cloudresourcemanager.v1.Projects"
_V3 = "google.cloud.resourcemanager.v3.Projects"
_USAGE = "google.api.serviceusage.v1.ServiceUsage"
_APPS = "google.appengine.v1.Applications"
_PARTS = "google.appengine.v1.Services"
_PROJECT = "projects/{project}"
_SERVICES = "/v1/projects/{project}/services"
_SERVICE = f"{_SERVICES}/{{service}}"
_RM = "resourcemanager.projects"
_SU = "serviceusage.services"
_APP = "/v1/apps/{app}"
_READ = "appengine.applications.get"
Rows = tuple[Route | JsonRoute, ...]
Handle = Callable[[Any, Caller], Awaitable[Any]]


def routes(projects: ProjectCalls, usage: UsageCalls, applications: ApplicationCalls) -> Rows:
    """Resource Manager v1 and v3, Service Usage v1, App Engine v1."""
    return (
        *_project_routes(projects),
        *_policy_routes(projects),
        *_usage_routes(usage),
        *_application_routes(applications),
    )


def _project_routes(c: ProjectCalls) -> Rows:
    # fmt: off
    return (
        _row((_V1, "GetProject"), f"GET /v1/{_PROJECT}", m.ProjectRequest, f"{_RM}.get", _PROJECT, c.get_v1),
        _row((_V1, "ListProjects"), "GET /v1/projects", m.ListProjectsRequest, "", "", c.list_v1),
        _row((_V1, "GetAncestry"), f"POST /v1/{_PROJECT}:getAncestry", m.ProjectRequest, f"{_RM}.get", _PROJECT, c.get_ancestry),
        _row((_V3, "GetProject"), f"GET /v3/{_PROJECT}", m.ProjectRequest, f"{_RM}.get", _PROJECT, c.get_v3),
        _row((_V3, "SearchProjects"), "GET /v3/projects:search", m.SearchProjectsRequest, "", "", c.search_v3),
    )
    # fmt: on


def _policy_routes(c: ProjectCalls) -> Rows:
    # fmt: off
    calls = (
        ("GetIamPolicy", (iam.GetIamPolicyRequest, iam.Policy), ":getIamPolicy", f"{_RM}.getIamPolicy", c.get_policy),
        ("SetIamPolicy", (iam.SetIamPolicyRequest, iam.Policy), ":setIamPolicy", f"{_RM}.setIamPolicy", c.set_policy),
        ("TestIamPermissions", (iam.TestIamPermissionsRequest, iam.TestIamPermissionsResponse), ":testIamPermissions", "", c.test_permissions),
    )
    # fmt: on
    return tuple(
        _policy_row((service, method), messages, f"{path}{verb}", permission, handle)
        for service, path in ((_V1, "/v1/projects/{resource}"), (_V3, "/v3/{resource=projects/*}"))
        for method, messages, verb, permission, handle in calls
    )


def _usage_routes(c: UsageCalls) -> Rows:
    # fmt: off
    return (
        _row((_USAGE, "GetService"), f"GET {_SERVICE}", m.ServiceRequest, f"{_SU}.get", _PROJECT, c.get),
        _row((_USAGE, "BatchGetServices"), f"GET {_SERVICES}:batchGet", m.BatchGetRequest, f"{_SU}.get", _PROJECT, c.batch_get),
        _row((_USAGE, "ListServices"), f"GET {_SERVICES}", m.ListServicesRequest, f"{_SU}.list", _PROJECT, c.list),
        _row((_USAGE, "EnableService"), f"POST {_SERVICE}:enable", m.ServiceRequest, f"{_SU}.enable", _PROJECT, c.enable),
        _row((_USAGE, "DisableService"), f"POST {_SERVICE}:disable", m.DisableRequest, f"{_SU}.disable", _PROJECT, c.disable),
        _row((_USAGE, "BatchEnableServices"), f"POST {_SERVICES}:batchEnable", m.BatchEnableRequest, f"{_SU}.enable", _PROJECT, c.batch_enable),
        _row((_USAGE, "GetOperation"), "GET /v1/operations/{operation}", m.OperationRequest, "", "", c.get_operation),
    )
    # fmt: on


def _application_routes(c: ApplicationCalls) -> Rows:
    # fmt: off
    return (
        _row((_APPS, "GetApplication"), f"GET {_APP}", m.AppRequest, _READ, "projects/{app}", c.get),
        _row((_APPS, "CreateApplication"), "POST /v1/apps", m.NewAppRequest, "appengine.applications.create", "projects/{id}", c.create),
        _row((_PARTS, "ListServices"), f"GET {_APP}/services", m.AppPartRequest, _READ, "projects/{app}", c.find_nothing),
        _row((_PARTS, "GetService"), f"GET {_APP}/services/{{service}}", m.AppPartRequest, _READ, "projects/{app}", c.find_nothing),
        _row((_PARTS, "ListVersions"), f"GET {_APP}/services/{{service}}/versions", m.AppPartRequest, _READ, "projects/{app}", c.find_nothing),
        _row((_PARTS, "GetVersion"), f"GET {_APP}/services/{{service}}/versions/{{version}}", m.AppPartRequest, _READ, "projects/{app}", c.find_nothing),
        _row((_PARTS, "GetOperation"), f"GET {_APP}/operations/{{operation}}", m.AppPartRequest, _READ, "projects/{app}", c.find_nothing),
    )
    # fmt: on


def _row(
    call: tuple[str, str],
    rest: str,
    request: type[msgspec.Struct],
    permission: str,
    resource: str,
    handle: Handle,
) -> JsonRoute:
    """A row: (service, method), "VERB path", request, permission, what it is needed on, handler."""
    verb, path = rest.split(" ", 1)
    return JsonRoute(*call, verb, path, request, permission, resource, handle)


def _policy_row(
    call: tuple[str, str],
    messages: tuple[type[Message], type[Message]],
    path: str,
    permission: str,
    handle: Handle,
) -> Route:
    """A row of google.iam.v1; its path may name the project by the last part of its name alone."""
    return Route(*call, *messages, "POST", path, "*", permission, handle, resource="projects/{}")
