"""The surface over its real use cases, answering to everybody."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import pytest

from kumotasks.api.asgi import Application
from kumotasks.api.guard import guard_of
from kumotasks.api.iam.account_calls import AccountCalls
from kumotasks.api.iam.key_calls import KeyCalls
from kumotasks.api.iam.role_calls import RoleCalls, RoleWords
from kumotasks.api.iam.routes import routes
from kumotasks.api.tasks.shared_calls import SharedCalls
from kumotasks.auth import roles
from kumotasks.auth.accounts import Accounts
from kumotasks.auth.keyring import Keyring
from kumotasks.auth.policies import PolicyBook
from kumotasks.auth.projects import Projects
from kumotasks.domain.clock import ManualClock
from kumotasks.domain.policy import Policy
from kumotasks.service.account_keys import AccountKeys
from kumotasks.service.accounts import ServiceAccounts
from kumotasks.service.gate import Gate
from kumotasks.service.policies import Policies, accounts_in
from kumotasks.storage.sqlite import SqliteStore
from tests.api.surface import Client
from tests.factory import NOW

NOTHING = cast("Any", None)


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[Client]:
    clock = ManualClock(NOW)
    store = SqliteStore(tmp_path / "kumo.db")
    await store.start()
    projects = Projects(store.records, clock)
    accounts = Accounts(store.records, clock, projects)
    book = PolicyBook(store.records, clock, lambda resource: Policy())
    cases = ServiceAccounts(accounts, projects, clock, on_delete=book.mark_deleted, on_undelete=book.mark_undeleted)
    keyring = Keyring(tmp_path / "keys", clock)
    keys = AccountKeys(cases, accounts, keyring, clock, token_uri=lambda: "http://localhost/token")
    policies = Policies(book, None, {"serviceAccounts": accounts_in(accounts, projects)})
    shared = SharedCalls(policies=policies, encryption=NOTHING, locations=NOTHING, batches=NOTHING, clock=clock)
    words = RoleWords(roles.ROLES, roles.TITLES, roles.DESCRIPTIONS)
    table = routes(AccountCalls(cases), KeyCalls(keys), RoleCalls(words, clock), shared)
    yield Client(Application(routes=table, pages=[], guard=guard_of(), through=Gate().through))
    await store.stop()
