"""Whom a request is for: a private worker, by the host it names, or this server itself.

It stands in front of both applications and is on the way of every call, so it costs one look into a dictionary. It
knows neither.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from kumotasks.api.entrance import Door, door_of
from kumotasks.api.exchange import FIELDS, Answer, Receive, Scope, Send
from kumotasks.api.head import Head
from kumotasks.workers.front.asgi import host_in, host_name

App = Callable[[Scope, Receive, Send], Awaitable[None]]


def host_of(scope: Scope) -> str:
    fields: dict[bytes, bytes] | None = scope.get(FIELDS)
    return host_in(scope) if fields is None else host_name(fields.get(b"host", b""))


class Hosts:
    """An ASGI application. `find` has something for a host of a service: lower case, without a port."""

    def __init__(self, find: Callable[[str], object | None], *, front: App, application: App) -> None:
        self._find = find
        self._front = front
        self._application = application
        self._door: Door | None = door_of(application)

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] == "http" and self._find(host_of(scope)) is not None:
            return self._front(scope, receive, send)
        return self._application(scope, receive, send)

    def door(self, head: Head, body: bytes, peer: str, answer: Answer) -> Coroutine[Any, Any, None] | None:
        """The application's own, for what is not for a service."""
        if self._door is None or self._find(host_name(head.known.get(b"host", b""))) is not None:
            return None
        return self._door(head, body, peer, answer)

    def ours(self, host: str) -> bool:
        """Whether a service answers to this name."""
        return self._find(host) is not None

    def guest(self, host: bytes) -> bool:
        """The same of a Host header: what comes for a service goes by other bounds than the API's."""
        return self.ours(host_name(host))
