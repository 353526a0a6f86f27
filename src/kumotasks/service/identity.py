"""OAuth's side of identity: proofs become tokens, and tokens are shown, or taken back.

Refusals are OAuth's own (an error code and a sentence), for its clients know no others. It knows neither forms nor
JSON.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from kumotasks.auth.accounts import Accounts
from kumotasks.auth.assertion import Refused, TrustedKeys, scopes_of, verify
from kumotasks.auth.authenticate import CLOUD_PLATFORM, holder
from kumotasks.auth.envelope import MAX_TOKEN, Malformed, open_envelope
from kumotasks.auth.refresh import RefreshTokens
from kumotasks.auth.revoked import Revoked
from kumotasks.auth.system_keys import SystemKeys
from kumotasks.auth.tokens import Tokens
from kumotasks.domain.account import ServiceAccount
from kumotasks.domain.clock import SECOND, Clock

# Clients write Google's own address, whatever address their key file gives.
TOKEN_ENDPOINTS = frozenset({
    "https://oauth2.googleapis.com/token",
    "https://www.googleapis.com/oauth2/v3/token",
    "https://www.googleapis.com/oauth2/v4/token",
    "https://accounts.google.com/o/oauth2/token",
})  # fmt: skip
TOKEN_PATHS = ("", "/token", "/oauth2/v4/token", "/o/oauth2/token")
OPENID = "openid"
# What a person's login is for, where a refresh asks for nothing in particular.
REFRESHED_SCOPES = (OPENID, "https://www.googleapis.com/auth/userinfo.email", CLOUD_PLATFORM)


@dataclass(frozen=True, slots=True)
class AccessGrant:
    """An access token, in seconds how long it holds, and for what; with an ID token if that was asked too."""

    access_token: str = field(repr=False)
    expires_in: int
    scopes: tuple[str, ...]
    id_token: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class IdGrant:
    """An ID token."""

    id_token: str = field(repr=False)


Grant: TypeAlias = AccessGrant | IdGrant


@dataclass(frozen=True, slots=True)
class TokenInfo:
    """What an access token stands for. `expires` in microseconds, `expires_in` in seconds."""

    account: ServiceAccount
    scopes: tuple[str, ...]
    expires: int
    expires_in: int


@dataclass(frozen=True, slots=True)
class IdTokenInfo:
    """An ID token's two parts as they stand in it; `expires_in` in seconds."""

    header: Mapping[str, object]
    claims: Mapping[str, object]
    expires_in: int


@dataclass(frozen=True, slots=True)
class Proofs:
    """Everything that tokens are made and judged by."""

    accounts: Accounts
    tokens: Tokens
    refresh_tokens: RefreshTokens
    system_keys: SystemKeys
    revoked: Revoked


class Identity:
    """Grants, token infos, revocation. `audiences` are our own URLs; `anyone`: any e-mail gets a token."""

    def __init__(
        self, proofs: Proofs, wall: Clock, audiences: Callable[[], frozenset[str]], *, anyone: bool = False
    ) -> None:
        self._accounts = proofs.accounts
        self._tokens = proofs.tokens
        self._refresh_tokens = proofs.refresh_tokens
        self._trusted = TrustedKeys(proofs.accounts, proofs.system_keys, anyone)
        self._revoked = proofs.revoked
        self._wall = wall
        self._audiences = audiences
        self._anyone = anyone

    async def grant_assertion(self, text: str) -> Grant:
        """A token for the account that signed the assertion: an ID token if it names whom for, else an access token.
        Raises Refused."""
        assertion = await verify(text, self._trusted, self._wall.now())
        if not assertion.audiences or not self._endpoints().issuperset(assertion.audiences):
            raise Refused(
                "invalid_grant",
                "Invalid JWT: Failed audience check. The right audience is https://oauth2.googleapis.com/token",
            )
        if assertion.target_audience:
            return IdGrant(await self._tokens.id_token(assertion.account, assertion.target_audience))
        if not assertion.scopes:
            raise Refused("invalid_scope", "Invalid OAuth scope or ID token audience provided.")
        return await self._access(assertion.account, assertion.scopes)

    async def grant_refresh(self, refresh_token: str, scope: str, client: str) -> AccessGrant:
        """A new access token for a refresh token, which stands for all that its account may. Raises Refused."""
        claims = await self._refresh_tokens.read(refresh_token) if len(refresh_token) <= MAX_TOKEN else None
        if claims is None or await self._revoked.holds(refresh_token):
            raise Refused("invalid_grant", "Token has been expired or revoked.")
        account = await holder(self._accounts, claims.email, claims.unique_id, anyone=self._anyone)
        if account is None:
            raise Refused("invalid_grant", "Invalid grant: account not found")
        scopes = scopes_of(scope) or REFRESHED_SCOPES
        audience = client if OPENID in scopes else ""
        return await self._access(account, scopes, audience=audience)

    async def access_token(self, text: str) -> TokenInfo:
        """What an access token of ours stands for. Raises Refused."""
        claims = await self._tokens.read_access_token(text) if len(text) <= MAX_TOKEN else None
        if claims is None or await self._revoked.holds(text):
            raise _invalid()
        account = await holder(self._accounts, claims.email, claims.unique_id, anyone=self._anyone)
        if account is None:
            raise _invalid()
        return TokenInfo(account, claims.scopes, claims.expires, self._seconds_to(claims.expires))

    async def id_token(self, text: str) -> IdTokenInfo:
        """What an ID token of ours says. Raises Refused."""
        try:
            opened = open_envelope(text)
        except Malformed as error:
            raise _invalid() from error
        claims = await self._tokens.read_id_token(text)
        if claims is None or await holder(self._accounts, claims.email, claims.unique_id, anyone=self._anyone) is None:
            raise _invalid()
        return IdTokenInfo(opened.header, opened.claims, self._seconds_to(claims.expires))

    async def revoke(self, text: str) -> None:
        """Take an access token or a refresh token back. Raises Refused."""
        if len(text) > MAX_TOKEN:
            raise _invalid()
        claims = await self._tokens.read_access_token(text) or await self._refresh_tokens.read(text)
        if claims is None or await self._revoked.holds(text):
            raise Refused("invalid_token", "Token expired or revoked")
        await self._revoked.add(text, claims.expires)

    async def _access(self, account: ServiceAccount, scopes: tuple[str, ...], *, audience: str = "") -> AccessGrant:
        token = await self._tokens.access_token(account, scopes)
        id_token = await self._tokens.id_token(account, audience) if audience else ""
        return AccessGrant(token.text, self._seconds_to(token.expires), scopes, id_token)

    def _endpoints(self) -> frozenset[str]:
        own = (each.rstrip("/") + path for each in self._audiences() for path in TOKEN_PATHS)
        return TOKEN_ENDPOINTS.union(own)

    def _seconds_to(self, instant: int) -> int:
        """Whole seconds for which something surely holds: Google says 3599 of a fresh hour."""
        return max(0, (instant - self._wall.now() - 1) // SECOND)


def _invalid() -> Refused:
    return Refused("invalid_token", "Invalid Value")
