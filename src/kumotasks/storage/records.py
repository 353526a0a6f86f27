"""The contract for everything cold: policies, configurations, operations, accounts, keys, services.

A record is a kind, a key and bytes; the verbs know nothing of what the bytes mean. Every put gives a new etag.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


class RecordChanged(Exception):
    """The record is not, or no longer, what the caller's etag says."""


@dataclass(frozen=True, slots=True)
class Record:
    """`etag` is opaque text; `updated` is in microseconds."""

    kind: str
    key: str
    value: bytes
    etag: str
    updated: int


ABSENT = ""  # the etag of a record that must not exist yet


@dataclass(frozen=True, slots=True)
class Touched:
    """Records that were put or deleted: (place, kind, key), each place once and for ever. `horizon` says how far this
    reaches; the next look begins there, and may see some of them again."""

    horizon: int
    records: tuple[tuple[int, str, str], ...]


class Records(Protocol):
    """Get, list, put if the etag still holds, delete, forget the old ones."""

    async def get_record(self, kind: str, key: str) -> Record | None: ...

    async def list_records(self, kind: str, *, prefix: str, after: str, limit: int) -> list[Record]:
        """By rising key, behind the key `after` ("" is the beginning), keys that begin with `prefix`."""

    async def put_record(self, kind: str, key: str, value: bytes, *, now: int, if_etag: str | None) -> Record:
        """Write; `if_etag` None is unconditional, ABSENT demands that there is none. RecordChanged."""

    async def delete_record(self, kind: str, key: str) -> bool:
        """Whether there was one."""

    async def forget_records(self, kind: str, *, before: int, limit: int) -> int:
        """Remove up to `limit` that were last put before the instant `before`, the oldest first; how many there were.

        No value is read: they may be large, and many.
        """
