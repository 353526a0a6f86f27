"""An operation on the store, written once for every engine: a generator that asks for statements by name.

It yields an Ask and is sent the rows; at the end it returns a Done: its value, and the wakes that go out with the
commit. An engine drives it inside a transaction. A verb looks first, refuses by raising an error of the domain, and
writes last: a refusal leaves nothing behind, so that many operations can share one transaction. After a failure of the
store an engine may run an operation again from the beginning.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from kumotasks.storage.rumour import Rumour
from kumotasks.storage.store import Wake

Value = int | float | str | bytes | None
Row = tuple[Value, ...]
Rows = Sequence[Row]

T = TypeVar("T")
V_co = TypeVar("V_co", covariant=True)

_ROW_WEIGHT = 256  # bytes that a row's name and instants take in any form, beside its own bytes


@dataclass(frozen=True, slots=True)
class Ask:
    """A statement by name. One that writes answers a single row: how many rows it changed.

    With `max_bytes` reading ends before the rows' weight exceeds it, but not before the first.
    """

    statement: str
    parameters: Row = ()
    max_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class AskEach:
    """One statement for each of `parameters`; answers a single row: how many rows they changed together."""

    statement: str
    parameters: Sequence[Row]


@dataclass(frozen=True, slots=True)
class SeekEach:
    """One statement that reads, for each of `parameters`; answers every row found, in no order."""

    statement: str
    parameters: Sequence[Row]


@dataclass(frozen=True, slots=True)
class Done(Generic[V_co]):
    """What an operation came to."""

    value: V_co
    wakes: tuple[Wake, ...] = ()
    rumours: tuple[Rumour, ...] = ()  # for whoever is home of the queue, here or on another node
    touched: bool = False  # records were put or deleted: other nodes are to look which
    seen: int = 0  # how far the store had come when tasks were read here that this node may push now


Asked = Ask | AskEach | SeekEach
Asking = Generator[Asked, Rows, T]  # a part of an operation
Operation = Asking[Done[T]]
Begin = Callable[[], Operation[T]]  # begins an operation, possibly again


def weight(row: Row) -> int:
    """What a row counts against `Ask.max_bytes`."""
    return _ROW_WEIGHT + sum(len(value) for value in row if isinstance(value, bytes))
