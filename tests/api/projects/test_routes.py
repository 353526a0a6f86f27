"""The table against Google's published discovery documents, and what each of its rows needs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import googleapiclient
import pytest

from kumotasks.api.call import JsonRoute, Route
from kumotasks.api.needs import needs_of
from kumotasks.api.projects.application_calls import ApplicationCalls
from kumotasks.api.projects.project_calls import ProjectCalls
from kumotasks.api.projects.routes import routes
from kumotasks.api.projects.usage_calls import UsageCalls
from kumotasks.domain.principal import Need

NOTHING = cast("Any", None)
TABLE = routes(ProjectCalls(NOTHING, NOTHING), UsageCalls(NOTHING), ApplicationCalls(NOTHING))
ROWS = {row.full_name: row for row in TABLE}
DOCUMENTS = ("cloudresourcemanager.v1", "cloudresourcemanager.v3", "serviceusage.v1", "appengine.v1")
ANY = {"project": "p", "service": "s", "operation": "o", "app": "p", "id": "p", "resource": "p"}


def published() -> set[tuple[str, str]]:
    """(verb, path) of every method, each variable a star"""
    folder = Path(googleapiclient.__file__).parent / "discovery_cache" / "documents"
    methods = [each for name in DOCUMENTS for each in methods_of(json.loads((folder / f"{name}.json").read_text()))]
    return {(each["httpMethod"], starred(f"/{each.get('flatPath', each['path'])}")) for each in methods}


def methods_of(resource: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield from resource.get("methods", {}).values()
    for inner in resource.get("resources", {}).values():
        yield from methods_of(inner)


def starred(path: str) -> str:
    """Service Usage publishes its parents as any two segments; here they are projects."""
    path = re.sub(r"\{v1Id\}/\{v1Id1\}", "projects/{project}", path)
    return re.sub(r"\{[^{}=]*\}", "*", re.sub(r"\{[^{}=]*=([^{}]*)\}", r"\1", path))


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.full_name)
def test_every_row_is_published(row: Route | JsonRoute) -> None:
    assert (row.verb, starred(row.path)) in published()


def needs(name: str) -> tuple[Need, ...]:
    row = ROWS[name]
    if isinstance(row, Route):
        request: Any = row.request(resource="p" if ".v1." in name else "projects/p")
        return needs_of(row)(request)
    wanted = {field: ANY[field] for field in row.request.__struct_fields__ if field in ANY}
    return needs_of(row)(row.request(**wanted))


@pytest.mark.parametrize(
    ("name", "permission"),
    [
        ("google.cloudresourcemanager.v1.Projects.GetProject", "resourcemanager.projects.get"),
        ("google.cloudresourcemanager.v1.Projects.GetAncestry", "resourcemanager.projects.get"),
        ("google.cloudresourcemanager.v1.Projects.GetIamPolicy", "resourcemanager.projects.getIamPolicy"),
        ("google.cloudresourcemanager.v1.Projects.SetIamPolicy", "resourcemanager.projects.setIamPolicy"),
        ("google.cloud.resourcemanager.v3.Projects.GetProject", "resourcemanager.projects.get"),
        ("google.cloud.resourcemanager.v3.Projects.GetIamPolicy", "resourcemanager.projects.getIamPolicy"),
        ("google.cloud.resourcemanager.v3.Projects.SetIamPolicy", "resourcemanager.projects.setIamPolicy"),
        ("google.api.serviceusage.v1.ServiceUsage.GetService", "serviceusage.services.get"),
        ("google.api.serviceusage.v1.ServiceUsage.BatchGetServices", "serviceusage.services.get"),
        ("google.api.serviceusage.v1.ServiceUsage.ListServices", "serviceusage.services.list"),
        ("google.api.serviceusage.v1.ServiceUsage.EnableService", "serviceusage.services.enable"),
        ("google.api.serviceusage.v1.ServiceUsage.BatchEnableServices", "serviceusage.services.enable"),
        ("google.api.serviceusage.v1.ServiceUsage.DisableService", "serviceusage.services.disable"),
        ("google.appengine.v1.Applications.GetApplication", "appengine.applications.get"),
        ("google.appengine.v1.Applications.CreateApplication", "appengine.applications.create"),
        ("google.appengine.v1.Services.ListServices", "appengine.applications.get"),
        ("google.appengine.v1.Services.GetService", "appengine.applications.get"),
        ("google.appengine.v1.Services.ListVersions", "appengine.applications.get"),
        ("google.appengine.v1.Services.GetVersion", "appengine.applications.get"),
        ("google.appengine.v1.Services.GetOperation", "appengine.applications.get"),
    ],
)
def test_a_call_needs_its_permission_on_the_project(name: str, permission: str) -> None:
    assert needs(name) == (Need(permission, "projects/p"),)


def test_only_listings_tests_and_operations_are_judged_by_their_use_case() -> None:
    assert {row.method for row in TABLE if not row.permission} == {
        "ListProjects",
        "SearchProjects",
        "TestIamPermissions",
        "GetOperation",
    }
