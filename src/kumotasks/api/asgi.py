"""The ASGI application: every surface of the server behind one callable.

A request passes the guard, then goes to gRPC by its content type, to a plain page by its path, or to REST. It knows
no server and no surface: routes, pages and the gate come in by constructor.
"""

from __future__ import annotations

from collections.abc import Coroutine, Sequence
from dataclasses import replace
from functools import lru_cache, partial
from typing import Any, Protocol

from kumotasks.api.call import (
    NO_PROOF,
    Caller,
    JsonRoute,
    PageRequest,
    PageResponse,
    PageRoute,
    Proof,
    RawRoute,
    Route,
    StreamRoute,
    Through,
)
from kumotasks.api.exchange import FIELDS, Answer, ClientGone, Exchange, Header, Receive, Scope, Send
from kumotasks.api.guard import Guard
from kumotasks.api.head import Head
from kumotasks.api.health import Health
from kumotasks.api.paths import Match, Paths
from kumotasks.api.protojson import Codecs
from kumotasks.api.rest import Rest, fail, raw_path
from kumotasks.api.rpc import HTTP_2, Rpc, refuse
from kumotasks.domain.errors import Forbidden, InvalidArgument, KumoError
from kumotasks.domain.principal import Need, Principal

GRPC = b"application/grpc"
STRANGER = "The request was refused: its Host or its Origin is not one that this server answers to."
AMBIGUOUS = "The request has more than one Authorization header."


class Identity(Protocol):
    """Finds out who calls, by the Authorization header."""

    def known(self, authorization: bytes, /) -> Principal | None:
        """Who sent this very header a moment ago; None asks for `principal`."""

    async def principal(self, authorization: bytes | None, /) -> Principal:
        """Raises Unauthenticated."""


def check_one_authorization(fields: Sequence[Header]) -> None:
    """Of two, whoever stands in front of this server may have judged the other one."""
    if sum(name == b"authorization" for name, _ in fields) > 1:
        raise InvalidArgument(AMBIGUOUS)


def peer_of(scope: Scope) -> str:
    client = scope.get("client")
    return client[0] if client else ""


@lru_cache(maxsize=1024)
def caller_at(peer: str) -> Caller:
    return Caller(peer)


class Application:
    """Answers HTTP, whatever kind of call it carries."""

    def __init__(
        self,
        *,
        routes: Sequence[Route | RawRoute | JsonRoute | StreamRoute],
        pages: Sequence[PageRoute],
        guard: Guard,
        through: Through,
        identity: Identity | None = None,
        home: str = "projects/kumo-local",
        proof: Proof = NO_PROOF,
    ) -> None:
        """`identity` None asks nobody who he is; `home` is the resource on which the server's own pages are allowed;
        whoever shows `proof` is trusted."""
        calls = [route for route in routes if isinstance(route, Route)]
        guarded = identity is not None
        self._guard = guard
        self._identity = identity
        self._home = home
        self._through = through
        self._proof = proof
        self._pages: Paths[PageRoute] = Paths((page.verb, page.path, page) for page in pages)
        self.health = Health(route.service for route in calls)
        streams = [route for route in routes if isinstance(route, StreamRoute)]
        known = {route.response for route in calls}
        self._rpc = Rpc(calls, through, self.health, streams=streams, guarded=guarded)
        self._rest = Rest(routes, through, Codecs(known), ended=self.health.ended, guarded=guarded)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._decline(scope, receive, send)
            return
        fields: dict[bytes, bytes] | None = scope.get(FIELDS)
        headers = dict(scope["headers"]) if fields is None else fields
        exchange = Exchange(scope, headers, receive, send)
        is_grpc = headers.get(b"content-type", b"").startswith(GRPC)
        page = None if is_grpc else self._page(scope)
        try:
            peer, is_open = peer_of(scope), page is not None and not page.target.permission
            caller = self._familiar(headers, scope["headers"], peer, is_open=is_open)
            if caller is None:
                caller = await self._stranger(headers, peer)
        except KumoError as refused:
            has_trailers = is_grpc and scope["http_version"] in HTTP_2
            await (refuse(exchange, refused) if has_trailers else fail(exchange, refused))
            return
        try:
            if is_grpc:
                await self._rpc.answer(exchange, caller)
            elif page is None:
                await self._rest(exchange, caller)
            else:
                await self._show(page, exchange, caller)
        except ClientGone:
            return

    def door(self, head: Head, body: bytes, peer: str, answer: Answer) -> Coroutine[Any, Any, None] | None:
        """What answers a unary gRPC call that came whole, by HTTP/2, from somebody who is known at once; None of all
        others, the refused ones among them: `__call__` has an answer for each."""
        call = self._rpc.unary(head)
        if call is None:
            return None
        try:
            caller = self._familiar(head.known, head.fields, peer)
        except KumoError:
            return None
        return None if caller is None else self._rpc.make(call, head.known, body, caller, answer)

    def _familiar(
        self, headers: dict[bytes, bytes], fields: Sequence[Header], peer: str, *, is_open: bool = False
    ) -> Caller | None:
        """Whom the request is from, if he may come in and is known at once: nobody in particular, where nobody is asked
        or a page `is_open` to all. None asks for `_stranger`."""
        if not self._guard(headers.get(b"host"), headers.get(b"origin")):
            raise Forbidden(STRANGER)
        if self._identity is None:
            return self._proven(caller_at(peer), headers)
        if len(headers) != len(fields):
            check_one_authorization(fields)
        if is_open:
            return self._proven(caller_at(peer), headers)
        authorization = headers.get(b"authorization")
        known = self._identity.known(authorization) if authorization is not None else None
        return None if known is None else self._proven(Caller(peer, known), headers)

    async def _stranger(self, headers: dict[bytes, bytes], peer: str) -> Caller:
        """Whom a request is from that shows what was not seen lately."""
        assert self._identity is not None
        principal = await self._identity.principal(headers.get(b"authorization"))
        return self._proven(Caller(peer, principal), headers)

    def _proven(self, caller: Caller, headers: dict[bytes, bytes]) -> Caller:
        """The same, trusted if the proof is right that he shows."""
        proof = headers.get(self._proof.header)
        return caller if proof is None else replace(caller, trusted=self._proof.judge(proof.decode("latin-1")))

    def _page(self, scope: Scope) -> Match[PageRoute] | None:
        verb = "GET" if scope["method"] == "HEAD" else scope["method"]
        return self._pages.match(verb, raw_path(scope))

    async def _show(self, match: Match[PageRoute], exchange: Exchange, caller: Caller) -> None:
        """Answer a request for a plain page."""
        scope, page = exchange.scope, match.target
        try:
            request = PageRequest(
                scope["method"],
                scope["path"],
                scope["query_string"],
                exchange.headers,
                await exchange.body(),
                caller,
                dict(match.variables),
            )
            needs = (Need(page.permission, self._home),) if page.permission and self._identity is not None else ()
            show = partial(page.handle, request)
            response = await self._through(f"{page.verb} {page.path}", caller.principal, needs, show)
        except KumoError as error:
            await fail(exchange, error)
            return
        await respond(exchange, response)

    async def _decline(self, scope: Scope, receive: Receive, send: Send) -> None:
        """There are no WebSockets here, and nothing to start or stop."""
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1000})
            return
        raise RuntimeError(f"ASGI {scope['type']}")


async def respond(exchange: Exchange, response: PageResponse) -> None:
    headers = [(b"content-type", response.content_type.encode("latin-1")), *response.headers]
    await exchange.answer(response.status, headers, response.body)
