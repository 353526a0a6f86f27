"""Two nodes' books of who may do what, over one PostgreSQL, in one process and on clocks that stand still.

Nothing tells a node anything until it looks by itself: its clock is moved to where it has to.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from kumotasks.auth.accounts import Accounts
from kumotasks.auth.authorize import Authorizer
from kumotasks.auth.policies import PolicyBook
from kumotasks.auth.projects import Projects
from kumotasks.auth.revoked import Revoked
from kumotasks.domain.clock import ManualClock
from kumotasks.domain.policy import Policy
from kumotasks.storage.news import FRESH, Follower
from kumotasks.storage.postgres.engine import PostgresStore
from kumotasks.storage.sqlstore import SqlStore
from tests.factory import NOW


@dataclass(frozen=True)
class Side:
    """One node."""

    store: SqlStore
    clock: ManualClock
    news: Follower
    projects: Projects
    accounts: Accounts
    book: PolicyBook
    revoked: Revoked
    authorizer: Authorizer

    def grow_stale(self) -> None:
        """So much time goes by that it cannot rely on what it knows."""
        self.clock.turn(self.clock.now() + FRESH)


@asynccontextmanager
async def side(url: str) -> AsyncIterator[Side]:
    store, clock = PostgresStore(url), ManualClock(NOW)
    await store.start()
    records, news = store.records, Follower(store.records, clock)
    projects = Projects(records, clock, news)
    accounts = Accounts(records, clock, projects, news)
    book = PolicyBook(records, clock, lambda _: Policy(), news)
    revoked = Revoked(records, clock, news)
    authorizer = Authorizer(book, accounts, projects, clock, lambda: "")
    await news.confirm()
    try:
        yield Side(store, clock, news, projects, accounts, book, revoked, authorizer)
    finally:
        await store.stop()
