"""The table of calls against Google's published client and discovery document."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import googleapiclient
import pytest
from google.cloud.logging_v2.services.logging_service_v2.transports import LoggingServiceV2Transport

from kumotasks.api.call import JsonRoute, Route, StreamRoute
from kumotasks.api.logging.calls import LoggingCalls
from kumotasks.api.logging.copying import COPY
from kumotasks.api.logging.routes import SERVICE, routes

NOTHING = cast("Any", None)
TABLE = routes(LoggingCalls(NOTHING, NOTHING, NOTHING))
ROWS = [row for row in TABLE if not isinstance(row, JsonRoute)]
# Operations of Cloud Logging are copies of logs to buckets of Cloud Storage.
NOT_CALLS = {"host", "kind", "cancel_operation", "get_operation", "list_operations"}
PUBLISHED = {
    "".join(word.title() for word in name.split("_")).replace("V2", "")
    for name in dir(LoggingServiceV2Transport)
    if isinstance(getattr(LoggingServiceV2Transport, name), property) and name not in NOT_CALLS
}


def test_every_published_call_stands_in_the_table_and_no_other() -> None:
    assert {row.method for row in ROWS} == PUBLISHED
    assert [row for row in TABLE if row not in ROWS] == [COPY]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.method)
def test_a_call_has_the_messages_of_its_name(row: Route | StreamRoute) -> None:
    assert row.service == SERVICE
    assert cast("Any", row.request).DESCRIPTOR.full_name == f"google.logging.v2.{row.method}Request"


def test_the_discovery_document_has_no_path_that_the_table_lacks() -> None:
    documents = Path(googleapiclient.__file__).parent / "discovery_cache" / "documents"
    document = json.loads((documents / "logging.v2.json").read_text())
    wanted = re.compile(r"entries|\.logs\.|monitoredResourceDescriptors")
    theirs = {
        (method["httpMethod"], "/" + re.sub(r"\{[^}]*\}", "*", method["flatPath"]))
        for method in methods_of(document)
        if wanted.search(method["id"]) and not method["flatPath"].startswith("v2/{v2Id}")
    }
    ours = {
        (row.verb, re.sub(r"\{[^=}]*=([^}]*)\}", r"\1", path)) for row in TABLE for path in (row.path, *row.aliases)
    }
    assert len(theirs) > 12
    assert theirs == ours


def methods_of(resource: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield from resource.get("methods", {}).values()
    for inner in resource.get("resources", {}).values():
        yield from methods_of(inner)
