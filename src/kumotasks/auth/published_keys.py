"""The ID tokens of an issuer elsewhere, verified by the keys that it publishes as a JWK set (RFC 7517).

The keys are fetched when one is first needed, again now and then, and when a token names one that is not known; an
issuer that cannot be reached leaves those that are known in force. It knows no account.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Mapping
from urllib.request import urlopen

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from kumotasks.auth.tokens import IdClaims, id_claims, key_id
from kumotasks.domain.clock import HOUR, SECOND, Clock

logger = logging.getLogger("kumotasks.auth")

FRESH = 1 * HOUR
PAUSE = 10 * SECOND  # between two fetches, however many tokens name a key that is not known
MOST = 1024 * 1024  # bytes of a set
SECONDS = 10.0  # of an answer

Keys = Mapping[str, RSAPublicKey]


class PublishedKeys:
    """`fetch` (blocking, called in a thread) answers the JWK set's bytes; OSError if it cannot."""

    def __init__(self, fetch: Callable[[], bytes], issuer: str, wall: Clock) -> None:
        self._fetch = fetch
        self._issuer = issuer
        self._wall = wall
        self._keys: Keys = {}
        self._fetched = 0
        self._turn = asyncio.Lock()

    async def read_id_token(self, text: str) -> IdClaims | None:
        """What a token of the issuer says, while it holds; for whom it was made is the caller's to judge."""
        key = await self._key(key_id(text))
        return None if key is None else id_claims(text, key, self._issuer, self._wall.now())

    async def _key(self, name: object) -> RSAPublicKey | None:
        if not isinstance(name, str):
            return None
        if name not in self._keys or self._wall.now() - self._fetched > FRESH:
            await self._look_again()
        return self._keys.get(name)

    async def _look_again(self) -> None:
        async with self._turn:
            now = self._wall.now()
            if now - self._fetched < PAUSE:
                return
            self._fetched = now
            try:
                self._keys = _read(await asyncio.to_thread(self._fetch))
            except (OSError, ValueError) as error:
                logger.warning("the keys of %s could not be fetched: %s", self._issuer, error)


def fetcher(url: str) -> Callable[[], bytes]:
    """Fetches from an http:// or https:// URL that the operator named."""

    def fetch() -> bytes:
        with urlopen(url, timeout=SECONDS) as answer:  # noqa: S310 - the operator's own word
            found: bytes = answer.read(MOST)
            return found

    return fetch


def _read(document: bytes) -> Keys:
    """The RSA keys of a set, by their ids; members of other kinds are passed over. ValueError if it is no set."""
    match json.loads(document):
        case {"keys": [*members]}:
            return dict(filter(None, map(_rsa_key, members)))
    raise ValueError("not a JWK set")


def _rsa_key(member: object) -> tuple[str, RSAPublicKey] | None:
    if not isinstance(member, dict) or member.get("kty") != "RSA" or not isinstance(member.get("kid"), str):
        return None
    try:
        key = jwt.PyJWK(member, "RS256").key
    except (jwt.PyJWTError, TypeError, ValueError):
        return None
    return (member["kid"], key) if isinstance(key, RSAPublicKey) else None
