"""The keys that this house holds for accounts, as others see them: signJwt and signBlob sign with these.

Making one takes a tenth of a second of CPU, and whoever looks for one may not have said who he is: then it is made for
accounts that somebody created, never for the default accounts of whatever project a stranger thinks of.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kumotasks.auth.signing_key import LIFETIME
from kumotasks.domain.account_key import AccountKey, KeyType
from kumotasks.domain.clock import SECOND

if TYPE_CHECKING:
    from kumotasks.auth.keyring import Keyring
    from kumotasks.auth.signing_key import SigningKey
    from kumotasks.domain.account import ServiceAccount


class SystemKeys:
    """Public halves of system-managed keys."""

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring

    async def of(self, account: ServiceAccount) -> AccountKey | None:
        """The system-managed key of an account, for anybody; None of a default account that was never signed for."""
        if account.etag:
            return await self.ensured(account)
        key = await self._keyring.find_account_key(account.unique_id)
        return None if key is None else _shown(account, key)

    async def ensured(self, account: ServiceAccount) -> AccountKey:
        """The same, made if there is none yet: for callers who have a right on the account."""
        return _shown(account, await self._keyring.account_key(account.unique_id))


def _shown(account: ServiceAccount, key: SigningKey) -> AccountKey:
    since, until = (instant // SECOND * SECOND for instant in (key.created, key.created + LIFETIME))
    return AccountKey(account.unique_id, key.key_id, key.certificate, since, until, kind=KeyType.SYSTEM_MANAGED)
