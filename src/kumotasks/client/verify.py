"""Whether a request carries an ID token that this application takes: for workers that check it themselves.

A token is good if its issuer signed it, it holds now, and it was made for this application. The outcomes are those of
Cloud Run's own check: no token 403, a bad one 401, a good one of somebody else 403.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from google.auth import exceptions, jwt

from kumotasks.client.certificates import Certificates, Fetch, KeysUnreachable

__all__ = ["Claims", "Forbidden", "KeysUnreachable", "NotVerified", "Unauthorized", "Verifier"]

GOOGLE = "https://accounts.google.com"
GOOGLE_CERTIFICATES = "https://www.googleapis.com/oauth2/v1/certs"
CERTIFICATES_PATH = "/oauth2/v1/certs"  # below KUMO_ENDPOINT
MOST = 16 * 1024  # characters of a token
SKEW = 10  # seconds between two machines' clocks
_BEARER = re.compile(r"bearer +(\S+)", re.IGNORECASE)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class NotVerified(Exception):
    """The request is refused; `status` is what HTTP calls it."""

    status = 403


class Unauthorized(NotVerified):
    """The token is bad: expired, forged, made for somebody else."""

    status = 401


class Forbidden(NotVerified):
    """There is no token, or its bearer may not call here."""


@dataclass(frozen=True, slots=True)
class Claims:
    """What a good token says; `raw` has all of it."""

    email: str
    subject: str
    audience: str
    issuer: str
    issued: datetime
    expires: datetime
    raw: Mapping[str, object] = field(repr=False)


class Verifier:
    """Takes tokens for `audience`, one or several: the URL of this application as its tasks write it, or any text.

    A URL without a path stands for all paths below it, because a task that names no audience has its whole URL as one.
    With `service_accounts` only theirs are taken. Where `certs_url` is not said it is KUMO_ENDPOINT's, or Google's.
    """

    def __init__(
        self,
        audience: str | Collection[str],
        service_accounts: Collection[str] = (),
        *,
        issuer: str = GOOGLE,
        certs_url: str = "",
        fetch: Fetch | None = None,
    ) -> None:
        self._audiences = frozenset({audience} if isinstance(audience, str) else audience)
        if not self._audiences or "" in self._audiences:
            raise ValueError("a verifier needs an audience: without one it would take tokens made for anybody")
        self._accounts = frozenset(service_accounts)
        self._issuers = frozenset({issuer, issuer.removeprefix("https://")}) if issuer == GOOGLE else {issuer}
        self._certificates = Certificates(certs_url or _published_at(os.environ), fetch=fetch)

    def verify(self, authorization: str | None) -> Claims:
        """What the token says in an Authorization header's value. Unauthorized, Forbidden, KeysUnreachable."""
        if not authorization:
            raise Forbidden("the request has no Authorization header")
        bearer = _BEARER.fullmatch(authorization.strip())
        if bearer is None or len(bearer[1]) > MOST:
            raise Unauthorized("the Authorization header has no bearer token")
        claims = _claims(self._signed(bearer[1]))
        self._judge(claims)
        return claims

    def _signed(self, token: str) -> Mapping[str, object]:
        """What a token says that its issuer signed and that holds now."""
        try:
            header = jwt.decode_header(token)  # type: ignore[no-untyped-call]  # no types
            if header.get("alg") != "RS256":  # what the issuer signs with; the token has no say in it
                raise Unauthorized("the token is not signed by RS256")
            known = self._certificates.having(header.get("kid"))
            found: Mapping[str, object] = jwt.decode(  # type: ignore[no-untyped-call]
                token, certs=known, clock_skew_in_seconds=SKEW
            )
        except (exceptions.GoogleAuthError, ValueError, TypeError, RecursionError) as error:
            raise Unauthorized("the token could not be verified") from error
        return found

    def _judge(self, claims: Claims) -> None:
        if claims.issuer not in self._issuers:
            raise Unauthorized(f"the token is of another issuer: {claims.issuer[:100]}")
        if not any(covers(each, claims.audience) for each in self._audiences):
            raise Unauthorized(f"the token was made for somebody else: {claims.audience[:100]}")
        if self._accounts and claims.email not in self._accounts:
            raise Forbidden(f"{claims.email or claims.subject} may not call here")


def covers(expected: str, audience: str) -> bool:
    """Whether a token for `audience` is one for `expected`: the same text, or below a URL that has no path."""
    if audience == expected:
        return True
    wanted = urlsplit(expected)
    if not (wanted.scheme and wanted.netloc) or wanted.path not in ("", "/") or wanted.query:
        return False
    origin = f"{wanted.scheme}://{wanted.netloc}"
    return audience == origin or audience.startswith((f"{origin}/", f"{origin}?"))


def _claims(found: Mapping[str, object]) -> Claims:
    match found:
        case {"iss": str(issuer), "aud": str(audience), "sub": str(subject), "iat": int(iat), "exp": int(exp)}:
            # An address that its issuer did not verify is anybody's.
            email = found.get("email", "") if found.get("email_verified") is True else ""
            return Claims(str(email), subject, audience, issuer, _instant(iat), _instant(exp), found)
    raise Unauthorized("the token is no ID token")


def _instant(seconds: int) -> datetime:
    try:
        return _EPOCH + timedelta(seconds=seconds)
    except OverflowError as error:
        raise Unauthorized("the token holds for longer than there are dates") from error


def _published_at(environment: Mapping[str, str]) -> str:
    endpoint = environment.get("KUMO_ENDPOINT", "").rstrip("/")
    if not endpoint:
        return GOOGLE_CERTIFICATES
    return (endpoint if "://" in endpoint else f"http://{endpoint}") + CERTIFICATES_PATH
