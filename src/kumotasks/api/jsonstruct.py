"""How a REST call becomes the struct of its row, and an answer's struct JSON: for calls without protobuf classes.

The same order as for messages: the path wins over the query and both over the body. Names are taken in lowerCamel and
in snake_case, null is as good as absent, and what is wrong is told in Google's words. It knows no HTTP and no use case.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, get_origin

import msgspec

from kumotasks.api.binding import UNBOUND, place
from kumotasks.api.flaws import NOT_REPEATED, PAYLOAD, UnknownName, clipped, refusal
from kumotasks.api.protojson import read_json
from kumotasks.domain.errors import InvalidArgument, Violation

if TYPE_CHECKING:
    from kumotasks.api.binding import Pairs
    from kumotasks.api.call import JsonRoute

_SNAKE = re.compile(r"_([a-z0-9])")
_CAPITAL = re.compile(r"[A-Z]")
_UNKNOWN = re.compile(r"Object contains unknown field `(?P<name>.*?)`(?: - at `\$\.?(?P<at>.*)`)?", re.DOTALL)
_MISMATCH = re.compile(r"(?P<what>.*?)(?: - at `\$\.?(?P<at>.*)`)?", re.DOTALL)
CANNOT_FIND = "Cannot find field."


class StructBinding:
    """Makes the request struct of one row."""

    __slots__ = ("_names", "_repeated", "_request", "_strict")

    def __init__(self, route: JsonRoute) -> None:
        self._request = route.request
        self._strict = route.request.__struct_config__.forbid_unknown_fields
        fields = msgspec.structs.fields(route.request)
        self._names = {each.encode_name for each in fields}
        self._repeated = {each.encode_name for each in fields if get_origin(each.type) in {tuple, list}}

    def of_json(self, variables: Pairs, pairs: Pairs, *, body: bytes) -> msgspec.Struct:
        """A struct from path, query and JSON body. Raises InvalidArgument."""
        fields = _plain(read_json(body))
        if pairs:
            self._bind(fields, pairs)
        for name, value in variables:
            fields[_camel(name)] = value
        try:
            return msgspec.convert(fields, self._request, strict=False)
        except msgspec.ValidationError as error:
            raise _told(str(error)) from None

    def _bind(self, fields: dict[str, Any], pairs: Pairs) -> None:
        """Put query parameters among the fields of the body."""
        flaws: list[UnknownName] = []
        seen: set[tuple[str, ...]] = set()
        for name, value in pairs:
            path = tuple(_camel(part) for part in name.split("."))
            repeated = path[0] in self._repeated
            if path[0] not in self._names or (repeated and len(path) > 1):
                if not self._strict:
                    continue  # the row takes what it does not know
                what = f"{UNBOUND} Field '{clipped(name)}' could not be found in request message."
                flaws.append(UnknownName(name, what))
            elif path in seen and not repeated:
                flaws.append(UnknownName(name, NOT_REPEATED))
            else:
                seen.add(path)
                place(fields, path, value=value, repeated=repeated)
        if flaws:
            raise refusal(flaws)


class StructCodec:
    """The JSON of answers that are structs."""

    __slots__ = ()

    def encode(self, answer: msgspec.Struct, *, enum_ints: bool) -> Any:
        return msgspec.to_builtins(answer)


def _plain(value: dict[str, object]) -> dict[str, Any]:
    """An object with its names in lowerCamel and without its nulls, all the way down."""
    return {_camel(name): _inner(each) for name, each in value.items() if each is not None}


def _inner(value: object) -> object:
    match value:
        case dict():
            return _plain(value)
        case list():
            return [_inner(each) for each in value]
        case _:
            return value


def _camel(name: str) -> str:
    return _SNAKE.sub(lambda found: found[1].upper(), name)


def _snake(path: str) -> str:
    """A path as Google tells it: by the names that fields have in protobuf."""
    return _CAPITAL.sub(lambda found: f"_{found[0].lower()}", path)


def _told(reason: str) -> InvalidArgument:
    """msgspec's reason in Google's words."""
    unknown = _UNKNOWN.fullmatch(reason)
    if unknown is not None:
        return refusal([UnknownName(unknown["name"], CANNOT_FIND, _snake(unknown["at"] or ""))])
    found = _MISMATCH.fullmatch(reason)
    assert found is not None
    at = _snake(found["at"] or "")
    message = f"Invalid value at '{clipped(at)}', {found['what']}" if at else f"{PAYLOAD} {found['what']}"
    return InvalidArgument(message, violations=(Violation(at, message),))
