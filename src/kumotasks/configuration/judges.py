"""What other layers know and a declaration is judged by. They are handed in, so that reading a file needs no server."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from kumotasks.domain.queue import Queue

Described = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Judges:
    """`queue` makes a draft of a table as the REST API has queues, `condition` takes an expression: both raise
    InvalidArgument. `bindable` tells whether a policy may name a role, `roles` are those to suggest. `egress` takes a
    rule with its verb and raises ValueError."""

    queue: Callable[[Described], Queue]
    condition: Callable[[str], None]
    bindable: Callable[[str], bool]
    roles: Collection[str]
    egress: Callable[[str], object]
