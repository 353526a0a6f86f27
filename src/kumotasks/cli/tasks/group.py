"""The commands of `kumo tasks`."""

from __future__ import annotations

from kumotasks.cli.tasks import batch, cmek, locations, policies, queues, single

GROUPS = {
    "tasks queues": "queues: how fast, how often, how many at once",
    "tasks locations": "where queues can be",
    "tasks cmek-config": "the key that a location's data is encrypted with",
}
COMMANDS = (
    *queues.COMMANDS,
    *policies.COMMANDS,
    *single.COMMANDS,
    *batch.COMMANDS,
    *locations.COMMANDS,
    *cmek.COMMANDS,
)
