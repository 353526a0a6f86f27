"""One table of calls for two surfaces that share a call: Google's services each have their own host, and here they have
one.

google.longrunning.Operations is such a surface: an operation belongs to whoever made it, and its name says whose it is.
It knows no surface by name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from google.protobuf.message import Message

from kumotasks.api.call import Caller, Route
from kumotasks.api.needs import needs_of
from kumotasks.domain.principal import Need

Row = TypeVar("Row")


def joined(routes: Sequence[Row], guests: Sequence[Route], is_guests: Callable[[str], bool]) -> tuple[Row | Route, ...]:
    """Both tables. A call of `guests` that is in `routes` too is theirs where `is_guests` says so of its `name`."""
    theirs = {guest.full_name: guest for guest in guests}

    def rows() -> Iterator[Row | Route]:
        for route in routes:
            guest = theirs.pop(route.full_name, None) if isinstance(route, Route) else None
            if guest is None:
                yield route
            else:
                assert isinstance(route, Route)
                yield _either(route, guest, is_guests)
        yield from theirs.values()

    return tuple(rows())


def _either(route: Route, guest: Route, is_guests: Callable[[str], bool]) -> Route:
    own_needs, guests_needs = needs_of(route), needs_of(guest)

    def needs(request: Any) -> tuple[Need, ...]:
        return (guests_needs if is_guests(request.name) else own_needs)(request)

    async def handle(request: Any, caller: Caller) -> Message:
        return await (guest.handle if is_guests(request.name) else route.handle)(request, caller)

    return replace(route, permission="", needs=needs, handle=handle)
