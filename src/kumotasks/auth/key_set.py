"""All private keys of an installation at once, by the names they have in a vault, to be moved with its store.

They lie in files of the data directory, or in the store itself, encrypted (`shared_vault`). What a key is for is
unknown here. Calls about files block.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from kumotasks.auth import private_file
from kumotasks.auth.authority import AUTHORITY_FILE
from kumotasks.auth.owner import VAULTED as OWNER_FILE
from kumotasks.auth.shared_vault import KIND, LOCK, SharedVault
from kumotasks.domain.clock import SystemClock
from kumotasks.storage.news import NO_NEWS
from kumotasks.storage.records import Records
from kumotasks.storage.sqlrecords import SqlRecords

_KEYS, _TLS = "keys", "tls"
_PAGE = 100
KeySet = Mapping[str, bytes]
VAULT = frozenset({KIND})  # the kinds of records that are keys


def in_files(data: Path) -> KeySet:
    """Those of a data directory."""
    files = [data / OWNER_FILE, data / _TLS / AUTHORITY_FILE, *(data / _KEYS).glob("**/*.json")]
    found = {_name(path, data): private_file.read(path) for path in files}
    return {name: content for name, content in found.items() if content is not None}


def put_in_files(data: Path, keys: KeySet) -> None:
    for name, content in keys.items():
        path = _file(name, data)
        private_file.make_directory(path.parent)
        private_file.write(path, content)


async def in_store(records: SqlRecords, secret: str) -> KeySet:
    """Those that are in a store. StoreUnusable if it was another secret."""
    names = [name async for name in _names(records)]
    if not names:
        return {}
    async with _vault(records, secret) as vault:
        found = {name: await vault.read(name) for name in names}
    return {name: content for name, content in found.items() if content is not None}


async def put_in_store(records: SqlRecords, secret: str, keys: KeySet) -> None:
    async with _vault(records, secret) as vault:
        for name, content in keys.items():
            await vault.change(name, lambda _, content=content: content)  # type: ignore[misc]


async def are_in_store(records: Records) -> bool:
    return bool(await records.list_records(KIND, prefix="", after="", limit=1))


async def _names(records: Records) -> AsyncIterator[str]:
    after = ""
    while page := await records.list_records(KIND, prefix="", after=after, limit=_PAGE):
        for record in page:
            after = record.key
            if record.key != LOCK:
                yield record.key


@asynccontextmanager
async def _vault(records: SqlRecords, secret: str) -> AsyncIterator[SharedVault]:
    vault = SharedVault(records, SystemClock(), NO_NEWS, secret=secret, before=())
    await vault.start()
    try:
        yield vault
    finally:
        await vault.stop()


def _name(path: Path, data: Path) -> str:
    within = path.relative_to(data)
    return str(within.relative_to(_KEYS)) if within.parts[0] == _KEYS else within.name


def _file(name: str, data: Path) -> Path:
    places = {OWNER_FILE: data, AUTHORITY_FILE: data / _TLS}
    return places.get(name, data / _KEYS) / name
