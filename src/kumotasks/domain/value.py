"""`@value` and `@entry`: slotted dataclasses that are cheap to make. For what every task costs several of.

A dataclass sets its fields from Python, one by one; here the same class is made as a struct of msgspec's, which sets
them in C and takes a sixth of the time. All else stays as dataclasses have it: `replace`, `fields`, `match`, equality,
hash. What is made rarely is a plain dataclass.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeVar, dataclass_transform

import msgspec

T = TypeVar("T")
# What a dataclass has and the struct brings better, or cannot have.
_LEFT_OUT = frozenset({"__dict__", "__weakref__", "__init__", "__eq__", "__hash__", "__match_args__"})


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def value(cls: type[T]) -> type[T]:
    """`@dataclass(frozen=True, slots=True)`, made quickly; defaults are allowed, factories are not."""
    made: type = msgspec.StructMeta(cls.__name__, (msgspec.Struct,), _namespace(cls), frozen=True)
    return made


@dataclass_transform(eq_default=False, field_specifiers=(field,))
def entry(cls: type[T]) -> type[T]:
    """`@dataclass(slots=True, eq=False)`, made quickly; defaults are allowed, factories are not."""
    made: type = msgspec.StructMeta(cls.__name__, (msgspec.Struct,), _namespace(cls), eq=False)
    return made


def _namespace(cls: type) -> dict[str, object]:
    return {name: each for name, each in vars(dataclass(cls)).items() if name not in _LEFT_OUT}
