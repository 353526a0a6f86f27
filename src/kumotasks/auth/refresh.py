"""Refresh tokens: what a person's machine keeps so that it can ask for access tokens again and again.

Sealed as access tokens are, under a kind of its own; rotating the keys ends every one of them once the overlap has
passed. It knows no form and no client.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kumotasks.auth.seal import seal, unseal
from kumotasks.domain.clock import DAY

if TYPE_CHECKING:
    from kumotasks.auth.keyring import Keyring
    from kumotasks.domain.account import ServiceAccount
    from kumotasks.domain.clock import Clock

REFRESH = "1//k."  # Google's begin with "1//"
LIFETIME = 180 * DAY  # Google: one that was not used for six months is gone


@dataclass(frozen=True, slots=True)
class RefreshClaims:
    """For whom access tokens may be had, until the instant `expires`."""

    email: str
    unique_id: str
    expires: int


class RefreshTokens:
    """Makes refresh tokens and reads them again."""

    def __init__(self, keyring: Keyring, wall: Clock) -> None:
        self._keyring = keyring
        self._wall = wall

    async def make(self, account: ServiceAccount) -> str:
        values = (account.email, account.unique_id, self._wall.now() + LIFETIME)
        return seal(REFRESH, values, (await self._keyring.secrets())[0])

    async def read(self, text: str) -> RefreshClaims | None:
        """What one of our refresh tokens says, while it holds."""
        match unseal(REFRESH, text, await self._keyring.secrets()):
            case [str(email), str(unique_id), int(expires)] if self._wall.now() < expires:
                return RefreshClaims(email, unique_id, expires)
        return None
