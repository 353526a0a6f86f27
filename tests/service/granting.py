"""An authorizer that is told who holds what, for tests of those that ask it."""

from __future__ import annotations

from collections.abc import Sequence

from kumotasks.domain.errors import CredentialsMissing, PermissionDenied
from kumotasks.domain.principal import Need, Principal


class Grants:
    """Judges by (e-mail, permission, resource) alone, and remembers what it was asked, in order."""

    def __init__(self, *granted: tuple[str, str, str]) -> None:
        self.granted = set(granted)
        self.asked: list[tuple[str, str, str]] = []

    async def check(self, principal: Principal, needs: Sequence[Need]) -> None:
        for need in needs:
            asked = (principal.email, need.permission, need.resource)
            self.asked.append(asked)
            if asked not in self.granted:
                raise PermissionDenied(need.permission, need.resource) if principal else CredentialsMissing

    async def held(self, principal: Principal, resource: str, permissions: Sequence[str]) -> tuple[str, ...]:
        return tuple(each for each in permissions if (principal.email, each, resource) in self.granted)
