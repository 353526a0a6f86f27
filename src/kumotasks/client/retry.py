"""How often, and how patiently, one task is tried to be created. Nothing of how a queue retries its tasks: that is the
queue's own configuration."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Retry:
    """At most `attempts`, each answered within `timeout` seconds; between them a pause that starts at `first` seconds
    and doubles up to `most`, of which chance takes up to a half. `connect` is how long a connection may take."""

    attempts: int = 4
    first: float = 0.2
    most: float = 2.0
    timeout: float = 5.0
    connect: float = 2.0

    def __post_init__(self) -> None:
        if self.attempts < 1 or min(self.first, self.most) < 0 or min(self.timeout, self.connect) <= 0:
            raise ValueError(f"{self} would never try")

    def pauses(self) -> Iterator[float]:
        """Seconds before the second attempt, the third, and so on."""
        for failed in range(self.attempts - 1):
            whole = min(self.first * 2.0**failed, self.most)
            yield random.uniform(whole / 2, whole)  # noqa: S311  # callers shall not come back together; no secret
