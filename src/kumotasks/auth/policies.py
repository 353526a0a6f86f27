"""The policies in force, kept in memory as they stand in the store; a change is in force once it is stored.

Keyed by the name of the resource, project ids in it, never numbers. Who may do what by them is judged elsewhere.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict, replace
from typing import TypeVar

from kumotasks.domain.account import ServiceAccount, default_accounts
from kumotasks.domain.clock import Clock
from kumotasks.domain.errors import PolicyChanged
from kumotasks.domain.policy import EMPTY_ETAG, Binding, Condition, Policy, normal
from kumotasks.storage.news import ANY, NO_NEWS, News
from kumotasks.storage.records import ABSENT, Record, RecordChanged, Records

KIND = "policy"
_KEPT = 20_000  # policies in memory, resources without one included
_BATCH = 500
T = TypeVar("T")


class PolicyBook:
    """Policies by resource. `defaults` gives that of a project nobody has set one for."""

    def __init__(self, records: Records, wall: Clock, defaults: Callable[[str], Policy], news: News = NO_NEWS) -> None:
        self.epoch = 0  # +1 with every change of any policy, so that verdicts can be kept
        self._news = news
        self._records = records
        self._wall = wall
        self._defaults = defaults
        self._kept: dict[str, Policy] = {}
        self._changing = asyncio.Lock()  # writes are remembered in the order they were made
        self._writes: set[asyncio.Task[object]] = set()
        self._heard = 0  # changes by others
        news.watch(KIND, self._hear)

    async def get(self, resource: str) -> Policy:
        """The policy of a resource; an empty one, or a project's default, if none was ever put."""
        if not self._news.current():
            await self._news.confirm()
        kept = self._kept.get(resource)
        if kept is not None:
            return kept
        epoch = self.epoch
        policy = self._policy(resource, await self._records.get_record(KIND, resource))
        if epoch == self.epoch:  # else what was read may be older than a change that has just been stored
            self._keep(resource, policy)
        return policy

    def _hear(self, resource: str) -> None:
        """Somebody has changed it, or any of them."""
        self._heard += 1
        if resource == ANY:
            self._kept.clear()
        self._forget(resource)

    async def put(self, resource: str, policy: Policy, *, if_etag: bytes) -> Policy:
        """Replace it; b"" is unconditional, else the etag that was shown must still be its own. PolicyChanged."""
        return await self._write(lambda: self._put(resource, normal(policy), _record_etag(if_etag)))

    async def drop(self, resource: str) -> None:
        """Forget the policy of a resource that is gone."""
        await self._write(lambda: self._drop(resource))

    async def mark_deleted(self, account: ServiceAccount) -> None:
        """An account is going: what was bound to it names the dead account from now on, and its own policy waits
        aside, so that another account under the same e-mail inherits neither."""
        live, dead = _members(account)
        await self._write(lambda: self._rename(live, dead))
        await self._write(lambda: self._move(account.name, _aside(account)))

    async def mark_undeleted(self, account: ServiceAccount) -> None:
        """The account is back, and with it what was bound to it, and its policy."""
        live, dead = _members(account)
        await self._write(lambda: self._rename(dead, live))
        await self._write(lambda: self._move(_aside(account), account.name))

    async def _write(self, change: Callable[[], Awaitable[T]]) -> T:
        """Make `change` to its end, whatever becomes of the caller: a write that nobody waits for is still made, and
        memory has to learn of it."""

        async def alone() -> T:
            async with self._changing:
                return await change()

        task = asyncio.ensure_future(alone())
        self._writes.add(task)
        task.add_done_callback(self._writes.discard)
        return await asyncio.shield(task)

    async def _put(self, resource: str, policy: Policy, if_etag: str | None) -> Policy:
        heard = self._heard
        try:
            record = await self._records.put_record(
                KIND, resource, _bytes(policy), now=self._wall.now(), if_etag=if_etag
            )
        except RecordChanged as changed:
            raise PolicyChanged from changed
        finally:  # also where it is not known whether it was stored
            self._forget(resource)
        stored = self._policy(resource, record)
        if heard == self._heard:  # else it may have been changed again already, elsewhere
            self._keep(resource, stored)
        return stored

    async def _drop(self, resource: str) -> None:
        try:
            await self._records.delete_record(KIND, resource)
        finally:
            self._forget(resource)

    async def _move(self, origin: str, target: str) -> None:
        record = await self._records.get_record(KIND, origin)
        if record is not None:
            await self._put(target, self._policy(target, record), None)
            await self._drop(origin)

    async def _rename(self, old: str, new: str) -> None:
        """Write `new` for the member `old` in every policy."""
        needle, after = json.dumps(old).encode(), ""
        while True:
            found = await self._records.list_records(KIND, prefix="", after=after, limit=_BATCH)
            for record in found:
                if needle in record.value:
                    await self._rename_in(record, old, new)
            if len(found) < _BATCH:
                return
            after = found[-1].key

    async def _rename_in(self, record: Record | None, old: str, new: str) -> None:
        while record is not None:
            policy = self._policy(record.key, record)
            bindings = tuple(
                replace(binding, members=tuple(new if member == old else member for member in binding.members))
                for binding in policy.bindings
            )
            try:
                await self._put(record.key, replace(policy, bindings=bindings), record.etag)
            except PolicyChanged:  # by another process, in between
                record = await self._records.get_record(KIND, record.key)
            else:
                return

    def _policy(self, resource: str, record: Record | None) -> Policy:
        if record is not None:
            return _policy_of(record)
        kind, _, project = resource.partition("/")
        return normal(self._defaults(project)) if kind == "projects" and "/" not in project else Policy()

    def _keep(self, resource: str, policy: Policy) -> None:
        if len(self._kept) >= _KEPT:
            self._kept.clear()
        self._kept[resource] = policy

    def _forget(self, resource: str) -> None:
        self._kept.pop(resource, None)
        self.epoch += 1


def _members(account: ServiceAccount) -> tuple[str, str]:
    """How policies name an account while it lives and once it is deleted."""
    live = f"serviceAccount:{account.email.lower()}"
    return live, f"deleted:{live}?uid={account.unique_id}"


def _aside(account: ServiceAccount) -> str:
    return f"{account.name}?uid={account.unique_id}"


def _record_etag(etag: bytes) -> str | None:
    if not etag:
        return None
    return ABSENT if etag == EMPTY_ETAG else etag.decode(errors="replace")


def _bytes(policy: Policy) -> bytes:
    return json.dumps(
        {"version": policy.version, "bindings": [asdict(binding) for binding in policy.bindings]}
    ).encode()


def _policy_of(record: Record) -> Policy:
    stored = json.loads(record.value)
    bindings = tuple(
        Binding(
            binding["role"],
            tuple(binding["members"]),
            Condition(**binding["condition"]) if binding["condition"] else None,
        )
        for binding in stored["bindings"]
    )
    return Policy(stored["version"], bindings, record.etag.encode())


def default_policy(project: str, *, editors: bool = True) -> Policy:
    """Google's for a new project: its default accounts are `editors`, actAs included, and its service agent serves."""
    *defaults, agent = (f"serviceAccount:{account.email}" for account in default_accounts(project))
    serving = Binding("roles/cloudtasks.serviceAgent", (agent,))
    return Policy(1, (Binding("roles/editor", tuple(defaults)), serving) if editors else (serving,))
