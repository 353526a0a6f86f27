"""A middleware for ASGI applications (FastAPI, Starlette, Django): only requests with a good token come through."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, MutableMapping

from kumotasks.client.refusal import answer
from kumotasks.client.verify import KeysUnreachable, NotVerified, Verifier

Scope = MutableMapping[str, object]
Message = MutableMapping[str, object]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

CLAIMS = "kumotasks.claims"  # in the scope of a request that came through
POLICY_VIOLATION = 1008  # RFC 6455


class VerifiedApp:
    """`app` behind `verifier`; requests for the paths `open` (health checks) come through unasked."""

    def __init__(self, app: App, verifier: Verifier, *, open: Collection[str] = ()) -> None:  # noqa: A002
        self._app = app
        self._verifier = verifier
        self._open = frozenset(open)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket") or scope["path"] in self._open:
            await self._app(scope, receive, send)
            return
        try:
            # In a thread: keys may have to be fetched.
            claims = await asyncio.to_thread(self._verifier.verify, _shown(scope["headers"]))
        except (NotVerified, KeysUnreachable) as refused:
            await _refuse(scope, send, refused)
            return
        await self._app({**scope, CLAIMS: claims}, receive, send)


def _shown(headers: object) -> str:
    """The token's header: X-Serverless-Authorization if there is one, as on Cloud Run."""
    assert isinstance(headers, Iterable)
    found: dict[bytes, str] = {name.lower(): value.decode("latin-1") for name, value in headers}
    return found.get(b"x-serverless-authorization") or found.get(b"authorization", "")


async def _refuse(scope: Scope, send: Send, refused: NotVerified | KeysUnreachable) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": POLICY_VIOLATION, "reason": ""})
        return
    status, headers, body = answer(refused, str(scope["path"]))
    raw = [(name.encode(), value.encode("latin-1")) for name, value in headers]
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})
