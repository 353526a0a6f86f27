"""Whose program is at the other end of a connection on this machine, where the system tells (Linux: /proc/net/tcp).

Loopback is shared by all users of a machine, and a metadata server hands out tokens to whoever reaches it.
"""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

TABLE = Path("/proc/net/tcp")
_ROOT = 0


def is_ours(peer: object, here: object, table: Path = TABLE) -> bool:
    """Whether the IPv4 connection from `peer` to `here` (address and port) is of this user, or of root. Where nobody
    keeps such a table, everybody is."""
    try:
        lines = table.read_text().splitlines()[1:]
    except OSError:
        return True
    match peer, here:
        case (str(peer_host), int(peer_port)), (str(host), int(port)):
            found = owner(lines, _shown(peer_host, peer_port), _shown(host, port))
            return found in (_ROOT, os.getuid())
    return False


def owner(lines: list[str], local: str, remote: str) -> int | None:
    """The user of the socket between two addresses as the table writes them; None if there is none."""
    for line in lines:
        fields = line.split()
        if fields[1] == local and fields[2] == remote:
            return int(fields[7])
    return None


def _shown(host: str, port: int) -> str:
    """An address as the table has it: the four octets as a number of this machine, in hexadecimal."""
    return f"{int.from_bytes(socket.inet_aton(host), sys.byteorder):08X}:{port:04X}"
