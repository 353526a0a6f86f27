"""The table of calls against Google's published client: no call on services and revisions is missing, none differs."""

from __future__ import annotations

from typing import Any, cast

import pytest
from google.cloud.run_v2.services.revisions.transports.rest_base import _BaseRevisionsRestTransport
from google.cloud.run_v2.services.services.transports.rest_base import _BaseServicesRestTransport

from kumotasks.api.call import Route
from kumotasks.api.needs import needs_of
from kumotasks.api.run import messages as m
from kumotasks.api.run.operation_calls import OperationCalls
from kumotasks.api.run.revision_calls import RevisionCalls
from kumotasks.api.run.routes import routes
from kumotasks.api.run.service_calls import ServiceCalls
from kumotasks.api.tasks.policy_calls import PolicyCalls
from kumotasks.auth.roles import ROLES
from kumotasks.domain.principal import Need

NOTHING = cast("Any", None)  # no call is made
TABLE = routes(
    ServiceCalls(NOTHING, NOTHING, NOTHING),
    RevisionCalls(NOTHING),
    OperationCalls(NOTHING, NOTHING),
    PolicyCalls(NOTHING),
)
ROWS = {row.method: row for row in TABLE}
PLACE = "projects/p/locations/l"


def published() -> dict[str, dict[str, str]]:
    """method -> its first HTTP rule, as the clients' REST transports carry it"""
    found: dict[str, dict[str, str]] = {}
    for transport in (_BaseServicesRestTransport, _BaseRevisionsRestTransport):
        classes = {name[5:]: each for name, each in vars(transport).items() if name.startswith("_Base")}
        found |= {name: each._get_http_options()[0] for name, each in classes.items()}
    return found


@pytest.mark.parametrize("method", sorted(published()))
def test_a_published_call_stands_in_the_table_as_it_is_published(method: str) -> None:
    row, rule = ROWS[method], published()[method]
    assert (row.verb, row.path, row.body) == (rule["method"].upper(), rule["uri"], rule.get("body", ""))


def test_the_table_has_nothing_that_is_not_published() -> None:
    assert {row.method for row in TABLE} == set(published())


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.method)
def test_a_call_has_the_request_of_its_name(row: Route) -> None:
    name = cast("Any", row.request).DESCRIPTOR.full_name
    assert name.rpartition(".")[2] == f"{row.method}Request"
    assert row.service.startswith(("google.cloud.run.v2.", "google.longrunning."))


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.method)
def test_each_call_but_one_names_a_permission_that_an_administrator_has(row: Route) -> None:
    assert row.permission in ROLES["roles/run.admin"] or row.method == "TestIamPermissions"


def test_a_change_that_may_make_a_service_needs_both_permissions() -> None:
    name = f"{PLACE}/services/s"
    needs = needs_of(ROWS["UpdateService"])
    update = Need("run.services.update", name)
    assert needs(m.UpdateServiceRequest(service={"name": name})) == (update,)
    request = m.UpdateServiceRequest(service={"name": name}, allow_missing=True)
    assert needs(request) == (update, Need("run.services.create", PLACE))
