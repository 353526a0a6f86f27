"""What a program must be told to reach this server: the page behind `kumo env`.

It is open to everybody and says nothing that is secret: ports, names, the authority's public certificate. Where the
owner's key and the secret of private workers lie is told only to programs on this machine that called this port
directly: neither a tunnel nor a proxy in front, which would make everybody look as if they were here, gets to know it.
What a client makes of it is unknown.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from kumotasks.api.call import PageRequest, PageResponse, PageRoute
from kumotasks.api.guard import AUTHORITY, is_loopback

PATH = "/kumo/v1/env"
FORWARDED = (b"forwarded", b"via", b"x-forwarded-for", b"x-forwarded-host", b"x-real-ip")
FRESH = ((b"cache-control", b"no-store"),)


@dataclass(frozen=True, slots=True)
class Environment:
    """A server as its clients must know it. `port`: plaintext; the other two are 0 while TLS is off."""

    auth: str  # "off" or "iam"
    project: str
    location: str
    port: Callable[[], int]
    tls_port: Callable[[], int] = lambda: 0
    proxy_port: Callable[[], int] = lambda: 0
    authority: Callable[[], str] = lambda: ""  # our own certificate, PEM; "" if the certificate is the operator's
    owner_key: Path | None = None  # this and the next are told only while the file is there
    run_secret: Path | None = None  # who shows what is in it may have commands run


class Shown(msgspec.Struct, rename="camel", omit_defaults=True):
    """The page's JSON."""

    auth: str
    project: str
    location: str
    port: int
    tls_port: int = 0
    proxy_port: int = 0
    authority: str = ""
    owner_key: str = ""
    run_secret: str = ""


def environment_page(environment: Environment) -> PageRoute:
    """GET /kumo/v1/env."""

    async def show(request: PageRequest) -> PageResponse:
        near = came_directly(request)
        shown = Shown(
            auth=environment.auth,
            project=environment.project,
            location=environment.location,
            port=environment.port(),
            tls_port=environment.tls_port(),
            proxy_port=environment.proxy_port(),
            authority=environment.authority(),
            owner_key=_told(environment.owner_key) if near else "",
            run_secret=_told(environment.run_secret) if near else "",
        )
        body = msgspec.json.encode(shown) + b"\n"
        return PageResponse(body, content_type="application/json; charset=UTF-8", headers=FRESH)

    return PageRoute("GET", PATH, show)


def _told(path: Path | None) -> str:
    return str(path.absolute()) if path is not None and path.is_file() else ""


def came_directly(request: PageRequest) -> bool:
    """Whether the caller is on this machine and called it by a name of this machine."""
    if not is_loopback(request.caller.peer) or any(name in request.headers for name in FORWARDED):
        return False
    found = AUTHORITY.fullmatch(request.headers.get(b"host", b"").decode("latin-1"))
    if found is None:
        return False
    host: str = found["six"] or found["name"]
    return host.lower() == "localhost" or is_loopback(host)
