"""The names that our own TLS certificate answers to: Google's API hosts, Cloud Run's, and those of this machine.

Pure. Whether a name is ours to answer for at a given moment is the proxy's to say; here are only the shapes.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address

GOOGLE = ("*.googleapis.com", "googleapis.com", "accounts.google.com", "metadata.google.internal")
RUN = ("*.run.app", "*.a.run.app")
LOCAL = ("localhost", "127.0.0.1", "::1")
LONGEST = 253  # characters of a host name


def served_names(*, regions: Iterable[str], hosts: Iterable[str]) -> tuple[str, ...]:
    """All names of the certificate, sorted; `hosts` are the operator's own: host names, addresses, `*.example.com`."""
    named = {*GOOGLE, *RUN, *LOCAL}
    for region in regions:
        named |= {f"*.{region}.run.app", f"*.{region}.run.localhost"}
    named |= {name for name in map(normal, hosts) if name}
    return tuple(sorted(named))


def normal(host: str) -> str:
    """`host` as a certificate writes it; "" for what no certificate can name, as 0.0.0.0."""
    address = as_address(host)
    if address is not None:
        return "" if address.is_unspecified else str(address)
    wild = "*." if host.startswith("*.") else ""
    try:
        name = host.removeprefix(wild).rstrip(".").encode("idna").decode("ascii").lower()
    except UnicodeError:
        return ""
    return wild + name if name and "*" not in name and name.isprintable() and len(name) <= LONGEST - 2 else ""


def as_address(host: str) -> IPv4Address | IPv6Address | None:
    """The address that `host` is, also in brackets; None if it is a name."""
    try:
        return ip_address(host.removeprefix("[").removesuffix("]").partition("%")[0])
    except ValueError:
        return None
