"""The table of calls against Google's published client: no call is missing, none differs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import googleapiclient
import pytest
from google.cloud.tasks_v2.services.cloud_tasks.transports.rest_base import _BaseCloudTasksRestTransport

from kumotasks.api.call import RawRoute, Route
from kumotasks.api.tasks.queue_calls import QueueCalls
from kumotasks.api.tasks.routes import routes
from kumotasks.api.tasks.shared_calls import SharedCalls
from kumotasks.api.tasks.task_calls import TaskCalls

NOTHING = cast("Any", None)
TABLE = routes(
    QueueCalls(NOTHING),
    TaskCalls(NOTHING, NOTHING),
    SharedCalls(policies=NOTHING, encryption=NOTHING, locations=NOTHING, batches=NOTHING, clock=NOTHING),
)
ROWS = {row.method: row for row in TABLE if isinstance(row, Route)}


def published() -> dict[str, dict[str, str]]:
    """method -> its HTTP rule, as the client's REST transport carries it"""
    classes = {name[5:]: each for name, each in vars(_BaseCloudTasksRestTransport).items() if name.startswith("_Base")}
    return {name: each._get_http_options()[0] for name, each in classes.items()}


@pytest.mark.parametrize("method", sorted(published()))
def test_a_published_call_stands_in_the_table_as_it_is_published(method: str) -> None:
    row, rule = ROWS[method], published()[method]
    assert (row.verb, row.path, row.body) == (rule["method"].upper(), rule["uri"], rule.get("body", ""))


@pytest.mark.parametrize("method", sorted(published()))
def test_a_call_has_the_messages_that_the_client_sends_and_reads(method: str) -> None:
    row = cast("Any", ROWS[method])
    package = {"GetLocation": "location", "ListLocations": "location", "GetOperation": "longrunning"}
    shared = package.get(method) or ("iam.v1" if "Iam" in method else "tasks.v2")
    assert row.request.DESCRIPTOR.full_name.endswith(f"{method}Request")
    assert shared in row.request.DESCRIPTOR.full_name


def test_the_table_has_nothing_that_is_not_published_but_the_call_without_a_client() -> None:
    assert {row.method for row in TABLE} - set(published()) == {"BufferTask"}


def test_the_discovery_document_has_no_path_that_the_table_lacks() -> None:
    documents = Path(googleapiclient.__file__).parent / "discovery_cache" / "documents"
    document = json.loads((documents / "cloudtasks.v2.json").read_text())
    theirs = {
        (method["httpMethod"], "/" + re.sub(r"\{[^}]*\}", "*", method["flatPath"])) for method in methods_of(document)
    }
    ours = {
        (row.verb, re.sub(r"\{[^=}]*=([^}]*)\}", r"\1", path)) for row in TABLE for path in (row.path, *row.aliases)
    }
    assert len(theirs) > 15
    assert theirs - ours == set()


def methods_of(resource: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield from resource.get("methods", {}).values()
    for inner in resource.get("resources", {}).values():
        yield from methods_of(inner)


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.method)
def test_each_call_but_one_names_a_permission(row: Route | RawRoute) -> None:
    assert row.permission.startswith("cloudtasks.") or row.method == "TestIamPermissions"
