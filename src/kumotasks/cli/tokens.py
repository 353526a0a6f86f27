"""Tokens for a key that is at hand: what it signs goes to the server's token endpoint, and a token comes back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from kumotasks.cli.client import EVERYTHING, Client, Failure, Refused, printable

if TYPE_CHECKING:
    from kumotasks.auth.keyfile import HeldKey

SCOPES = (
    "openid",
    "https://www.googleapis.com/auth/userinfo.email",
    EVERYTHING,
)
_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_PATH = "/token"
_HOUR = 3_600


class TokenEndpoint(Client):
    """The server's side of OAuth."""

    def access_token(self, key: HeldKey, scopes: tuple[str, ...] = SCOPES) -> str:
        """Raises Failure."""
        return self._granted(key, {"scope": " ".join(scopes)}, "access_token")

    def identity_token(self, key: HeldKey, audience: str) -> str:
        """Raises Failure."""
        return self._granted(key, {"target_audience": audience}, "id_token")

    def _granted(self, key: HeldKey, asked: dict[str, str], field: str) -> str:
        """The assertion is addressed to this server by name: nobody else can use it."""
        from kumotasks.domain.clock import SECOND, SystemClock

        now = SystemClock().now() // SECOND
        own = {"iss": key.email, "sub": key.email, "aud": self.endpoint.audience + _PATH}
        claims = {**own, "iat": now, "exp": now + _HOUR, **asked}
        form = urlencode({"grant_type": _GRANT, "assertion": key.key.jwt(json.dumps(claims).encode())}).encode()
        headers = {"content-type": "application/x-www-form-urlencoded"}
        status, text = self._exchange("POST", _PATH, form, headers)
        try:
            answer = json.loads(text)
        except (ValueError, RecursionError):
            raise self._stranger(status) from None
        match answer:
            case {**fields} if status == 200 and isinstance(fields.get(field), str):
                return printable(str(fields[field]))
            case {"error": str(code), **more}:
                said = printable(f"{code}: {more.get('error_description', '')}")
                raise Refused(
                    f"There was a problem refreshing your current auth tokens: ('{said}'). The key is that of "
                    f"{key.email}; was it deleted or disabled, or is it another installation's than that of "
                    f"{self.endpoint.url}?",
                    status,
                )
        raise self._stranger(status)


def key_in(content: bytes, path: Path) -> HeldKey:
    """The key in what stood at `path`. Raises Failure."""
    from kumotasks.auth.keyfile import read_key_file

    try:
        return read_key_file(content)
    except ValueError as error:
        raise Failure(f"The .json key file is not in a valid format: {printable(str(path))}: {error}.") from None


def content_of(path: Path) -> bytes:
    """Raises Failure."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise Failure(f"Unable to read file [{printable(str(path))}]: {error.strerror or error}") from error
