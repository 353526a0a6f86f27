"""The proof that whoever deploys is on the server's machine and may read its files: what a private file says.

The server tells callers on its own machine where that file lies. It goes to a server on this machine only, and only if
it is such a file: a server might name any.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from pathlib import Path

from kumotasks.cli.client import Client

HEADER = "x-kumo-run-secret"
FILE = "run-secret"
_SECRET = re.compile(r"[0-9a-f]{64}")


def proof(client: Client) -> Mapping[str, str]:
    """The header, if there is anything to prove with."""
    path = Path(client.page.run_secret)
    if path.name != FILE or not is_here(client.endpoint.host):
        return {}
    try:
        found = path.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return {}  # somebody else's server: what he is asked to run he will refuse, and say why
    return {HEADER: found} if _SECRET.fullmatch(found) else {}


def is_here(host: str) -> bool:
    """Whether a host is this machine."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
