"""ASGI as the front takes part in it: the shapes of its calls, and the name of the host that a request is for.

It knows nothing of services or instances.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from functools import lru_cache
from typing import TypeAlias, cast

Scope: TypeAlias = MutableMapping[str, object]
Event: TypeAlias = MutableMapping[str, object]
Receive: TypeAlias = Callable[[], Awaitable[Event]]
Send: TypeAlias = Callable[[Event], Awaitable[None]]
App: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]
Header: TypeAlias = tuple[bytes, bytes]

# Our own ASGI extensions: a request that the dispatcher makes, and a connection that can become a tunnel.
OF_TASKS, TUNNEL = "kumo.tasks", "kumo.tunnel"
TRAILERS = "http.response.trailers"  # ASGI's own: the client can be sent trailers
_HOSTS = 4096  # that are remembered; clients repeat themselves


def headers_of(scope: Scope) -> list[Header]:
    return cast("list[Header]", scope["headers"])


def extensions_of(scope: Scope) -> MutableMapping[str, object]:
    return cast("MutableMapping[str, object]", scope.get("extensions") or {})


def peer_of(scope: Scope) -> str:
    """The address of the client, "" if it has none."""
    client = cast("tuple[str, int] | None", scope.get("client"))
    return client[0] if client else ""


def host_in(scope: Scope) -> str:
    """The host that a request is for, "" without one."""
    for name, value in headers_of(scope):
        if name == b"host":
            return host_name(value)
    return ""


@lru_cache(_HOSTS)
def host_name(value: bytes) -> str:
    """The host of a Host header: lower case, without port and last dot."""
    return value.decode("latin-1").partition(":")[0].lower().removesuffix(".")
