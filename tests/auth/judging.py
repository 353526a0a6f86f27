"""Accounts, policies and a judge over them, as tests of authorization need them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from kumotasks.auth.accounts import Accounts
from kumotasks.auth.authorize import Authorizer
from kumotasks.auth.policies import PolicyBook, default_policy
from kumotasks.auth.projects import Projects
from kumotasks.domain.account import ServiceAccount, account_email
from kumotasks.domain.clock import ManualClock
from kumotasks.domain.errors import CredentialsMissing, PermissionDenied
from kumotasks.domain.policy import Binding, Condition, Policy
from kumotasks.domain.principal import Need, Principal
from kumotasks.storage.records import ABSENT, Record, RecordChanged, Records
from kumotasks.storage.sqlite import SqliteStore
from tests.factory import NOW

PROJECT = "projects/shop"
LOCATION = f"{PROJECT}/locations/us-central1"
QUEUE = f"{LOCATION}/queues/mail"
OTHER = f"{LOCATION}/queues/other"
CREATE = "cloudtasks.tasks.create"
ENQUEUER = "roles/cloudtasks.enqueuer"


@dataclass
class World:
    """Everything that has a part in a verdict; `owner` is the unique id of the one who may do everything."""

    clock: ManualClock
    records: Records
    projects: Projects
    accounts: Accounts
    book: PolicyBook
    authorizer: Authorizer
    owner: str = ""
    made: int = 0

    async def account(self, account_id: str, project: str = "shop") -> ServiceAccount:
        self.made += 1
        email = account_email(account_id, project)
        return await self.accounts.create(ServiceAccount(project, email, f"{self.made:021d}", created=NOW))

    async def caller(self, account_id: str, project: str = "shop") -> Principal:
        return principal(await self.account(account_id, project))

    async def bind(self, resource: str, *bindings: Binding) -> Policy:
        """Nothing else is bound there afterwards."""
        return await self.book.put(resource, Policy(3, bindings), if_etag=b"")

    async def may(self, who: Principal, permission: str = CREATE, resource: str = QUEUE) -> bool:
        """What check and held say, which is the same."""
        held = await self.authorizer.held(who, resource, (permission,))
        try:
            await self.authorizer.check(who, (Need(permission, resource),))
        except PermissionDenied:
            return self._agreed(said=bool(who), held=held)
        except CredentialsMissing:
            return self._agreed(said=not who, held=held)
        assert held == (permission,)
        return True

    def _agreed(self, *, said: bool, held: tuple[str, ...]) -> bool:
        assert said, "the other refusal was due"
        assert held == ()
        return False

    def known(self, who: Principal, permission: str = CREATE, resource: str = QUEUE) -> bool:
        return self.authorizer.known(who, (Need(permission, resource),))


def world_over(records: Records) -> World:
    clock = ManualClock(NOW)
    projects = Projects(records, clock)
    accounts = Accounts(records, clock, projects)
    book = PolicyBook(records, clock, default_policy)
    made: list[World] = []
    authorizer = Authorizer(book, accounts, projects, clock, lambda: made[0].owner)
    made.append(World(clock, records, projects, accounts, book, authorizer))
    return made[0]


@asynccontextmanager
async def world(directory: Path) -> AsyncIterator[World]:
    store = SqliteStore(directory / "kumo.db")
    await store.start()
    try:
        yield world_over(store.records)
    finally:
        await store.stop()


def principal(account: ServiceAccount) -> Principal:
    return Principal(account.email, account.unique_id)


def grant(role: str, *who: Principal | str, when: str = "") -> Binding:
    members = tuple(each if isinstance(each, str) else (each.member if each else "allUsers") for each in who)
    return Binding(role, members, Condition(when, "when") if when else None)


def enqueuers(*who: Principal | str, when: str = "") -> Binding:
    return grant(ENQUEUER, *who, when=when)


class Shelf:
    """Records in a dictionary. It counts what is asked of it, and holds up what `held_up` names until `go` is set."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], Record] = {}
        self.asked = 0
        self.held_up: Collection[str] = ()
        self.arrived = asyncio.Event()
        self.go = asyncio.Event()
        self._etags = 0

    async def _pass(self, verb: str) -> None:
        self.asked += 1
        if verb in self.held_up:
            self.arrived.set()
            await self.go.wait()

    async def get_record(self, kind: str, key: str) -> Record | None:
        found = self.kept.get((kind, key))
        await self._pass("get")
        return found

    async def list_records(self, kind: str, *, prefix: str, after: str, limit: int) -> list[Record]:
        await self._pass("list")
        keys = sorted(key for of, key in self.kept if of == kind and key > after and key.startswith(prefix))
        return [self.kept[kind, key] for key in keys[:limit]]

    async def put_record(self, kind: str, key: str, value: bytes, *, now: int, if_etag: str | None) -> Record:
        await self._pass("put")
        found = self.kept.get((kind, key))
        if if_etag is not None and if_etag != (ABSENT if found is None else found.etag):
            raise RecordChanged
        self._etags += 1
        self.kept[kind, key] = Record(kind, key, value, f"etag-{self._etags}", now)
        return self.kept[kind, key]

    async def delete_record(self, kind: str, key: str) -> bool:
        await self._pass("delete")
        return self.kept.pop((kind, key), None) is not None

    def changed_elsewhere(self, kind: str, key: str, value: bytes) -> None:
        """Another process wrote."""
        self._etags += 1
        self.kept[kind, key] = replace(self.kept[kind, key], value=value, etag=f"etag-{self._etags}")
