"""The token endpoint: a grant in, a token out (RFC 6749 section 5.1, RFC 7523).

Which proofs are good is the identity service's to say; here is only how a grant is written.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from kumotasks.api.call import PageRequest, PageResponse
from kumotasks.api.oauth.form import answer, needed, read_body
from kumotasks.auth.assertion import Refused
from kumotasks.service.identity import AccessGrant, Grant, Identity, IdGrant

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
REFRESH = "refresh_token"


class Grants:
    """POST /token."""

    def __init__(self, identity: Identity) -> None:
        self._identity = identity
        self._grants: dict[str, Callable[[Mapping[str, str]], Awaitable[Grant]]] = {
            JWT_BEARER: self._assertion,
            REFRESH: self._refresh,
        }

    async def token(self, request: PageRequest) -> PageResponse:
        fields = read_body(request)
        kind = needed(fields, "grant_type")
        grant = self._grants.get(kind)
        if grant is None:
            raise Refused("unsupported_grant_type", f"Invalid grant_type: {kind[:100]}")
        return answer(shown(await grant(fields)))

    async def _assertion(self, fields: Mapping[str, str]) -> Grant:
        return await self._identity.grant_assertion(needed(fields, "assertion"))

    async def _refresh(self, fields: Mapping[str, str]) -> Grant:
        token = needed(fields, REFRESH)
        return await self._identity.grant_refresh(token, fields.get("scope", ""), fields.get("client_id", ""))


def shown(grant: Grant) -> dict[str, object]:
    """A grant as its client reads it."""
    match grant:
        case IdGrant():
            return {"id_token": grant.id_token}
        case AccessGrant():
            found: dict[str, object] = {
                "access_token": grant.access_token,
                "expires_in": grant.expires_in,
                "scope": " ".join(grant.scopes),
                "token_type": "Bearer",
            }
            return found | ({"id_token": grant.id_token} if grant.id_token else {})
