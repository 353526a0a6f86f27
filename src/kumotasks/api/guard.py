"""Loopback is not a wall: who may talk to a server that asks nobody for a password.

A page in the developer's browser can send requests to 127.0.0.1, and a name of its own can be made to resolve there
(DNS rebinding). Both show: in the Origin that the browser adds, and in the Host that it was told to reach. So only
hosts that can be meant are answered. Pure: it sees two headers and knows nothing of requests.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

Guard: TypeAlias = Callable[[bytes | None, bytes | None], bool]  # Host and Origin, None if absent; True lets in

GOOGLE = frozenset({"accounts.google.com", "metadata.google.internal"})
SUFFIXES = (".localhost", ".googleapis.com")
AUTHORITY = re.compile(r"(?:\[(?P<six>[0-9a-fA-F:.]+)\]|(?P<name>[A-Za-z0-9._-]+))(?::\d{0,5})?", re.ASCII)
ORIGIN = re.compile(r"https?://(?P<authority>[^/]+)/?", re.ASCII)
REMEMBERED = 1024  # verdicts; a client sends the same two headers with every request


def open_door(_host: bytes | None, _origin: bytes | None) -> bool:
    """The guard of a server that knows its callers by other means."""
    return True


@dataclass(frozen=True, slots=True)
class Names:
    """The hosts that a server answers to, beside loopback."""

    exact: frozenset[str]
    suffixes: tuple[str, ...]  # ".googleapis.com"

    def know(self, authority: str) -> bool:
        """True of HOST or HOST:PORT if the host is loopback or one of these."""
        found = AUTHORITY.fullmatch(authority)
        if found is None:
            return False
        if found["six"]:
            return is_loopback(found["six"])
        name = found["name"].lower().removesuffix(".")
        return name == "localhost" or name in self.exact or name.endswith(self.suffixes) or is_loopback(name)


def guard_of(names: frozenset[str] = frozenset(), *, any_host: bool = False) -> Guard:
    """A guard that also answers to `names`: host names, or "*.example.com" for all names below one.

    `any_host`: the server is meant to be reached from elsewhere, under names it cannot know; pages of other origins
    still may not drive it from somebody's browser.
    """
    exact = GOOGLE | {name.lower() for name in names if not name.startswith("*")}
    known = Names(exact, SUFFIXES + tuple(name[1:].lower() for name in names if name.startswith("*.")))

    @lru_cache(maxsize=REMEMBERED)
    def allowed(host: bytes | None, origin: bytes | None) -> bool:
        if not any_host:
            return judge(host, origin, known=known)
        same = host is not None and origin in (b"http://" + host, b"https://" + host)
        return same or judge(None, origin, known=known)

    return allowed


def judge(host: bytes | None, origin: bytes | None, *, known: Names) -> bool:
    """True if both headers name hosts that can be meant. No browser leaves out the Host, so its absence is harmless."""
    if host is not None and not known.know(host.decode("latin-1")):
        return False
    if origin is None:
        return True
    found = ORIGIN.fullmatch(origin.decode("latin-1"))
    return found is not None and known.know(found["authority"])


def is_loopback(text: str) -> bool:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback
