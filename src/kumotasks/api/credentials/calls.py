"""IAM Credentials between message and value."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import TypeVar

from kumotasks.api.call import Caller
from kumotasks.api.credentials import messages as m
from kumotasks.api.flaws import Flawed, refusal
from kumotasks.api.jsonread import read_bytes
from kumotasks.api.wellknown import span_of, whole_second
from kumotasks.domain.clock import SECOND
from kumotasks.service.credentials import Credentials, Request

Value = TypeVar("Value")
# What Google answers where no trust boundary is drawn: every location is allowed.
EVERYWHERE = m.AllowedLocations((), "0x0")


class CredentialCalls:
    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials

    async def generate_access_token(self, request: m.GenerateAccessTokenRequest, caller: Caller) -> m.AccessToken:
        lifetime = _read("lifetime", _span, request.lifetime) if request.lifetime else None
        token = await self._credentials.access_token(_request(request, caller), request.scope, lifetime)
        return m.AccessToken(token.text, f"{whole_second(token.expires // SECOND)}Z")

    async def generate_id_token(self, request: m.GenerateIdTokenRequest, caller: Caller) -> m.IdToken:
        asked = _request(request, caller)
        return m.IdToken(await self._credentials.id_token(asked, request.audience, email=request.include_email))

    async def sign_jwt(self, request: m.SignJwtRequest, caller: Caller) -> m.SignedJwt:
        signed = await self._credentials.sign_claims(_request(request, caller), request.payload)
        return m.SignedJwt(signed.key_id, signed.value.decode())

    async def sign_blob(self, request: m.SignBlobRequest, caller: Caller) -> m.SignedBlob:
        payload = _read("payload", read_bytes, request.payload)
        signed = await self._credentials.sign_bytes(_request(request, caller), payload)
        return m.SignedBlob(signed.key_id, base64.b64encode(signed.value).decode())

    async def get_allowed_locations(self, request: m.AllowedLocationsRequest, caller: Caller) -> m.AllowedLocations:
        return EVERYWHERE


def _request(request: m.Request, caller: Caller) -> Request:
    name = f"projects/{request.project}/serviceAccounts/{request.account}"
    return Request(name, caller.principal, request.delegates)


def _span(text: str) -> int:
    """Microseconds; nanoseconds are cut."""
    seconds, nanos = span_of(text)
    return seconds * SECOND + int(nanos / 1_000)


def _read(field: str, reader: Callable[[str], Value], text: str) -> Value:
    try:
        return reader(text)
    except Flawed as flawed:
        raise refusal(flawed.under(field, field)) from None
