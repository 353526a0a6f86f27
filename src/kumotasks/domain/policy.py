"""IAM policies as they are stored on a resource: bindings of roles to members. Who may do what is judged elsewhere."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from kumotasks.domain.errors import InvalidArgument

VERSIONS = frozenset({0, 1, 3})
WITH_CONDITIONS = 3
MAX_MEMBERS = 1_500  # IAM: principals in one policy
MAX_GROUPS = 250
MAX_CONDITIONS = 100  # IAM: conditional bindings in one policy
MAX_BINDINGS = 1_500
MAX_TEXT = 256 * 1024  # characters of a policy's roles, members and conditions
EMPTY_ETAG = bytes.fromhex("002001")  # what Google shows for a resource without a policy

_MEMBER = re.compile(
    r"allUsers|allAuthenticatedUsers|(user|serviceAccount|group):[^@\s:]+@[^@\s:]+|domain:[^@\s:]+"
    r"|deleted:(user|serviceAccount|group):[^@\s]+@[^@\s]+\?uid=\d+|principal(Set)?://\S+"
    r"|project(Owner|Editor|Viewer):\S+"
)
_NAMED_BY_MAIL = frozenset({"user", "serviceAccount", "group", "domain"}) | {
    f"deleted:{kind}" for kind in ("user", "serviceAccount", "group")
}
_ROLE = re.compile(r"(projects/[^/\s]+/|organizations/[^/\s]+/)?roles/[A-Za-z0-9_.]+")


@dataclass(frozen=True, slots=True)
class Condition:
    """A CEL expression that a binding depends on."""

    expression: str
    title: str = ""
    description: str = ""
    location: str = ""


@dataclass(frozen=True, slots=True)
class Binding:
    """A role for some members."""

    role: str
    members: tuple[str, ...]
    condition: Condition | None = None


@dataclass(frozen=True, slots=True)
class Policy:
    """What is bound on a resource; `etag` tells one state of it from the next."""

    version: int = 0
    bindings: tuple[Binding, ...] = ()
    etag: bytes = EMPTY_ETAG


def check_policy(policy: Policy) -> Policy:
    """`policy`, if IAM would store it."""
    check_version(policy.version)
    for binding in policy.bindings:
        if _ROLE.fullmatch(binding.role) is None:
            raise InvalidArgument(f"Role {binding.role} is not supported for this resource.")
        for member in binding.members:
            check_member(member)
        if binding.condition is not None and policy.version != WITH_CONDITIONS:
            raise InvalidArgument("A policy with conditions must be of version 3.")
    members = {member for binding in policy.bindings for member in binding.members}
    groups = sum(member.startswith("group:") for member in members)
    if len(members) > MAX_MEMBERS or groups > MAX_GROUPS:
        raise InvalidArgument(f"A policy holds at most {MAX_MEMBERS} principals, {MAX_GROUPS} of them groups.")
    _check_size(policy)
    return policy


def check_member(member: str) -> str:
    """`member`, if a policy may name it."""
    if _MEMBER.fullmatch(member) is None:
        raise InvalidArgument(f"Invalid member: {member!r}. A member is written TYPE:NAME, for example user:a@b.")
    return member


def normal(policy: Policy) -> Policy:
    """`policy` as IAM keeps it: e-mails and domains in lower case, no binding without members, no member twice."""
    bindings = (
        replace(binding, members=tuple(dict.fromkeys(normal_member(member) for member in binding.members)))
        for binding in policy.bindings
        if binding.members
    )
    return replace(policy, bindings=tuple(bindings))


def normal_member(member: str) -> str:
    """`serviceAccount:A@B` -> `serviceAccount:a@b`; what names no e-mail and no domain stays as it is."""
    kind, colon, name = member.rpartition(":")
    return f"{kind}{colon}{name.lower()}" if kind in _NAMED_BY_MAIL else member


def _check_size(policy: Policy) -> None:
    if len(policy.bindings) > MAX_BINDINGS:
        raise InvalidArgument(f"A policy holds at most {MAX_BINDINGS} bindings.")
    conditions = [binding.condition for binding in policy.bindings if binding.condition is not None]
    if len(conditions) > MAX_CONDITIONS:
        raise InvalidArgument(f"A policy holds at most {MAX_CONDITIONS} conditional bindings.")
    size = sum(len(binding.role) + sum(map(len, binding.members)) for binding in policy.bindings)
    size += sum(len(each.expression + each.title + each.description + each.location) for each in conditions)
    if size > MAX_TEXT:
        raise InvalidArgument("The policy is too large.")


def check_version(version: int) -> None:
    if version not in VERSIONS:
        raise InvalidArgument("The policy version must be 0, 1 or 3.")


def seen_by(policy: Policy, version: int) -> Policy:
    """The policy as asked for in `version`: below 3 its conditional bindings are left out."""
    check_version(version)
    if version == WITH_CONDITIONS or all(binding.condition is None for binding in policy.bindings):
        return policy
    kept = tuple(binding for binding in policy.bindings if binding.condition is None)
    return replace(policy, version=1, bindings=kept)
