"""Who this program is: the proof it shows the server, and the account in whose name its tasks come back.

Google's library finds that out, is loaded when the first proof is needed, and asked before anything of a task is sent.
"""

from __future__ import annotations

import os
from threading import Lock
from typing import TYPE_CHECKING

from kumotasks.client.place import Endpoint

if TYPE_CHECKING:
    from google.auth.credentials import Credentials

KEY_FILE = "GOOGLE_APPLICATION_CREDENTIALS"
SCOPE = "https://www.googleapis.com/auth/cloud-platform"
_METHOD = "/google.cloud.tasks.v2.CloudTasks/CreateTask"
_UNKNOWN = "default"  # what the metadata server's credentials call their account before they have asked


class Unproven(Exception):
    """There is no proof; `again` if there may be one soon."""

    def __init__(self, why: str, *, again: bool) -> None:
        super().__init__(why)
        self.again = again


class Caller:
    """`endpoint` is a server of Kumo's, None Google's. `credentials` are used instead of whatever is found."""

    def __init__(self, endpoint: Endpoint | None, credentials: Credentials | None = None) -> None:
        self._endpoint = endpoint
        self._credentials = credentials
        self._turn = Lock()  # one refresh at a time

    def proof(self) -> list[tuple[str, str]]:
        """The headers of a call. Raises Unproven."""
        from google.auth.exceptions import GoogleAuthError

        with self._turn:
            try:
                self._credentials = self._credentials or self._found()
                return self._headers()
            except GoogleAuthError as error:
                raise Unproven(f"no credentials: {error}", again=error.retryable) from error
            except (OSError, ValueError) as error:
                raise Unproven(f"no credentials: {error}", again=False) from error

    @property
    def account(self) -> str:
        """The service account that the last proof was of; "" of a person, or of nobody."""
        email = getattr(self._credentials, "service_account_email", "") or getattr(
            self._credentials, "signer_email", ""
        )
        return "" if email in (None, _UNKNOWN) else str(email)

    def _found(self) -> Credentials | None:
        """Of the program's surroundings; to a server of Kumo's only what is worth nothing elsewhere, and only if it was
        named."""
        import google.auth
        from google.auth import jwt

        if self._endpoint is None:
            found: Credentials = google.auth.default(scopes=[SCOPE])[0]
            return found
        if not (path := os.environ.get(KEY_FILE)):
            return None
        key: Credentials = jwt.Credentials.from_service_account_file(  # type: ignore[no-untyped-call]  # no types
            path, audience=self._endpoint.url
        )
        return key

    def _headers(self) -> list[tuple[str, str]]:
        from google.auth.transport.requests import Request

        if self._credentials is None:
            return []
        headers: dict[str, str] = {}
        url = (self._endpoint.url if self._endpoint else "https://cloudtasks.googleapis.com") + _METHOD
        self._credentials.before_request(Request(), "POST", url, headers)  # type: ignore[no-untyped-call]
        return [(name.lower(), value) for name, value in headers.items()]
