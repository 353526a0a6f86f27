"""Where an answer of 3xx sends a request on. Pure; it must never know of connections.

Cloud Tasks: the Location of an HTTP target's answer may be followed, and that is not a separate attempt. Which codes
and how is left open; this does what browsers do (WHATWG fetch): 301 and 302 turn a POST, and 303 everything but HEAD,
into a GET without a body; 307 and 308 keep method and body. Credentials never leave their origin, and a request that
carries them is not followed from https down to http.
"""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urljoin

from kumotasks.dispatch.destination import Destination, locate
from kumotasks.dispatch.request import Request

MAX_HOPS = 5
REDIRECTS = frozenset({301, 302, 303, 307, 308})
MAX_LOCATION = 8192

CREDENTIALS = frozenset({"authorization", "cookie", "proxy-authorization"})
OF_THE_BODY = frozenset({"content-type", "content-encoding", "content-language", "content-location"})


def follow(request: Request, status: int, location: str | None) -> Request | None:
    """The next request, or None where the answer itself is the outcome."""
    if status not in REDIRECTS or not location or len(location) > MAX_LOCATION:
        return None
    here, url = locate(request.url), _resolve(request.url, location)
    there = locate(url) if url else None
    if url is None or not isinstance(here, Destination) or not isinstance(there, Destination):
        return None
    if here.scheme == "https" and there.scheme == "http" and _holds(request, "authorization"):
        return None
    method = _method(request.method, status)
    kept = replace(request, method=method, url=url)
    if method != request.method:
        kept = replace(_without(kept, OF_THE_BODY), body=b"")
    return kept if here.origin == there.origin else _without(kept, CREDENTIALS)


def _resolve(base: str, location: str) -> str | None:
    try:
        return urljoin(base, location.strip())
    except ValueError:  # brackets that are no IPv6 literal
        return None


def _method(method: str, status: int) -> str:
    if status in {301, 302}:
        return "GET" if method == "POST" else method
    return "GET" if status == 303 and method != "HEAD" else method


def _holds(request: Request, header: str) -> bool:
    return any(name.lower() == header for name, _ in request.headers)


def _without(request: Request, names: frozenset[str]) -> Request:
    return replace(
        request, headers=tuple((name, value) for name, value in request.headers if name.lower() not in names)
    )
