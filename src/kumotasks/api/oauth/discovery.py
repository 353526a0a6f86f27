"""OpenID Connect discovery: where everything is, said so that whoever asks can reach it.

Asked under one of Google's names it tells Google's addresses, asked under one of ours it tells ours. An unknown Host
is never repeated: what a document like this says is believed and kept.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import urlsplit

from kumotasks.api.call import PageRequest, PageResponse
from kumotasks.api.oauth.key_sets import cached

# What is told, and under which of Google's hosts it is.
ADDRESSES = (
    ("authorization_endpoint", "https://accounts.google.com", "/o/oauth2/v2/auth"),
    ("token_endpoint", "https://oauth2.googleapis.com", "/token"),
    ("userinfo_endpoint", "https://openidconnect.googleapis.com", "/v1/userinfo"),
    ("revocation_endpoint", "https://oauth2.googleapis.com", "/revoke"),
    ("jwks_uri", "https://www.googleapis.com", "/oauth2/v3/certs"),
)
FACTS = {
    "response_types_supported": ["code", "token", "id_token", "none"],
    "subject_types_supported": ["public"],
    "id_token_signing_alg_values_supported": ["RS256"],
    "scopes_supported": ["openid", "email", "profile"],
    "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
    "claims_supported": ["aud", "azp", "email", "email_verified", "exp", "iat", "iss", "sub"],
    "grant_types_supported": ["refresh_token", "urn:ietf:params:oauth:grant-type:jwt-bearer"],
}
_GOOGLE = re.compile(r"(?:accounts\.google\.com|[a-z0-9.-]+\.googleapis\.com)(?::443)?", re.ASCII)


class Discovery:
    """GET /.well-known/openid-configuration. `urls` are our own."""

    def __init__(self, issuer: str, urls: Callable[[], frozenset[str]]) -> None:
        self._issuer = issuer
        self._urls = urls

    async def configuration(self, request: PageRequest) -> PageResponse:
        root = self._root(request.headers.get(b"host", b"").decode("latin-1").lower())
        found = {name: (root or google) + path for name, google, path in ADDRESSES}
        return cached({"issuer": self._issuer, **found, **FACTS})

    def _root(self, host: str) -> str:
        """Our URL under which it was asked, else the first of ours; "" = Google's."""
        if _GOOGLE.fullmatch(host):
            return ""
        own = sorted(url.rstrip("/") for url in self._urls())
        return next((url for url in own if urlsplit(url).netloc.lower() == host), own[0] if own else "")
