"""Where the proxy's tunnels go: to hosts that are not ours, judged on the very address that is connected to.

Link-local addresses and metadata services are never reached, whatever a name or a spelling makes of them; the policy is
the dispatcher's own. It knows neither HTTP nor who asks.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from kumotasks.api.connect import Asked, Refused
from kumotasks.dispatch.egress import Egress
from kumotasks.domain.attempt import Unreachable

CONNECT_SECONDS = 10.0  # for all of a host's addresses together
MOST_ADDRESSES = 4

Resolve = Callable[[str], Awaitable[tuple[str, ...] | Unreachable]]


class Outside:
    """Makes connections to other hosts; `resolve` gives a host's addresses (dispatch.resolver.Resolver.resolve)."""

    def __init__(self, resolve: Resolve, egress: Egress | None = None) -> None:
        self._resolve = resolve
        # Only programs on this machine are led outside: what is on it, they reach without us.
        self._egress = egress or Egress(loopback_allowed=True)

    async def connect(self, asked: Asked, protocol: asyncio.Protocol) -> asyncio.Transport | Refused:
        """A connection with `protocol`, or why there is none."""
        barred = self._egress.judge_name(asked.host)
        if barred is not None:
            return Refused(403, barred.reason)
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                return await self._connect(asked, protocol)
        except TimeoutError:
            return Refused(504, f"No connection to {asked.host} in {CONNECT_SECONDS:g} seconds.")

    async def _connect(self, asked: Asked, protocol: asyncio.Protocol) -> asyncio.Transport | Refused:
        found = await self._resolve(asked.host)
        if isinstance(found, Unreachable):
            return Refused(502, f"There is no way to {asked.host}: its name cannot be looked up.")
        refusal = Refused(502, f"There is no way to {asked.host}.")
        for address in found[:MOST_ADDRESSES]:
            barred = self._egress.judge(asked.host, address)
            if barred is not None:
                refusal = Refused(403, barred.reason)
                continue
            try:
                return await _dial(address, asked.port, protocol)
            except OSError as error:
                refusal = Refused(502, f"{asked.host} cannot be reached: {(error.strerror or 'no answer').lower()}.")
        return refusal


async def _dial(address: str, port: int, protocol: asyncio.Protocol) -> asyncio.Transport:
    transport, _ = await asyncio.get_running_loop().create_connection(lambda: protocol, address, port)
    return transport
