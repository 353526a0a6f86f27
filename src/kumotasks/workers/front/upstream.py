"""The way to instances: connections that are open, kept per instance while they are likely to be good.

A connection that lies idle may be closed by the worker at the very moment a request is on its way; so none is used that
has been idle for longer than workers commonly keep theirs. It knows nothing of services.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict

from kumotasks.workers.front.connection import Connection, Unreached

# gunicorn's threaded workers close after 2 s, Node's and uvicorn's servers after 5 s.
IDLE_SECONDS = 1.5
CONNECT_SECONDS = 5.0
Place = tuple[str, int]


class Upstream:
    """Connections by the address of their instance."""

    def __init__(self) -> None:
        self._idle: defaultdict[Place, list[Connection]] = defaultdict(list)
        self._open: set[Connection] = set()
        self._sweeper: asyncio.TimerHandle | None = None

    @property
    def connections(self) -> int:
        return len(self._open)

    async def connection(self, host: str, port: int, *, fresh: bool = False) -> Connection:
        """One that can carry a request now; `fresh`: a new one. Raises Unreached."""
        found = None if fresh else self._take((host, port))
        return found or await self._dial(host, port)

    def give_back(self, connection: Connection, host: str, port: int) -> None:
        """Its exchange has ended; it is kept if it can carry another."""
        if not (connection.ended and connection.keeps and connection.usable):
            connection.abort()
            return
        loop = asyncio.get_running_loop()
        connection.rest(loop.time())
        self._idle[host, port].append(connection)
        if self._sweeper is None:
            self._sweeper = loop.call_later(IDLE_SECONDS, self._sweep)

    def close(self) -> None:
        """Close every connection, whatever it carries."""
        if self._sweeper is not None:
            self._sweeper.cancel()
            self._sweeper = None
        self._idle.clear()
        for connection in list(self._open):
            connection.abort()

    def _take(self, place: Place) -> Connection | None:
        idle = self._idle.get(place)
        if not idle:
            return None
        oldest = asyncio.get_running_loop().time() - IDLE_SECONDS
        while idle:
            connection = idle.pop()
            if connection.usable and connection.idle_since > oldest and connection.quiet():
                return connection
            connection.abort()
        return None

    async def _dial(self, host: str, port: int) -> Connection:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                _, connection = await loop.create_connection(lambda: Connection(self._open.discard), host, port)
        except OSError as error:  # TimeoutError is one
            raise Unreached(f"no connection: {error}") from error
        if not connection.usable:
            raise Unreached("no connection: it was closed at once")
        self._open.add(connection)
        if not connection.quiet():
            connection.abort()
            raise Unreached("no connection: it was closed at once")
        return connection

    def _sweep(self) -> None:
        """Close what has been idle for too long, and look again if anything is left."""
        self._sweeper = None
        loop = asyncio.get_running_loop()
        oldest = loop.time() - IDLE_SECONDS
        for place, idle in list(self._idle.items()):
            for connection in [each for each in idle if each.idle_since <= oldest]:
                idle.remove(connection)
                connection.abort()
            if not idle:
                del self._idle[place]
        if self._idle:
            self._sweeper = loop.call_later(IDLE_SECONDS, self._sweep)
