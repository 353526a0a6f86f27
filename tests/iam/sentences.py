"""Google's refusals, as `STATUS sentence`."""

from __future__ import annotations

_REST = (
    "Expected OAuth 2 access token, login cookie or other valid authentication credential. See "
    "https://developers.google.com/identity/sign-in/web/devconsole-project."
)
NO_CREDENTIAL = f"UNAUTHENTICATED Request is missing required authentication credential. {_REST}"
BAD_CREDENTIAL = f"UNAUTHENTICATED Request had invalid authentication credentials. {_REST}"


def denial(permission: str, resource: str) -> str:
    return (
        f'PERMISSION_DENIED The principal (user or service account) lacks IAM permission "{permission}" for the '
        f'resource "{resource}" (or the resource may not exist).'
    )
