"""Which way a request goes: straight to its destination, or through the operator's outbound HTTP proxy. Pure.

Connections through a proxy are kept apart by destination too, though it would serve them all over one: so a connection
always means that the egress policy let this very host through. It must never open one.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from functools import lru_cache
from urllib.parse import unquote, urlsplit

from kumotasks.dispatch.destination import Destination, locate
from kumotasks.dispatch.resolver import LOOPBACK, literal, local
from kumotasks.domain.attempt import Unreachable

KEPT_ROUTES = 2048


@dataclass(frozen=True, slots=True)
class ProxySettings:
    """`url` is http://[user:password@]host[:port]; hosts that match a `bypass` pattern, and loopback, go straight."""

    url: str
    bypass: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Proxy:
    """Where the proxy listens, and the header line that says who asks (empty, or with its line break)."""

    host: str
    port: int
    authorization: str


@dataclass(frozen=True, slots=True)
class Route:
    """`key` is shared by routes that may share connections; `preamble` is the head from the target to the Host line;
    `likely_inside`: a private worker of ours may be meant."""

    key: str
    destination: Destination
    preamble: str
    proxy: Proxy | None = None
    likely_inside: bool = False


def nowhere(destination: Destination) -> bool:
    """No private worker is run here."""
    return False


def straight_to(destination: Destination) -> Route:
    """Without a proxy."""
    preamble = f" {destination.target} HTTP/1.1\r\nHost: {destination.authority}\r\n"
    return Route(destination.origin, destination, preamble)


class Routes:
    """Finds the route of a URL; tasks of a queue share theirs, so the last ones are kept."""

    def __init__(self, settings: ProxySettings | None = None, inside: Callable[[Destination], bool] = nowhere) -> None:
        self._inside = inside
        self._proxy = proxy_of(settings) if settings is not None else None
        self._bypass = tuple(pattern.lower() for pattern in settings.bypass) if settings is not None else ()
        self.find: Callable[[str], Route | Unreachable] = lru_cache(KEPT_ROUTES)(self._find)

    def _find(self, url: str) -> Route | Unreachable:
        destination = locate(url)
        if isinstance(destination, Unreachable):
            return destination
        straight, proxy = straight_to(destination), None if self._straight(destination.host) else self._proxy
        straight = replace(straight, likely_inside=self._inside(destination))
        if proxy is None:
            return straight
        key = f"{destination.origin} by proxy"
        if destination.scheme == "https":
            return replace(straight, key=key, proxy=proxy)
        whole = f" {destination.origin}{straight.preamble[1:]}{proxy.authorization}"
        return replace(straight, key=key, preamble=whole, proxy=proxy)

    def _straight(self, host: str) -> bool:
        if self._proxy is None or local(host):
            return True
        if any(fnmatchcase(host.rstrip("."), pattern) for pattern in self._bypass):
            return True
        return any(address.startswith("127.") or address in LOOPBACK for address in literal(host))


def proxy_of(settings: ProxySettings) -> Proxy:
    """Read the proxy's URL; ValueError if it is not one of http://."""
    where = locate(settings.url)
    if isinstance(where, Unreachable) or where.scheme != "http":
        raise ValueError(f"the outbound proxy must be given as http://host:port, not {settings.url!r}")
    parts = urlsplit(settings.url)
    if parts.username is None:
        return Proxy(where.host, where.port, "")
    pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return Proxy(where.host, where.port, f"Proxy-Authorization: Basic {base64.b64encode(pair.encode()).decode()}\r\n")
