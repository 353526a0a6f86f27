"""The far end of the network gone bad: a relay of TCP between a client and a server that loses answers, not requests.

It knows of HTTP/2 only where a frame ends and which kind holds an answer.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from enum import Enum

_HEADERS = 1  # RFC 9113, 6.2
_FRAME_HEAD = 9


class Answers(Enum):
    """PASS them on; LOSE the next one with its connection; HOLD all from the next one on, and keep the connection."""

    PASS = "pass"
    LOSE = "lose"
    HOLD = "hold"


class Wire:
    """Listens at `address`, and passes everything on to `port` here. `lost` is called when an answer was made and
    will never arrive."""

    def __init__(self, port: int) -> None:
        self.answers = Answers.PASS
        self.lost: Callable[[], None] = lambda: None
        self._port = port
        self._open = set[socket.socket]()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self._threads = [threading.Thread(target=self._listen)]
        self._threads[0].start()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # or a thread in accept() would not notice
        self._listener.close()
        for each in list(self._open):
            _cut(each)
        for thread in self._threads:
            thread.join()
        for each in self._open:
            each.close()

    def _listen(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(("127.0.0.1", self._port))
            except OSError:
                near.close()
                continue
            self._open |= {near, far}
            for run in (lambda n=near, f=far: self._ask(n, f), lambda n=near, f=far: self._answer(n, f)):
                self._threads.append(threading.Thread(target=run))
                self._threads[-1].start()

    def _ask(self, near: socket.socket, far: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := near.recv(65_536):
                far.sendall(data)
        _cut(near, far)

    def _answer(self, near: socket.socket, far: socket.socket) -> None:
        with contextlib.suppress(OSError), far.makefile("rb") as stream:
            for kind, frame in _frames(stream.read):
                if kind != _HEADERS or self.answers is Answers.PASS:
                    near.sendall(frame)
                elif self.answers is Answers.LOSE:
                    self.answers = Answers.PASS
                    self.lost()
                    break
                else:
                    self.lost()
                    return
        _cut(near, far)


def _frames(read: Callable[[int], bytes]) -> Iterator[tuple[int, bytes]]:
    """Frames of HTTP/2 with their kinds."""
    while len(head := read(_FRAME_HEAD)) == _FRAME_HEAD:
        yield head[3], head + read(int.from_bytes(head[:3]))


def _cut(*sockets: socket.socket) -> None:
    for each in sockets:
        with contextlib.suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
