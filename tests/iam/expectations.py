"""matrix.toml, read: what each call needs, what each role holds, and so who must be refused what.

It must never look into the server: what it would find there is what is being tested.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

_FILE = tomllib.loads((Path(__file__).parent / "matrix.toml").read_text())
NO_ROLE = "no role"


@dataclass(frozen=True, slots=True)
class Need:
    """A permission on one of the kinds of resource that [reach] knows."""

    permission: str
    on: str


@dataclass(frozen=True, slots=True)
class Row:
    """A call, made in one way: `name` is the RPC, then perhaps ": " and how."""

    name: str
    needs: tuple[Need, ...]

    @property
    def rpc(self) -> str:
        return self.name.partition(":")[0]

    @property
    def slug(self) -> str:
        """Its name as part of an id: `CreateTask: OIDC token` -> createtask-oidc-token"""
        return self.name.lower().replace(":", "").replace(" ", "-")

    def needs_any(self, *kinds: str) -> bool:
        return any(need.on in kinds for need in self.needs)


@dataclass(frozen=True, slots=True)
class Grant:
    """A role, bound on a project, a queue or a signer."""

    role: str
    scope: str

    def gives(self, need: Need) -> bool:
        return need.permission in ROLES[self.role] and need.on in _FILE["reach"][self.scope]


def missing(row: Row, grants: Sequence[Grant]) -> Need | None:
    """The first need of a call that no grant gives; None if it has to be let through."""
    return next((need for need in row.needs if not any(grant.gives(need) for grant in grants)), None)


def _row(name: str, needs: Sequence[str]) -> Row:
    return Row(name, tuple(Need(*need.split(" on ")) for need in needs))


def _permissions(lines: Sequence[str]) -> Iterator[str]:
    """`cloudtasks.queues: get list` -> cloudtasks.queues.get, cloudtasks.queues.list"""
    for line in lines:
        noun, _, verbs = line.partition(": ")
        yield from (f"{noun}.{verb}" for verb in verbs.split())


ROWS = tuple(_row(name, needs) for name, needs in _FILE["calls"].items())
ROLES = {role: frozenset(_permissions(lines)) for role, lines in _FILE["roles"].items()}
