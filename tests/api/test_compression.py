"""Packed bodies: bounded on the way in, worth it on the way out."""

from __future__ import annotations

import gzip
import os
import zlib

import pytest

from kumotasks.api.compression import WORTH_PACKING, accepts_gzip, pack, unpack
from kumotasks.domain.errors import PayloadTooLarge

LIMIT = 1_000_000


@pytest.mark.parametrize("content", [b"", b"x", b"x" * LIMIT, os.urandom(5_000)])
async def test_both_formats_are_read(content: bytes) -> None:
    assert await unpack(gzip.compress(content), b"gzip", limit=LIMIT) == content
    assert await unpack(zlib.compress(content), b"deflate", limit=LIMIT) == content


@pytest.mark.parametrize("size", [LIMIT + 1, 100 * LIMIT])
async def test_a_bomb_stops_at_the_limit(size: int) -> None:
    with pytest.raises(PayloadTooLarge):
        await unpack(gzip.compress(bytes(size)), b"gzip", limit=LIMIT)


@pytest.mark.parametrize(
    "data",
    [b"", b"nonsense", gzip.compress(b"abc")[:-1], gzip.compress(b"abc") + b"x", gzip.compress(b"abc")[:-8] + bytes(8)],
)
async def test_a_damaged_body_is_told_apart(data: bytes) -> None:
    with pytest.raises(ValueError, match="compressed content"):
        await unpack(data, b"gzip", limit=LIMIT)


async def test_only_what_gets_smaller_is_packed() -> None:
    assert await pack(b"x" * (WORTH_PACKING - 1)) is None
    assert await pack(os.urandom(WORTH_PACKING)) is None
    for size in (WORTH_PACKING, 10 * WORTH_PACKING):
        packed = await pack(b"x" * size)
        assert packed is not None
        assert gzip.decompress(packed) == b"x" * size


@pytest.mark.parametrize(
    ("header", "wanted"),
    [
        (b"gzip", True),
        (b"deflate, GZIP;q=0.5", True),
        (b"gzip; q=1.0", True),
        (b"", False),
        (b"identity", False),
        (b"gzip;q=0", False),
        (b"gzip; q=0.0, deflate", False),
        (b"x-gzipped", False),
    ],
)
def test_gzip_is_sent_to_whom_it_is_welcome(header: bytes, wanted: bool) -> None:
    assert accepts_gzip(header) is wanted
