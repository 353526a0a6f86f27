"""What the server's rows ask for is what matrix.toml says, to the last need and in its order.

Not everything of it shows from outside: every predefined role that may get or run tasks may also see them in full.
"""

from __future__ import annotations

from typing import Any, cast

import pytest
from google.protobuf import json_format

from kumotasks.api.call import RawCall, RawRoute
from kumotasks.api.needs import needs_of
from kumotasks.api.tasks.queue_calls import QueueCalls
from kumotasks.api.tasks.routes import routes
from kumotasks.api.tasks.shared_calls import SharedCalls
from kumotasks.api.tasks.task_calls import TaskCalls
from tests.calls import CALLS
from tests.iam.expectations import ROWS, Row
from tests.iam.requests import LOCATION, REQUESTS, Place

NOTHING = cast("Any", None)  # no call is made
TABLE = {
    row.method: row
    for row in routes(
        QueueCalls(NOTHING),
        TaskCalls(NOTHING, NOTHING),
        SharedCalls(policies=NOTHING, encryption=NOTHING, locations=NOTHING, batches=NOTHING, clock=NOTHING),
    )
}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_row_needs_what_the_matrix_says(row: Row) -> None:
    place = Place(f"{LOCATION}/queues/q", row.slug, f"{LOCATION}/operations/o")
    request, route = REQUESTS[row.name](place), TABLE[row.rpc]
    message = (
        RawCall(request, (), (), b"")
        if isinstance(route, RawRoute)
        else json_format.ParseDict(request, CALLS[row.rpc].request())
    )
    needs = [(need.permission, need.told) for need in needs_of(route)(message)]
    assert needs == [(need.permission, place.resource(need.on)) for need in row.needs]
