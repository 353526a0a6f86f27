"""Our own proto3 JSON: bytes to JSON value, JSON value to message and back, fast enough for the hot path.

protobuf's json_format costs about 100 microseconds a call and words its errors differently from Google; the tests
hold this codec against it. A Codec is one message class's; Codecs makes and keeps them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, cast

import msgspec

from kumotasks.api.flaws import Flawed, UnknownName, refusal
from kumotasks.api.jsonprint import Print, Printers
from kumotasks.api.jsonread import Read, Readers
from kumotasks.api.malformed import TOO_DEEP, malformed, payload_error

if TYPE_CHECKING:
    from collections.abc import Iterable

    from google.protobuf.message import Message

AnyMessage = TypeVar("AnyMessage", bound="Message")
DEEPEST = 100  # levels of nesting in a payload
MOST_VALUES = 200_000  # in a payload; about half a second of work, which the event loop cannot do in parts
SEPARATORS = (b",", b"{", b"[")
ROOT = "Root element must be a message."

parse = msgspec.json.Decoder().decode


def read_json(body: bytes) -> dict[str, object]:
    """The object that a payload holds; nothing at all is an empty object. Raises InvalidArgument."""
    if not body or body.isspace():
        return {}
    if len(body) > MOST_VALUES and sum(map(body.count, SEPARATORS)) > MOST_VALUES:
        raise payload_error("The payload has too many values.")
    try:
        value = parse(body)
    except ValueError:
        raise malformed(body) from None
    except RecursionError:
        raise payload_error(TOO_DEEP) from None
    if type(value) is not dict:
        raise refusal([UnknownName("", ROOT)])
    if body.count(b"{") + body.count(b"[") > DEEPEST and depth_of(value) > DEEPEST:
        raise payload_error(TOO_DEEP)
    return value


def depth_of(value: object) -> int:
    """Levels of objects and arrays, counted without recursion."""
    depth, level = 0, [value]
    while level := [item for item in level if isinstance(item, dict | list)]:
        depth += 1
        level = [child for item in level for child in (item.values() if isinstance(item, dict) else item)]
    return depth


class Codec:
    """The JSON of one message class."""

    __slots__ = ("_create", "_named", "_numbered", "_read")

    def __init__(self, create: type[Message], read: Read, *, named: Print, numbered: Print) -> None:
        self._create = create
        self._read = read
        self._named = named
        self._numbered = numbered

    def decode(self, value: object) -> Message:
        """A message from a JSON value; InvalidArgument tells everything that is wrong with it."""
        try:
            arguments: Any = self._read(value)
        except Flawed as flawed:
            raise refusal(flawed.flaws) from None
        return self._create(**arguments) if type(arguments) is dict else arguments

    def encode(self, message: Message, *, enum_ints: bool = False) -> Any:
        """A JSON-ready value: a dict, unless the class is one of protobuf's own with a shorter form."""
        return self._numbered(message) if enum_ints else self._named(message)


class Codecs:
    """The codecs of all message classes of a server, each made when it is first asked for. `known` are classes that an
    Any may hold besides those of the default pool."""

    def __init__(self, known: Iterable[type[Message]] = ()) -> None:
        self._readers = Readers()
        self._named = Printers(enum_ints=False, known=known)
        self._numbered = Printers(enum_ints=True, known=known)

    def of(self, message: type[Message]) -> Codec:
        descriptor: Any = message.DESCRIPTOR
        return Codec(
            message,
            self._readers.of(descriptor),
            named=self._named.of(descriptor),
            numbered=self._numbered.of(descriptor),
        )


def decode(value: object, message: type[AnyMessage]) -> AnyMessage:
    """One message from a JSON value, for whoever has only a few to read."""
    return cast("AnyMessage", Codecs().of(message).decode(value))
