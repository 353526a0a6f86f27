"""Accounts and bindings as kumo.toml writes them, read into values. Pure; unknown and missing keys are refused."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from dataclasses import replace

from kumotasks.auth import conditions
from kumotasks.auth.roles import is_bindable
from kumotasks.domain.account import ServiceAccount, account_email, check_account_id
from kumotasks.domain.errors import InvalidArgument
from kumotasks.domain.policy import WITH_CONDITIONS, Binding, Condition, Policy, check_policy, normal

_RESOURCE = re.compile(r"projects/[^/\s]+(/[^/\s]+/[^/\s]+)*")
Described = Mapping[str, object]


def account(described: Described, *, project: str, now: int) -> ServiceAccount:
    """`{id, project, display_name, description}`; the project is the server's own unless it is said."""
    texts = _texts(described, needed=("id",), allowed=("project", "display_name", "description"))
    home = texts.get("project") or project
    email = account_email(check_account_id(texts["id"]), home)
    unique_id = str(10**20 + secrets.randbelow(9 * 10**20))
    return ServiceAccount(
        home, email, unique_id, texts.get("display_name", ""), texts.get("description", ""), created=now
    )


def binding(described: Described, *, project: str) -> tuple[str, Binding]:
    """`{resource, role, members, condition}`: the resource, the server's own project unless it is said, and what is
    bound on it."""
    rest = {name: value for name, value in described.items() if name not in ("members", "condition")}
    texts = _texts(rest, needed=("role",), allowed=("resource",))
    members, condition = described.get("members"), described.get("condition")
    if not isinstance(members, list) or not members or not all(isinstance(member, str) for member in members):
        raise InvalidArgument("members is a list of texts such as serviceAccount:NAME@PROJECT.iam.gserviceaccount.com")
    if not is_bindable(texts["role"]):
        raise InvalidArgument(f"there is no role {texts['role']}")
    bound_to = Binding(texts["role"], tuple(members), None if condition is None else _condition(condition))
    check_policy(Policy(WITH_CONDITIONS, (bound_to,)))
    resource = texts.get("resource") or f"projects/{project}"
    if _RESOURCE.fullmatch(resource) is None:
        raise InvalidArgument("resource is a name such as projects/P or projects/P/locations/L/queues/Q")
    return resource, bound_to


def bound(policy: Policy, wanted: Binding) -> Policy:
    """`policy` with `wanted` in it, and everything else as it was."""
    for index, existing in enumerate(policy.bindings):
        if (existing.role, existing.condition) == (wanted.role, wanted.condition):
            members = tuple(dict.fromkeys((*existing.members, *wanted.members)))
            joined = replace(existing, members=members)
            return replace(policy, bindings=(*policy.bindings[:index], joined, *policy.bindings[index + 1 :]))
    version = WITH_CONDITIONS if wanted.condition is not None else policy.version
    return normal(replace(policy, version=version, bindings=(*policy.bindings, wanted)))


def _condition(described: object) -> Condition:
    if not isinstance(described, dict):
        raise InvalidArgument("condition is a table with an expression")
    texts = _texts(described, needed=("expression",), allowed=("title", "description"))
    conditions.check(texts["expression"])
    return Condition(texts["expression"], texts.get("title", ""), texts.get("description", ""))


def _texts(described: Described, *, needed: tuple[str, ...], allowed: tuple[str, ...]) -> dict[str, str]:
    texts = {name: value for name, value in described.items() if isinstance(value, str)}
    unknown = sorted(set(described) - {*needed, *allowed})
    if unknown:
        raise InvalidArgument(f"there is no {unknown[0]} in it")
    for name in described:
        if name not in texts:
            raise InvalidArgument(f"{name} is a text")
    for name in needed:
        if not texts.get(name):
            raise InvalidArgument(f"{name} is missing")
    return texts
