"""Answers of many messages: told one by one until they end, the caller leaves or the server stops.

It knows no call by name, and nothing of what is told or how it is framed.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from kumotasks.api.exchange import ClientGone
from kumotasks.domain.errors import InvalidArgument, Stopping

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from kumotasks.api.exchange import Exchange

Answers = AsyncGenerator[Any, None]  # of messages; closed whether or not it has come to its end
ONE_REQUEST = "The call carried more than one request message."


async def tell(
    exchange: Exchange, answers: Answers, frame: Callable[[Message], bytes], ended: Coroutine[Any, Any, None]
) -> None:
    """Send an answer that has begun, each message as it comes; `ended` returns when the server stops.

    Returns when all is told. A KumoError says how it ended otherwise, ClientGone that nobody is left to hear it.
    """
    telling = asyncio.ensure_future(_send(exchange, answers, frame))
    leaving = asyncio.ensure_future(_left(exchange))
    stopping = asyncio.ensure_future(ended)
    waiters = (telling, leaving, stopping)
    try:
        await asyncio.wait(waiters, return_when=asyncio.FIRST_COMPLETED)
        if telling.done():
            telling.result()
            return
        if leaving.done():
            leaving.result()
            raise ClientGone
        raise Stopping
    finally:
        for waiter in waiters:
            waiter.cancel()
        await asyncio.gather(*waiters, return_exceptions=True)


async def _send(exchange: Exchange, answers: Answers, frame: Callable[[Message], bytes]) -> None:
    async with aclosing(answers):
        await exchange.send({"type": "http.response.body", "body": b"", "more_body": True})  # the head goes ahead
        async for answer in answers:
            await exchange.send({"type": "http.response.body", "body": frame(answer), "more_body": True})


async def _left(exchange: Exchange) -> None:
    """Returns when the client has gone. It may leave its side open, but has nothing more to say."""
    while True:
        event = await exchange.receive()
        if event["type"] != "http.request":
            return
        if event.get("body"):
            raise InvalidArgument(ONE_REQUEST)
