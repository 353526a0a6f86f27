"""A middleware for WSGI applications (Flask, Django): only requests with a good token come through."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING

from kumotasks.client.refusal import answer
from kumotasks.client.verify import KeysUnreachable, NotVerified, Verifier

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

CLAIMS = "kumotasks.claims"  # in the environ of a request that came through


class VerifiedApp:
    """`app` behind `verifier`; requests for the paths `open` (health checks) come through unasked."""

    def __init__(self, app: WSGIApplication, verifier: Verifier, *, open: Collection[str] = ()) -> None:  # noqa: A002
        self._app = app
        self._verifier = verifier
        self._open = frozenset(open)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
        if path not in self._open:
            # X-Serverless-Authorization if there is one, as on Cloud Run.
            shown = environ.get("HTTP_X_SERVERLESS_AUTHORIZATION") or environ.get("HTTP_AUTHORIZATION", "")
            try:
                environ[CLAIMS] = self._verifier.verify(shown)
            except (NotVerified, KeysUnreachable) as refused:
                status, headers, body = answer(refused, path)
                start_response(f"{status} {HTTPStatus(status).phrase}", headers)
                return [b"" if environ.get("REQUEST_METHOD") == "HEAD" else body]
        return self._app(environ, start_response)
