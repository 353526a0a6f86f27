"""What a token stands for: tokeninfo for whoever holds one, userinfo for programs that ask whom they act as.

Each has an older and a newer form on Google, with other names for the same things. Access tokens tell an e-mail only
if they were made with a scope for it.
"""

from __future__ import annotations

import re

from kumotasks.api.call import PageRequest, PageResponse
from kumotasks.api.oauth.form import answer, read_both
from kumotasks.auth.assertion import Refused
from kumotasks.domain.clock import SECOND
from kumotasks.service.identity import OPENID, Identity, IdTokenInfo, TokenInfo

EMAIL_SCOPES = frozenset({"email", "https://www.googleapis.com/auth/userinfo.email"})
PROFILE_SCOPES = frozenset({OPENID, "profile", "https://www.googleapis.com/auth/userinfo.profile"})
CHALLENGE = b'Bearer realm="https://accounts.google.com/", error="invalid_token"'
_BEARER = re.compile(rb"bearer +([\x21-\x7e]+)", re.IGNORECASE)


class Inspection:
    """Pages over one token."""

    def __init__(self, identity: Identity) -> None:
        self._identity = identity

    async def token_info(self, request: PageRequest) -> PageResponse:
        """tokeninfo, the newest form: everything is text."""
        fields = read_both(request)
        if fields.get("id_token"):
            known = await self._identity.id_token(fields["id_token"])
            return answer({name: _as_text(value) for name, value in {**known.claims, **known.header}.items()})
        info = await self._identity.access_token(_access_token(fields))
        unique_id = info.account.unique_id
        found: dict[str, object] = {"azp": unique_id, "aud": unique_id}
        if _shows(info, PROFILE_SCOPES):
            found["sub"] = unique_id
        found |= {
            "scope": " ".join(info.scopes),
            "exp": str(info.expires // SECOND),
            "expires_in": str(info.expires_in),
        }
        if _shows(info, EMAIL_SCOPES):
            found |= {"email": info.account.email, "email_verified": "true"}
        return answer({**found, "access_type": "online"})

    async def old_token_info(self, request: PageRequest) -> PageResponse:
        """tokeninfo, version 1."""
        fields = read_both(request)
        if fields.get("id_token"):
            return answer(_old_form(await self._identity.id_token(fields["id_token"])))
        info = await self._identity.access_token(_access_token(fields))
        unique_id = info.account.unique_id
        found: dict[str, object] = {"issued_to": unique_id, "audience": unique_id}
        if _shows(info, PROFILE_SCOPES):
            found["user_id"] = unique_id
        found |= {"scope": " ".join(info.scopes), "expires_in": info.expires_in}
        if _shows(info, EMAIL_SCOPES):
            found |= {"email": info.account.email, "verified_email": True}
        return answer({**found, "access_type": "online"})

    async def user_info(self, request: PageRequest) -> PageResponse:
        """OpenID Connect's names."""
        return await self._user(request, "sub", "email_verified")

    async def old_user_info(self, request: PageRequest) -> PageResponse:
        """Versions 1 and 2."""
        return await self._user(request, "id", "verified_email")

    async def _user(self, request: PageRequest, ident: str, verified: str) -> PageResponse:
        """The token is taken from the header alone: a query ends up in logs."""
        found = _BEARER.fullmatch(request.headers.get(b"authorization", b""))
        try:
            info = await self._identity.access_token(found[1].decode("ascii") if found else "")
        except Refused:
            refusal = answer({"error": "invalid_request", "error_description": "Invalid Credentials"}, status=401)
            headers = (*refusal.headers, (b"www-authenticate", CHALLENGE))
            return PageResponse(refusal.body, refusal.status, refusal.content_type, headers)
        email = {"email": info.account.email, verified: True} if _shows(info, EMAIL_SCOPES) else {}
        return answer({ident: info.account.unique_id, **email})


def _shows(info: TokenInfo, scopes: frozenset[str]) -> bool:
    return not scopes.isdisjoint(info.scopes)


def _old_form(known: IdTokenInfo) -> dict[str, object]:
    claims = known.claims
    found = {"issuer": claims["iss"], "issued_to": claims["azp"], "audience": claims["aud"], "user_id": claims["sub"]}
    if "email" in claims:
        found |= {"email": claims["email"], "verified_email": claims["email_verified"]}
    return found | {"issued_at": claims["iat"], "expires_in": known.expires_in}


def _access_token(fields: dict[str, str]) -> str:
    """From either of the names that Google's own clients use."""
    token = fields.get("access_token") or fields.get("token_handle")
    if not token:
        raise Refused("invalid_request", "either access_token, id_token, or token_handle required")
    return token


def _as_text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
