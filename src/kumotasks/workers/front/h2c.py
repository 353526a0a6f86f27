"""A request through to an instance that speaks HTTP/2 without TLS, and its answer back, trailers and all (gRPC).

Few connections an instance, many exchanges on each. It knows nothing of who may come in, of slots or of time.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from functools import partial

from kumotasks.workers.front.asgi import TRAILERS, Header, Receive, extensions_of
from kumotasks.workers.front.bundle import Bundle
from kumotasks.workers.front.connection import InstanceLost, Unreached
from kumotasks.workers.front.forwarding import added, returned
from kumotasks.workers.front.passage import REPEATABLE, ClientLeft, both_ways, received
from kumotasks.workers.front.strand import Strand
from kumotasks.workers.front.upstream import CONNECT_SECONDS, Place
from kumotasks.workers.front.visit import Visit
from kumotasks.workers.instances.running import Slot

_WITH_TRAILERS = (b"te", b"trailers")  # gRPC's servers insist on it
Opening = asyncio.Task[tuple[bytes, bool]]  # the first piece of a request's body, and whether more follow


class H2c:
    """Carries requests to instances, as Passage does."""

    def __init__(self) -> None:
        self._bundles: defaultdict[Place, list[Bundle]] = defaultdict(list)
        self._dialing: dict[Place, asyncio.Task[None]] = {}

    @property
    def connections(self) -> int:
        return sum(len(bundles) for bundles in self._bundles.values())

    def close(self) -> None:
        """Close every connection, whatever it carries."""
        for dialing in self._dialing.values():
            dialing.cancel()
        for bundle in [each for bundles in self._bundles.values() for each in bundles]:
            bundle.abort()

    async def carry(self, visit: Visit, slot: Slot, receive: Receive) -> None:
        """All of one request and its answer. Raises ClientLeft; InstanceLost, or Unreached, after which it may be
        carried to another instance."""
        # A client that streams may wait for the answer's beginning before it says anything.
        opening = asyncio.create_task(_opened(visit, receive))
        try:
            await asyncio.sleep(0)
            bundle = await self._bundle((slot.host, slot.port))
            await _exchange(visit, bundle, opening, receive)
        finally:
            if not opening.cancel() and not opening.cancelled():
                opening.exception()  # it has been heard

    async def _bundle(self, place: Place) -> Bundle:
        """A connection that takes a request now. Raises Unreached."""
        while True:
            for bundle in self._bundles.get(place, ()):
                if bundle.usable:
                    return bundle
            dialing = self._dialing.get(place) or self._dial_soon(place)
            try:
                await asyncio.shield(dialing)
            except OSError as error:  # TimeoutError is one
                raise Unreached(f"no connection: {error}") from error

    def _dial_soon(self, place: Place) -> asyncio.Task[None]:
        """All requests that come meanwhile wait for the same connection."""
        dialing = self._dialing[place] = asyncio.create_task(self._dial(place))
        dialing.add_done_callback(partial(self._dialed, place))
        return dialing

    def _dialed(self, place: Place, dialing: asyncio.Task[None]) -> None:
        del self._dialing[place]
        if not dialing.cancelled():
            dialing.exception()  # whoever waited hears it; nobody has to

    async def _dial(self, place: Place) -> None:
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(CONNECT_SECONDS):
            _, bundle = await loop.create_connection(lambda: Bundle(partial(self._forget, place)), *place)
        if not bundle.usable:
            raise ConnectionResetError("it was closed at once")
        self._bundles[place].append(bundle)

    def _forget(self, place: Place, bundle: Bundle) -> None:
        bundles = self._bundles.get(place, [])
        if bundle in bundles:
            bundles.remove(bundle)
        if not bundles:
            self._bundles.pop(place, None)


async def _opened(visit: Visit, receive: Receive) -> tuple[bytes, bool]:
    if visit.begun is None:
        visit.begun = await received(visit, receive)
    return visit.begun


async def _exchange(visit: Visit, bundle: Bundle, opening: Opening, receive: Receive) -> None:
    used, waiting = bundle.used, None if opening.done() else opening
    body, more = opening.result() if waiting is None else (b"", True)
    strand = bundle.ask(_head(visit), body, last=not more)
    try:
        back = _back(visit, strand)
        await (both_ways(back, _send_rest(visit, strand, waiting, receive)) if more else back)
    except InstanceLost as lost:
        # It was closed while it lay idle: a request that may be made twice is made again.
        harmless = lost.untouched and used and visit.method in REPEATABLE
        if not more and (strand.refused or harmless):
            raise Unreached(str(lost)) from lost
        raise
    finally:
        bundle.leave(strand)


async def _back(visit: Visit, strand: Strand) -> None:
    """The answer, as it comes."""
    status = await strand.answer()
    trailing = TRAILERS in extensions_of(visit.scope) and not (strand.ended and not strand.trailers)
    await visit.begin(status, returned(status, strand.headers), trailers=trailing)
    more = True
    while more:
        body, more = await strand.piece()
        await visit.say(body, more=more)
    if trailing:
        await visit.end_with(strand.trailers)


async def _send_rest(visit: Visit, strand: Strand, waiting: Opening | None, receive: Receive) -> None:
    """The rest of a body, no faster than the instance takes it; `waiting` is its first piece if that is to come."""
    more = True
    try:
        while more:
            await strand.room()
            body, more = await (waiting or received(visit, receive))
            waiting = None
            strand.send(body, last=not more)
    except ClientLeft:
        strand.on_end("the client left", refused=False)
        raise


def _head(visit: Visit) -> list[Header]:
    """The request's head: what HTTP/1.1 says in its first line and in Host are fields of their own."""
    fields = visit.fields
    (_, host), *own = added(fields, peer=visit.peer, scheme=visit.scheme, trace=visit.trace, unsigned=visit.unsigned)
    told = fields.noted.get(b"content-length")
    return [
        (b":method", visit.method.encode()),
        (b":scheme", visit.scheme.encode()),
        (b":authority", host),
        (b":path", visit.target),
        _WITH_TRAILERS,
        *([] if told is None else [(b"content-length", told)]),
        *own,
        *fields.others,
    ]
