"""gzip and deflate for bodies, both ways, bounded, and never for long on the event loop.

A bomb of a few bytes unpacks to a thousand times its size; so unpacking stops at a limit, and whatever may take more
than about a millisecond runs in a thread. It knows nothing of HTTP or gRPC.
"""

from __future__ import annotations

import asyncio
import zlib

from kumotasks.domain.errors import PayloadTooLarge

WINDOWS = {b"gzip": 31, b"deflate": 15}  # zlib's names for the two formats
UNPACKED_INLINE = 1_024  # bytes; at worst a mebibyte when unpacked
PACKED_INLINE = 65_536
WORTH_PACKING = 16_384  # below, packing costs more than a packet saves
FASTEST = 1


async def unpack(data: bytes, encoding: bytes, *, limit: int) -> bytes:
    """The content of a packed body. Raises PayloadTooLarge beyond `limit` bytes, ValueError if it is damaged."""
    if len(data) > UNPACKED_INLINE:
        return await asyncio.to_thread(unpack_now, data, encoding, limit=limit)
    return unpack_now(data, encoding, limit=limit)


def unpack_now(data: bytes, encoding: bytes, *, limit: int) -> bytes:
    stream = zlib.decompressobj(WINDOWS[encoding])
    try:
        content = stream.decompress(data, limit + 1)
    except zlib.error as error:
        raise ValueError("The compressed content is damaged.") from error
    if len(content) > limit:
        raise PayloadTooLarge
    if not stream.eof or stream.unused_data:
        raise ValueError("The compressed content does not end where it should.")
    return content


async def pack(data: bytes) -> bytes | None:
    """The data as gzip, or None if that would not pay."""
    if len(data) < WORTH_PACKING:
        return None
    packed = pack_now(data) if len(data) <= PACKED_INLINE else await asyncio.to_thread(pack_now, data)
    return packed if len(packed) < len(data) * 7 // 8 else None


def pack_now(data: bytes) -> bytes:
    stream = zlib.compressobj(FASTEST, zlib.DEFLATED, WINDOWS[b"gzip"])
    return stream.compress(data) + stream.flush()


def accepts_gzip(accepted: bytes) -> bool:
    """True if an accept-encoding header names gzip, and not only to refuse it."""
    for offer in accepted.lower().split(b","):
        name, _, quality = offer.strip().partition(b";")
        if name.strip() == b"gzip":
            return quality.replace(b" ", b"") not in {b"q=0", b"q=0.0", b"q=0.00", b"q=0.000"}
    return False
