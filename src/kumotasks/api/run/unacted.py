"""The fields of a message that nothing here acts on: kept as JSON in the message's own names, and given back.

JSON, and not bytes of the message, because the other surface of Cloud Run reads and writes the same values. Keys that
are no field of the message are another surface's and left alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import Any

import msgspec
from google.protobuf.message import Message

from kumotasks.api.protojson import Codec, Codecs

_encode = msgspec.json.Encoder(order="sorted").encode
_decode = msgspec.json.Decoder(dict[str, Any]).decode


class Unacted:
    """`spoken` are the fields that have a place elsewhere, or are the server's to say."""

    def __init__(self, message: type[Message], spoken: Iterable[str]) -> None:
        self._message = message
        self._spoken = tuple(spoken)
        descriptor: Any = message.DESCRIPTOR
        self._names = {each.json_name for each in descriptor.fields if each.name not in self._spoken}

    @cached_property
    def _codec(self) -> Codec:
        """Made when it is first needed: most servers start without a service."""
        return Codecs().of(self._message)

    def of(self, message: Any) -> bytes:
        """Those of a message; b"" if there are none."""
        copy = type(message)()
        copy.CopyFrom(message)
        for name in self._spoken:
            copy.ClearField(name)
        shown = self._codec.encode(copy)
        return _encode(shown) if shown else b""

    def put(self, rest: bytes, message: Any) -> None:
        """Back into a message."""
        if not rest:
            return
        known = {name: value for name, value in _decode(rest).items() if name in self._names}
        message.MergeFrom(self._codec.decode(known))
