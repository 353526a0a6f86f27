"""The calls on predefined roles. Which roles there are is told by constructor; nobody makes any here."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kumotasks.api.call import Caller
from kumotasks.api.iam import messages as m
from kumotasks.domain import paging
from kumotasks.domain.clock import Clock
from kumotasks.domain.errors import EntityNotFound, InvalidArgument

MAX_PAGE = 1_000  # IAM: roles on a page; grantable ones, 3,000
DEFAULT_PAGE = 300
FULL = "FULL"
_BASIC = {"roles/owner", "roles/editor", "roles/viewer"}
_PROJECT = re.compile(r"//cloudresourcemanager\.googleapis\.com/projects/[^/]+")
_WITHIN = re.compile(r"//(?P<service>[a-z]+)\.googleapis\.com/projects/[^/]+/.+")


@dataclass(frozen=True, slots=True)
class RoleWords:
    """All there is to say of the roles, by their names."""

    permissions: Mapping[str, frozenset[str]]
    titles: Mapping[str, str]
    descriptions: Mapping[str, str]


class RoleCalls:
    def __init__(self, roles: RoleWords, wall: Clock) -> None:
        self._roles = roles
        self._wall = wall

    async def get(self, request: m.GetRole, caller: Caller) -> m.RoleMessage:
        name = f"roles/{request.role}"
        if name not in self._roles.permissions:
            raise EntityNotFound(f"The role named {name[:200]} was not found.")
        return self._message(name, FULL)

    async def list(self, request: m.ListRoles, caller: Caller) -> m.RoleList:
        return self._page(sorted(self._roles.permissions), "roles", request)

    async def grantable(self, request: m.GrantableRoles, caller: Caller) -> m.RoleList:
        """The roles that make sense on a resource: on a project all, elsewhere those with a right of its service."""
        resource = request.full_resource_name
        names = sorted(self._roles.permissions)
        if _PROJECT.fullmatch(resource) is None:
            match = _WITHIN.fullmatch(resource)
            if match is None:
                raise InvalidArgument("The full resource name is not one that roles can be granted on.")
            names = [name for name in names if self._speaks_of(name, f"{match['service']}.")]
        return self._page(names, f"grantable on {resource}", request)

    def _speaks_of(self, name: str, prefix: str) -> bool:
        permissions = self._roles.permissions[name]
        return name not in _BASIC and any(permission.startswith(prefix) for permission in permissions)

    def _page(self, names: Sequence[str], scope: str, request: m.ListRoles | m.GrantableRoles) -> m.RoleList:
        now = self._wall.now()
        size = paging.page_size(request.page_size or DEFAULT_PAGE, MAX_PAGE)
        after = paging.decode(scope, request.page_token, now)
        left = [name for name in names if name > after]
        token = paging.encode(scope, left[size - 1], now) if len(left) > size else ""
        return m.RoleList([self._message(name, request.view) for name in left[:size]], token)

    def _message(self, name: str, view: str) -> m.RoleMessage:
        return m.RoleMessage(
            name,
            self._roles.titles.get(name, ""),
            self._roles.descriptions.get(name, ""),
            sorted(self._roles.permissions[name]) if view == FULL else [],
            stage="GA",
            etag="AA==",  # what Google shows for a role that nobody can change
        )
