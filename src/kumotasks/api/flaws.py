"""What can be wrong with a JSON payload, in Google's words.

A reader of one value knows neither where the value stands nor under which key it came. So it raises a flaw without a
place, and each level above adds its own name on the way out: nothing is paid for while the payload is good. It knows
nothing of messages, HTTP or status codes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

from kumotasks.domain.errors import InvalidArgument, Violation

if TYPE_CHECKING:
    from collections.abc import Iterable

SHOWN = 200  # characters of an offending value that are repeated to the caller
TOLD = 100  # violations told in one answer
PAYLOAD = "Invalid JSON payload received."
NOT_REPEATED = "Proto field is not repeating, cannot start list."
OBJECT_FOR_SCALAR = "Starting an object on a scalar field"


@dataclass(frozen=True, slots=True)
class UnknownName:
    """A key that has no business in its object. `name` is None until the level that knows the key has seen it."""

    name: str | None
    reason: str
    path: str = ""

    def under(self, segment: str, key: str | None) -> UnknownName:
        if self.name is None:
            return self if key is None else replace(self, name=key)
        return replace(self, path=joined(segment, self.path))

    def violation(self) -> Violation:
        place = f" at '{self.path}'" if self.path else ""
        return Violation(self.path, f'{PAYLOAD} Unknown name "{clipped(self.name or "")}"{place}: {self.reason}')


@dataclass(frozen=True, slots=True)
class InvalidValue:
    """A value that its field cannot hold. `of_field`: the sentence begins with the key, once that is known."""

    type_name: str
    what: str
    path: str = ""
    of_field: bool = False

    def under(self, segment: str, key: str | None) -> InvalidValue:
        path = joined(segment, self.path)
        if self.of_field and key is not None:
            return replace(self, path=path, what=f"Field '{key}', {self.what}", of_field=False)
        return replace(self, path=path)

    def violation(self) -> Violation:
        return Violation(self.path, f"Invalid value at '{self.path}' ({self.type_name}), {self.what}")


Flaw: TypeAlias = UnknownName | InvalidValue


class Flawed(Exception):
    """A value could not be read; never leaves this package."""

    def __init__(self, *flaws: Flaw) -> None:
        super().__init__(flaws)
        self.flaws = flaws

    def under(self, segment: str, key: str | None = None) -> Iterable[Flaw]:
        return [flaw.under(segment, key) for flaw in self.flaws]


def joined(segment: str, path: str) -> str:
    """A path with one more segment in front; an index ("[3]") is glued on without a dot."""
    if not path:
        return segment
    return f"{segment}{path}" if path.startswith("[") else f"{segment}.{path}"


def clipped(text: str) -> str:
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."


def shown(value: object) -> str:
    """A JSON scalar as it looked in the payload."""
    match value:
        case str():
            return f'"{clipped(value)}"'
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case _:
            return clipped(str(value))


def mismatch(type_name: str, value: object) -> Flawed:
    """The flaw of a value of the wrong kind."""
    match value:
        case list():
            return Flawed(UnknownName(None, NOT_REPEATED))
        case dict():
            return Flawed(InvalidValue(type_name, OBJECT_FOR_SCALAR))
        case _:
            return Flawed(InvalidValue(type_name, shown(value)))


def refusal(flaws: Iterable[Flaw]) -> InvalidArgument:
    """The error that tells all flaws, one a line, as Google does."""
    violations = tuple(flaw.violation() for flaw in list(flaws)[:TOLD])
    return InvalidArgument("\n".join(each.description for each in violations), violations=violations)
