"""Callers judged by a list: the tokens of an issuer elsewhere, and who of their holders may call.

For a front that stands alone. It keeps nothing, and knows no policy.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from kumotasks.domain.errors import CredentialsMissing, PermissionDenied
from kumotasks.domain.policy import normal_member
from kumotasks.domain.principal import Need, Principal

if TYPE_CHECKING:
    from kumotasks.auth.published_keys import PublishedKeys
    from kumotasks.auth.tokens import IdClaims


class PublishedProofs:
    """An invoker.Proofs over the keys that an issuer publishes."""

    epoch = 0

    def __init__(self, keys: PublishedKeys, issuer: str) -> None:
        self.issuer = issuer
        self._keys = keys

    async def read(self, token: str) -> IdClaims | None:
        return await self._keys.read_id_token(token)

    async def holder(self, claims: IdClaims) -> Principal | None:
        """Nobody whose token does not say who he is."""
        return Principal(claims.email, claims.unique_id) if claims.email else None


class Listed:
    """An invoker.Judge: `members` may invoke, as policies write them; nobody else may do anything."""

    epochs = (0, 0)

    def __init__(self, members: Sequence[str]) -> None:
        self._members = frozenset(map(normal_member, members))

    def known(self, principal: Principal, needs: Sequence[Need]) -> bool:
        return not self._members.isdisjoint(_names(principal))

    async def check(self, principal: Principal, needs: Sequence[Need]) -> None:
        if not self.known(principal, needs):
            raise PermissionDenied(needs[0].permission, needs[0].told) if principal else CredentialsMissing


def _names(principal: Principal) -> tuple[str, ...]:
    if not principal:
        return ("allUsers",)
    own = (normal_member(principal.member), normal_member(f"user:{principal.email}"))
    return ("allUsers", "allAuthenticatedUsers", *own)
