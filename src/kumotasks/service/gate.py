"""The door every call comes through: it lets in who may, counts, and lets nothing out but a result or a refusal."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, TypeVar

from kumotasks.domain.errors import InternalFault, KumoError
from kumotasks.domain.principal import Need, Principal

T = TypeVar("T")
logger = logging.getLogger("kumotasks.service")


class Judge(Protocol):
    """Knows who may do what."""

    def known(self, principal: Principal, needs: Sequence[Need], /) -> bool:
        """True if all of it was granted a moment ago; False asks for `check`."""

    async def check(self, principal: Principal, needs: Sequence[Need], /) -> None:
        """PermissionDenied, or CredentialsMissing of somebody who did not say who he is."""


class Gate:
    """`calls` counts (method, outcome), where an outcome is `OK` or the name of the refusal. `judge` None lets
    everybody do everything."""

    def __init__(self, judge: Judge | None = None) -> None:
        self._judge = judge
        self.calls: Counter[tuple[str, str]] = Counter()

    async def through(
        self, method: str, principal: Principal, needs: Sequence[Need], call: Callable[[], Awaitable[T]]
    ) -> T:
        """Make `call`, if `principal` has what it `needs`; anything unforeseen is logged here, once, and becomes an
        InternalFault."""
        try:
            if self._judge is not None and needs and not self._judge.known(principal, needs):
                await self._judge.check(principal, needs)
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
