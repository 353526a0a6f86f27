"""How the command line speaks to a server: JSON calls over HTTP, in the name of the key that is at hand.

It finds the server and the key, and says in one sentence what is wrong. What a call means is its command's to know.
What only a call needs is imported when it is made: `kumo --help` must not wait for it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode, urlsplit

from kumotasks.cli import env_page
from kumotasks.cli.env_page import EnvPage, bracketed

if TYPE_CHECKING:
    from http.client import HTTPConnection, HTTPResponse

    from kumotasks.auth.keyfile import HeldKey

DEFAULT_ENDPOINT = "http://127.0.0.1:8123"
CREDENTIALS = "GOOGLE_APPLICATION_CREDENTIALS"
SECONDS = 60.0  # for each turn of a connection
MOST = 64 * 1024 * 1024  # bytes of an answer
_HTTPS = 443
_HTTP_1_0 = 10  # as http.client has it
EVERYTHING = "https://www.googleapis.com/auth/cloud-platform"  # the scope
_MINTED = "/v1/projects/-/serviceAccounts/"
_PIECE = 65_536  # bytes read at once of an answer that grows
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
    """The server said no; `status` is HTTP's, `state` its name ("NOT_FOUND"; "" if the server did not say), `details`
    whatever more it said, objects that have their type in `@type`."""

    def __init__(self, sentence: str, status: int, state: str = "", details: tuple[object, ...] = ()) -> None:
        super().__init__(sentence)
        self.status = status
        self.state = state
        self.details = details
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

    def __init__(self, endpoint: Endpoint, key_file: str = "", impersonated: str = "") -> None:
        """`impersonated` is the account as which calls are made, with tokens that the key's owner makes in its name."""
        self.endpoint = endpoint
        self._key_file = key_file
        self._impersonated = impersonated

    def call(
        self,
        verb: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Json | None = None,
        more: Mapping[str, str] | None = None,
    ) -> Json:
        """The answer to a call; `path` is quoted already, `more` are headers. Raises Failure."""
        asked = f"{path}?{urlencode(query, quote_via=quote)}" if query else path
        headers = {**self._credentials, **(more or {})}
        with self._named(self._impersonated):
            return self._answer(verb, asked, body, headers)

    def stream(self, path: str, body: Json) -> Iterator[Json]:
        """The elements of an answer that grows, as they come, until it ends. Raises Failure."""
        from kumotasks.cli.growing import elements

        headers = self._credentials
        with self._named(self._impersonated), self._asked("POST", path, *_as_json(body, headers)) as response:
            if response.status >= 300:
                self._understood(response.status, response.read(MOST))
            try:
                for each in elements(iter(lambda: response.read1(_PIECE), b"")):
                    if refused := refusal_in(each):
                        raise refused
                    yield each
            except ValueError as error:
                raise self._stranger() from error

    @contextmanager
    def _named(self, caller: str) -> Iterator[None]:
        """A refusal says who was refused: `caller`, or the key's owner."""
        try:
            yield
        except Refused as refused:
            if (key := self._key) is None:
                raise
            told = self._refusal_of(caller or key.email, refused)
            raise Refused(told, refused.status, refused.state, refused.details) from refused

    def minted(self, account: str, verb: str, asked: Json) -> Json:
        """A token of another account, which the key's owner must be allowed to make. Raises Failure."""
        if "/" in account or "@" not in account:
            raise WrongCall(f"argument --impersonate-service-account: write an e-mail; received: {printable(account)}")
        headers = {} if self._key is None else _authorization(self._bearer)
        with self._named(""):
            return self._answer("POST", f"{_MINTED}{quote(account, safe='@')}:{verb}", asked, headers)

    @cached_property
    def _credentials(self) -> Mapping[str, str]:
        if self._key is None:
            return {}
        if not self._impersonated:
            return _authorization(self._bearer)
        made = self.minted(self._impersonated, "generateAccessToken", {"scope": [EVERYTHING]})
        return _authorization(str(made.get("accessToken")))

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
        return self._understood(*self._exchange(verb, path, *_as_json(body, headers)))

    def _exchange(self, verb: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> tuple[int, bytes]:
        """Status and body of the answer."""
        with self._asked(verb, path, body, headers, SECONDS) as response:
            text = response.read(MOST + 1)
        if len(text) > MOST:
            raise Unreached(f"{self.endpoint.url} answers with more than {MOST} bytes.")
        if response.length:  # bytes that were promised
            raise self._broken_off()
        return response.status, text

    def _understood(self, status: int, text: bytes) -> Json:
        """The object that an answer is."""
        try:
            value = json.loads(text or b"{}")
        except (ValueError, RecursionError):
            raise self._stranger(status) from None
        if status < 300 and isinstance(value, dict):
            return value
        raise refusal_in(value, status) or self._stranger(status)

    @contextmanager
    def _asked(
        self, verb: str, path: str, body: bytes | None, headers: Mapping[str, str], seconds: float | None = None
    ) -> Iterator[HTTPResponse]:
        """The answer, still to be read; `seconds` bound each turn of it, None lets it take its time."""
        from http.client import HTTPException, IncompleteRead

        connection = self._connected()
        try:
            connection.request(verb, self.endpoint.path + path, body, dict(headers))
            response = connection.getresponse()
            if _is_cut(response):
                raise self._broken_off()
            if connection.sock is not None:
                connection.sock.settimeout(seconds)
            yield response
        except OSError as error:
            raise Unreached(f"{self.endpoint.url} was called and did not answer: {_reason(error)}.") from error
        except IncompleteRead as error:
            raise self._broken_off() from error
        except HTTPException as error:
            raise self._stranger() from error
        finally:
            connection.close()

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

    def _refusal_of(self, caller: str, refused: Refused) -> str:
        """The server's sentence with what is known here of who was refused."""
        match refused.status:
            case 401:
                return (
                    f"{self.endpoint.url} does not believe the key {self._key_path}: it was deleted or disabled, or is "
                    "another installation's, or the server does not go by the name in this URL (its setting hosts)."
                )
            case 403:
                return f"{refused} The call was made as {printable(caller)}."
            case _:
                return str(refused)

    def _broken_off(self) -> Unreached:
        return Unreached(f"{self.endpoint.url} broke off in the middle of its answer.")

    def _stranger(self, status: int = 0) -> Unreached:
        shown = f" ({status})" if status >= 300 else ""
        return Unreached(f"{self.endpoint.url} answers, but is no Kumo Tasks server of this version{shown}.")


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


def _is_cut(response: HTTPResponse) -> bool:
    """Whether the answer broke off in its head, which http.client takes for a whole one: it lacks what says where the
    answer ends, and HTTP/1.1 servers say it."""
    says_end = response.chunked or response.length is not None or response.headers.get("connection") == "close"
    return response.version > _HTTP_1_0 and not says_end


def _authorization(token: str) -> Mapping[str, str]:
    return {"authorization": f"Bearer {token}"}


def _as_json(body: Json | None, headers: Mapping[str, str]) -> tuple[bytes | None, Mapping[str, str]]:
    """A body as it is sent, with the headers that say so."""
    return (
        (None, headers)
        if body is None
        else (json.dumps(body).encode(), {**headers, "content-type": "application/json"})
    )


def refusal_in(value: object, status: int = 0) -> Refused | None:
    """The refusal that an answer is; its own status counts where HTTP's does not say it."""
    match value:
        case {"error": {"message": str(message), **more}}:
            code, details = status or more.get("code"), more.get("details")
            return Refused(
                printable(message),
                code if isinstance(code, int) else 0,
                printable(str(more.get("status", ""))),
                tuple(details) if isinstance(details, list) else (),
            )
    return None


def printable(text: str) -> str:
    """`text` from elsewhere, without what a terminal would take for a command."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def _no_url(url: str) -> WrongCall:
    return WrongCall(f"--endpoint {printable(url)}: write a URL such as {DEFAULT_ENDPOINT}.")


def _reason(error: Exception) -> str:
    return printable(getattr(error, "strerror", None) or str(error) or type(error).__name__)
