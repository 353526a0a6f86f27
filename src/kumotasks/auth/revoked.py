"""Tokens that were taken back before their time, remembered until they would have ended anyway.

Tokens prove themselves and are stored nowhere, so this is the one list of those that do so no more. What it keeps is
a digest: the list gives no token away. It knows nothing of what a token says.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kumotasks.domain.clock import Clock
    from kumotasks.storage.records import Records

KIND = "revoked"
_PAGE = 1000


class Revoked:
    """`epoch` rises with every revocation, so that others can remember verdicts."""

    def __init__(self, records: Records, wall: Clock) -> None:
        self.epoch = 0
        self._records = records
        self._wall = wall
        self._until: dict[str, int] = {}  # by digest: the instant at which the token ends by itself
        self._loaded = False

    async def add(self, token: str, expires: int) -> None:
        """Take `token` back; it would have ended at `expires`."""
        await self._load()
        key, now = _digest(token), self._wall.now()
        await self._records.put_record(KIND, key, str(expires).encode("ascii"), now=now, if_etag=None)
        self._until[key] = expires
        self.epoch += 1
        await self._sweep(now)

    async def holds(self, token: str) -> bool:
        """Whether `token` was taken back."""
        if not self._loaded:
            await self._load()
        return bool(self._until) and _digest(token) in self._until

    async def _load(self) -> None:
        """Read the list once. Two at a time do no harm: each only adds what is stored."""
        after = ""
        while not self._loaded:
            records = await self._records.list_records(KIND, prefix="", after=after, limit=_PAGE)
            self._until |= {record.key: int(record.value) for record in records}
            if len(records) < _PAGE:
                self._loaded = True
                return
            after = records[-1].key

    async def _sweep(self, now: int) -> None:
        """Forget those that have ended."""
        for key in [key for key, expires in self._until.items() if expires <= now]:
            await self._records.delete_record(KIND, key)
            self._until.pop(key, None)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
