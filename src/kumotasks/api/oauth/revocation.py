"""Taking a token back before its time (RFC 7009; Google's documentation puts the token in the query)."""

from __future__ import annotations

from kumotasks.api.call import PageRequest, PageResponse
from kumotasks.api.oauth.form import answer, needed, read_both
from kumotasks.service.identity import Identity


class Revocation:
    """POST /revoke."""

    def __init__(self, identity: Identity) -> None:
        self._identity = identity

    async def revoke(self, request: PageRequest) -> PageResponse:
        await self._identity.revoke(needed(read_both(request), "token"))
        return answer({})
