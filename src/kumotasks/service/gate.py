"""The door every call comes through: it counts calls and lets nothing out but a result or a refusal in domain words."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import TypeVar

from kumotasks.domain.errors import InternalFault, KumoError

T = TypeVar("T")
logger = logging.getLogger("kumotasks.service")


class Gate:
    """`calls` counts (method, outcome), where an outcome is `OK` or the name of the refusal."""

    def __init__(self) -> None:
        self.calls: Counter[tuple[str, str]] = Counter()

    async def through(self, method: str, call: Callable[[], Awaitable[T]]) -> T:
        """Make `call`; anything unforeseen is logged here, once, and becomes an InternalFault."""
        try:
            result = await call()
        except KumoError as refusal:
            self.calls[method, type(refusal).__name__] += 1
            raise
        except Exception as fault:  # the one door: nothing unforeseen gets past it
            logger.exception("call failed inside the server", extra={"method": method})
            self.calls[method, InternalFault.__name__] += 1
            raise InternalFault from fault
        self.calls[method, "OK"] += 1
        return result
