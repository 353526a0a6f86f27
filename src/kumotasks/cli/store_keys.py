"""The private keys that go with a store when it is copied: files beside SQLite, encrypted in a PostgreSQL database."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from kumotasks.cli.client import Failure

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from kumotasks.auth.key_set import KeySet
    from kumotasks.settings import Settings
    from kumotasks.storage.sqlrecords import SqlRecords


class Keys:
    """Taken before the copy, so that what stands in the way is known; put when it is done. `moved` are the kinds of
    records that are not to be copied, `told` what the caller should know. Every call may raise Failure."""

    def __init__(self, source: Settings, target: Settings) -> None:
        self._source = source
        self._target = target
        self._keys: KeySet = {}
        self.moved: frozenset[str] = frozenset()
        self.told = ""

    async def take(self) -> None:
        from kumotasks.auth import key_set

        if self._target.on_postgres:
            if not self._source.on_postgres:  # else they are records like others
                self._keys = key_set.in_files(self._source.data_directory)
                self.moved = key_set.VAULT
            return
        self._keys = await self._of_source()
        self.moved = key_set.VAULT
        if self._keys and key_set.in_files(self._target.data_directory):
            raise Failure(f"There are keys in {self._target.data_directory} already: copy into a new directory.")

    async def put(self) -> None:
        from kumotasks.auth import key_set

        if not self._keys:
            return
        if not self._target.on_postgres:
            key_set.put_in_files(self._target.data_directory, self._keys)
            self.told = f"The keys are files in {self._target.data_directory}."
        elif self._target.secret:
            async with _records(self._target) as records:
                await key_set.put_in_store(records, self._target.secret, self._keys)
            self.told = "So are the keys, encrypted with KUMO_SECRET."
        else:
            self.told = (
                f"KUMO_SECRET is not set, so the keys are still files in {self._source.data_directory}: "
                "every node needs them, as --data."
            )

    async def _of_source(self) -> KeySet:
        from kumotasks.auth import key_set

        if not self._source.on_postgres:
            return key_set.in_files(self._source.data_directory)
        async with _records(self._source) as records:
            if not self._source.secret and await key_set.are_in_store(records):
                raise Failure("The keys in the store are encrypted: set KUMO_SECRET to what its nodes had.")
            return await key_set.in_store(records, self._source.secret)


@asynccontextmanager
async def _records(settings: Settings) -> AsyncIterator[SqlRecords]:
    from kumotasks.storage.postgres.engine import PostgresStore

    store = PostgresStore(settings.store)
    await store.start()
    try:
        yield store.records
    finally:
        await store.stop()
