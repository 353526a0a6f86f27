"""How a REST call becomes the message of its route: path, query and body, each into its fields.

Compiled once per route. The path wins over the query and both over the body, for the path is what was authorised and
routed by. It knows no HTTP and no use case.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from google.protobuf.message import DecodeError

from kumotasks.api.flaws import NOT_REPEATED, UnknownName, clipped, refusal
from kumotasks.api.jsonread import has_own_form
from kumotasks.api.protojson import read_json
from kumotasks.domain.errors import InvalidArgument

if TYPE_CHECKING:
    from collections.abc import Iterable

    from google.protobuf.descriptor import Descriptor
    from google.protobuf.message import Message

    from kumotasks.api.call import Route, StreamRoute
    from kumotasks.api.protojson import Codecs

Pairs = tuple[tuple[str, str], ...]
ALL = "*"
UNBOUND = "Cannot bind query parameter."
PRIMITIVES = "Parameters can only be bound to primitive types."


class Binding:
    """Makes the request message of one route."""

    __slots__ = ("_body", "_body_key", "_codec", "_create", "_descriptor", "_wrap")

    def __init__(self, route: Route | StreamRoute, codecs: Codecs) -> None:
        self._create = route.request
        self._codec = codecs.of(route.request)
        self._descriptor: Any = route.request.DESCRIPTOR
        self._body = route.body
        self._body_key = ""
        if route.body not in {"", ALL}:
            self._body_key = self._descriptor.fields_by_name[route.body].json_name

    def of_json(self, variables: Pairs, pairs: Pairs, *, body: bytes) -> Message:
        """A message from a JSON body. Raises InvalidArgument."""
        fields: dict[str, Any] = {}
        if self._body == ALL:
            fields = read_json(body)
        elif self._body:
            fields[self._body_key] = read_json(body)
        if pairs:
            bind_query(fields, pairs, message=self._descriptor)
        return with_variables(self._codec.decode(fields), variables)

    def of_proto(self, variables: Pairs, pairs: Pairs, *, body: bytes) -> Message:
        """A message from a serialized body."""
        message = self.of_json((), pairs, body=b"") if pairs else self._create()
        target: Any = getattr(message, self._body) if self._body not in {"", ALL} else message
        if self._body:
            try:
                target.MergeFromString(body)
            except DecodeError:
                raise InvalidArgument("The request body is not a valid protobuf message.") from None
        return with_variables(message, variables)


def with_variables(message: Message, variables: Pairs) -> Message:
    """The message with the fields that the path names."""
    for path, value in variables:
        *parents, name = path.split(".")
        target: Any = message
        for parent in parents:
            target = getattr(target, parent)
        setattr(target, name, value)
    return message


def check_variable(path: str, message: Descriptor) -> None:
    """Raises ValueError unless `path` leads to a string field."""
    *parents, name = path.split(".")
    here: Any = message
    for parent in parents:
        here = here.fields_by_name[parent].message_type
    if here.fields_by_name[name].type != here.fields_by_name[name].TYPE_STRING:
        raise ValueError(f"{message.full_name}: {path} in the path is not a string")


def bind_query(fields: dict[str, Any], pairs: Iterable[tuple[str, str]], *, message: Descriptor) -> None:
    """Put query parameters among the JSON fields: "a.b=c" as {"a": {"b": "c"}}, repeated ones as lists."""
    flaws: list[UnknownName] = []
    seen: set[tuple[str, ...]] = set()
    for name, value in pairs:
        found = field_at(name, message)
        if isinstance(found, UnknownName):
            flaws.append(found)
            continue
        path, repeated = found
        if path in seen and not repeated:
            flaws.append(UnknownName(name, NOT_REPEATED))
            continue
        seen.add(path)
        place(fields, path, value=value, repeated=repeated)
    if flaws:
        raise refusal(flaws)


def place(fields: dict[str, Any], path: tuple[str, ...], *, value: str, repeated: bool) -> None:
    """Put one value where its path leads."""
    *parents, name = path
    for parent in parents:
        below = fields.get(parent)
        if below is None:
            below = fields[parent] = {}
        elif not isinstance(below, dict):
            return  # the body has something else in this place, and is refused for it
        fields = below
    if not repeated:
        fields[name] = value
    elif isinstance(values := fields.setdefault(name, []), list):
        values.append(value)


def field_at(name: str, message: Descriptor) -> tuple[tuple[str, ...], bool] | UnknownName:
    """Where a query parameter belongs and whether it may come again, or why it belongs nowhere."""
    here: Any = message
    path: list[str] = []
    repeated = False
    for part in name.split("."):
        field = None if here is None else here.fields_by_camelcase_name.get(part) or here.fields_by_name.get(part)
        if field is None:
            return UnknownName(name, f"{UNBOUND} Field '{clipped(name)}' could not be found in request message.")
        path.append(field.json_name)
        inner = field.message_type
        repeated = field.is_repeated
        here = None if inner is None or has_own_form(inner) else inner
        if repeated and here is not None:
            break  # a list of messages, or a map: nothing in it has a name of its own
    if here is not None:
        return UnknownName(name, f"{UNBOUND} '{clipped(name)}' is a message type. {PRIMITIVES}")
    return tuple(path), repeated
