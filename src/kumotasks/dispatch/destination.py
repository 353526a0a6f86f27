"""Where a URL leads: scheme, host, port and the target of the request line. Pure; it must never know of sockets.

Cloud Tasks checks no more of a URL than its prefix, so anything may follow. There is one reading of it here, and both
the connection and the egress policy go by that reading. What may not stand in a request line is percent-encoded
(controls, spaces, non-ASCII as UTF-8, the few that RFC 3986 leaves out); escapes stay as they are, valid or not.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv6Address
from urllib.parse import quote, unquote

from kumotasks.domain.attempt import Unreachable

PORTS = {"http": 80, "https": 443}
TARGET_SAFE = "%/?:@!$&'()*+,;=-._~[]"
_URL = re.compile(r"(https?)://([^/?#\\]*)([^#]*)", re.IGNORECASE | re.DOTALL)
_PORT = re.compile(r"[0-9]{1,5}")
_HOST = re.compile(r"(?=.{1,254}$)(?!\.)(?:[a-z0-9_-]{1,63}(?:\.|$))+")


@dataclass(frozen=True, slots=True)
class Destination:
    """`host` is ASCII and lower case, an IPv6 literal without brackets; `target` begins with a slash."""

    scheme: str
    host: str
    port: int
    target: str

    @property
    def authority(self) -> str:
        """As `Host` has it: `example.com`, `[::1]:8080`; the port only where it is not the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def origin(self) -> str:
        """`https://example.com`: what shares connections, and credentials over a redirect."""
        return f"{self.scheme}://{self.authority}"


def locate(url: str) -> Destination | Unreachable:
    """Read a URL; Unreachable says what is wrong with it."""
    match = _URL.match(url)
    if match is None:
        return Unreachable("the URL does not begin with http:// or https:// and a host")
    scheme, authority, rest = match[1].lower(), match[2], match[3]
    host, port = _split(authority.rpartition("@")[2])
    name = _host_of(host)
    if name is None:
        return Unreachable("the URL's host is not valid")
    number = PORTS[scheme] if not port else int(port) if _PORT.fullmatch(port) else 0
    if not 0 < number < 65536:
        return Unreachable("the URL's port is not valid")
    return Destination(scheme, name, number, _target_of(rest))


def _split(authority: str) -> tuple[str, str]:
    """Host (an IPv6 literal keeps its brackets) and port, which may be empty."""
    if authority.startswith("["):
        literal, bracket, rest = authority.partition("]")
        return literal + bracket, rest[1:] if rest.startswith(":") else rest and "?"
    host, _, port = authority.partition(":")
    return host, port


def _host_of(host: str) -> str | None:
    if host.startswith("["):
        return _ipv6_of(host[1:-1]) if host.endswith("]") else None
    name = unquote(host, errors="replace").lower()
    if not name.isascii():
        try:
            name = name.encode("idna").decode("ascii").lower()
        except UnicodeError:
            return None
    return name if _HOST.fullmatch(name) else None


def _ipv6_of(literal: str) -> str | None:
    try:
        # Zones name a link of this machine; link-local targets are never reached anyway.
        return None if "%" in literal else IPv6Address(literal).compressed
    except ValueError:
        return None


def _target_of(rest: str) -> str:
    target = quote(rest, safe=TARGET_SAFE, errors="surrogatepass")
    return target if target.startswith("/") else f"/{target}"
