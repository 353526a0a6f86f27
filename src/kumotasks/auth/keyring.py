"""The signing keys of this installation and where they are kept: a directory of private files, shared by every process
of the installation.

Keys are made when they are first needed. Once loaded they are answered from memory; a change by another process is seen
within a second. What is signed with them is unknown here.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

from cryptography.exceptions import UnsupportedAlgorithm

from kumotasks.auth import private_file, ring, signing_key
from kumotasks.auth.ring import OVERLAP, RetiredKey, Ring
from kumotasks.auth.signing_key import SigningKey
from kumotasks.domain.clock import SECOND, Clock
from kumotasks.domain.errors import InvalidArgument, StorageUnavailable

__all__ = ["OVERLAP", "Keyring", "SigningKey"]

LOOK_AGAIN = 1 * SECOND
MAX_ACCOUNT_KEYS = 1024  # in memory; the others are read again when they are needed
_MAX_UNIQUE_ID = 32  # characters; Google's have 21

T = TypeVar("T")
Stamp = tuple[int, int, int]
Step = Callable[[Ring | None, int], Ring]


class Keyring:
    """The keys below `directory`: `ring.json`, and a file for each account that was signed for."""

    def __init__(self, directory: Path, wall: Clock) -> None:
        self._directory = directory
        self._file = directory / "ring.json"
        self._accounts = directory / "accounts"
        self._wall = wall
        self._ring: Ring | None = None
        self._stamp: Stamp | None = None
        self._looked = 0
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
        key = self._account_keys.get(unique_id)
        if key is not None:
            return key
        file = self._account_file(unique_id)
        async with self._account_turn:
            key = self._account_keys.get(unique_id)
            if key is None:
                key = await _in_thread(partial(self._ensure_account_key, file))
                self._keep(unique_id, key)
            return key

    async def find_account_key(self, unique_id: str) -> SigningKey | None:
        """The same key if there is one already: nothing is made or written."""
        key = self._account_keys.get(unique_id)
        if key is None:
            key = await _in_thread(partial(_read_account_key, self._account_file(unique_id)))
            if key is not None:
                self._keep(unique_id, key)
        return key

    def _known(self) -> Ring | None:
        """The ring in memory, if the file has not changed since."""
        now = self._wall.now()
        if not 0 <= now - self._looked < LOOK_AGAIN:
            self._looked = now
            if self._ring is not None and _stamp(self._file) != self._stamp:
                self._ring = None
        return self._ring

    async def _ensure(self, step: Step) -> Ring:
        """The ring with `step` taken, by us or by whoever was before us in the queue or in another process."""
        async with self._turn:
            known = self._known()
            if known is not None and (step is ring.begun or known.coming is not None):
                return known
            return await self._take(step)

    async def _take(self, step: Step) -> Ring:
        taken, self._stamp = await _in_thread(partial(self._change, step))
        self._ring = taken
        return taken

    def _change(self, step: Step) -> tuple[Ring, Stamp | None]:
        with private_file.alone(self._directory):
            content = private_file.read(self._file)
            before = None if content is None else ring.from_bytes(content)
            after = step(before, self._wall.now())
            if after is not before:
                private_file.write(self._file, ring.to_bytes(after))
            return after, _stamp(self._file)

    def _account_file(self, unique_id: str) -> Path:
        if not (unique_id.isascii() and unique_id.isdecimal() and len(unique_id) <= _MAX_UNIQUE_ID):
            raise InvalidArgument("A unique id consists of digits.")
        return self._accounts / f"{unique_id}.json"

    def _ensure_account_key(self, file: Path) -> SigningKey:
        private_file.make_directory(self._directory)
        with private_file.alone(self._accounts):
            key = _read_account_key(file)
            if key is None:
                key = signing_key.make(file.stem, self._wall.now())
                private_file.write(file, json.dumps(signing_key.to_document(key), indent=1).encode())
            return key

    def _keep(self, unique_id: str, key: SigningKey) -> None:
        while len(self._account_keys) >= MAX_ACCOUNT_KEYS:
            del self._account_keys[next(iter(self._account_keys))]
        self._account_keys[unique_id] = key


def _read_account_key(file: Path) -> SigningKey | None:
    content = private_file.read(file)
    return None if content is None else signing_key.from_document(json.loads(content))


def _stamp(file: Path) -> Stamp | None:
    """What differs when a file was replaced."""
    try:
        found = os.stat(file)  # noqa: PTH116 - once a second on the event loop: the lightest call there is
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


async def _in_thread(work: Callable[[], T]) -> T:
    """Key making and file work, beside the event loop."""
    try:
        return await asyncio.to_thread(work)
    except OSError as error:
        raise StorageUnavailable(f"The keys cannot be read or written: {error.strerror}.") from error
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # The cause is left behind: it holds what it could not read.
        raise StorageUnavailable("The keys cannot be read: a file of the key directory is damaged.") from None
