"""The commands of `kumo run`."""

from __future__ import annotations

from kumotasks.cli.run import deploy, front, logs, policies, revisions, services

GROUPS = {
    "run services": "services: what runs, and who may call it",
    "run services logs": "what a service prints and is asked",
    "run logs": "the same, as it is often misspelled",
    "run revisions": "what a service was at each of its deployments",
}
COMMANDS = (
    *deploy.COMMANDS,
    *services.COMMANDS,
    *policies.COMMANDS,
    *logs.COMMANDS,
    *revisions.COMMANDS,
    *front.COMMANDS,
)
