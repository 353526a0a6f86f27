"""Two surfaces that share a call: the operation's name tells whose it is, and so its permission and its answer."""

from __future__ import annotations

from typing import Any

import pytest
from google.longrunning import operations_pb2 as p
from google.protobuf.empty_pb2 import Empty

from kumotasks.api.call import Caller, Route
from kumotasks.api.needs import needs_of
from kumotasks.api.operations import joined
from kumotasks.api.run.convert_operation import is_ours
from kumotasks.domain.principal import Need
from tests.api.run.test_routes import TABLE as RUN
from tests.api.test_routes import TABLE as TASKS

PLACE = "projects/p/locations/l"
THEIRS = f"{PLACE}/operations/theirs-1"


def table(owner: str, *methods: str) -> list[Route]:
    """The calls of one surface; its answers name it."""

    async def handle(request: Any, caller: Caller) -> p.Operation:
        return p.Operation(name=f"{owner} {request.name}")

    rows = {"GetOperation": p.GetOperationRequest, "DeleteOperation": p.DeleteOperationRequest}
    return [
        Route(
            "google.longrunning.Operations",
            method,
            rows[method],
            p.Operation if method == "GetOperation" else Empty,
            "GET",
            "/v2/{name=projects/*/locations/*/operations/*}",
            "",
            f"{owner}.operations.get",
            handle,
        )
        for method in methods
    ]


@pytest.mark.parametrize(("name", "owner"), [(THEIRS, "guest"), (f"{PLACE}/operations/1", "host")])
async def test_a_shared_call_is_the_one_that_its_operation_belongs_to(name: str, owner: str) -> None:
    rows = joined(table("host", "GetOperation"), table("guest", "GetOperation"), lambda name: "/theirs-" in name)
    (row,) = rows
    request = p.GetOperationRequest(name=name)
    assert needs_of(row)(request) == (Need(f"{owner}.operations.get", name),)
    assert await row.handle(request, Caller("")) == p.Operation(name=f"{owner} {name}")


def test_a_call_that_only_one_has_stays_as_it_is() -> None:
    host, guest = table("host", "GetOperation"), table("guest", "DeleteOperation")
    assert joined(host, guest, lambda name: True) == (*host, *guest)


@pytest.mark.parametrize(
    ("ident", "ours"),
    [
        ("run-5ab9cf0e-9b1c-4e0c-8d58-4ffb1d2b3c4d", True),
        ("5ab9cf0e-9b1c-4e0c-8d58-4ffb1d2b3c4d", False),
        ("run-5", False),
        ("run-5ab9cf0e-9b1c-4e0c-8d58-4ffb1d2b3c4d-x", False),
    ],
)
def test_an_operation_of_cloud_run_is_known_by_its_name(ident: str, ours: bool) -> None:
    assert is_ours(f"{PLACE}/operations/{ident}") is ours


@pytest.mark.parametrize(
    ("ident", "permission"),
    [
        ("run-5ab9cf0e-9b1c-4e0c-8d58-4ffb1d2b3c4d", "run.operations.get"),
        ("5ab9cf0e-9b1c-4e0c-8d58-4ffb1d2b3c4d", "cloudtasks.operations.get"),
        ("run-of-the-mill", "cloudtasks.operations.get"),
    ],
)
def test_the_permission_is_the_one_of_the_service_that_made_the_operation(ident: str, permission: str) -> None:
    rows = joined(TASKS, RUN, is_ours)
    (row,) = [each for each in rows if isinstance(each, Route) and each.method == "GetOperation"]
    name = f"{PLACE}/operations/{ident}"
    assert needs_of(row)(p.GetOperationRequest(name=name)) == (Need(permission, name),)
