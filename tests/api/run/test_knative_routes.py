"""The table of calls of Knative v1 against Google's published discovery document, and what its calls need."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import googleapiclient
import pytest

from kumotasks.api.call import RawCall, RawRoute
from kumotasks.api.needs import needs_of
from kumotasks.api.run.knative_calls import KnativeCalls
from kumotasks.api.run.knative_routes import knative_routes
from kumotasks.api.run.regions import Places
from kumotasks.api.tasks.policy_calls import PolicyCalls
from kumotasks.auth import roles
from kumotasks.domain.principal import Need

NOTHING = cast("Any", None)
PLACES = Places("us-central1")
CALLS = KnativeCalls(NOTHING, NOTHING, projects=NOTHING, locations=NOTHING, places=PLACES, clock=NOTHING)
TABLE = knative_routes(CALLS, PolicyCalls(NOTHING), PLACES)
DOCUMENTS = {row.method: row for row in TABLE if isinstance(row, RawRoute)}
VARIABLES = {"project": "p", "service": "s", "revision": "r"}
VARIABLE = re.compile(r"\{[^}]*\}")


def published(resource: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Verb and path of each method, at any depth."""
    for method in resource.get("methods", {}).values():
        yield method["httpMethod"], "/" + VARIABLE.sub("*", method["flatPath"])
    for inner in resource.get("resources", {}).values():
        yield from published(inner)


@pytest.fixture(scope="module")
def document() -> set[tuple[str, str]]:
    documents = Path(googleapiclient.__file__).parent / "discovery_cache" / "documents"
    return set(published(json.loads((documents / "run.v1.json").read_text())))


@pytest.mark.parametrize("row", TABLE, ids=[row.method for row in TABLE])
def test_a_call_stands_where_google_published_it(row: Any, document: set[tuple[str, str]]) -> None:
    for path in (row.path, *row.aliases):
        flat = path.replace("=projects/*/locations/*/services/*", "").replace(
            "{resource}", "projects/*/locations/*/services/*"
        )
        assert (row.verb, VARIABLE.sub("*", flat)) in document


@pytest.mark.parametrize("method", sorted(DOCUMENTS))
def test_a_call_needs_a_permission_that_there_is(method: str) -> None:
    (need,) = needs_of(DOCUMENTS[method])(RawCall(VARIABLES, (), (), b""))
    assert need.permission in roles.ROLES["roles/run.admin"]
    assert need.resource.startswith("projects/p")


def test_a_change_needs_its_permission_on_the_service() -> None:
    call = RawCall(VARIABLES, (), (("host", "asia-east1-run.googleapis.com"),), b"")
    here = "projects/p/locations/asia-east1/services/s"
    assert needs_of(DOCUMENTS["ReplaceService"])(call) == (Need("run.services.update", here),)
    assert needs_of(DOCUMENTS["CreateService"])(call) == (Need("run.services.create", here.partition("/serv")[0]),)


def test_who_asks_cloud_tasks_for_locations_needs_nothing_of_cloud_run() -> None:
    call = RawCall(VARIABLES, (), (("host", "cloudtasks.googleapis.com"),), b"")
    assert needs_of(DOCUMENTS["ListLocations"])(call) == (Need("cloudtasks.locations.list", "projects/p"),)
