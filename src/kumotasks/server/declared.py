"""Accounts and bindings as kumo.toml writes them, made into values. Pure; what is wrong with one is refused."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import replace

from kumotasks.configuration.judges import Described
from kumotasks.configuration.problem import Flaw
from kumotasks.configuration.tables import account_flaws, binding_flaws
from kumotasks.domain.account import ServiceAccount, account_email
from kumotasks.domain.errors import InvalidArgument
from kumotasks.domain.policy import WITH_CONDITIONS, Binding, Condition, Policy, check_policy, normal
from kumotasks.server.judges import JUDGES


def account(described: Described, *, project: str, now: int) -> ServiceAccount:
    """`{id, project, display_name, description}`; the project is the server's own unless it is said."""
    _refuse(account_flaws(described))
    home = _text(described, "project") or project
    email = account_email(_text(described, "id"), home)
    unique_id = str(10**20 + secrets.randbelow(9 * 10**20))
    return ServiceAccount(
        home, email, unique_id, _text(described, "display_name"), _text(described, "description"), created=now
    )


def binding(described: Described, *, project: str) -> tuple[str, Binding]:
    """`{resource, role, members, condition}`: the resource, the server's own project unless it is said, and what is
    bound on it."""
    _refuse(binding_flaws(described, JUDGES))
    members, condition = described["members"], described.get("condition")
    assert isinstance(members, list)
    bound_to = Binding(
        _text(described, "role"), tuple(members), _condition(condition) if isinstance(condition, dict) else None
    )
    check_policy(Policy(WITH_CONDITIONS, (bound_to,)))
    return _text(described, "resource") or f"projects/{project}", bound_to


def bound(policy: Policy, wanted: Binding) -> Policy:
    """`policy` with `wanted` in it, and everything else as it was."""
    for index, existing in enumerate(policy.bindings):
        if (existing.role, existing.condition) == (wanted.role, wanted.condition):
            members = tuple(dict.fromkeys((*existing.members, *wanted.members)))
            joined = replace(existing, members=members)
            return replace(policy, bindings=(*policy.bindings[:index], joined, *policy.bindings[index + 1 :]))
    version = WITH_CONDITIONS if wanted.condition is not None else policy.version
    return normal(replace(policy, version=version, bindings=(*policy.bindings, wanted)))


def _condition(described: Described) -> Condition:
    return Condition(_text(described, "expression"), _text(described, "title"), _text(described, "description"))


def _text(described: Described, name: str) -> str:
    return str(described.get(name, ""))


def _refuse(flaws: Iterable[Flaw]) -> None:
    for flaw in flaws:
        raise InvalidArgument(flaw.sentence)
