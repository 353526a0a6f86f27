"""The vault of an installation of many nodes: in the store, encrypted with a secret that every node was given.

AES-GCM under a key that scrypt derives from the secret and a salt of the installation. Each content is bound to its
name, so that whoever can write to the store cannot put one in the place of another. Without the secret nothing in the
store tells a private key. What is kept is unknown here, and so is where the secret comes from.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from functools import partial

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from kumotasks.auth.epoch import Epoch
from kumotasks.auth.vault import Step, Vault
from kumotasks.domain.clock import Clock
from kumotasks.domain.errors import StorageUnavailable
from kumotasks.storage.news import News
from kumotasks.storage.records import ABSENT, Record, RecordChanged, Records
from kumotasks.storage.store import StoreUnusable

KIND = "vault"
LOCK = "lock"  # the salt, and a word by which a wrong secret is known
_WORD = b"kumo"
_SALT_BYTES, _NONCE_BYTES, _KEY_BYTES = 16, 12, 32
_SCRYPT_COST = 2**14  # 16 MiB and some 50 ms, once at start
_PATIENCE = 30.0  # seconds


class SharedVault:
    """Component. What is not kept yet is taken from `before`, files of a time when there was one node."""

    def __init__(self, records: Records, wall: Clock, news: News, *, secret: str, before: tuple[Vault, ...]) -> None:
        self._records = records
        self._wall = wall
        self._secret = secret.encode()
        self._before = before
        self._changes = Epoch(news)
        self._seal: AESGCM | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        news.watch(KIND, lambda _: self._changes.rise())

    async def start(self) -> None:
        """StoreUnusable if the store was encrypted with another secret."""
        self._loop = asyncio.get_running_loop()
        record = await self._records.get_record(KIND, LOCK)
        while record is None:
            record = await self._locked()
        salt, word = record.value[:_SALT_BYTES], record.value[_SALT_BYTES:]
        self._seal = await asyncio.to_thread(self._derived, salt)
        try:
            self._opened(LOCK, word)
        except ValueError:
            raise StoreUnusable("the keys in the store are encrypted with another KUMO_SECRET") from None

    async def stop(self) -> None:
        """Nothing is open."""

    async def read(self, name: str) -> bytes | None:
        record = await self._records.get_record(KIND, name)
        found = await self._found(name, record)
        if record is not None or found is None:
            return found
        kept = found  # from now on by everybody
        return (await self.change(name, lambda before: kept if before is None else before))[0]

    async def change(self, name: str, step: Step) -> tuple[bytes, object]:
        while True:
            mark = self.mark(name)  # now: what others change in the meantime must show
            record = await self._records.get_record(KIND, name)
            before = await self._found(name, record)
            after = await asyncio.to_thread(step, before)
            if (record is not None and after == before) or await self._put(name, after, record):
                return after, mark

    def change_from_thread(self, name: str, step: Step) -> bytes:
        """The same, for who may block; a store that is away is an OSError."""
        assert self._loop is not None
        changing = asyncio.run_coroutine_threadsafe(self.change(name, step), self._loop)
        try:
            return changing.result(_PATIENCE)[0]
        except StorageUnavailable as away:
            raise OSError(away.message) from away

    def mark(self, name: str) -> object:
        return self._changes.now()

    async def _found(self, name: str, record: Record | None) -> bytes | None:
        if record is not None:
            return self._opened(name, record.value)
        for vault in self._before:
            content = await vault.read(name)
            if content is not None:
                return content
        return None

    async def _locked(self) -> Record | None:
        salt = secrets.token_bytes(_SALT_BYTES)
        self._seal = await asyncio.to_thread(self._derived, salt)
        value = salt + self._sealed(LOCK, _WORD)
        try:
            return await self._records.put_record(KIND, LOCK, value, now=self._wall.now(), if_etag=ABSENT)
        except RecordChanged:  # another node was first
            return await self._records.get_record(KIND, LOCK)

    async def _put(self, name: str, content: bytes, over: Record | None) -> bool:
        sealed, etag = self._sealed(name, content), ABSENT if over is None else over.etag
        try:
            await self._records.put_record(KIND, name, sealed, now=self._wall.now(), if_etag=etag)
        except RecordChanged:
            return False
        return True

    def _derived(self, salt: bytes) -> AESGCM:
        derive = partial(hashlib.scrypt, self._secret, salt=salt, n=_SCRYPT_COST, r=8, p=1, dklen=_KEY_BYTES)
        return AESGCM(derive())

    def _sealed(self, name: str, content: bytes) -> bytes:
        assert self._seal is not None
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + self._seal.encrypt(nonce, content, name.encode())

    def _opened(self, name: str, sealed: bytes) -> bytes:
        """ValueError if it was not sealed here, under this name."""
        assert self._seal is not None
        try:
            return self._seal.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], name.encode())
        except InvalidTag:
            raise ValueError("This was not sealed with our secret.") from None
