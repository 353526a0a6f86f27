"""A filter as a value: the tree that its text means. How it is written, and how it is judged, is elsewhere."""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network

from kumotasks.logs.automaton import Automaton
from kumotasks.logs.document import Path
from kumotasks.logs.values import Literal, Operator
from kumotasks.logs.words import Query


@dataclass(frozen=True, slots=True)
class And:
    """All of these hold; of none, anything does."""

    parts: tuple[Expression, ...] = ()


@dataclass(frozen=True, slots=True)
class Or:
    """At least one of these holds."""

    parts: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """This does not hold."""

    part: Expression


@dataclass(frozen=True, slots=True)
class Anywhere:
    """Some value of the document has this in it (a bare word or string)."""

    wanted: Literal


@dataclass(frozen=True, slots=True)
class Present:
    """The field is there (`field:*`)."""

    path: Path


@dataclass(frozen=True, slots=True)
class Comparison:
    """The field, or a member of it, compares so with the value."""

    path: Path
    how: Operator
    wanted: Literal


@dataclass(frozen=True, slots=True)
class Likeness:
    """The field is a text in which the pattern occurs; `wanted` False: in which it does not."""

    path: Path
    pattern: str
    wanted: bool
    automaton: Automaton = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class InLog:
    """The entry belongs to the log of this id (`log_id`)."""

    log: str


@dataclass(frozen=True, slots=True)
class FromResource:
    """The entry comes from this project, folder, organization or billing account (`source`)."""

    resource: str


@dataclass(frozen=True, slots=True)
class Sampled:
    """The field's value is among this fraction of all values (`sample`)."""

    path: Path
    fraction: float


@dataclass(frozen=True, slots=True)
class InNet:
    """The field is an address, or a range, within this one (`ip_in_net`)."""

    path: Path
    net: IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class Searched:
    """The words are in the field, or with `path` None anywhere (`SEARCH`)."""

    path: Path | None
    query: Query


Expression = (
    And | Or | Not | Anywhere | Present | Comparison | Likeness | InLog | FromResource | Sampled | InNet | Searched
)
