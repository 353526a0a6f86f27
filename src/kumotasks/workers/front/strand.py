"""One exchange among the many of an HTTP/2 connection to an instance: what came of its answer, what may be sent of its
request.

It knows no frames and no sockets; bundle.py, which has them, tells it what came.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

from kumotasks.workers.front.asgi import Header
from kumotasks.workers.front.connection import InstanceLost

_STATUS = b":status"


class Wire(Protocol):
    """Where a strand speaks (bundle.py)."""

    def send(self, strand: Strand, data: bytes, *, last: bool) -> None: ...
    def taken(self, strand: Strand, amount: int) -> None:
        """`amount` bytes of the answer are held no longer: as many more may come."""

    def crowded(self, strand: Strand) -> bool:
        """The instance is slow; the strand is woken when there is room."""


class Strand:
    """`headers` and `trailers` are those of the answer, names in lower case."""

    __slots__ = (
        "_chunks",
        "_failure",
        "_reader",
        "_room",
        "_untouched",
        "_wire",
        "ended",
        "headers",
        "held",
        "id",
        "open",
        "refused",
        "sent",
        "status",
        "trailers",
    )

    def __init__(self, number: int, wire: Wire) -> None:
        self.id = number
        self.status = 0
        self.headers: list[Header] = []
        self.trailers: list[Header] = []
        self.ended = False  # the answer has ended
        self.sent = False  # the request has
        self.open = True  # the connection knows it
        self.refused = False  # the instance says that it did nothing about it
        self.held = 0  # bytes of the answer that nobody has taken
        self._wire = wire
        self._chunks: list[bytes] = []
        self._failure = ""
        self._untouched = True
        self._reader: asyncio.Future[None] | None = None
        self._room: asyncio.Future[None] | None = None

    def send(self, data: bytes, *, last: bool) -> None:
        """A piece of the request's body."""
        if self.open and not self.sent:
            self.sent = last
            self._wire.send(self, data, last=last)

    async def room(self) -> None:
        """Wait until the instance has taken enough of what was sent."""
        while self.open and self._wire.crowded(self):
            self._room = asyncio.get_running_loop().create_future()
            await self._room

    async def answer(self) -> int:
        """The status of the answer, whose `headers` are here then. Raises InstanceLost."""
        while not self.status:
            await self._more()
        return self.status

    async def piece(self) -> tuple[bytes, bool]:
        """The next bytes of the answer's body, and whether more follow. Raises InstanceLost."""
        while not self._chunks and not self.ended:
            await self._more()
        chunks = self._chunks
        body = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        self._chunks = []
        self.forget()
        return body, not self.ended

    def forget(self) -> None:
        """What came is somebody else's, or nobody's."""
        held, self.held = self.held, 0
        if held:
            self._wire.taken(self, held)

    # told by the connection

    def on_head(self, headers: tuple[Header, ...], *, last: bool) -> None:
        """The answer's head: `:status` and the fields."""
        self.headers = [field for field in headers if field[0] != _STATUS]
        self.status = int(dict(headers)[_STATUS])
        self._came(last=last)

    def on_data(self, data: bytes, *, last: bool) -> None:
        self.held += len(data)
        if data:
            self._chunks.append(data)
        self._came(last=last)

    def on_trailers(self, headers: tuple[Header, ...]) -> None:
        self.trailers = list(headers)
        self._came(last=True)

    def on_end(self, failure: str, *, refused: bool) -> None:
        """Nothing more can be said or heard; `failure` unless the answer has ended."""
        self.open = False
        self.refused = refused
        self._failure = failure
        self.wake()

    def wake(self) -> None:
        for waiter in (self._reader, self._room):
            if waiter is not None and not waiter.done():
                waiter.set_result(None)

    def _came(self, *, last: bool) -> None:
        self._untouched = False
        self.ended = last
        self.wake()

    async def _more(self) -> None:
        if not self.open:
            raise InstanceLost(self._failure, untouched=self._untouched)
        self._reader = asyncio.get_running_loop().create_future()
        await self._reader
