"""The ASGI application: every surface of the server behind one callable.

A request passes the guard, then goes to gRPC by its content type, to a plain page by its path, or to REST. It knows
no server and no surface: routes, pages and the gate come in by constructor.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TypeAlias

from kumotasks.api.call import Caller, RawRoute, Route, Through
from kumotasks.api.exchange import ClientGone, Exchange, Header, Receive, Scope, Send
from kumotasks.api.guard import Guard
from kumotasks.api.health import Health
from kumotasks.api.protojson import Codecs
from kumotasks.api.rest import Rest, fail
from kumotasks.api.rpc import HTTP_2, Rpc, refuse
from kumotasks.domain.errors import Forbidden, KumoError

GRPC = b"application/grpc"
STRANGER = "The request was refused: its Host or its Origin is not one that this server answers to."


@dataclass(frozen=True, slots=True)
class PageRequest:
    """A request for a plain page."""

    verb: str
    path: str  # decoded
    query: bytes  # as it came
    headers: dict[bytes, bytes]  # names in lower case
    body: bytes
    caller: Caller


@dataclass(frozen=True, slots=True)
class PageResponse:
    """What a plain page says."""

    body: bytes
    status: int = 200
    content_type: str = "text/plain; charset=UTF-8"
    headers: tuple[Header, ...] = field(default=())


Page: TypeAlias = Callable[[PageRequest], Awaitable[PageResponse]]


@lru_cache(maxsize=1024)
def caller_at(peer: str) -> Caller:
    return Caller(peer)


class Application:
    """Answers HTTP, whatever kind of call it carries."""

    def __init__(
        self,
        *,
        routes: Sequence[Route | RawRoute],
        pages: Mapping[tuple[str, str], Page],
        guard: Guard,
        through: Through,
        health: Health | None = None,
    ) -> None:
        calls = [route for route in routes if isinstance(route, Route)]
        self._guard = guard
        self._pages = pages
        self.health = health or Health(route.service for route in calls)
        self._rpc = Rpc(calls, through, self.health)
        self._rest = Rest(routes, through, Codecs())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._decline(scope, receive, send)
            return
        headers = dict(scope["headers"])
        client = scope.get("client")
        exchange = Exchange(scope, headers, receive, send)
        try:
            await self._dispatch(exchange, caller_at(client[0]) if client else caller_at(""))
        except ClientGone:
            return

    async def _dispatch(self, exchange: Exchange, caller: Caller) -> None:
        headers = exchange.headers
        is_grpc = headers.get(b"content-type", b"").startswith(GRPC)
        if not self._guard(headers.get(b"host"), headers.get(b"origin")):
            refused = Forbidden(STRANGER)
            has_trailers = is_grpc and exchange.scope["http_version"] in HTTP_2
            await (refuse(exchange, refused) if has_trailers else fail(exchange, refused))
        elif is_grpc:
            await self._rpc(exchange, caller)
        else:
            page = self._page(exchange.scope)
            await (self._rest(exchange, caller) if page is None else show(page, exchange, caller=caller))

    def _page(self, scope: Scope) -> Page | None:
        verb = "GET" if scope["method"] == "HEAD" else scope["method"]
        return self._pages.get((verb, scope["path"]))

    async def _decline(self, scope: Scope, receive: Receive, send: Send) -> None:
        """There are no WebSockets here, and nothing to start or stop."""
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1000})
            return
        raise RuntimeError(f"ASGI {scope['type']}")


async def show(page: Page, exchange: Exchange, *, caller: Caller) -> None:
    """Answer a request for a plain page."""
    scope = exchange.scope
    try:
        body = await exchange.body()
        request = PageRequest(scope["method"], scope["path"], scope["query_string"], exchange.headers, body, caller)
        response = await page(request)
    except KumoError as error:
        await fail(exchange, error)
        return
    headers = [(b"content-type", response.content_type.encode("latin-1")), *response.headers]
    await exchange.answer(response.status, headers, response.body)
