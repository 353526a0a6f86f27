"""The table of calls of IAM Credentials. Its rows name no permission: with delegates the caller needs another one, on
another account, so the use case judges the whole chain.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from kumotasks.api.call import Caller, JsonRoute
from kumotasks.api.credentials import messages as m
from kumotasks.api.credentials.calls import CredentialCalls

_SERVICE = "google.iam.credentials.v1.IAMCredentials"
_ACCOUNT = "/v1/projects/{project}/serviceAccounts/{account}"
Handle = Callable[[Any, Caller], Awaitable[Any]]


def routes(c: CredentialCalls) -> tuple[JsonRoute, ...]:
    """Every call that IAM Credentials has for service accounts."""
    return (
        _row(
            "GenerateAccessToken",
            f"POST {_ACCOUNT}:generateAccessToken",
            m.GenerateAccessTokenRequest,
            c.generate_access_token,
        ),
        _row("GenerateIdToken", f"POST {_ACCOUNT}:generateIdToken", m.GenerateIdTokenRequest, c.generate_id_token),
        _row("SignJwt", f"POST {_ACCOUNT}:signJwt", m.SignJwtRequest, c.sign_jwt),
        _row("SignBlob", f"POST {_ACCOUNT}:signBlob", m.SignBlobRequest, c.sign_blob),
        _row(
            "GetAllowedLocations",
            f"GET {_ACCOUNT}/allowedLocations",
            m.AllowedLocationsRequest,
            c.get_allowed_locations,
        ),
    )


def _row(method: str, rest: str, request: type[msgspec.Struct], handle: Handle) -> JsonRoute:
    """A row: method, "VERB path", request, handler."""
    verb, path = rest.split(" ", 1)
    return JsonRoute(_SERVICE, method, verb, path, request, "", "", handle)
