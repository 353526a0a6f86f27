"""The service accounts and keys that are stored, held in memory as the store holds them.

A record stands under an account's e-mail and stays there when the account is deleted, so that deletion and its undoing
are one write each, and a deleted default account stays deleted. When another account is made under the same e-mail, the
deleted one moves aside, under its unique id. What is lost for good is removed when the register is next read. Whoever
writes does so within `changes`; which accounts a project has without a record is not known here.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import suppress
from functools import partial

from kumotasks.auth.account_records import (
    ACCOUNT,
    KEY,
    REPLACED,
    account_bytes,
    account_value,
    key_bytes,
    key_place,
    key_value,
)
from kumotasks.auth.changes import Changes
from kumotasks.auth.heard import Heard
from kumotasks.domain.account import ServiceAccount, derived_unique_id
from kumotasks.domain.account_key import AccountKey
from kumotasks.domain.clock import DAY, Clock
from kumotasks.domain.errors import PolicyChanged, StorageFull
from kumotasks.storage.news import ANY, NO_NEWS, News
from kumotasks.storage.records import ABSENT, Record, RecordChanged, Records

REGRET = 30 * DAY  # IAM: a deleted account can be brought back for 30 days
_BATCH = 1_000


class Register:
    """Stored accounts by e-mail and by unique id, deleted ones too, and their keys."""

    def __init__(self, records: Records, wall: Clock, news: News = NO_NEWS) -> None:
        self.changes = Changes()
        self._records = records
        self._wall = wall
        self._news = news
        self._heard = {kind: Heard() for kind in (REPLACED, ACCOUNT, KEY)}
        self._heard[ACCOUNT].add(ANY)
        self._by_id: dict[str, ServiceAccount] = {}
        self._holders: dict[str, str] = {}  # e-mail -> unique id of the one whose record stands there
        self._keys: dict[str, dict[str, AccountKey]] = {}

    def watch(self, changed: Callable[[], None]) -> None:
        """Call `changed` when another node has changed something; what it was is read with the next `load`."""

        def hear(kind: str, key: str) -> None:
            self._heard[kind].add(key)
            changed()

        for kind in self._heard:
            self._news.watch(kind, partial(hear, kind))

    async def load(self) -> None:
        """Read everything, once, and then what other nodes have changed. Not within a change."""
        if not self._news.current():
            await self._news.confirm()
        if any(self._heard.values()):
            await self.changes.make(self._read)

    async def confirm(self) -> None:
        """As `load`, and all that was changed before this call is read."""
        await self._news.confirm()
        await self.load()

    def by_id(self, unique_id: str) -> ServiceAccount | None:
        return self._by_id.get(unique_id)

    def under(self, email: str) -> ServiceAccount | None:
        """The account whose record stands under an e-mail; it may be a deleted one."""
        return self._by_id.get(self._holders.get(email, ""))

    def of_project(self, project: str) -> list[ServiceAccount]:
        """All that stand under an e-mail; deleted ones are among them."""
        found = (self._by_id[unique_id] for unique_id in self._holders.values())
        return [account for account in found if account.project == project]

    def keys(self, unique_id: str) -> dict[str, AccountKey]:
        """By key id, the oldest first."""
        return self._keys.get(unique_id, {})

    def is_lost(self, account: ServiceAccount) -> bool:
        """Whether it was deleted so long ago that nobody can bring it back."""
        return account.deleted is not None and account.deleted + REGRET <= self._wall.now()

    async def put(self, account: ServiceAccount, if_etag: str) -> ServiceAccount:
        """Write the record under the account's e-mail. PolicyChanged."""
        value, now = account_bytes(account), self._wall.now()
        try:
            record = await self._records.put_record(ACCOUNT, account.email, value, now=now, if_etag=if_etag)
        except RecordChanged as changed:
            raise PolicyChanged from changed
        return self._hold(account_value(record))

    async def place(self, account: ServiceAccount) -> ServiceAccount:
        """Put an account where no live one stands; a deleted one that does moves aside. PolicyChanged."""
        holder = self.under(account.email)
        if holder is None:
            return await self.put(account, ABSENT)
        if holder.unique_id != account.unique_id:
            value = account_bytes(holder)
            await self._records.put_record(REPLACED, holder.unique_id, value, now=self._wall.now(), if_etag=None)
        placed = await self.put(account, holder.etag)
        await self._records.delete_record(REPLACED, account.unique_id)  # where it was, if it had moved aside
        return placed

    async def put_key(self, key: AccountKey) -> None:
        place = key_place(key.account, key.key_id)
        await self._records.put_record(KEY, place, key_bytes(key), now=self._wall.now(), if_etag=None)
        self._keys.setdefault(key.account, {})[key.key_id] = key

    async def remove_key(self, unique_id: str, key_id: str) -> bool:
        """Whether there was one."""
        removed = await self._records.delete_record(KEY, key_place(unique_id, key_id))
        self._keys.get(unique_id, {}).pop(key_id, None)
        return removed

    def _hold(self, account: ServiceAccount) -> ServiceAccount:
        self._by_id[account.unique_id] = account
        self._holders[account.email] = account.unique_id
        return account

    async def _read(self) -> None:
        if any(self._heard.values()):
            await self._heard[ACCOUNT].read(self._look_at_account)
            await self._heard[REPLACED].read(self._look_at_replaced)
            await self._heard[KEY].read(self._look_at_key)

    async def _look_at_account(self, email: str) -> None:
        if email == ANY:
            await self._read_all()
            return
        before, record = self.under(email), await self._records.get_record(ACCOUNT, email)
        after = None if record is None else self._hold(account_value(record))
        if after is None:
            self._holders.pop(email, None)
        if before is not None and (after is None or after.unique_id != before.unique_id):
            await self._look_at_replaced(before.unique_id)

    async def _look_at_replaced(self, unique_id: str) -> None:
        if unique_id == ANY:
            await self._read_all()
            return
        known = self._by_id.get(unique_id)
        if known is not None and self.under(known.email) is known:
            return  # it is back where it was
        record = await self._records.get_record(REPLACED, unique_id)
        if record is not None:
            self._by_id[unique_id] = account_value(record)
        else:
            self._by_id.pop(unique_id, None)

    async def _look_at_key(self, place: str) -> None:
        if place == ANY:
            await self._read_all()
            return
        unique_id, _, key_id = place.partition("/")
        record = await self._records.get_record(KEY, place)
        if record is None:
            self._keys.get(unique_id, {}).pop(key_id, None)
        else:
            self._hold_keys([*self.keys(unique_id).values(), key_value(record)])

    def _hold_keys(self, keys: Iterable[AccountKey]) -> None:
        """The oldest first, whenever they came."""
        for key in sorted(keys, key=lambda key: (key.valid_after, key.key_id)):
            held = self._keys.setdefault(key.account, {})
            held.pop(key.key_id, None)
            held[key.key_id] = key

    async def _read_all(self) -> None:
        replaced = [account_value(record) async for record in self._all(REPLACED)]
        standing = [account_value(record) async for record in self._all(ACCOUNT)]
        keys = [key_value(record) async for record in self._all(KEY)]
        self._by_id, self._holders, self._keys = {each.unique_id: each for each in replaced}, {}, {}
        for account in standing:
            self._hold(account)
        self._hold_keys(keys)
        for account in [each for each in self._by_id.values() if self.is_lost(each)]:
            with suppress(StorageFull):  # they are lost all the same, and can wait for room
                await self._forget(account)

    async def _forget(self, account: ServiceAccount) -> None:
        """Remove one that is lost, with its keys; of a default account only the fact that it is gone stays."""
        for key_id in list(self.keys(account.unique_id)):
            await self.remove_key(account.unique_id, key_id)
        await self._records.delete_record(REPLACED, account.unique_id)
        if self.under(account.email) is not account:
            del self._by_id[account.unique_id]
        elif account.unique_id != derived_unique_id(account.email):
            await self._records.delete_record(ACCOUNT, account.email)
            del self._by_id[account.unique_id], self._holders[account.email]

    async def _all(self, kind: str) -> AsyncIterator[Record]:
        after = ""
        while True:
            found = await self._records.list_records(kind, prefix="", after=after, limit=_BATCH)
            for record in found:
                yield record
            if len(found) < _BATCH:
                return
            after = found[-1].key
