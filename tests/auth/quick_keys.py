"""RSA keys that were made once: a new one takes a tenth of a second, and most tests only need different ones."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key

from kumotasks.auth import signing_key

POOL = 6


@cache
def key(number: int) -> RSAPrivateKey:
    return generate_private_key(signing_key.EXPONENT, signing_key.KEY_BITS)


def keys() -> Iterator[RSAPrivateKey]:
    """Different keys, the same in each test; a test that asks for more than there are gets none twice."""
    for number in range(POOL):
        yield key(number)
    pytest.fail("more keys than the pool has")


@pytest.fixture
def quick_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Key rings of this test take their keys from the pool."""
    ready = keys()
    monkeypatch.setattr(signing_key, "make_private", lambda: next(ready))
