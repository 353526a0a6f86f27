"""Loopback is not a wall: who may talk to a server that asks nobody for a password.

A page in the developer's browser can send requests to 127.0.0.1, and a name of its own can be made to resolve there
(DNS rebinding). Both show: in the Origin that the browser adds, and in the Host that it was told to reach. So only
hosts that can be meant are answered. Pure: it sees two headers and knows nothing of requests.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
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


def guard_of(names: frozenset[str] = frozenset()) -> Guard:
    """A guard that also answers to `names`: host names, or "*.example.com" for all names below one."""
    exact = GOOGLE | {name.lower() for name in names if not name.startswith("*")}
    suffixes = SUFFIXES + tuple(name[1:].lower() for name in names if name.startswith("*."))

    @lru_cache(maxsize=REMEMBERED)
    def allowed(host: bytes | None, origin: bytes | None) -> bool:
        return judge(host, origin, exact, suffixes)

    return allowed


def judge(host: bytes | None, origin: bytes | None, exact: frozenset[str], suffixes: tuple[str, ...]) -> bool:
    """True if both headers name hosts that can be meant. No browser leaves out the Host, so its absence is harmless."""
    if host is not None and not is_known(host.decode("latin-1"), exact, suffixes):
        return False
    if origin is None:
        return True
    found = ORIGIN.fullmatch(origin.decode("latin-1"))
    return found is not None and is_known(found["authority"], exact, suffixes)


def is_known(authority: str, exact: frozenset[str], suffixes: tuple[str, ...]) -> bool:
    """True of HOST or HOST:PORT if the host is loopback, a Google API name or one of ours."""
    found = AUTHORITY.fullmatch(authority)
    if found is None:
        return False
    if found["six"]:
        return is_loopback(found["six"])
    name = found["name"].lower().removesuffix(".")
    return name == "localhost" or name in exact or name.endswith(suffixes) or is_loopback(name)


def is_loopback(text: str) -> bool:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback
