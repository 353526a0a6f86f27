"""Why somebody may or may not do something, and the command that would change it. Words only; nothing is judged."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from kumotasks.auth.roles import least_roles
from kumotasks.domain.policy import Condition


@dataclass(frozen=True, slots=True)
class Grant:
    """A binding that gives a role to somebody: where it stands, whom it names, and what it depends on."""

    resource: str
    role: str
    member: str
    condition: Condition | None = None


@dataclass(frozen=True, slots=True)
class Explanation:
    """`granted` without a `binding` is the owner's: he needs none. `refused` would have granted but for their
    conditions. `grants` are the roles with the permission that permit least besides; `command` binds the first."""

    granted: bool
    binding: Grant | None
    refused: tuple[Grant, ...]
    grants: tuple[str, ...]
    command: str


def explained(
    member: str, permission: str, chain: tuple[str, ...], *, granted: bool, binding: Grant | None, refused: list[Grant]
) -> Explanation:
    """The verdict with its reasons; for a refusal, how to undo it."""
    roles = least_roles(permission)
    command = "" if granted or not roles or not chain else _command(member, roles[0], _place(permission, chain))
    return Explanation(granted, binding, tuple(refused), roles, command)


_OF_SERVICE = {"queues": "cloudtasks", "serviceAccounts": "iam", "services": "run"}


def _place(permission: str, chain: tuple[str, ...]) -> str:
    """The nearest resource that a role with the permission can be bound on."""
    nearest = chain[0]
    collection = nearest.split("/")[-2]
    return nearest if _OF_SERVICE.get(collection) == permission.partition(".")[0] else chain[-1]


def _command(member: str, role: str, resource: str) -> str:
    match resource.split("/"):
        case ["projects", project, "locations", location, "queues", queue]:
            words = ["tasks", "queues", "add-iam-policy-binding", queue, f"--location={location}"]
        case ["projects", project, "locations", location, "services", service]:
            words = ["run", "services", "add-iam-policy-binding", service, f"--region={location}"]
        case ["projects", project, "serviceAccounts", account]:
            words = ["iam", "service-accounts", "add-iam-policy-binding", account]
        case [_, project, *_]:
            return shlex.join(["kumo", "projects", "add-iam-policy-binding", project, *_bound(member, role)])
        case _:
            return ""
    return shlex.join(["kumo", *words, f"--project={project}", *_bound(member, role)])


def _bound(member: str, role: str) -> list[str]:
    return [f"--member={member}", f"--role={role}"]
