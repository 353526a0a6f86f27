"""How the command line speaks to a server: JSON calls over HTTP, in the name of the key that is at hand.

It finds the server and the key, and says in one sentence what is wrong. What a call means is its command's to know.
What only a call needs is imported when it is made: `kumo --help` must not wait for it.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode, urlsplit

from kumotasks.cli import env_page
from kumotasks.cli.env_page import EnvPage, bracketed

if TYPE_CHECKING:
    from http.client import HTTPConnection

    from kumotasks.auth.keyfile import HeldKey

DEFAULT_ENDPOINT = "http://127.0.0.1:8123"
CREDENTIALS = "GOOGLE_APPLICATION_CREDENTIALS"
SECONDS = 60.0  # for each turn of a connection
MOST = 64 * 1024 * 1024  # bytes of an answer
_HTTPS = 443
Json = dict[str, object]


class Failure(Exception):
    """A command cannot be done: one clear sentence, and the exit code."""

    code = 1


class WrongCall(Failure):
    """The line or the configuration is wrong."""

    code = 2


class Unreached(Failure):
    """There is no such server."""


class Refused(Failure):
    """The server said no; `status` is HTTP's, `state` its name ("NOT_FOUND"; "" if the server did not say)."""

    def __init__(self, sentence: str, status: int, state: str = "") -> None:
        super().__init__(sentence)
        self.status = status
        self.state = state
        self.code = 2 if status == 400 else 1


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a server is; `host` without brackets, `path` without a slash at its end."""

    url: str
    secure: bool
    host: str
    port: int
    path: str = ""

    @property
    def audience(self) -> str:
        """The server's own name for itself, to which proofs are addressed: nobody else can use them."""
        host = bracketed(self.host)
        return f"https://{host}" if self.secure and self.port == _HTTPS else f"{self._scheme}://{host}:{self.port}"

    @property
    def _scheme(self) -> str:
        return "https" if self.secure else "http"


class Client:
    """One server, spoken to as the owner of `key_file`: with "", the key that the server tells callers on its own
    machine, or as nobody where it asks nobody who he is."""

    def __init__(self, endpoint: Endpoint, key_file: str = "") -> None:
        self.endpoint = endpoint
        self._key_file = key_file

    def call(self, verb: str, path: str, *, query: Mapping[str, str] | None = None, body: Json | None = None) -> Json:
        """The answer to a call; `path` is quoted already. Raises Failure."""
        key = self._key
        headers = {} if key is None else {"authorization": f"Bearer {self._bearer}"}
        asked = f"{path}?{urlencode(query, quote_via=quote)}" if query else path
        try:
            return self._answer(verb, asked, body, headers)
        except Refused as refused:
            if key is None:
                raise
            raise Refused(self._refusal_of(key, refused), refused.status, refused.state) from refused

    @cached_property
    def page(self) -> EnvPage:
        """What the server says of itself, to everybody. Raises Failure."""
        try:
            return env_page.read(self._answer("GET", env_page.PATH, None, {}))
        except Refused as refused:
            if refused.status != 404:
                raise
            raise self._stranger(404) from refused
        except ValueError as error:
            raise self._stranger() from error

    @cached_property
    def _key_path(self) -> str:
        path = self._key_file or self.page.owner_key
        if not path:
            raise WrongCall(
                f"{self.endpoint.url} asks who calls: name a service account's key with --key-file, or in "
                f"{CREDENTIALS}."
            )
        return path

    @cached_property
    def _key(self) -> HeldKey | None:
        """None where nobody is asked who he is: then nobody learns it either."""
        if self.page.auth == "off":
            return None
        from kumotasks.auth.keyfile import read_key_file

        try:
            return read_key_file(Path(self._key_path).read_bytes())
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise WrongCall(f"the key {self._key_path} cannot be used: {reason}; --key-file names another.") from error

    @cached_property
    def _bearer(self) -> str:
        from kumotasks.domain.clock import SystemClock

        assert self._key is not None
        return self._key.assertion(self.endpoint.audience, SystemClock().now())

    def _answer(self, verb: str, path: str, body: Json | None, headers: Mapping[str, str]) -> Json:
        content = None if body is None else json.dumps(body).encode()
        typed = {} if content is None else {"content-type": "application/json"}
        status, text = self._exchange(verb, self.endpoint.path + path, content, {**headers, **typed})
        try:
            value = json.loads(text or b"{}")
        except (ValueError, RecursionError):
            raise self._stranger(status) from None
        if status < 300 and isinstance(value, dict):
            return value
        match value:
            case {"error": {"message": str(message), **more}}:
                raise Refused(printable(message), status, printable(str(more.get("status", ""))))
        raise self._stranger(status)

    def _exchange(self, verb: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> tuple[int, bytes]:
        """Status and body of the answer."""
        from http.client import HTTPException

        connection = self._connected()
        try:
            connection.request(verb, path, body, dict(headers))
            response = connection.getresponse()
            text = response.read(MOST + 1)
        except OSError as error:
            raise Unreached(f"{self.endpoint.url} was called and did not answer: {_reason(error)}.") from error
        except HTTPException as error:
            raise self._stranger() from error
        finally:
            connection.close()
        if len(text) > MOST:
            raise Unreached(f"{self.endpoint.url} answers with more than {MOST} bytes.")
        return response.status, text

    def _connected(self) -> HTTPConnection:
        """A connection that is open. The shell's proxies are passed by: they may be this very server's."""
        import ssl
        from http.client import HTTPConnection, HTTPException, HTTPSConnection

        to = self.endpoint
        try:
            if to.secure:
                context = ssl.create_default_context()
                connection: HTTPConnection = HTTPSConnection(to.host, to.port, timeout=SECONDS, context=context)
            else:
                connection = HTTPConnection(to.host, to.port, timeout=SECONDS)
            connection.connect()
        except ssl.SSLCertVerificationError as error:
            raise Unreached(
                f"the certificate of {to.url} is not trusted: {error.verify_message}. "
                "SSL_CERT_FILE names what is; `kumo env` prints it."
            ) from error
        except (OSError, ValueError, HTTPException) as error:
            raise Unreached(
                f"no server answers at {to.url}: {_reason(error)}. Start one with `kumo serve`, or say --endpoint."
            ) from error
        return connection

    def _refusal_of(self, key: HeldKey, refused: Refused) -> str:
        """The server's sentence with what is known here of who was refused."""
        match refused.status:
            case 401:
                return (
                    f"{self.endpoint.url} does not believe the key {self._key_path}: it was deleted or disabled, or is "
                    "another installation's, or the server does not go by the name in this URL (its setting hosts)."
                )
            case 403:
                return f"{refused} The call was made as {printable(key.email)}."
            case _:
                return str(refused)

    def _stranger(self, status: int = 0) -> Unreached:
        shown = f" ({status})" if status >= 300 else ""
        return Unreached(f"{self.endpoint.url} answers, but is no Kumo Tasks server of this version{shown}.")


def add_endpoint(parser: argparse.ArgumentParser) -> None:
    """The option that says where the server is."""
    text = f"where the server listens (KUMO_ENDPOINT, else {DEFAULT_ENDPOINT})"
    parser.add_argument("--endpoint", metavar="URL", default=argparse.SUPPRESS, help=text)


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of every command that makes calls."""
    add_endpoint(parser)
    text = f"the service account's key to call with (KUMO_KEY_FILE, {CREDENTIALS}, else the owner's)"
    parser.add_argument("--key-file", metavar="PATH", default=argparse.SUPPRESS, help=text)


def client_for(options: argparse.Namespace, environment: Mapping[str, str] = os.environ) -> Client:
    """The client that a line and its environment ask for. Raises WrongCall."""
    url = getattr(options, "endpoint", "") or environment.get("KUMO_ENDPOINT") or DEFAULT_ENDPOINT
    named = getattr(options, "key_file", ""), environment.get("KUMO_KEY_FILE"), environment.get(CREDENTIALS)
    return Client(endpoint_at(url), next(filter(None, named), ""))


def endpoint_at(url: str) -> Endpoint:
    """The parts of a URL. Raises WrongCall."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise _no_url(url) from None
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        raise _no_url(url)
    secure = parts.scheme == "https"
    return Endpoint(printable(url), secure, parts.hostname, port or (_HTTPS if secure else 80), parts.path.rstrip("/"))


def printable(text: str) -> str:
    """`text` from elsewhere, without what a terminal would take for a command."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def _no_url(url: str) -> WrongCall:
    return WrongCall(f"--endpoint {printable(url)}: write a URL such as {DEFAULT_ENDPOINT}.")


def _reason(error: Exception) -> str:
    return printable(getattr(error, "strerror", None) or str(error) or type(error).__name__)
