"""The keys that this house holds for accounts, as others see them: signJwt and signBlob sign with these.

Making one takes a tenth of a second of CPU, and whoever asks here has not yet said who he is: so it is made for
accounts that somebody created, never for the default accounts of whatever project a stranger thinks of.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kumotasks.auth.signing_key import LIFETIME
from kumotasks.domain.account_key import AccountKey, KeyType

if TYPE_CHECKING:
    from kumotasks.auth.keyring import Keyring
    from kumotasks.domain.account import ServiceAccount


class SystemKeys:
    """Public halves of system-managed keys."""

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring

    async def of(self, account: ServiceAccount) -> AccountKey | None:
        """The system-managed key of an account; None if it can have none yet."""
        if not account.etag:
            return None
        key = await self._keyring.account_key(account.unique_id)
        return AccountKey(
            account.unique_id,
            key.key_id,
            key.certificate,
            key.created,
            key.created + LIFETIME,
            kind=KeyType.SYSTEM_MANAGED,
        )
