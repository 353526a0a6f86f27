"""The tokens of this installation: what they say, and which of them to believe.

ID tokens are RS256 JWTs that anybody can verify; access tokens are sealed texts that only we can. Both say all there is
to know, so no list of them is kept. Whether the account still exists, or a token was revoked, is asked elsewhere.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt.types import Options

from kumotasks.auth.keyring import Keyring
from kumotasks.auth.seal import MAX_TEXT, seal, unseal
from kumotasks.domain.account import ServiceAccount
from kumotasks.domain.clock import HOUR, MINUTE, SECOND, Clock
from kumotasks.domain.errors import InvalidArgument
from kumotasks.domain.value import value

ACCESS = "ya29.k."  # Google's begin with "ya29.", and there are programs that look
SKEW = 1 * MINUTE  # between the clocks of two nodes
# Times are read from the clock that was handed in, which PyJWT does not know.
_CHECKS: Options = {"verify_aud": False, "verify_exp": False, "verify_iat": False, "verify_nbf": False}


@dataclass(frozen=True, slots=True)
class AccessToken:
    """What a caller shows; good until the instant `expires`."""

    text: str = field(repr=False)
    expires: int


@value
class AccessClaims:
    """What an access token says. Instants in microseconds."""

    email: str
    unique_id: str
    scopes: tuple[str, ...]
    issued: int
    expires: int


@dataclass(frozen=True, slots=True)
class IdClaims:
    """What an ID token says; `email` is "" in one that was asked for without. Instants in microseconds."""

    email: str
    unique_id: str
    audience: str
    issued: int
    expires: int
    email_verified: bool


class Tokens:
    """Makes and reads tokens; `issuer` is the `iss` of ID tokens. Lifetimes are durations; callers bound them."""

    def __init__(self, keyring: Keyring, wall: Clock, issuer: str) -> None:
        self._keyring = keyring
        self._wall = wall
        self._issuer = issuer

    async def id_token(
        self, account: ServiceAccount, audience: str, *, email: bool = True, lifetime: int = HOUR
    ) -> str:
        """A JWT that proves to `audience` that its bearer acts for `account`."""
        now = self._wall.now()
        claims = {
            "iss": self._issuer,
            "aud": audience,
            "azp": account.unique_id,
            "sub": account.unique_id,
            **({"email": account.email, "email_verified": True} if email else {}),
            "iat": now // SECOND,
            "exp": (now + lifetime) // SECOND,
        }
        key = await self._keyring.signing()
        return await asyncio.to_thread(key.jwt, json.dumps(claims, separators=(",", ":")).encode())

    async def read_id_token(self, text: str) -> IdClaims | None:
        """What one of our ID tokens says, while it holds; for whom it was made is the caller's to judge."""
        public = await self._public_key(key_id(text))
        return None if public is None else id_claims(text, public, self._issuer, self._wall.now())

    async def access_token(self, account: ServiceAccount, scopes: tuple[str, ...], lifetime: int = HOUR) -> AccessToken:
        """A token with which our own services are called; scopes are words."""
        now = self._wall.now()
        values = (account.email, account.unique_id, now, now + lifetime, " ".join(scopes))
        text = seal(ACCESS, values, (await self._keyring.secrets())[0])
        if len(text) > MAX_TEXT:
            raise InvalidArgument("The scopes are too long.")
        return AccessToken(text, now + lifetime)

    async def read_access_token(self, text: str) -> AccessClaims | None:
        """What one of our access tokens says, while it holds."""
        match unseal(ACCESS, text, await self._keyring.secrets()):
            case [str(email), str(unique_id), int(issued), int(expires), str(scopes)]:
                if self._wall.now() < expires:
                    return AccessClaims(email, unique_id, tuple(scopes.split()), issued, expires)
        return None

    async def _public_key(self, key_id: object) -> RSAPublicKey | None:
        for key in await self._keyring.published():
            if key.key_id == key_id:
                return key.private.public_key()
        return None


def key_id(text: str) -> object:
    """The id of the key that an ID token says it was signed with; None of what is no token."""
    if len(text) > MAX_TEXT or not text.isascii():
        return None
    try:
        return jwt.get_unverified_header(text).get("kid")
    except jwt.PyJWTError:
        return None


def id_claims(text: str, public: RSAPublicKey, issuer: str, now: int) -> IdClaims | None:
    """What an ID token says, if `public` verifies it and it holds at the instant `now`."""
    try:
        claims = jwt.decode(text, public, algorithms=["RS256"], issuer=issuer, options=_CHECKS)
    except jwt.PyJWTError:
        return None
    match claims:
        case {"sub": str(subject), "aud": str(audience), "iat": int(iat), "exp": int(exp)}:
            issued, expires = iat * SECOND, exp * SECOND
            if issued - SKEW <= now < expires:
                email = claims.get("email", "")
                verified = claims.get("email_verified") is True
                return IdClaims(str(email), subject, audience, issued, expires, verified)
    return None
