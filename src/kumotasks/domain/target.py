"""Where a task goes: its HTTP or App Engine request, and what a queue may override of it.

Values and the rules they obey at creation. How a request looks on the wire at dispatch time is `dispatch/request.py`'s.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from kumotasks.domain.errors import InvalidArgument
from kumotasks.domain.value import value

MAX_URL = 2083  # characters, after encoding
MAX_HEADERS = 80 * 1024  # bytes of names and values of an HTTP task
HTTP_USER_AGENT = "Google-Cloud-Tasks"
_USER_AGENT = ("User-Agent", HTTP_USER_AGENT)
APP_ENGINE_USER_AGENT = "AppEngine-Google; (+http://code.google.com/appengine)"
DEFAULT_SCOPE = "https://www.googleapis.com/auth/cloud-platform"

Headers = tuple[tuple[str, str], ...]


class HttpMethod(enum.IntEnum):
    """google.cloud.tasks.v2.HttpMethod."""

    HTTP_METHOD_UNSPECIFIED = 0
    POST = 1
    GET = 2
    HEAD = 3
    PUT = 4
    DELETE = 5
    PATCH = 6
    OPTIONS = 7


_METHODS = {method.value: method for method in HttpMethod}
_CANONICAL_METHODS = {**_METHODS, 0: HttpMethod.POST}
_SCHEMES = ("http://", "https://")
HTTP_BODY_METHODS = frozenset({HttpMethod.POST, HttpMethod.PUT, HttpMethod.PATCH})
APP_ENGINE_BODY_METHODS = frozenset({HttpMethod.POST, HttpMethod.PUT})


@dataclass(frozen=True, slots=True)
class OidcToken:
    """Sign the request as this account; `audience` "" means the target's URL."""

    service_account_email: str = ""
    audience: str = ""


@dataclass(frozen=True, slots=True)
class OAuthToken:
    """Send an access token of this account; `scope` "" means cloud-platform."""

    service_account_email: str = ""
    scope: str = ""


@value
class HttpRequest:
    """The HTTP target of a task, in its canonical form (method and User-Agent filled in)."""

    url: str
    http_method: int = HttpMethod.POST
    headers: Headers = ()
    body: bytes = b""
    oidc_token: OidcToken | None = None
    oauth_token: OAuthToken | None = None


@dataclass(frozen=True, slots=True)
class AppEngineRouting:
    """Which instance of an App Engine application; `host` is computed."""

    service: str = ""
    version: str = ""
    instance: str = ""
    host: str = ""


@dataclass(frozen=True, slots=True)
class AppEngineHttpRequest:
    """The App Engine target of a task, in its canonical form."""

    relative_uri: str = "/"
    http_method: int = HttpMethod.POST
    headers: Headers = ()
    body: bytes = b""
    app_engine_routing: AppEngineRouting = AppEngineRouting()


@dataclass(frozen=True, slots=True)
class AppEngineHosts:
    """Where App Engine tasks go: `host` with {project} and {location} filled in, or a host of its own per service."""

    host: str = "{project}.{location}.r.appspot.com"
    services: Mapping[str, str] = field(default_factory=dict)

    def of(self, routing: AppEngineRouting, *, project: str, location: str) -> str:
        """The host, without scheme, that a routing leads to."""
        own = self.services.get(routing.service or "default")
        if own is not None:
            return own
        parts = [part for part in (routing.instance, routing.version, routing.service) if part]
        return "-dot-".join([*parts, self.host.format(project=project, location=location)])


Target = HttpRequest | AppEngineHttpRequest


class Scheme(enum.IntEnum):
    """google.cloud.tasks.v2.UriOverride.Scheme."""

    SCHEME_UNSPECIFIED = 0
    HTTP = 1
    HTTPS = 2


class EnforceMode(enum.IntEnum):
    """google.cloud.tasks.v2.UriOverride.UriOverrideEnforceMode; unspecified means ALWAYS."""

    URI_OVERRIDE_ENFORCE_MODE_UNSPECIFIED = 0
    IF_NOT_EXISTS = 1
    ALWAYS = 2


@dataclass(frozen=True, slots=True)
class PathOverride:
    path: str = ""


@dataclass(frozen=True, slots=True)
class QueryOverride:
    query_params: str = ""


@dataclass(frozen=True, slots=True)
class UriOverride:
    """Parts of the URL that the queue decides; None is a part it leaves alone."""

    scheme: int | None = None
    host: str | None = None
    port: int | None = None
    path_override: PathOverride | None = None
    query_override: QueryOverride | None = None
    uri_override_enforce_mode: int = EnforceMode.URI_OVERRIDE_ENFORCE_MODE_UNSPECIFIED


@dataclass(frozen=True, slots=True)
class HttpTarget:
    """What a queue overrides of its HTTP tasks, at dispatch time."""

    uri_override: UriOverride | None = None
    http_method: int = HttpMethod.HTTP_METHOD_UNSPECIFIED
    header_overrides: Headers = ()
    oauth_token: OAuthToken | None = None
    oidc_token: OidcToken | None = None

    @property
    def host(self) -> str:
        """The host it sends to, "" if it leaves that to the task: non-empty means queue-level routing."""
        return (self.uri_override.host or "") if self.uri_override else ""


_MANAGED = re.compile(r"host|content-length|user-agent|x-google-.*|x-appengine-.*|x-cloudtasks-.*", re.IGNORECASE)
_MANAGED_APP_ENGINE = re.compile(r"host|content-length|x-google-.*|x-appengine-.*", re.IGNORECASE)
_HEADER_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_BAD_VALUE = re.compile(r"[\r\n\0]")


@lru_cache(maxsize=1024)
def is_managed_header(name: str) -> bool:
    """Whether the service sets this header of an HTTP task itself."""
    return _MANAGED.fullmatch(name) is not None


def check_http(request: HttpRequest, *, url_required: bool = True) -> HttpRequest:
    """The canonical form of a caller's HTTP request.

    Headers that the service manages are dropped without a word, as Google does; no Content-Type is ever invented.
    """
    _check_url(request.url, required=url_required)
    method = _known_method(request.http_method, "HttpRequest")
    if request.body and method not in HTTP_BODY_METHODS:
        raise InvalidArgument("HttpRequest.body can only be set when HttpRequest.httpMethod is POST, PUT or PATCH.")
    _check_tokens(request.oidc_token, request.oauth_token)
    return HttpRequest(
        request.url,
        method,
        _canonical_headers(request.headers),
        request.body,
        request.oidc_token,
        request.oauth_token,
    )


def _check_url(url: str, *, required: bool) -> None:
    if not url and not required:
        return
    if not url:
        raise InvalidArgument("HttpRequest.url is required.")
    if not url.startswith(_SCHEMES):
        raise InvalidArgument("HttpTarget.url must start with 'http://' or 'https://'.")
    if len(url) > MAX_URL // 12 and _encoded_length(url) > MAX_URL:
        raise InvalidArgument(f"HttpRequest.url must be at most {MAX_URL} characters long after encoding.")


def _encoded_length(url: str) -> int:
    """Characters of `url` once what may not stand in a request line is percent-encoded: at most twelve for one."""
    if url.isascii() and url.isprintable() and " " not in url:
        return len(url)
    return sum(1 if 0x21 <= byte <= 0x7E else 3 for byte in url.encode())


def _known_method(method: int, where: str) -> HttpMethod:
    known = _CANONICAL_METHODS.get(method)
    if known is None:
        raise InvalidArgument(f"{where}.httpMethod is not a known HTTP method.")
    return known


@lru_cache(maxsize=256)  # most clients send the same ones with every task
def _canonical_headers(headers: Headers) -> Headers:
    check_header_block(headers, "HttpRequest.headers")
    return (*[item for item in headers if not is_managed_header(item[0])], _USER_AGENT)


def check_header_block(headers: Headers, field: str, *, limit: int | None = MAX_HEADERS) -> None:
    """Names are tokens, values hold no line break, and the whole stays below `limit` bytes."""
    size = 0
    for name, text in headers:
        if _HEADER_NAME.fullmatch(name) is None:
            raise InvalidArgument(f'{field} has an invalid header name: "{name}".')
        if _BAD_VALUE.search(text) is not None:
            raise InvalidArgument(f'{field} has an invalid value for the header "{name}".')
        size += len(name) + len(text.encode())
    if limit is not None and size >= limit:
        raise InvalidArgument(f"The total size of {field} must be less than 80KB.")


def _check_tokens(oidc: OidcToken | None, oauth: OAuthToken | None) -> None:
    token = oidc or oauth
    if token is not None and not token.service_account_email:
        raise InvalidArgument("service_account_email must be set.")


def check_app_engine(
    request: AppEngineHttpRequest, hosts: AppEngineHosts, *, project: str, location: str
) -> AppEngineHttpRequest:
    """The canonical form of a caller's App Engine request."""
    uri = request.relative_uri or "/"
    if not uri.startswith("/"):
        raise InvalidArgument("AppEngineHttpRequest.relativeUri must begin with '/'.")
    if any(character in uri for character in " \r\n\t\0"):
        raise InvalidArgument("AppEngineHttpRequest.relativeUri cannot contain spaces.")
    if len(uri) > MAX_URL // 12 and _encoded_length(uri) > MAX_URL:
        raise InvalidArgument(f"AppEngineHttpRequest.relativeUri must be at most {MAX_URL} characters long.")
    method = _known_method(request.http_method, "AppEngineHttpRequest")
    if request.body and method not in APP_ENGINE_BODY_METHODS:
        raise InvalidArgument(
            "AppEngineHttpRequest.body can only be set when AppEngineHttpRequest.httpMethod is POST or PUT."
        )
    routing = request.app_engine_routing
    return AppEngineHttpRequest(
        uri,
        method,
        _app_engine_headers(request.headers, len(request.body)),
        request.body,
        AppEngineRouting(
            routing.service,
            routing.version,
            routing.instance,
            hosts.of(routing, project=project, location=location),
        ),
    )


def _app_engine_headers(headers: Headers, body_length: int) -> Headers:
    check_header_block(headers, "AppEngineHttpRequest.headers", limit=None)
    agent = APP_ENGINE_USER_AGENT
    kept = []
    typed = False
    for name, text in headers:
        lowered = name.lower()
        if lowered == "user-agent":
            agent = f"{text} {APP_ENGINE_USER_AGENT}"
        elif _MANAGED_APP_ENGINE.fullmatch(name) is None:
            typed = typed or lowered == "content-type"
            kept.append((name, text))
    kept.append(("User-Agent", agent))
    if body_length:
        kept.append(("Content-Length", str(body_length)))
        if not typed:
            kept.append(("Content-Type", "application/octet-stream"))
    return tuple(kept)


def check_http_target(target: HttpTarget) -> HttpTarget:
    """A queue's HTTP target, if it may be one."""
    override = target.uri_override
    if override is not None:
        if override.host == "":
            raise InvalidArgument("HttpTarget.uriOverride.host cannot be empty.")
        if override.port is not None and not 0 <= override.port <= 65_535:
            raise InvalidArgument("HttpTarget.uriOverride.port must be between 0 and 65535.")
    if target.http_method not in _METHODS:
        raise InvalidArgument("HttpTarget.httpMethod is not a known HTTP method.")
    check_header_block(target.header_overrides, "HttpTarget.headerOverrides")
    _check_tokens(target.oidc_token, target.oauth_token)
    return target
