"""The table of IAM's calls against Google's published discovery document."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import googleapiclient  # type: ignore[import-untyped]
import msgspec
import pytest

from kumotasks.api.call import JsonRoute, Route
from kumotasks.api.iam.routes import routes
from kumotasks.api.paths import compile_template


class Anything:
    """Calls of every name."""

    def __getattr__(self, name: str) -> Any:
        return name


TABLE = routes(*(cast("Any", Anything()) for _ in range(4)))
DOCUMENT = json.loads(
    (Path(googleapiclient.__file__).parent / "discovery_cache" / "documents" / "iam.v1.json").read_text()
)
# The methods of the document that are about service accounts, or about roles that Google made; iamcredentials has
# taken the place of these two.
OURS = re.compile(r"projects\.serviceAccounts\.(?!signBlob|signJwt)|roles\.")


def methods(resource: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    for name, method in resource.get("methods", {}).items():
        yield prefix + name, method
    for name, inner in resource.get("resources", {}).items():
        yield from methods(inner, f"{prefix}{name}.")


PUBLISHED = {name: method for name, method in methods(DOCUMENT) if OURS.match(name)}


def place(verb: str, path: str) -> tuple[str, str]:
    return verb, re.sub(r"\{[^}]*\}", "*", re.sub(r"\{[^=}]*=([^}]*)\}", r"\1", path))


ROWS = {place(row.verb, row.path): row for row in TABLE}


def row_of(name: str) -> Route | JsonRoute:
    return ROWS[place(PUBLISHED[name]["httpMethod"], "/" + PUBLISHED[name]["flatPath"])]


def test_the_table_has_the_published_calls_and_no_other() -> None:
    assert len(PUBLISHED) > 20
    assert set(ROWS) == {place(each["httpMethod"], "/" + each["flatPath"]) for each in PUBLISHED.values()}


@pytest.mark.parametrize("name", sorted(PUBLISHED))
def test_a_request_takes_every_field_that_is_published(name: str) -> None:
    row = row_of(name)
    if isinstance(row, Route):
        return
    method = PUBLISHED[name]
    body = DOCUMENT["schemas"].get(method.get("request", {}).get("$ref"), {}).get("properties", {})
    query = {each for each, described in method["parameters"].items() if described["location"] == "query"}
    taken = {field.encode_name for field in msgspec.structs.fields(row.request)}
    assert query | set(body) <= taken


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.method)
def test_what_the_path_names_is_a_field_of_the_request(row: Route | JsonRoute) -> None:
    if isinstance(row, JsonRoute):
        fields = {field.name for field in msgspec.structs.fields(row.request)}
        assert {variable.field for variable in compile_template(row.path).variables} <= fields


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.method)
def test_a_call_needs_its_permission_on_what_its_path_names(row: Route | JsonRoute) -> None:
    if "Role" in row.method or row.method == "TestIamPermissions":
        assert row.permission == ""
        return
    assert re.fullmatch(r"iam\.(serviceAccounts|serviceAccountKeys)\.[A-Za-z]+", row.permission)
    if isinstance(row, JsonRoute):
        assert f"/{row.resource}" in row.path
        of_account = row.method not in {"CreateServiceAccount", "ListServiceAccounts"}
        assert row.resource.endswith("/serviceAccounts/{account}") is of_account


# Google's own list, method by method (cloud.google.com/iam/docs/permissions-reference).
PERMISSIONS = {
    "create": "iam.serviceAccounts.create",
    "delete": "iam.serviceAccounts.delete",
    "disable": "iam.serviceAccounts.disable",
    "enable": "iam.serviceAccounts.enable",
    "get": "iam.serviceAccounts.get",
    "getIamPolicy": "iam.serviceAccounts.getIamPolicy",
    "keys.create": "iam.serviceAccountKeys.create",
    "keys.delete": "iam.serviceAccountKeys.delete",
    "keys.disable": "iam.serviceAccountKeys.disable",
    "keys.enable": "iam.serviceAccountKeys.enable",
    "keys.get": "iam.serviceAccountKeys.get",
    "keys.list": "iam.serviceAccountKeys.list",
    "keys.upload": "iam.serviceAccountKeys.create",
    "list": "iam.serviceAccounts.list",
    "patch": "iam.serviceAccounts.update",
    "setIamPolicy": "iam.serviceAccounts.setIamPolicy",
    "testIamPermissions": "",
    "undelete": "iam.serviceAccounts.undelete",
    "update": "iam.serviceAccounts.update",
}


def test_permissions_are_googles() -> None:
    prefix = "projects.serviceAccounts."
    accounts = [name for name in PUBLISHED if name.startswith(prefix)]
    assert {name.removeprefix(prefix): row_of(name).permission for name in accounts} == PERMISSIONS
