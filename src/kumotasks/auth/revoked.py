"""Tokens that were taken back before their time, remembered until they would have ended anyway.

Tokens prove themselves and are stored nowhere, so this is the one list of those that do so no more. What it keeps is
a digest: the list gives no token away. It knows nothing of what a token says.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from kumotasks.auth.heard import Heard
from kumotasks.storage.news import ANY, NO_NEWS, News

if TYPE_CHECKING:
    from kumotasks.domain.clock import Clock
    from kumotasks.storage.records import Records

KIND = "revoked"
_PAGE = 1000


class Revoked:
    """`epoch` rises with every revocation, so that others can remember verdicts."""

    def __init__(self, records: Records, wall: Clock, news: News = NO_NEWS) -> None:
        self.epoch = 0
        self._news = news
        self._records = records
        self._wall = wall
        self._until: dict[str, int] = {}  # by digest: the instant at which the token ends by itself
        self._heard = Heard()  # digests
        self._heard.add(ANY)
        news.watch(KIND, self._hear)

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
        if self._heard or not self._news.current():
            await self._load()
        return bool(self._until) and _digest(token) in self._until

    def _hear(self, key: str) -> None:
        self._heard.add(key)
        self.epoch += 1

    async def _load(self) -> None:
        """Read the list once, and then what others have changed."""
        if not self._news.current():
            await self._news.confirm()
        await self._heard.read(self._look)

    async def _look(self, key: str) -> None:
        if key == ANY:
            await self._look_at_all()
            return
        record = await self._records.get_record(KIND, key)
        if record is None:
            self._until.pop(key, None)
        else:
            self._until[key] = int(record.value)

    async def _look_at_all(self) -> None:
        """Two at a time do no harm: each only adds what is stored."""
        after = ""
        while True:
            records = await self._records.list_records(KIND, prefix="", after=after, limit=_PAGE)
            self._until |= {record.key: int(record.value) for record in records}
            if len(records) < _PAGE:
                return
            after = records[-1].key

    async def _sweep(self, now: int) -> None:
        """Forget those that have ended."""
        for key in [key for key, expires in self._until.items() if expires <= now]:
            await self._records.delete_record(KIND, key)
            self._until.pop(key, None)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
