"""Several nodes on one machine behind one port: a parent that takes the ports, starts the nodes and replaces the dead.

Where the system spreads connections over sockets of one port (Linux), each node has sockets of its own; elsewhere they
share. The parent has them, too: who waits in the line of a node that died is served by the next one. The first node is
alone until it is ready, so that the schema and the keys are made once and a refusal is said once. What a node does is
unknown here.
"""

from __future__ import annotations

import logging
import os
import selectors
import signal
import socket
import sys
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from kumotasks.domain.clock import SECOND, SystemClock
from kumotasks.server.addresses import Addresses
from kumotasks.settings import Settings

_STOPS = (signal.SIGTERM, signal.SIGINT)
_FIRST_PAUSE, _LONGEST_PAUSE = SECOND // 2, 8 * SECOND  # before a node that was never ready is tried again
_READY = b"."
_BALANCED = sys.platform == "linux"
logger = logging.getLogger("kumotasks.server")


@dataclass(slots=True)
class _Place:
    """Where one node lives, and its next one. `said` is the end of a pipe that tells when it is ready, and its end."""

    addresses: Addresses
    pid: int = 0
    said: int = -1
    ready: bool = False
    pause: int = 0
    due: int | None = None  # when the next one is to be started, by the clock's `boot`


Announce = Callable[[Addresses], None]


class Processes:
    """`announce` is called once all are ready for the first time. `live` is the life of a node, in its process, up to
    the exit code: on which addresses, whom it tells that it is ready, a pipe whose other end is open while its parent
    lives."""

    def __init__(self, settings: Settings, announce: Announce, live: Callable[[Addresses, Announce, int], int]) -> None:
        self._settings = settings
        self._announce = announce
        self._live = live
        self._clock = SystemClock()
        self._places: list[_Place] = []
        self._selector = selectors.DefaultSelector()
        self._heard = socket.socket()
        self._life = (-1, -1)
        self._announced = False
        self._stopping = False
        self._code = 0

    def run(self) -> int:
        """Until all have ended: the exit code. OSError where a port is taken."""
        import kumotasks.server.node  # noqa: F401 - once, for all of them

        self._places = [_Place(addresses) for addresses in _taken(self._settings)]
        self._life = os.pipe()
        self._heard = _signals()
        self._selector.register(self._heard, selectors.EVENT_READ)
        self._start(self._places[0])
        while not self._stopping or any(place.pid for place in self._places):
            for key, _ in self._selector.select(self._patience()):
                if isinstance(key.data, _Place):
                    self._hear(key.data)
                else:
                    self._stop(len(self._heard.recv(64)))
            self._start_due()
        return self._code

    def _patience(self) -> float | None:
        dues = [place.due for place in self._places if place.due is not None]
        return max(0, min(dues) - self._clock.boot()) / SECOND if dues else None

    def _start_due(self) -> None:
        for place in self._places:
            if place.due is not None and place.due <= self._clock.boot():
                self._start(place)

    # one node

    def _start(self, place: _Place) -> None:
        said, saying = os.pipe()
        place.due, place.ready = None, False
        sys.stdout.flush()
        sys.stderr.flush()
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _STOPS)
        place.pid = os.fork()
        if place.pid == 0:
            _become(lambda: self._be_born(place.addresses, saying, before))
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        os.close(saying)
        place.said = said
        self._selector.register(said, selectors.EVENT_READ, place)

    def _be_born(self, addresses: Addresses, saying: int, mask: Iterable[int]) -> int:
        """In the new process: let go of what is the parent's and the others', and be a node."""
        signal.set_wakeup_fd(-1)
        for number in _STOPS:
            signal.signal(number, signal.SIG_DFL)
        os.setpgid(0, 0)  # a terminal interrupts the parent alone, who passes it on
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        self._selector.close()
        self._heard.close()
        os.close(self._life[1])
        for place in self._places:
            if place.said >= 0:
                os.close(place.said)
            if place.addresses is not addresses:
                _let_go(place.addresses)

        def ready(_: Addresses) -> None:
            os.write(saying, _READY)

        return self._live(addresses, ready, self._life[0])

    def _hear(self, place: _Place) -> None:
        if os.read(place.said, 1) == _READY:
            place.ready, place.pause = True, 0
            self._one_more_is_ready(place)
            return
        self._selector.unregister(place.said)
        os.close(place.said)
        _, status = os.waitpid(place.pid, 0)
        place.pid, place.said = 0, -1
        self._replace(place, os.waitstatus_to_exitcode(status))

    def _one_more_is_ready(self, place: _Place) -> None:
        if self._announced or self._stopping:
            return
        if place is self._places[0]:
            for other in self._places[1:]:
                if not other.pid and other.due is None:
                    self._start(other)
        if all(each.ready for each in self._places):
            self._announced = True
            self._announce(place.addresses)

    def _replace(self, place: _Place, code: int) -> None:
        if self._stopping:
            self._code = max(self._code, code)  # below 0: it was told so before it could listen to that
            return
        if not self._announced and not any(each.ready for each in self._places):
            self._code = max(1, code)
            self._stop(1)
            return
        if not place.ready:
            place.pause = min(_LONGEST_PAUSE, place.pause * 2 or _FIRST_PAUSE)
        place.due, place.ready = self._clock.boot() + place.pause, False
        logger.warning("a node ended; another one takes its place", extra={"code": code, "after": place.pause / SECOND})

    # all of them

    def _stop(self, times: int) -> None:
        """Pass it on. Said again, they wait for nothing any longer."""
        if not self._stopping:
            self._stopping = True
            for place in self._places:
                _let_go(place.addresses)
                place.due = None
        for place in self._places:
            for _ in range(times if place.pid else 0):
                os.kill(place.pid, signal.SIGTERM)


def _taken(settings: Settings) -> list[Addresses]:
    """Addresses for each node, their ports taken; first by nobody else."""
    only = Addresses(settings)
    for port in only.ports:
        port.bind()
    if not _BALANCED:
        return [only] * settings.processes
    numbers = dict(zip(("port", "tls_port", "proxy_port"), (port.number for port in only.ports), strict=False))
    settings = replace(settings, **numbers)  # type: ignore[arg-type]
    _let_go(only)
    each_of_them = [Addresses(settings, shared=True) for _ in range(settings.processes)]
    for addresses in each_of_them:
        for port in addresses.ports:
            port.bind()
    return each_of_them


def _let_go(addresses: Addresses) -> None:
    for port in addresses.ports:
        port.close()


def _signals() -> socket.socket:
    """Has a byte for each signal to stop."""
    heard, told = socket.socketpair()
    heard.setblocking(False)
    told.setblocking(False)
    signal.set_wakeup_fd(told.detach())
    for number in _STOPS:
        signal.signal(number, lambda _number, _frame: None)
    return heard


def _become(live: Callable[[], int]) -> None:
    """Be nothing else than that until the end of the process."""
    code = 1
    try:
        code = live()
    except BaseException:  # noqa: BLE001 - nothing of the parent's may run on in here
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
