"""A worker that speaks HTTP/2 by script: what it hears and says on each connection, through hyper-h2."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, Event, RequestReceived, StreamEnded
from h2.settings import SettingCodes, Settings

from tests.dispatch.scripted import Script, Visit

OK = [(":status", "200"), ("content-type", "text/plain")]


class Far:
    """One connection as the worker sees it. What is said leaves with the next `flush`, or the next look for events."""

    def __init__(self, visit: Visit, settings: dict[SettingCodes, int]) -> None:
        self.h2 = H2Connection(H2Configuration(client_side=False, header_encoding="utf-8"))
        self.visit = visit
        self._settings = settings

    async def events(self) -> AsyncIterator[Event]:
        self.h2.local_settings = Settings(client=False, initial_values=self._settings)
        self.h2.initiate_connection()
        while True:
            await self.flush()
            data = await self.visit._reader.read(65_536)
            if not data:
                return
            for event in self.h2.receive_data(data):
                yield event

    async def flush(self) -> None:
        if data := self.h2.data_to_send():
            await self.visit.send(data)

    def answer(self, stream: int, body: bytes = b"ok", trailers: list[tuple[str, str]] | None = None) -> None:
        self.h2.send_headers(stream, OK)
        self.h2.send_data(stream, body, end_stream=trailers is None)
        if trailers is not None:
            self.h2.send_headers(stream, trailers, end_stream=True)

    def take(self, event: DataReceived) -> None:
        """Let as much come again."""
        if event.flow_controlled_length:
            self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)


Handler = Callable[[Far, Event], Awaitable[None]]


def over_h2(handle: Handler, **settings: int) -> Script:
    """Each connection is heard by `handle`; `settings` are the worker's, by their name in HTTP/2."""
    known = {SettingCodes[name.upper()]: value for name, value in settings.items()}

    async def script(visit: Visit) -> None:
        far = Far(visit, known)
        async for event in far.events():
            await handle(far, event)

    return script


async def kindly(far: Far, event: Event) -> None:
    """Answer everything when its request has ended."""
    match event:
        case DataReceived():
            far.take(event)
        case StreamEnded(stream_id=int(stream)):
            far.answer(stream)
        case RequestReceived():
            pass
