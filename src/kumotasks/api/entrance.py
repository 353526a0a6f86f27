"""How the calls of one HTTP/2 connection come to the application: by ASGI, or through its door.

A door takes a call that came whole without a scope and without events, which is most of what a unary call costs here.
What it does not take goes the way of ASGI. This file knows neither frames nor what a call means.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, TypeAlias

from kumotasks.api.exchange import Answer
from kumotasks.api.head import Head, scope_of
from kumotasks.api.streams import App, Scope, Stream

# A request's head, its whole body, the client's address, and where the answer goes; None: it goes the way of ASGI.
Door: TypeAlias = Callable[[Head, bytes, str, Answer], Coroutine[Any, Any, None] | None]


def door_of(app: App) -> Door | None:
    """The door of an application that has one, as its `door`."""
    door: Door | None = getattr(app, "door", None)
    return door


class Entrance:
    """The way to `app`; `base` is what the scopes of all calls share."""

    __slots__ = ("_app", "_base", "_door", "_peer")

    def __init__(self, app: App, base: Scope) -> None:
        self._app = app
        self._base = base
        self._door = door_of(app)
        client = base["client"]
        self._peer: str = client[0] if client else ""

    def call(self, stream: Stream) -> Coroutine[Any, Any, None]:
        """What answers the stream."""
        head, body = stream.head, stream.whole
        if body is not None and stream.grpc and self._door is not None:
            taken = self._door(head, body, self._peer, stream.answer)
            if taken is not None:
                return taken
        return self._app(scope_of(self._base, head, body), stream.receive, stream.send)  # type: ignore[return-value]
