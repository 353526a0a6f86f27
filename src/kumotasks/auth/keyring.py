"""The signing keys of this installation, as they stand in its vault, shared by every process of the installation.

Keys are made when they are first needed. Once loaded they are answered from memory; a change by another process is seen
within a second. What is signed with them is unknown here, and so is what the vault is.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from cryptography.exceptions import UnsupportedAlgorithm

from kumotasks.auth import ring, signing_key
from kumotasks.auth.ring import OVERLAP, RetiredKey, Ring
from kumotasks.auth.signing_key import SigningKey
from kumotasks.auth.vault import FileVault, Vault
from kumotasks.domain.clock import Clock
from kumotasks.domain.errors import InvalidArgument, StorageUnavailable

__all__ = ["OVERLAP", "Keyring", "SigningKey"]

MAX_ACCOUNT_KEYS = 1024  # in memory; the others are read again when they are needed
_RING = "ring.json"
_MAX_UNIQUE_ID = 32  # characters; Google's have 21

T = TypeVar("T")
Turn = Callable[[Ring | None, int], Ring]


class Keyring:
    """The keys in `vault`, or in the files of a directory: `ring.json`, and one for each account it signed for."""

    def __init__(self, vault: Vault | Path, wall: Clock) -> None:
        self._vault = FileVault(vault, wall) if isinstance(vault, Path) else vault
        self._wall = wall
        self._ring: Ring | None = None
        self._mark: object = None
        self._account_keys: dict[str, SigningKey] = {}
        self._turn = asyncio.Lock()
        self._account_turn = asyncio.Lock()

    async def start(self) -> None:
        """Nothing is opened or made before it is needed."""

    async def stop(self) -> None:
        """Nothing is open."""

    async def signing(self) -> SigningKey:
        """The key that signs ID tokens."""
        return (self._known() or await self._ensure(ring.begun)).current

    async def published(self) -> tuple[SigningKey, ...]:
        """The keys that verifiers are to believe: the current one, the one that comes after the next rotation, and
        those retired less than OVERLAP ago, newest first."""
        known = self._known()
        if known is None or known.coming is None:
            known = await self._ensure(ring.announced)
        return known.published(self._wall.now())

    async def retired(self) -> tuple[RetiredKey, ...]:
        """The keys that sign no more and are published still, newest first."""
        return (self._known() or await self._ensure(ring.begun)).still_believed(self._wall.now())

    async def secrets(self) -> tuple[bytes, ...]:
        """The secrets under which access tokens are sealed; the current one first, those still believed after it."""
        return (self._known() or await self._ensure(ring.begun)).secrets(self._wall.now())

    async def rotate(self) -> SigningKey:
        """A new current key and secret; the old ones are believed for OVERLAP."""
        async with self._turn:
            return (await self._take(ring.rotated)).current

    async def account_key(self, unique_id: str) -> SigningKey:
        """The key with which this house signs for an account. Never one of the ring: whoever may sign as an account
        could make ID tokens of anybody."""
        name, key = _place(unique_id), self._account_keys.get(unique_id)
        if key is not None:
            return key
        async with self._account_turn:
            key = self._account_keys.get(unique_id)
            if key is None:
                key = await _kept(self._ensure_account_key(name, unique_id))
                self._keep(unique_id, key)
            return key

    async def find_account_key(self, unique_id: str) -> SigningKey | None:
        """The same key if there is one already: nothing is made or written."""
        key = self._account_keys.get(unique_id)
        if key is None:
            key = await _kept(self._read_account_key(_place(unique_id)))
            if key is not None:
                self._keep(unique_id, key)
        return key

    def _known(self) -> Ring | None:
        """The ring in memory, if the vault's has not changed since."""
        if self._ring is not None and self._vault.mark(_RING) != self._mark:
            self._ring = None
        return self._ring

    async def _ensure(self, turn: Turn) -> Ring:
        """The ring with `turn` taken, by us or by whoever was before us in the queue or in another process."""
        async with self._turn:
            known = self._known()
            if known is not None and (turn is ring.begun or known.coming is not None):
                return known
            return await self._take(turn)

    async def _take(self, turn: Turn) -> Ring:
        taken, self._mark = await _kept(self._change(turn))
        self._ring = taken
        return taken

    async def _change(self, turn: Turn) -> tuple[Ring, object]:
        now, taken = self._wall.now(), []

        def step(content: bytes | None) -> bytes:
            before = None if content is None else ring.from_bytes(content)
            after = turn(before, now)
            taken.append(after)
            return content if content is not None and after is before else ring.to_bytes(after)

        _, mark = await self._vault.change(_RING, step)
        return taken[-1], mark

    async def _ensure_account_key(self, name: str, unique_id: str) -> SigningKey:
        def step(content: bytes | None) -> bytes:
            if content is not None:
                return content
            key = signing_key.make(unique_id, self._wall.now())
            return json.dumps(signing_key.to_document(key), indent=1).encode()

        content, _ = await self._vault.change(name, step)
        return await asyncio.to_thread(_account_key, content)

    async def _read_account_key(self, name: str) -> SigningKey | None:
        content = await self._vault.read(name)
        return None if content is None else await asyncio.to_thread(_account_key, content)

    def _keep(self, unique_id: str, key: SigningKey) -> None:
        while len(self._account_keys) >= MAX_ACCOUNT_KEYS:
            del self._account_keys[next(iter(self._account_keys))]
        self._account_keys[unique_id] = key


def _place(unique_id: str) -> str:
    if not (unique_id.isascii() and unique_id.isdecimal() and len(unique_id) <= _MAX_UNIQUE_ID):
        raise InvalidArgument("A unique id consists of digits.")
    return f"accounts/{unique_id}.json"


def _account_key(content: bytes) -> SigningKey:
    return signing_key.from_document(json.loads(content))


async def _kept(work: Awaitable[T]) -> T:
    """The vault's answer."""
    try:
        return await work
    except OSError as error:
        raise StorageUnavailable(f"The keys cannot be read or written: {error.strerror}.") from error
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # The cause is left behind: it holds what it could not read.
        raise StorageUnavailable("The keys cannot be read: a file of the key directory is damaged.") from None
