"""The contract of `records.py` over named SQL, once for every engine, and what others have touched, for `news.py`."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from functools import partial

from kumotasks.storage.engine import RecordEngine
from kumotasks.storage.operation import Ask, Asking, Done, Operation
from kumotasks.storage.records import ABSENT, Record, RecordChanged, Touched
from kumotasks.storage.rows import columns, unpack_record

_BEHIND_ALL = "\U0010ffff"


class SqlRecords:
    """Get, list, put if the etag still holds, delete, forget the old ones."""

    def __init__(self, engine: RecordEngine) -> None:
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

    @property
    def shared(self) -> bool:
        """Whether other processes may write records here."""
        return self._engine.shared

    def overhear(self, listener: Callable[[], None]) -> None:
        """Call `listener` soon after another process has put or deleted a record; it may be missed."""
        self._engine.overhear_records(listener)

    async def touched(self, since: int | None) -> Touched:
        """What was put or deleted by transactions that `since`, the horizon of an earlier answer, had not seen to their
        end; nothing for None. Of a store that is not shared nobody asks this."""
        return await self._engine.read(partial(_touched, since))

    async def forget_touched(self, *, older: int, limit: int) -> int:
        """Forget up to `limit` of what was touched more than `older` ago; how many there were."""
        return await self._engine.write(partial(_forget_touched, older, limit))


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
    return Done(record, touched=True)


def _forget(kind: str, before: int, limit: int) -> Operation[int]:
    rows = yield Ask("forget_records", (kind, before, limit))
    return Done(columns(rows[0], tuple[int])[0])


def _delete(kind: str, key: str) -> Operation[bool]:
    rows = yield Ask("remove_record", (kind, key))
    return Done(rows[0][0] == 1, touched=rows[0][0] == 1)


def _touched(since: int | None) -> Operation[Touched]:
    horizon = columns((yield Ask("record_horizon"))[0], tuple[int])[0]
    rows = [] if since is None else (yield Ask("record_changes", (since,)))
    return Done(Touched(horizon, tuple(columns(row, tuple[int, str, str]) for row in rows)))


def _forget_touched(older: int, limit: int) -> Operation[int]:
    rows = yield Ask("forget_record_changes", (older, limit))
    return Done(columns(rows[0], tuple[int])[0])
