"""The directory of service accounts and their keys, which everybody else asks.

It answers from memory, which follows its own writes and what it hears of other nodes'. A project's default accounts are
there from its first day without a record; they get one once something about them has changed. Who may do any of this
is judged elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import TypeVar

from kumotasks.auth.epoch import Epoch
from kumotasks.auth.projects import Projects
from kumotasks.auth.register import Register
from kumotasks.domain.account import ServiceAccount, default_accounts
from kumotasks.domain.account_key import AccountKey
from kumotasks.domain.clock import Clock
from kumotasks.domain.errors import AccountExists, AccountNotFound, PolicyChanged
from kumotasks.storage.news import NO_NEWS, News
from kumotasks.storage.records import Records

_DEFAULT = re.compile(
    r"([^@/\s]{1,100})@appspot\.gserviceaccount\.com|(\d{1,20})-compute@developer\.gserviceaccount\.com"
    r"|service-(\d{1,20})@gcp-sa-cloudtasks\.iam\.gserviceaccount\.com"
)
T = TypeVar("T")


class Accounts:
    """Accounts by e-mail and unique id, with their keys. Every lookup after the first stays in memory."""

    def __init__(self, records: Records, wall: Clock, projects: Projects | None = None, news: News = NO_NEWS) -> None:
        self._epoch = Epoch(news)
        self._wall = wall
        self._projects = projects or Projects(records, wall, news)
        self._register = Register(records, wall, news)
        self._register.watch(self._epoch.rise)
        self._default_ids: dict[str, str] = {}  # unique id -> e-mail, for the projects that were seen
        self._projects_seen = 0

    @property
    def epoch(self) -> int:
        """Rises with every change of an account or a key, and while it is not known whether there was one. Whoever
        remembers verdicts goes by this one at least."""
        return self._epoch.now()

    async def find(self, ident: str) -> ServiceAccount | None:
        """The account of an e-mail or a unique id, disabled or not; None if there is none or it was deleted."""
        await self._register.load()
        if "@" in ident:
            return await self._under(ident)
        stored = self._register.by_id(ident)
        found = await self._under(await self._default_email(ident) if stored is None else stored.email)
        return None if found is None or found.unique_id != ident else found

    async def find_deleted(self, unique_id: str) -> ServiceAccount | None:
        """The account, if it was deleted less than 30 days ago."""
        await self._register.load()
        return self._deleted(unique_id)

    async def list(self, project: str, *, after: str, limit: int) -> list[ServiceAccount]:
        """The accounts of a project by e-mail, behind the e-mail `after`; its default accounts are among them."""
        await self._register.load()
        await self._projects.number(project)
        found = {account.email: account for account in default_accounts(project)}
        found |= {account.email: account for account in self._register.of_project(project)}
        live = sorted(email for email, account in found.items() if account.deleted is None and email > after)
        return [found[email] for email in live[:limit]]

    async def create(self, account: ServiceAccount) -> ServiceAccount:
        """Store a new account as it comes, unique id and all. AccountExists."""
        await self._projects.number(account.project)
        return await self._change(partial(self._create, account))

    async def replace(self, account: ServiceAccount, *, if_etag: str) -> ServiceAccount:
        """Store a live account anew, if `if_etag` is still its etag. PolicyChanged, AccountNotFound."""
        return await self._change(partial(self._replace, account, if_etag))

    async def delete(self, account: ServiceAccount) -> ServiceAccount:
        """Delete a live account; its keys wait with it for 30 days. AccountNotFound."""
        return await self._change(partial(self._delete, account))

    async def undelete(self, unique_id: str) -> ServiceAccount:
        """Bring a deleted account back. AccountNotFound, AccountExists if another one has its e-mail now."""
        return await self._change(partial(self._undelete, unique_id))

    async def keys(self, account: ServiceAccount) -> tuple[AccountKey, ...]:
        """The user's keys of an account, the oldest first; those that expired or are disabled are among them."""
        await self._register.load()
        return tuple(self._register.keys(account.unique_id).values())

    async def find_key(self, account: ServiceAccount, key_id: str) -> AccountKey | None:
        await self._register.load()
        return self._register.keys(account.unique_id).get(key_id)

    async def put_key(self, account: ServiceAccount, key: AccountKey) -> None:
        """Add a key to a live account, or write it anew. AccountNotFound."""
        await self._change(partial(self._put_key, account, key))

    async def switch_key(self, account: ServiceAccount, key_id: str, *, disabled: bool) -> bool:
        """Disable or enable a key; False if there is none, or none any more."""
        return await self._change(partial(self._switch_key, account, key_id, disabled))

    async def remove_key(self, account: ServiceAccount, key_id: str) -> bool:
        """Whether there was one."""
        return await self._change(partial(self._register.remove_key, account.unique_id, key_id))

    async def _change(self, change: Callable[[], Awaitable[T]]) -> T:
        await self._register.confirm()

        async def counted() -> T:
            changed = await change()
            self._epoch.rise()
            return changed

        return await self._register.changes.make(counted)

    async def _create(self, account: ServiceAccount) -> ServiceAccount:
        if await self._under(account.email) is not None:
            raise _exists(account)
        return await self._place(account)

    async def _replace(self, account: ServiceAccount, if_etag: str) -> ServiceAccount:
        await self._live(account)
        return await self._register.put(account, if_etag)

    async def _delete(self, account: ServiceAccount) -> ServiceAccount:
        current = await self._live(account)
        return await self._register.put(replace(current, deleted=self._wall.now()), current.etag)

    async def _undelete(self, unique_id: str) -> ServiceAccount:
        found = self._deleted(unique_id)
        if found is None:
            raise AccountNotFound(unique_id)
        if await self._under(found.email) is not None:
            raise _exists(found)
        return await self._place(replace(found, deleted=None))

    async def _put_key(self, account: ServiceAccount, key: AccountKey) -> None:
        await self._live(account)
        await self._register.put_key(key)

    async def _switch_key(self, account: ServiceAccount, key_id: str, disabled: bool) -> bool:
        key = self._register.keys(account.unique_id).get(key_id)
        if key is not None and key.disabled is not disabled:
            await self._register.put_key(replace(key, disabled=disabled))
        return key is not None

    async def _under(self, email: str) -> ServiceAccount | None:
        """The live account of an e-mail, stored or a project's own."""
        stored = self._register.under(email)
        if stored is not None:
            return stored if stored.deleted is None else None
        match = _DEFAULT.fullmatch(email)
        if match is None:
            return None
        project = await self._projects.resolve(match[match.lastindex or 0])
        return next((account for account in default_accounts(project) if account.email == email), None)

    async def _live(self, account: ServiceAccount) -> ServiceAccount:
        found = await self._under(account.email)
        if found is None or found.unique_id != account.unique_id:
            raise AccountNotFound(account.email)
        return found

    def _deleted(self, unique_id: str) -> ServiceAccount | None:
        found = self._register.by_id(unique_id)
        return None if found is None or found.deleted is None or self._register.is_lost(found) else found

    async def _place(self, account: ServiceAccount) -> ServiceAccount:
        try:
            return await self._register.place(account)
        except PolicyChanged as changed:  # another process was first
            raise _exists(account) from changed

    async def _default_email(self, unique_id: str) -> str:
        """The e-mail of the default account with this unique id, if its project was ever seen; else ""."""
        seen = await self._projects.seen()
        for project in islice(seen, self._projects_seen, None):
            self._default_ids.update((account.unique_id, account.email) for account in default_accounts(project))
        self._projects_seen = len(seen)
        return self._default_ids.get(unique_id, "")


def _exists(account: ServiceAccount) -> AccountExists:
    return AccountExists(account.email.partition("@")[0], account.project)
