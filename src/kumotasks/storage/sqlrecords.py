"""The contract of `records.py` over named SQL, once for every engine."""

from __future__ import annotations

import secrets
from functools import partial

from kumotasks.storage.engine import Engine
from kumotasks.storage.operation import Ask, Asking, Done, Operation
from kumotasks.storage.records import ABSENT, Record, RecordChanged
from kumotasks.storage.rows import columns, unpack_record

_BEHIND_ALL = "\U0010ffff"


class SqlRecords:
    """Get, list, put if the etag still holds, delete, forget the old ones."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def get_record(self, kind: str, key: str) -> Record | None:
        return await self._engine.read(partial(_get, kind, key))

    async def list_records(self, kind: str, *, prefix: str, after: str, limit: int) -> list[Record]:
        return await self._engine.read(partial(_list, kind, prefix, after, limit))

    async def put_record(self, kind: str, key: str, value: bytes, *, now: int, if_etag: str | None) -> Record:
        record = Record(kind, key, value, secrets.token_hex(8), now)
        return await self._engine.write(partial(_put, record, if_etag))

    async def delete_record(self, kind: str, key: str) -> bool:
        return await self._engine.write(partial(_delete, kind, key))

    async def forget_records(self, kind: str, *, before: int, limit: int) -> int:
        return await self._engine.write(partial(_forget, kind, before, limit))


def _find(kind: str, key: str) -> Asking[Record | None]:
    rows = yield Ask("record", (kind, key))
    return unpack_record(kind, rows[0]) if rows else None


def _get(kind: str, key: str) -> Operation[Record | None]:
    return Done((yield from _find(kind, key)))


def _list(kind: str, prefix: str, after: str, limit: int) -> Operation[list[Record]]:
    rows = yield Ask("records", (kind, after, prefix, prefix + _BEHIND_ALL, limit))
    return Done([unpack_record(kind, row) for row in rows])


def _put(record: Record, if_etag: str | None) -> Operation[Record]:
    if if_etag is not None:
        current = yield from _find(record.kind, record.key)
        if (ABSENT if current is None else current.etag) != if_etag:
            raise RecordChanged
    yield Ask("put_record", (record.kind, record.key, record.value, record.etag, record.updated))
    return Done(record)


def _forget(kind: str, before: int, limit: int) -> Operation[int]:
    rows = yield Ask("forget_records", (kind, before, limit))
    return Done(columns(rows[0], tuple[int])[0])


def _delete(kind: str, key: str) -> Operation[bool]:
    rows = yield Ask("remove_record", (kind, key))
    return Done(rows[0][0] == 1)
