"""How this side of a TLS connection is set up: whom it trusts, and who it is. It must never know of connections.

Loading the system's certificates takes ten milliseconds and more, so it is done at the first https target and off the
event loop; files that the operator names are read at start, so that a wrong path is told at once.
"""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TlsSettings:
    """Paths of PEM files: `ca_file` is trusted besides the system's roots, the other two are shown to workers."""

    ca_file: str | None = None
    client_cert: str | None = None
    client_key: str | None = None


def client_context(settings: TlsSettings) -> ssl.SSLContext:
    """A context that checks certificates and host names; OSError or ssl.SSLError if a file is not what it should be."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    if settings.ca_file is not None:
        context.load_verify_locations(cafile=settings.ca_file)
    if settings.client_cert is not None:
        # A password, though wrong, keeps OpenSSL from asking the terminal for that of a locked key.
        context.load_cert_chain(settings.client_cert, settings.client_key, password="")
    return context


class ClientTls:
    """Makes the one context when it is first needed."""

    def __init__(self, settings: TlsSettings) -> None:
        self._settings = settings
        self._context: ssl.SSLContext | None = None
        self._making = asyncio.Lock()

    async def start(self) -> None:
        """Read the operator's files, if there are any."""
        if self._settings != TlsSettings():
            await self.context()

    async def context(self) -> ssl.SSLContext:
        async with self._making:
            if self._context is None:
                loop = asyncio.get_running_loop()
                self._context = await loop.run_in_executor(None, client_context, self._settings)
            return self._context
