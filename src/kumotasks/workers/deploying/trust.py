"""Who may have commands run here: whoever can read a file of the data directory, and shows it by its content.

A service that is deployed from a source directory, or with a command of its own, runs what its caller says. The secret
goes with the request in a header; what is deployed is not known here.
"""

from __future__ import annotations

import asyncio
import hmac
import secrets
from pathlib import Path

from kumotasks.auth import private_file
from kumotasks.domain.errors import StorageUnavailable

FILE = "run-secret"
HEADER = "x-kumo-run-secret"
_BYTES = 32


class Trust:
    """Component: makes the file at its first start; one that others can read, or cut short, is made anew."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._secret = b""

    async def start(self) -> None:
        """StorageUnavailable if the file can be neither read nor written."""
        try:
            self._secret = await asyncio.to_thread(self._kept)
        except OSError as error:
            raise StorageUnavailable(f"the secret {self.path} cannot be written: {error.strerror}") from error

    async def stop(self) -> None:
        """The secret stays."""

    def judge(self, header: str) -> bool:
        """Whether the header's value is the secret. It takes as long for a near miss as for any."""
        return bool(self._secret) and hmac.compare_digest(header.strip().encode(errors="replace"), self._secret)

    def _kept(self) -> bytes:
        with private_file.alone(self.path.parent):
            found = private_file.read(self.path)
            if found is not None and len(found) >= 2 * _BYTES and private_file.is_private(self.path):
                return found.strip()
            secret = secrets.token_hex(_BYTES).encode()
            private_file.write(self.path, secret)
            return secret
