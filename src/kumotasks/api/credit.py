"""Who may send more of a request's body: the memory that the calls of one HTTP/2 connection may hold.

A stream may be a window ahead of its application; that much is the engine's part. What the applications have taken is
held until their calls end. While more than `most` bytes are held, one stream at a time is favoured, so that a crowd of
large bodies is slow instead of stuck. It knows no frames and no windows: it only says whose turn it is.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from kumotasks.api.streams import Stream


class Credit:
    """`grant(stream)` lets the client send as much again as the application has read."""

    __slots__ = ("_favoured", "_grant", "_most", "_withheld", "held")

    def __init__(self, most: int, grant: Callable[[Stream], None]) -> None:
        self.held = 0  # bytes of unfinished calls, here or with their applications
        self._most = most
        self._grant = grant
        self._favoured: Stream | None = None
        self._withheld: deque[Stream] = deque()

    def ask(self, stream: Stream) -> None:
        """The application has read everything that came on the stream."""
        if self.held > self._most:
            if self._favoured not in (None, stream):
                self._withheld.append(stream)
                return
            self._favoured = stream
        self._grant(stream)

    def quit(self, stream: Stream) -> None:
        """The stream needs no more credit, and may hold less: the next one's turn."""
        if self._favoured is stream:
            self._favoured = None
        while self._withheld and (self.held <= self._most or self._favoured is None):
            waiting = self._withheld.popleft()
            if not (waiting.complete or waiting.answered or waiting.closed):
                self.ask(waiting)
