"""`kumo run services *-iam-policy*`: who may call a service, or change it."""

from __future__ import annotations

from kumotasks.cli.command import Json
from kumotasks.cli.iam.policies import Holder, changed
from kumotasks.cli.iam.policies import commands as policy_commands
from kumotasks.cli.line import Line
from kumotasks.cli.policy import with_member, without_member
from kumotasks.cli.run.document import items, texts
from kumotasks.cli.run.names import ONE_SERVICE, PLATFORM, REGION, service_name

INVOKER = "roles/run.invoker"
EVERYBODY = "allUsers"

SERVICES = Holder(
    words="run services",
    text="a service",
    kinds=("service", "service"),
    positional=ONE_SERVICE[0],
    name=lambda line: service_name(line, line.text("service")),
    example="worker",
    asked_in_body=False,
    read_by="GET",
    role=INVOKER,
    flags=(REGION, PLATFORM),
)


def let_everybody_call(line: Line, name: str) -> None:
    changed(line, SERVICES, name, lambda policy: with_member(policy, INVOKER, EVERYBODY))


def let_nobody_call_unasked(line: Line, name: str) -> None:
    changed(line, SERVICES, name, _closed)


def _closed(policy: Json) -> Json:
    """The policy without its binding of everybody; as it is, if it has none."""
    bound = any(
        each.get("role") == INVOKER and EVERYBODY in texts(each, "members") for each in items(policy, "bindings")
    )
    return without_member(policy, INVOKER, EVERYBODY) if bound else policy


COMMANDS = policy_commands(SERVICES)
