"""One call of grpc.health.v1.Health/Check over plaintext HTTP/2, with nothing but bytes.

The question is always the same and only one bit of the answer counts, so neither an HTTP/2 engine nor messages are
needed: headers go out without compression (RFC 7541, 6.2.2), those that come are not read.
"""

from __future__ import annotations

import asyncio
import struct

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_DATA, _HEADERS, _RESET, _SETTINGS, _PING, _GOAWAY = 0, 1, 3, 4, 6, 7
_ACK, _END_STREAM, _END_HEADERS, _PADDED = 0x1, 0x1, 0x4, 0x8
_STREAM = 1
_HEAD = struct.Struct(">BHBBL")  # length in 8 and 16 bits, type, flags, stream
_MOST = 16 * 1024  # bytes of a frame that a peer may send unasked
_PREFIX = 5  # bytes before a message of gRPC
_SERVING = b"\x08\x01"  # HealthCheckResponse{status: SERVING}
_PATH = "/grpc.health.v1.Health/Check"
_FIELDS = (
    (":method", "POST"),
    (":scheme", "http"),
    (":path", _PATH),
    (":authority", "localhost"),
    ("te", "trailers"),
    ("content-type", "application/grpc"),
)


async def serving(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, service: str) -> bool:
    """Whether the server says SERVING of `service`, "" for itself. EOFError, OSError, ValueError if it breaks off."""
    message = b"\x0a" + _length(service) + service.encode() if service else b""
    fields = b"".join(b"\x00" + _text(name) + _text(content) for name, content in _FIELDS)
    writer.write(_PREFACE + _frame(_SETTINGS, 0, 0))
    writer.write(_frame(_HEADERS, _END_HEADERS, _STREAM, fields))
    writer.write(_frame(_DATA, _END_STREAM, _STREAM, b"\0" + struct.pack(">L", len(message)) + message))
    answer = b""
    while True:
        kind, flags, stream, content = await _read_frame(reader)
        if kind == _SETTINGS and not flags & _ACK:
            writer.write(_frame(_SETTINGS, _ACK, 0))
        elif kind == _PING and not flags & _ACK:
            writer.write(_frame(_PING, _ACK, 0, content))
        elif kind in (_RESET, _GOAWAY):
            return False
        elif stream == _STREAM and kind == _DATA:
            answer += content[1 : len(content) - content[0]] if flags & _PADDED else content
        if stream == _STREAM and kind in (_DATA, _HEADERS) and flags & _END_STREAM:
            return answer[_PREFIX:] == _SERVING


async def _read_frame(reader: asyncio.StreamReader) -> tuple[int, int, int, bytes]:
    high, low, kind, flags, stream = _HEAD.unpack(await reader.readexactly(_HEAD.size))
    length = high << 16 | low
    if length > _MOST:
        raise ValueError("the peer does not speak HTTP/2")
    return kind, flags, stream, await reader.readexactly(length)


def _frame(kind: int, flags: int, stream: int, content: bytes = b"") -> bytes:
    return _HEAD.pack(len(content) >> 16, len(content) & 0xFFFF, kind, flags, stream) + content


def _text(text: str) -> bytes:
    return bytes((len(text),)) + text.encode()  # every one of ours is shorter than 127 bytes


def _length(text: str) -> bytes:
    """A number of bytes as protobuf writes it."""
    rest, found = len(text.encode()), bytearray()
    while rest >= 0x80:
        found.append(rest & 0x7F | 0x80)
        rest >>= 7
    return bytes((*found, rest))
