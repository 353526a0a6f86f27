"""The keys by which anybody checks tokens: as a map of certificates, and as a JWK set.

Clients keep what they are given for as long as it says. That must be short beside a rotation's overlap: the key of the
next rotation is on the list before it signs, but one rotation close behind another would be news to a cache.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from kumotasks.api.call import PageRequest, PageResponse
from kumotasks.api.oauth.form import JSON
from kumotasks.service.certificates import Certificates

MAX_AGE = 3600  # seconds
_CACHED = (
    (b"cache-control", f"public, max-age={MAX_AGE}, must-revalidate, no-transform".encode()),
    (b"x-content-type-options", b"nosniff"),
)


class KeySets:
    """Ours, and those of accounts."""

    def __init__(self, certificates: Certificates) -> None:
        self._certificates = certificates

    async def own_certificates(self, request: PageRequest) -> PageResponse:
        return cached(await self._certificates.own())

    async def own_set(self, request: PageRequest) -> PageResponse:
        return cached({"keys": await self._certificates.own_set()})

    async def account_certificates(self, request: PageRequest) -> PageResponse:
        return cached(await self._certificates.of(request.variables["account"]))

    async def account_set(self, request: PageRequest) -> PageResponse:
        return cached({"keys": await self._certificates.set_of(request.variables["account"])})


def cached(value: Mapping[str, object]) -> PageResponse:
    """An answer that every cache may keep for a while."""
    return PageResponse(msgspec.json.encode(value), content_type=JSON, headers=_CACHED)
