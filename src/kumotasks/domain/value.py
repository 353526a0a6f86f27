"""`@value`: a frozen, slotted dataclass that is cheap to make. For the values that every task costs several of.

A frozen dataclass sets its fields by name through `object.__setattr__`, which is most of what it costs; the initialiser
made here goes through the slots themselves and takes less than half as long. Everything else is the dataclass's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, dataclass, field, fields
from typing import TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def value(cls: type[T]) -> type[T]:
    """`@dataclass(frozen=True, slots=True)`, made quickly; defaults are allowed, factories are not."""
    made = dataclass(frozen=True, slots=True)(cls)
    made.__init__ = _initialiser(made)  # type: ignore[method-assign]
    return made


def _initialiser(made: type) -> Callable[..., None]:
    names = [each.name for each in fields(made)]
    defaults = [(each.name, each.default) for each in fields(made) if each.default is not MISSING]
    known: dict[str, object] = {f"set_{name}": getattr(made, name).__set__ for name in names}
    known |= {f"default_{name}": default for name, default in defaults}
    defaulted = dict(defaults)
    arguments = "".join(f", {name}=default_{name}" if name in defaulted else f", {name}" for name in names)
    lines = [f"def __init__(self{arguments}):", *(f"    set_{name}(self, {name})" for name in names)]
    exec("\n".join(lines), known)  # noqa: S102 - as dataclasses does it; the names are identifiers of this program
    initialiser: Callable[..., None] = known["__init__"]  # type: ignore[assignment]
    return initialiser
