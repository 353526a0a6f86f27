"""The connections of this process: those that lie idle, and room for more.

An idle connection is taken last in, first out, so that what is not needed grows old and is closed. The number of open
sockets is bounded, connecting ones included; beyond it a send waits in line, and the next socket that is freed is its
own: handed over as it is if it leads to the right place, closed to make room if not. It must never know how a
connection is made. Idle time is the sockets' own hygiene, so it is the event loop's time and not the clock's.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass

from kumotasks.dispatch.connection import Connection

SWEEPS_PER_IDLE_TIME = 4


@dataclass(frozen=True, slots=True)
class SenderLimits:
    """Open sockets in all, idle ones of one origin, and the seconds after which an idle one is closed."""

    max_connections: int = 4096
    max_idle_per_origin: int = 1024
    idle_seconds: float = 60.0


class Pool:
    """Owns every open connection. Room is counted from `admit` until the connection is lost, or until `leave`."""

    def __init__(self, limits: SenderLimits) -> None:
        self._limits = limits
        self._idle: dict[str, list[Connection]] = {}
        self._adopted: set[Connection] = set()
        self._taken = 0
        self._line: deque[tuple[str, asyncio.Future[Connection | None]]] = deque()
        self._sweeper: asyncio.TimerHandle | None = None
        self._sweeps = 0
        self._emptied = asyncio.Event()

    @property
    def connections_open(self) -> int:
        return self._taken

    @property
    def connections_idle(self) -> int:
        return sum(map(len, self._idle.values()))

    def take(self, key: str) -> Connection | None:
        """An idle connection, the one used last; None if there is none."""
        idle = self._idle.get(key)
        while idle:
            connection = idle.pop()
            if connection.usable():
                return connection
        return None

    async def admit(self, key: str) -> Connection | None:
        """Wait for room. None: there is room for a new connection, and it is the caller's until `adopt` or `leave`."""
        if self._taken < self._limits.max_connections:
            self._taken += 1
            return None
        turn: asyncio.Future[Connection | None] = asyncio.get_running_loop().create_future()
        self._line.append((key, turn))
        self._evict()
        try:
            return await turn
        except asyncio.CancelledError:
            self._give_back(turn)
            raise

    def adopt(self, connection: Connection) -> bool:
        """Take over a connection that was made in the caller's room; False if it is lost already."""
        if not connection.usable():
            self.leave()
            return False
        self._adopted.add(connection)
        return True

    def leave(self) -> None:
        """Give room back: to the first in line, or to whoever comes."""
        while self._line:
            turn = self._line.popleft()[1]
            if not turn.done():
                turn.set_result(None)
                return
        self._taken -= 1
        if not self._taken:
            self._emptied.set()

    def release(self, connection: Connection) -> None:
        if self._line and self._pass_on(connection):
            return
        idle = self._idle.get(connection.key)
        if idle is None:
            idle = self._idle[connection.key] = []
        if len(idle) >= self._limits.max_idle_per_origin:
            connection.abort()
            return
        connection.idle_since = self._sweeps
        idle.append(connection)
        if self._sweeper is None:
            self._plan_sweep()

    def forget(self, connection: Connection) -> None:
        if connection not in self._adopted:
            return
        self._adopted.remove(connection)
        idle = self._idle.get(connection.key, [])
        if connection in idle:
            idle.remove(connection)
        self.leave()

    async def close(self) -> None:
        """Close every connection and wait until their sockets are free; twice is fine."""
        if self._sweeper is not None:
            self._sweeper.cancel()
            self._sweeper = None
        self._idle.clear()
        for connection in tuple(self._adopted):
            connection.abort()
        while self._taken:
            self._emptied.clear()
            await self._emptied.wait()

    def _pass_on(self, connection: Connection) -> bool:
        """To the first in line if it leads there; else it is closed, and its room is the first one's."""
        while self._line and self._line[0][1].done():
            self._line.popleft()
        if not self._line:
            return False
        key, turn = self._line[0]
        if key == connection.key:
            self._line.popleft()
            turn.set_result(connection)
        else:
            connection.abort()
        return True

    def _give_back(self, turn: asyncio.Future[Connection | None]) -> None:
        """A wait was cancelled: what it may have been given in that moment goes to the next."""
        if turn.cancelled():
            return
        connection = turn.result()
        if connection is None:
            self.leave()
        elif connection.usable():
            self.release(connection)

    def _evict(self) -> None:
        """Close one idle connection, the oldest of its place: someone waits for its room."""
        for idle in self._idle.values():
            if idle:
                idle.pop(0).abort()
                return

    def _plan_sweep(self) -> None:
        pause = self._limits.idle_seconds / SWEEPS_PER_IDLE_TIME
        self._sweeper = asyncio.get_running_loop().call_later(pause, self._sweep)

    def _sweep(self) -> None:
        """Close what has been idle for the whole time. In each place the oldest stand first."""
        self._sweeper = None
        self._sweeps += 1
        too_old = self._sweeps - SWEEPS_PER_IDLE_TIME
        for key, idle in tuple(self._idle.items()):
            while idle and idle[0].idle_since < too_old:
                idle.pop(0).abort()
            if not idle:
                del self._idle[key]
        if self._idle:
            self._plan_sweep()
