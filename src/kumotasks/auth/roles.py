"""Roles by name: what each permits, and which of them a permission is in. Who holds one is not known here."""

from __future__ import annotations

import re
from collections.abc import Mapping

from kumotasks.auth.role_table import TABLE

ROLES: Mapping[str, frozenset[str]] = {role.name: role.permissions for role in TABLE}
TITLES: Mapping[str, str] = {role.name: role.title for role in TABLE}
DESCRIPTIONS: Mapping[str, str] = {role.name: role.description for role in TABLE}

# Of these services every role of Google's stands in the table: another name is a slip of the pen. Roles of services
# that are not here are taken as they come, since set-up scripts bind them; they permit nothing.
_WHOLE = re.compile(r"roles/(cloudtasks|run)\.")
_NEWER_NAMES = frozenset({"roles/admin", "roles/writer", "roles/reader"})  # of roles that everybody knows by the older
_NOTHING: frozenset[str] = frozenset()


def permissions(role: str) -> frozenset[str]:
    """What `role` permits here; nothing for a role that the table does not have."""
    return ROLES.get(role, _NOTHING)


def is_bindable(role: str) -> bool:
    """Whether a policy may name `role`."""
    return role in ROLES or _WHOLE.match(role) is None


def least_roles(permission: str, limit: int = 3) -> tuple[str, ...]:
    """The roles with `permission` that permit least besides, those that only show first; none for service agents."""
    holding = [
        (len(permitted), sum(_changes(each) for each in permitted), role)
        for role, permitted in ROLES.items()
        if permission in permitted and not role.endswith("serviceAgent") and role not in _NEWER_NAMES
    ]
    return tuple(role for *_, role in sorted(holding)[:limit])


def _changes(permission: str) -> bool:
    return not permission.endswith((".get", ".list", ".getIamPolicy", ".fullView", ".observe"))
