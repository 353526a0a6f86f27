"""gRPC over ASGI, unary: bytes to message, message to bytes, and the trailers.

An answer is always HTTP 200 with trailers; what went wrong stands in grpc-status. Everything that does not change from
call to call is made once. This is the hot path: CreateTask comes through here. It knows no call by name, save the
health service, which the server answers itself.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from google.protobuf.message import DecodeError
from google.protobuf.wrappers_pb2 import StringValue

from kumotasks.api import compression, health
from kumotasks.api.exchange import MAX_BODY, WHOLE, Event, Exchange, Header
from kumotasks.api.needs import Needs, needs_of, nothing
from kumotasks.api.status import to_grpc
from kumotasks.domain.errors import InvalidArgument, KumoError, MethodUnknown, PayloadTooLarge

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from kumotasks.api.call import Caller, Route, Through

KINDS = {b"application/grpc", b"application/grpc+proto"}
ENCODINGS = b"identity,deflate,gzip"
PREFIX = 5  # bytes before a message: one says whether it is compressed, four how long it is
# Clients give up on more than 8 KiB of trailers; an error must not become another error by its length.
MAX_MESSAGE, MAX_DETAILS = 2_048, 3_072
PRINTABLE = "".join(chr(code) for code in range(0x20, 0x7F) if chr(code) != "%")

HEADERS: list[Header] = [(b"content-type", b"application/grpc"), (b"grpc-accept-encoding", ENCODINGS)]
START: Event = {"type": "http.response.start", "status": 200, "headers": HEADERS, "trailers": True}
HEAD: list[Header] = [(b":status", b"200"), *HEADERS]
START_GZIP: Event = {**START, "headers": [*HEADERS, (b"grpc-encoding", b"gzip")]}
NO_BODY: Event = {"type": "http.response.body", "body": b""}
DONE: Event = {"type": "http.response.trailers", "headers": [(b"grpc-status", b"0")], "more_trailers": False}


PLAIN: Header = (b"content-type", b"text/plain; charset=UTF-8")
HTTP_2 = {"2", "2.0"}
REFUSED_KIND = (415, [PLAIN], b"The content type of a gRPC call is application/grpc or application/grpc+proto.\n")
REFUSED_VERB = (405, [PLAIN, (b"allow", b"POST")], b"A gRPC call is a POST.\n")
REFUSED_VERSION = (426, [PLAIN, (b"upgrade", b"h2c")], b"gRPC needs HTTP/2.\n")


@dataclass(frozen=True, slots=True)
class Call:
    """A row of the table, taken apart for speed."""

    name: str
    parse: Callable[[bytes], Message]
    needs: Needs
    handle: Callable[[Any, Caller], Awaitable[Message]]


class Rpc:
    """Answers gRPC."""

    def __init__(
        self, routes: Iterable[Route], through: Through, state: health.Health, *, guarded: bool = True
    ) -> None:
        self._calls = {
            f"/{route.service}/{route.method}": Call(
                route.full_name, route.request.FromString, needs_of(route) if guarded else nothing, route.handle
            )
            for route in routes
        }
        self._through = through
        self._health = state

    async def __call__(self, exchange: Exchange, caller: Caller) -> None:
        scope, headers, send = exchange.scope, exchange.headers, exchange.send
        if headers.get(b"content-type") not in KINDS or scope["method"] != "POST":
            await exchange.answer(*(REFUSED_VERB if scope["method"] != "POST" else REFUSED_KIND))
            return
        if scope["http_version"] not in HTTP_2:
            await exchange.answer(*REFUSED_VERSION)
            return
        path = scope["path"]
        try:
            call = self._calls.get(path)
            if call is None:
                await self._other(path, exchange)
                return
            request = parsed(call.parse, await message_of(exchange))
            needs = call.needs(request)
            message = await self._through(call.name, caller.principal, needs, partial(call.handle, request, caller))
            answer = message.SerializeToString()
        except KumoError as error:
            await refuse(exchange, error)
            return
        if len(answer) >= compression.WORTH_PACKING and b"gzip" in headers.get(b"grpc-accept-encoding", b""):
            packed = await compression.pack(answer)
            if packed is not None:
                await send(START_GZIP)
                await send({"type": "http.response.body", "body": framed(packed, b"\1")})
                await send(DONE)
                return
        if WHOLE in scope.get("extensions", ()):
            await send({"type": WHOLE, "head": HEAD, "body": framed(answer), "trailers": DONE["headers"]})
            return
        await send(START)
        await send({"type": "http.response.body", "body": framed(answer)})
        await send(DONE)

    async def _other(self, path: str, exchange: Exchange) -> None:
        """The health service; nothing else is known here."""
        if path == health.CHECK:
            request = parsed(StringValue.FromString, await message_of(exchange))
            answer = self._health.check(request)
            await exchange.send(START)
            await exchange.send({"type": "http.response.body", "body": framed(answer.SerializeToString())})
            await exchange.send(DONE)
        elif path == health.WATCH:
            request = parsed(StringValue.FromString, await message_of(exchange))
            await exchange.send(START)
            await self._watch(request, exchange)
        else:
            raise MethodUnknown

    async def _watch(self, request: StringValue, exchange: Exchange) -> None:
        """Tell every change until the client leaves or the server ends."""
        telling = asyncio.ensure_future(self._tell(request, exchange))
        leaving = asyncio.ensure_future(left(exchange))
        try:
            await asyncio.wait({telling, leaving}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            telling.cancel()
            leaving.cancel()
            await asyncio.gather(telling, leaving, return_exceptions=True)

    async def _tell(self, request: StringValue, exchange: Exchange) -> None:
        async for status in self._health.watch(request):
            body = framed(status.SerializeToString())
            await exchange.send({"type": "http.response.body", "body": body, "more_body": True})
        await exchange.send(NO_BODY)
        await exchange.send(DONE)


async def refuse(exchange: Exchange, error: KumoError) -> None:
    """Answer a call with an error."""
    await exchange.send(START)
    await exchange.send(NO_BODY)
    await exchange.send(failure(error))


async def left(exchange: Exchange) -> None:
    """Returns when the client has gone."""
    while (await exchange.receive())["type"] != "http.disconnect":
        pass


async def message_of(exchange: Exchange) -> bytes:
    """The one message of a unary call's request."""
    encoding = exchange.headers.get(b"grpc-encoding", b"identity")
    if encoding != b"identity" and encoding not in compression.WINDOWS:
        raise MethodUnknown(f"Compression algorithm '{encoding.decode('latin-1')}' is not supported.")
    body = await exchange.body(MAX_BODY + PREFIX)
    if len(body) < PREFIX or len(body) != PREFIX + int.from_bytes(body[1:PREFIX], "big"):
        raise misframed(body)
    flag = body[0]
    if not flag:
        return body[PREFIX:]
    if flag != 1 or encoding == b"identity":
        raise InvalidArgument("The message is marked as compressed, but no known compression was named.")
    try:
        return await compression.unpack(body[PREFIX:], encoding, limit=MAX_BODY)
    except ValueError as error:
        raise InvalidArgument(str(error)) from None


def misframed(body: bytes) -> KumoError:
    """What to say of a body that is not exactly one message."""
    if not body:
        return InvalidArgument("The call ended without a request message.")
    declared = int.from_bytes(body[1:PREFIX], "big")
    if declared > MAX_BODY:
        return PayloadTooLarge(f"Received message larger than max ({declared} vs. {MAX_BODY})")
    if len(body) > PREFIX + declared:
        return InvalidArgument("The call carried more than one request message.")
    return InvalidArgument("The request message is shorter than it says.")


def parsed(parse: Callable[[bytes], Any], message: bytes) -> Any:
    try:
        return parse(message)
    except DecodeError:
        raise InvalidArgument("Error parsing the request message.") from None


def framed(message: bytes, flag: bytes = b"\0") -> bytes:
    return flag + len(message).to_bytes(4, "big") + message


def failure(error: KumoError) -> Event:
    """The trailers that tell an error."""
    code, message, details = to_grpc(error)
    trailers: list[Header] = [(b"grpc-status", b"%d" % code), (b"grpc-message", escaped(message))]
    if details is not None and len(details) <= MAX_DETAILS:
        trailers.append((b"grpc-status-details-bin", base64.b64encode(details).rstrip(b"=")))
    return {"type": "http.response.trailers", "headers": trailers, "more_trailers": False}


def escaped(message: str) -> bytes:
    """A message as a header value: percent-encoded UTF-8, cut between two characters where it is too long."""
    text = quote(message, safe=PRINTABLE, errors="replace")
    while len(text) > MAX_MESSAGE:
        message = message[: len(message) * 3 // 4]
        text = quote(f"{message}...", safe=PRINTABLE, errors="replace")
    return text.encode("ascii")
