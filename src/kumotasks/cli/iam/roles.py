"""`kumo iam roles`: the roles that there are. All are predefined; nobody makes any here."""

from __future__ import annotations

from kumotasks.cli.client import Failure, Refused
from kumotasks.cli.command import Command, Flag, Positional
from kumotasks.cli.line import Line
from kumotasks.cli.resource import path

_PREFIX = "roles/"


def describe(line: Line) -> object:
    written, project = line.text("role_id"), line.text("project")
    if written.startswith(_PREFIX):
        if project:
            raise Failure(
                "Invalid value for [ROLE_ID]: The role id that starts with 'roles/' only stands for predefined role. "
                "Should not specify the project or organization for predefined roles"
            )
        return line.call("GET", path("v1", written))
    if "/" in written:
        raise Failure("Invalid value for [ROLE_ID]: The role id should not include any '/' character.")
    if not project:
        raise Failure(
            "Missing required argument [--organization or --project]: Should specify the project or organization name "
            f"for custom roles. A predefined role is {_PREFIX}{written}."
        )
    name = f"projects/{project}/roles/{written}"
    raise Refused(f"The role named {name} was not found: here all roles are predefined.", 404, "NOT_FOUND")


def list_roles(line: Line) -> object:
    if line.text("project"):
        return []  # a project's roles are custom ones
    return line.pages("/v1/roles", "roles", {"showDeleted": "true"} if line.on("show-deleted") else None)


COMMANDS = (
    Command(
        "iam roles describe",
        "what a role permits",
        "kumo iam roles describe roles/cloudtasks.enqueuer",
        describe,
        (Positional("ROLE_ID", "the role, such as roles/cloudtasks.enqueuer"),),
    ),
    Command(
        "iam roles list",
        "the roles that there are",
        "kumo iam roles list --filter=name:cloudtasks --format='table(name, title)'",
        list_roles,
        flags=(Flag("show-deleted", "deleted ones too, of which there are none", None),),
        listed=True,
        uri="v1",
    ),
)
