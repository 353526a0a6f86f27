"""The stories: every RPC of google.cloud.tasks.v2 and its companions, as a program would use them.

Placeholders: $place is projects/P/locations/us-central1 with a project of the player's own, $project its id, $worker
the URL of a worker that takes every task, $later an instant within the horizon.
"""

from __future__ import annotations

from tests.clients.queue_stories import POLICIES, QUEUES, ROUTING
from tests.clients.scenario import ANY, Step
from tests.clients.task_stories import BATCHES, TASKS

KEY = "$place/keyRings/ring/cryptoKeys/key"

ENCRYPTION = (
    Step("GetCmekConfig", {"name": "$place/cmekConfig"}, {"name": "$place/cmekConfig"}, without=("kmsKey",)),
    Step(
        "UpdateCmekConfig",
        {"cmekConfig": {"name": "$place/cmekConfig", "kmsKey": KEY}, "updateMask": "kmsKey"},
        {"kmsKey": KEY},
    ),
    Step("GetCmekConfig", {"name": "$place/cmekConfig"}, {"kmsKey": KEY}),
    Step("UpdateCmekConfig", {"cmekConfig": {"name": "$place/cmekConfig"}}, without=("kmsKey",)),
)

LOCATIONS = (
    Step(
        "GetLocation",
        {"name": "$place"},
        {
            "name": "$place",
            "locationId": "us-central1",
            "displayName": "Iowa",
            "labels": {"cloud.googleapis.com/region": "us-central1"},
        },
    ),
    Step("ListLocations", {"name": "projects/$project", "pageSize": 25}, {"locations": [{"locationId": ANY}] * 39}),
)

STORIES: dict[str, tuple[Step, ...]] = {
    "queues": QUEUES,
    "tasks": TASKS,
    "batches": BATCHES,
    "policies": POLICIES,
    "encryption": ENCRYPTION,
    "locations": LOCATIONS,
    "routing": ROUTING,
}

RPCS = frozenset(step.rpc for story in STORIES.values() for step in story)
