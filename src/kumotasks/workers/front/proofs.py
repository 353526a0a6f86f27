"""The ID tokens of this installation as the front reads them: what they say, and whose they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kumotasks.auth.authenticate import holder
from kumotasks.domain.principal import Principal

if TYPE_CHECKING:
    from kumotasks.auth.accounts import Accounts
    from kumotasks.auth.revoked import Revoked
    from kumotasks.auth.tokens import IdClaims, Tokens


class OwnProofs:
    """`anyone`: tokens of accounts that nobody created are believed too, as a server makes them that asks nobody."""

    def __init__(self, tokens: Tokens, accounts: Accounts, revoked: Revoked, *, issuer: str, anyone: bool) -> None:
        self.issuer = issuer
        self._tokens = tokens
        self._accounts = accounts
        self._revoked = revoked
        self._anyone = anyone

    @property
    def epoch(self) -> int:
        return self._accounts.epoch + self._revoked.epoch

    async def read(self, token: str) -> IdClaims | None:
        return None if await self._revoked.holds(token) else await self._tokens.read_id_token(token)

    async def holder(self, claims: IdClaims) -> Principal | None:
        account = await holder(self._accounts, claims.email, claims.unique_id, anyone=self._anyone)
        return None if account is None else Principal(account.email, account.unique_id)
