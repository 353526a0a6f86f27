"""From a host name to addresses: cached, one look-up a host at a time, bounded in number and in time.

getaddrinfo blocks, sometimes for half a minute, so it runs in threads: a few at once, the rest in line. They are
daemons of our own, because an executor's threads would hold up the end of the program. A host in the cache never
waits for one that is not. It judges nothing: which address may be used is the egress policy's to say.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from kumotasks.domain.attempt import Unreachable
from kumotasks.domain.clock import SECOND, Clock

Addresses = tuple[str, ...]
Found = Addresses | Unreachable

LOOPBACK: Addresses = ("127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class ResolverLimits:
    """How long an answer is kept (microseconds), how many hosts, look-ups and threads, and how long one may take."""

    keep: int = 30 * SECOND
    keep_failure: int = 1 * SECOND
    hosts: int = 4096
    pending: int = 1024
    threads: int = 16
    seconds: float = 10.0


def look_up(host: str) -> Found:
    """Ask the system, blocking."""
    try:
        return _addresses(host, 0)
    except OSError as error:
        return Unreachable(f"the name {host} cannot be looked up: {(error.strerror or 'no answer').lower()}")


def literal(host: str) -> Addresses:
    """The address that `host` spells, in any spelling the system takes (`127.1`, `0x7f000001`, `::1`); never blocks."""
    try:
        return _addresses(host, socket.AI_NUMERICHOST)
    except OSError:
        return ()


def local(host: str) -> bool:
    """Whether `host` is localhost or below it (RFC 6761): loopback without asking anyone."""
    name = host.rstrip(".")
    return name == "localhost" or name.endswith(".localhost")


def _addresses(host: str, flags: int) -> Addresses:
    entries = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=flags)
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in entries))


class Resolver:
    """Looks names up; `look_up` is the blocking question, replaced in tests."""

    def __init__(
        self, *, clock: Clock, limits: ResolverLimits | None = None, look_up: Callable[[str], Found] = look_up
    ) -> None:
        self._clock = clock
        self._limits = limits or ResolverLimits()
        self._look_up = look_up
        self._cache: dict[str, tuple[int, Found]] = {}
        self._pending: dict[str, asyncio.Future[Found]] = {}
        self._line: deque[tuple[str, asyncio.Future[Found]]] = deque()
        self._threads = 0

    async def resolve(self, host: str) -> Found:
        """The addresses of `host` in the order to try them, or why there are none."""
        kept = self._cache.get(host)
        if kept is not None and kept[0] > self._clock.now():
            return kept[1]
        at_once = LOOPBACK if local(host) else literal(host)
        if at_once:
            return at_once
        pending = self._pending.get(host)
        if pending is None:
            if len(self._pending) >= self._limits.pending:
                return Unreachable(f"the name {host} cannot be looked up: too many look-ups are waiting")
            pending = self._ask(host)
        return await asyncio.shield(pending)

    def _ask(self, host: str) -> asyncio.Future[Found]:
        loop = asyncio.get_running_loop()
        self._pending[host] = answer = loop.create_future()
        overdue = Unreachable(f"the name {host} cannot be looked up: no answer in {self._limits.seconds:g} seconds")
        bound = loop.call_later(self._limits.seconds, self._conclude, host, answer, overdue)
        answer.add_done_callback(lambda _: bound.cancel())
        self._line.append((host, answer))
        self._run_next()
        return answer

    def _run_next(self) -> None:
        while self._line and self._threads < self._limits.threads:
            host, answer = self._line.popleft()
            if not answer.done():
                self._start(host, answer)

    def _start(self, host: str, answer: asyncio.Future[Found]) -> None:
        thread = threading.Thread(target=self._in_thread, args=(host, answer), name=f"look-up of {host}", daemon=True)
        try:
            thread.start()
        except RuntimeError:
            self._conclude(host, answer, Unreachable(f"the name {host} cannot be looked up: no thread can be started"))
        else:
            self._threads += 1

    def _in_thread(self, host: str, answer: asyncio.Future[Found]) -> None:
        found = self._look_up(host)
        try:
            answer.get_loop().call_soon_threadsafe(self._back, host, answer, found)
        except RuntimeError:  # the loop was closed meanwhile: no one waits
            pass

    def _back(self, host: str, answer: asyncio.Future[Found], found: Found) -> None:
        self._threads -= 1
        self._conclude(host, answer, found)
        self._run_next()

    def _conclude(self, host: str, answer: asyncio.Future[Found], found: Found) -> None:
        if answer.done():
            return
        if self._pending.get(host) is answer:
            del self._pending[host]
        self._keep(host, found)
        answer.set_result(found)

    def _keep(self, host: str, found: Found) -> None:
        age = self._limits.keep_failure if isinstance(found, Unreachable) else self._limits.keep
        self._cache.pop(host, None)
        while len(self._cache) >= self._limits.hosts:
            del self._cache[next(iter(self._cache))]
        self._cache[host] = (self._clock.now() + age, found)
