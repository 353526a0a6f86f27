"""The public halves of keys, for everybody who checks what they signed: ours, and those of each account.

An account that is gone or disabled has none to show. It knows no page.
"""

from __future__ import annotations

from kumotasks.auth.accounts import Accounts
from kumotasks.auth.keyring import Keyring
from kumotasks.auth.public_key import jwk
from kumotasks.auth.system_keys import SystemKeys
from kumotasks.domain.clock import Clock
from kumotasks.domain.errors import EntityNotFound


class Certificates:
    """Certificates (PEM) by key id, and the same keys as members of a JWK set."""

    def __init__(self, keyring: Keyring, accounts: Accounts, wall: Clock) -> None:
        self._keyring = keyring
        self._system_keys = SystemKeys(keyring)
        self._accounts = accounts
        self._wall = wall

    async def own(self) -> dict[str, str]:
        """Those of the keys that sign ID tokens."""
        return {key.key_id: key.certificate for key in await self._keyring.published()}

    async def own_set(self) -> list[dict[str, str]]:
        return [key.jwk() for key in await self._keyring.published()]

    async def of(self, ident: str) -> dict[str, str]:
        """Those of an account's usable keys. EntityNotFound if there is no such account, or it is disabled."""
        account = await self._accounts.find(ident)
        if account is None or account.disabled:
            raise EntityNotFound
        now, system = self._wall.now(), await self._system_keys.of(account)
        keys = (*(() if system is None else (system,)), *await self._accounts.keys(account))
        return {key.key_id: key.certificate for key in keys if key.usable(now)}

    async def set_of(self, ident: str) -> list[dict[str, str]]:
        keys = [jwk(key_id, certificate) for key_id, certificate in (await self.of(ident)).items()]
        return [key for key in keys if key is not None]
