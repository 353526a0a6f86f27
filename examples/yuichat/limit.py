"""How large a request may be, kept while it arrives, before anything is written to a disk. Knows no route."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_HEARD_OUT = 4  # times the limit: so far a request is read on, for most clients hear no answer while they still write


class SizeLimit:
    """`app` behind a limit on each request's body, in bytes. `what` names the limit to who broke it."""

    def __init__(self, app: ASGIApp, limit: int, what: str) -> None:
        self._app = app
        self._limit = limit
        self._what = what

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        taken = 0

        async def counted() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > self._limit:
                await self._refuse(receive, message, taken)
            return message

        await self._app(scope, counted, send)

    async def _refuse(self, receive: Receive, message: Message, taken: int) -> None:
        while message.get("more_body", False) and taken <= self._limit * _HEARD_OUT:
            message = await receive()
            taken += len(message.get("body", b""))
        raise HTTPException(413, self._what)
