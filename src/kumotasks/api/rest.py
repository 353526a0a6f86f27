"""REST over ASGI: path, query and body to message, message to JSON, errors to Google's envelope.

Made from the same rows as gRPC. Which row a path leads to, how its message is filled and what the query's system
parameters mean stand in files of their own; here is the order in which they meet. It knows no call by name.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

from kumotasks.api import compression
from kumotasks.api.binding import Binding, Pairs, check_variable
from kumotasks.api.call import JsonRoute, RawCall, RawRoute, Route, StreamRoute
from kumotasks.api.exchange import MAX_BODY, Header
from kumotasks.api.jsonarray import grow
from kumotasks.api.jsonstruct import StructBinding, StructCodec
from kumotasks.api.needs import Needs, needs_of, nothing
from kumotasks.api.parameters import DEFAULTS, Parameters, read_parameters
from kumotasks.api.paths import Paths, Template
from kumotasks.api.selection import Tree, check, prune, read_selection
from kumotasks.api.status import CHALLENGES, to_http, to_status
from kumotasks.domain.errors import InvalidArgument, KumoError, PathUnknown

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable

    from kumotasks.api.call import Caller, Through
    from kumotasks.api.exchange import Exchange, Scope
    from kumotasks.api.protojson import Codec, Codecs
    from kumotasks.api.streaming import Answers

SAFE: list[Header] = [
    (b"vary", b"Origin, X-Origin, Referer"),
    (b"cache-control", b"private"),
    (b"x-xss-protection", b"0"),
    (b"x-frame-options", b"SAMEORIGIN"),
    (b"x-content-type-options", b"nosniff"),
]
JSON: list[Header] = [(b"content-type", b"application/json; charset=UTF-8"), *SAFE]
PROTO: list[Header] = [(b"content-type", b"application/x-protobuf"), *SAFE]
PROTOS = {b"application/x-protobuf", b"application/protobuf"}
FORM = b"application/x-www-form-urlencoded"
OVERRIDE = b"x-http-method-override"
Restful: TypeAlias = Route | RawRoute | JsonRoute | StreamRoute


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the table with everything that is made from it once."""

    route: Restful
    binding: Binding | StructBinding | None  # None: the body is the caller's own
    codec: Codec | StructCodec | DocumentCodec  # of the answer
    needs: Needs
    response_field: str = ""


class DocumentCodec:
    """The JSON of answers that are documents already."""

    __slots__ = ()

    def encode(self, answer: dict[str, Any], *, enum_ints: bool) -> dict[str, Any]:
        return answer


@dataclass(frozen=True, slots=True)
class Asked:
    """A call as its path and query ask for it."""

    row: Row
    variables: Pairs
    parameters: Parameters
    tree: Tree  # of the answer, the part that is wanted; {} = all of it


class Rest:
    """Answers REST."""

    def __init__(
        self,
        routes: Iterable[Restful],
        through: Through,
        codecs: Codecs,
        *,
        ended: Callable[[], Coroutine[Any, Any, None]],
        guarded: bool = True,
    ) -> None:
        """What `ended` gives returns when the server stops."""
        self._through = through
        self._ended = ended
        self._paths: Paths[Row] = Paths()
        for route in routes:
            if route.verb:
                row = row_of(route, codecs, guarded=guarded)
                for path in (route.path, *route.aliases):
                    self._paths.add(route.verb, path, row)
        for template, row in self._paths.entries():
            check_variables(template, row.route)

    async def __call__(self, exchange: Exchange, caller: Caller) -> None:
        verb, path = exchange.scope["method"], raw_path(exchange.scope)
        if verb == "OPTIONS":
            await self._options(path, exchange)
            return
        parameters = DEFAULTS
        try:
            query, body = exchange.scope["query_string"], None
            if OVERRIDE in exchange.headers and verb == "POST":
                verb = exchange.headers[OVERRIDE].decode("latin-1").upper()
                if exchange.headers.get(b"content-type", b"").startswith(FORM):
                    query, body = b"&".join(filter(None, (query, await exchange.body()))), b""
            parameters = read_parameters(query)
            match = self._paths.match("GET" if verb == "HEAD" else verb, path)
            if match is None:
                raise PathUnknown
            asked = Asked(match.target, match.variables, parameters, selection_of(parameters, match.target))
            if parameters.form == "proto" and not answers_in_proto(match.target.route):
                parameters = DEFAULTS
                raise InvalidArgument("This method answers in JSON only.")
            body = await exchange.body() if body is None else body
            message = await self._call(asked, exchange, body=body, caller=caller)
        except KumoError as error:
            await fail(exchange, error, parameters=parameters)
            return
        if isinstance(asked.row.route, StreamRoute):
            await respond_at_length(exchange, message, asked=asked, ended=self._ended())
        else:
            await respond(exchange, message, asked=asked)

    async def _call(self, asked: Asked, exchange: Exchange, *, body: bytes, caller: Caller) -> Any:
        route, binding, pairs = asked.row.route, asked.row.binding, asked.parameters.pairs
        if isinstance(route, RawRoute):
            headers = tuple(
                (name.decode("latin-1"), value.decode("latin-1")) for name, value in exchange.scope["headers"]
            )
            if route.response is None and b"content-encoding" in exchange.headers:
                body = await unpacked(body, exchange.headers[b"content-encoding"])
            call = RawCall(dict(asked.variables), pairs, headers, body)
            needs = asked.row.needs(call)
            return await self._through(route.full_name, caller.principal, needs, partial(route.handle, call, caller))
        assert binding is not None
        if b"content-encoding" in exchange.headers:
            body = await unpacked(body, exchange.headers[b"content-encoding"])
        kind = exchange.headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
        bind = binding.of_proto if kind in PROTOS and isinstance(binding, Binding) else binding.of_json
        request: Any = bind(asked.variables, pairs, body=body)
        needs = asked.row.needs(request)
        return await self._through(route.full_name, caller.principal, needs, partial(route.handle, request, caller))

    async def _options(self, path: str, exchange: Exchange) -> None:
        """Which verbs a path takes. No page of another origin is invited."""
        verbs = self._paths.verbs(path)
        if not verbs:
            await fail(exchange, PathUnknown())
            return
        allowed = sorted({*verbs, "OPTIONS", *(["HEAD"] if "GET" in verbs else [])})
        await exchange.answer(200, [(b"allow", ", ".join(allowed).encode()), *SAFE], b"")


def row_of(route: Restful, codecs: Codecs, *, guarded: bool) -> Row:
    """`guarded`: somebody judges what a call needs."""
    if isinstance(route, StreamRoute):
        return Row(route, Binding(route, codecs), codecs.of(route.response), route.needs if guarded else nothing)
    needs = needs_of(route) if guarded else nothing
    match route:
        case Route():
            return Row(route, Binding(route, codecs), codecs.of(route.response), needs)
        case RawRoute():
            codec = DocumentCodec() if route.response is None else codecs.of(route.response)
            return Row(route, None, codec, needs, route.response_field)
        case JsonRoute():
            return Row(route, StructBinding(route), StructCodec(), needs)


def check_variables(template: Template, route: Restful) -> None:
    """Raises ValueError or KeyError if a path names something else than a string field of the request."""
    if isinstance(route, Route | StreamRoute):
        request: Any = route.request.DESCRIPTOR
        for variable in template.variables:
            check_variable(variable.field, request)


def answers_in_proto(route: Restful) -> bool:
    return isinstance(route, Route) or (isinstance(route, RawRoute) and route.response is not None)


def raw_path(scope: Scope) -> str:
    """The path as it came, still percent-encoded."""
    path: bytes = scope["raw_path"]
    return path.decode("utf-8", "replace")


async def unpacked(body: bytes, encoding: bytes) -> bytes:
    """A request body without its Content-Encoding."""
    encoding = encoding.strip().lower()
    if encoding in {b"", b"identity"} or not body:
        return body
    if encoding not in compression.WINDOWS:
        raise InvalidArgument(f'The content encoding "{encoding.decode("latin-1")[:100]}" is not supported.')
    try:
        return await compression.unpack(body, encoding, limit=MAX_BODY)
    except ValueError as error:
        raise InvalidArgument(str(error)) from None


def selection_of(parameters: Parameters, row: Row) -> Tree:
    """The part of the answer that is wanted; {} = all of it."""
    if not parameters.fields:
        return {}
    tree = read_selection(parameters.fields)
    response: Any = None if isinstance(row.route, JsonRoute) else row.route.response
    if row.response_field or response is None:
        return tree
    return check(tree, response.DESCRIPTOR)


async def respond(exchange: Exchange, message: Any, *, asked: Asked) -> None:
    """Send the answer of a call in the form that was asked for."""
    if asked.parameters.form == "proto":
        await deliver(exchange, 200, headers=PROTO, body=message.SerializeToString())
        return
    await deliver(exchange, 200, headers=JSON, body=dumped(wanted(message, asked), pretty=asked.parameters.pretty))


async def respond_at_length(
    exchange: Exchange, answers: Answers, *, asked: Asked, ended: Coroutine[Any, Any, None]
) -> None:
    """Send the answers of a call as they come."""
    await exchange.send({"type": "http.response.start", "status": 200, "headers": JSON})
    dump = partial(dumped, pretty=asked.parameters.pretty)
    await grow(exchange, answers, value=partial(wanted, asked=asked), dump=dump, ended=ended)


def wanted(message: Any, asked: Asked) -> Any:
    """The part of an answer that was asked for, as JSON."""
    value = asked.row.codec.encode(message, enum_ints=asked.parameters.enum_ints)
    if asked.row.response_field:
        value = {asked.row.response_field: value}
    return prune(value, asked.tree) if asked.tree else value


async def fail(exchange: Exchange, error: KumoError, *, parameters: Parameters = DEFAULTS) -> None:
    """Send an error: Google's envelope, or a google.rpc.Status where protobuf was asked for."""
    status, envelope = to_http(error)
    challenge = CHALLENGES.get(type(error))
    more = [] if challenge is None else [(b"www-authenticate", challenge)]
    if parameters.form == "proto":
        await deliver(exchange, status, headers=[*PROTO, *more], body=to_status(error).SerializeToString())
        return
    await deliver(exchange, status, headers=[*JSON, *more], body=dumped(envelope, pretty=parameters.pretty))


async def deliver(exchange: Exchange, status: int, *, headers: list[Header], body: bytes) -> None:
    """Send a body, compressed if that is welcome and pays."""
    if len(body) >= compression.WORTH_PACKING and compression.accepts_gzip(
        exchange.headers.get(b"accept-encoding", b"")
    ):
        packed = await compression.pack(body)
        if packed is not None:
            await exchange.answer(status, [*headers, (b"content-encoding", b"gzip")], packed)
            return
    await exchange.answer(status, headers, body)


def dumped(value: Any, *, pretty: bool) -> bytes:
    """JSON text as Google's servers write it: two spaces, a last line feed, nothing that a browser takes for markup."""
    body = msgspec.json.encode(value)
    if b"<" in body or b">" in body:
        body = body.replace(b"<", b"\\u003c").replace(b">", b"\\u003e")  # in JSON they stand in strings only
    return msgspec.json.format(body, indent=2) + b"\n" if pretty else body
