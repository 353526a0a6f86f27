"""The messages of IAM Credentials: plain JSON. Requests hold path and body in one; durations and bytes come as text."""

from __future__ import annotations

import msgspec


class Request(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True, frozen=True):
    """A call about one account, perhaps by way of others."""

    project: str
    account: str  # e-mail or unique id
    delegates: tuple[str, ...] = ()


class GenerateAccessTokenRequest(Request, kw_only=True, frozen=True):
    scope: tuple[str, ...] = ()
    lifetime: str = ""  # "3600s"


class GenerateIdTokenRequest(Request, kw_only=True, frozen=True):
    audience: str = ""
    include_email: bool = False
    organization_number_included: bool = False  # accounts have no organization here


class SignJwtRequest(Request, kw_only=True, frozen=True):
    payload: str = ""


class SignBlobRequest(Request, kw_only=True, frozen=True):
    payload: str = ""  # base64


class AllowedLocationsRequest(msgspec.Struct, rename="camel", kw_only=True, frozen=True):
    project: str
    account: str


class AccessToken(msgspec.Struct, rename="camel", frozen=True):
    access_token: str
    expire_time: str


class IdToken(msgspec.Struct, frozen=True):
    token: str


class SignedJwt(msgspec.Struct, rename="camel", frozen=True):
    key_id: str
    signed_jwt: str


class SignedBlob(msgspec.Struct, rename="camel", frozen=True):
    key_id: str
    signed_blob: str  # base64


class AllowedLocations(msgspec.Struct, rename="camel", frozen=True):
    locations: tuple[str, ...]
    encoded_locations: str
