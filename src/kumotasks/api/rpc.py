"""gRPC over ASGI: bytes to message, message to bytes, and the trailers.

An answer is always HTTP 200 with trailers; what went wrong stands in grpc-status. Everything that does not change from
call to call is made once. This is the hot path: CreateTask comes through here. It knows no call by name, save the
health service, which the server answers itself.
"""

from __future__ import annotations

import asyncio
import base64
import struct
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from google.protobuf.message import DecodeError
from google.protobuf.wrappers_pb2 import StringValue

from kumotasks.api import compression, health
from kumotasks.api.exchange import BODY, MAX_BODY, Answer, ClientGone, Event, Exchange, Header
from kumotasks.api.needs import Needs, needs_of, nothing
from kumotasks.api.status import to_grpc
from kumotasks.api.streaming import ONE_REQUEST, Answers, tell
from kumotasks.domain.errors import InvalidArgument, KumoError, MethodUnknown, PayloadTooLarge

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from kumotasks.api.call import Caller, Route, StreamRoute, Through
    from kumotasks.api.head import Head

KINDS = {b"application/grpc", b"application/grpc+proto"}
ENCODINGS = b"identity,deflate,gzip"
FRAME = struct.Struct(">BI")  # before a message: whether it is compressed, and how long it is
PREFIX = FRAME.size
# Clients give up on more than 8 KiB of trailers; an error must not become another error by its length.
MAX_MESSAGE, MAX_DETAILS = 2_048, 3_072
PRINTABLE = "".join(chr(code) for code in range(0x20, 0x7F) if chr(code) != "%")

HEADERS: list[Header] = [(b"content-type", b"application/grpc"), (b"grpc-accept-encoding", ENCODINGS)]
START: Event = {"type": "http.response.start", "status": 200, "headers": HEADERS, "trailers": True}
HEAD: list[Header] = [(b":status", b"200"), *HEADERS]
HEAD_GZIP: list[Header] = [*HEAD, (b"grpc-encoding", b"gzip")]
NO_BODY: Event = {"type": "http.response.body", "body": b""}
OK: list[Header] = [(b"grpc-status", b"0")]
DONE: Event = {"type": "http.response.trailers", "headers": OK, "more_trailers": False}


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


@dataclass(frozen=True, slots=True)
class StreamCall:
    """The same of a call that is answered with many messages."""

    name: str
    parse: Callable[[bytes], Message]
    needs: Needs
    handle: Callable[[Any, Caller], Awaitable[Answers]]


class Rpc:
    """Answers gRPC."""

    def __init__(
        self,
        routes: Iterable[Route],
        through: Through,
        state: health.Health,
        *,
        streams: Iterable[StreamRoute] = (),
        guarded: bool = True,
    ) -> None:
        self._calls = {
            f"/{route.service}/{route.method}": Call(
                route.full_name, route.request.FromString, needs_of(route) if guarded else nothing, route.handle
            )
            for route in routes
        }
        self._streams = {
            f"/{route.service}/{route.method}": StreamCall(
                route.full_name, route.request.FromString, route.needs if guarded else nothing, route.handle
            )
            for route in streams
        }
        self._through = through
        self._health = state

    async def answer(self, exchange: Exchange, caller: Caller) -> None:
        scope, headers = exchange.scope, exchange.headers
        if headers.get(b"content-type") not in KINDS or scope["method"] != "POST":
            await exchange.answer(*(REFUSED_VERB if scope["method"] != "POST" else REFUSED_KIND))
            return
        if scope["http_version"] not in HTTP_2:
            await exchange.answer(*REFUSED_VERSION)
            return
        path = scope["path"]
        said: list[tuple[list[Header], bytes, list[Header]]] = []
        try:
            call = self._calls.get(path)
            if call is None:
                await self._other(path, exchange, caller)
                return
            body = await body_of(exchange)
        except KumoError as error:
            await refuse(exchange, error)
            return
        await self.make(call, headers, body, caller, lambda *parts: said.append(parts))
        for head, content, trailers in said:
            await exchange.send({**START, "headers": head[1:]})
            await exchange.send({"type": "http.response.body", "body": content})
            await exchange.send({**DONE, "headers": trailers})

    def unary(self, head: Head) -> Call | None:
        """The call with one answer that this head asks for, if nothing is wrong with it."""
        if head.method != "POST" or head.known.get(b"content-type") not in KINDS:
            return None
        return self._calls.get(head.path)

    async def make(self, call: Call, headers: dict[bytes, bytes], body: bytes, caller: Caller, answer: Answer) -> None:
        """Make a call with one answer, and say it."""
        try:
            request = parsed(call.parse, body[PREFIX:] if is_plain(headers, body) else await unpacked(headers, body))
            needs = call.needs(request)
            message = await self._through(call.name, caller.principal, needs, partial(call.handle, request, caller))
            said = message.SerializeToString()
        except KumoError as error:
            answer(HEAD, b"", failure(error))
            return
        if len(said) >= compression.WORTH_PACKING and b"gzip" in headers.get(b"grpc-accept-encoding", b""):
            packed = await compression.pack(said)
            if packed is not None:
                answer(HEAD_GZIP, framed(packed, packed=True), OK)
                return
        answer(HEAD, framed(said), OK)

    async def _other(self, path: str, exchange: Exchange, caller: Caller) -> None:
        """Calls with many answers, and the health service."""
        stream = self._streams.get(path)
        if stream is not None:
            await self._stream(stream, exchange, caller)
        elif path == health.CHECK:
            request = parsed(StringValue.FromString, await message_of(exchange))
            answer = self._health.check(request)
            await exchange.send(START)
            await exchange.send({"type": "http.response.body", "body": framed(answer.SerializeToString())})
            await exchange.send(DONE)
        elif path == health.WATCH:
            request = parsed(StringValue.FromString, await message_of(exchange))
            await told(exchange, self._health.watch(request), never())  # it ends by itself, behind the last status
        else:
            raise MethodUnknown

    async def _stream(self, call: StreamCall, exchange: Exchange, caller: Caller) -> None:
        request = parsed(call.parse, await first_message_of(exchange))
        needs = call.needs(request)
        answers = await self._through(call.name, caller.principal, needs, partial(call.handle, request, caller))
        await told(exchange, answers, self._health.ended())


async def told(exchange: Exchange, answers: Answers, ended: Coroutine[Any, Any, None]) -> None:
    """Send the messages as they come, and the trailers in the end."""
    await exchange.send(START)
    end = DONE
    try:
        await tell(exchange, answers, lambda answer: framed(answer.SerializeToString()), ended)
    except KumoError as error:
        end = {**DONE, "headers": failure(error)}
    await exchange.send(NO_BODY)
    await exchange.send(end)


async def never() -> None:
    await asyncio.Event().wait()


async def refuse(exchange: Exchange, error: KumoError) -> None:
    """Answer a call with an error."""
    await exchange.send(START)
    await exchange.send(NO_BODY)
    await exchange.send({**DONE, "headers": failure(error)})


async def body_of(exchange: Exchange) -> bytes:
    """The body of a unary call's request; what cannot be read in the end is not waited for."""
    encoding_of(exchange.headers)
    return exchange.scope.get(BODY) or await exchange.body(MAX_BODY + PREFIX)  # no piece is larger than that


async def message_of(exchange: Exchange) -> bytes:
    """The one message of a request."""
    headers, body = exchange.headers, await body_of(exchange)
    return body[PREFIX:] if is_plain(headers, body) else await unpacked(headers, body)


def is_plain(headers: dict[bytes, bytes], body: bytes) -> bool:
    """Whether the one message that a body must be is not compressed."""
    encoding_of(headers)
    packed, size = FRAME.unpack_from(body) if len(body) >= PREFIX else (0, 0)
    if len(body) != PREFIX + size:
        raise misframed(body)
    return not packed


async def first_message_of(exchange: Exchange) -> bytes:
    """The first message of a request whose end the client may leave open."""
    encoding_of(exchange.headers)
    body, more = bytearray(), True
    while more and not is_framed(body):
        event = await exchange.receive()
        if event["type"] != "http.request":
            raise ClientGone
        body += event.get("body", b"")
        more = event.get("more_body", False)
    if len(body) < PREFIX or len(body) != PREFIX + int.from_bytes(body[1:PREFIX], "big"):
        raise misframed(bytes(body))
    if not body[0]:
        return bytes(body[PREFIX:])
    return await unpacked(exchange.headers, bytes(body))


def is_framed(body: bytearray) -> bool:
    """Whether a message is there, or announced that is too large to wait for."""
    declared = int.from_bytes(body[1:PREFIX], "big")
    return len(body) >= PREFIX and (declared > MAX_BODY or len(body) >= PREFIX + declared)


def encoding_of(headers: dict[bytes, bytes]) -> bytes:
    encoding = headers.get(b"grpc-encoding", b"identity")
    if encoding != b"identity" and encoding not in compression.WINDOWS:
        raise MethodUnknown(f"Compression algorithm '{encoding.decode('latin-1')}' is not supported.")
    return encoding


async def unpacked(headers: dict[bytes, bytes], body: bytes) -> bytes:
    """The content of a frame that is marked as compressed."""
    encoding = encoding_of(headers)
    if body[0] != 1 or encoding == b"identity":
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
        return InvalidArgument(ONE_REQUEST)
    return InvalidArgument("The request message is shorter than it says.")


def parsed(parse: Callable[[bytes], Any], message: bytes) -> Any:
    try:
        return parse(message)
    except DecodeError:
        raise InvalidArgument("Error parsing the request message.") from None


def framed(message: bytes, *, packed: bool = False) -> bytes:
    return FRAME.pack(packed, len(message)) + message


def failure(error: KumoError) -> list[Header]:
    """The trailers that tell an error."""
    code, message, details = to_grpc(error)
    trailers: list[Header] = [(b"grpc-status", b"%d" % code), (b"grpc-message", escaped(message))]
    if details is not None and len(details) <= MAX_DETAILS:
        trailers.append((b"grpc-status-details-bin", base64.b64encode(details).rstrip(b"=")))
    return trailers


def escaped(message: str) -> bytes:
    """A message as a header value: percent-encoded UTF-8, cut between two characters where it is too long."""
    text = quote(message, safe=PRINTABLE, errors="replace")
    while len(text) > MAX_MESSAGE:
        message = message[: len(message) * 3 // 4]
        text = quote(f"{message}...", safe=PRINTABLE, errors="replace")
    return text.encode("ascii")
