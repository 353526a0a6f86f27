"""The server's side of TLS: which certificate it shows, whom it asks for one, and how it takes a renewed one.

A renewed certificate goes into the context that is in use: connections that are open keep theirs, the next one gets the
new one, and nothing is restarted. It knows files and the wall clock; who signs the certificates is handed to it.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from kumotasks.auth.authority import AuthorityUnusable
from kumotasks.domain.clock import HOUR, Clock, Timer

logger = logging.getLogger("kumotasks.api.tls")

LOOK_EVERY = 6 * HOUR


class CertificateUnusable(Exception):
    """A file that the operator named cannot be used; the message is one clear sentence."""


@dataclass(frozen=True, slots=True)
class CertificateFiles:
    """PEM files: a certificate with those that lead to its root, and its private key, which may be in the same file."""

    certificate: Path
    key: Path | None = None

    @staticmethod
    def parse(text: str) -> CertificateFiles:
        """Read `CERT:KEY`."""
        certificate, separator, key = text.partition(":")
        if not (certificate and separator and key):
            raise CertificateUnusable(f"--tls {text}: write off, auto, or CERT:KEY, the paths of two PEM files.")
        return CertificateFiles(Path(certificate), Path(key))

    def mark(self) -> tuple[tuple[int, int, int], ...]:
        """Another value once the files were replaced."""
        stats = [path.stat() for path in (self.certificate, self.key) if path is not None]
        return tuple((stat.st_mtime_ns, stat.st_ino, stat.st_size) for stat in stats)


def fresh_context() -> ssl.SSLContext:
    """A server's context that has no certificate yet."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION | ssl.OP_CIPHER_SERVER_PREFERENCE
    return context


def trust_clients(context: ssl.SSLContext, authority: Path, *, required: bool = True) -> None:
    """Ask clients for a certificate that `authority` (PEM) has signed; without `required` they may have none."""
    try:
        context.load_verify_locations(cafile=authority)
    except OSError as error:  # ssl.SSLError is one
        raise CertificateUnusable(f"{authority}: {_reason(error)}.") from error
    context.verify_mode = ssl.CERT_REQUIRED if required else ssl.CERT_OPTIONAL


def load(context: ssl.SSLContext, files: CertificateFiles) -> None:
    """Put a certificate into `context`, which keeps what it has if the files are not good."""
    try:
        _load_into(fresh_context(), files)
        _load_into(context, files)
    except OSError as error:
        named = files.certificate if files.key is None else f"{files.certificate} with {files.key}"
        raise CertificateUnusable(f"{named}: {_reason(error)}.") from error


class Certificates:
    """Component: the context of the TLS port. `files` (blocking, called in a thread) says which files hold the
    certificate now; it is asked at start and every few hours, and renews them if it has to."""

    def __init__(
        self, files: Callable[[], CertificateFiles], wall: Clock, *, client_authority: Path | None = None
    ) -> None:
        self.context = fresh_context()
        self._files = files
        self._wall = wall
        self._client_authority = client_authority
        self._mark: object = None
        self._timer: Timer | None = None
        self._looking: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Raises what `files` raises, and CertificateUnusable."""
        if self._client_authority is not None:
            trust_clients(self.context, self._client_authority)
        await self.look()
        self._again()

    async def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)

    async def look(self) -> None:
        """Take the certificate that there is now."""
        files, mark = await asyncio.to_thread(self._found)
        if mark != self._mark:
            load(self.context, files)
            self._mark = mark

    def _found(self) -> tuple[CertificateFiles, object]:
        files = self._files()
        try:
            return files, files.mark()
        except OSError as error:
            raise CertificateUnusable(f"{error.filename}: {_reason(error)}.") from error

    def _again(self) -> None:
        self._timer = self._wall.call_at(self._wall.now() + LOOK_EVERY, self._due)

    def _due(self) -> None:
        self._looking = asyncio.create_task(self._renewed())

    async def _renewed(self) -> None:
        try:
            await self.look()
        except (CertificateUnusable, AuthorityUnusable, OSError, ValueError) as error:
            # The certificate in use goes on; the next look may do better.
            logger.warning("the TLS certificate was not renewed: %s", error)
        self._again()


def _load_into(context: ssl.SSLContext, files: CertificateFiles) -> None:
    # A password, though wrong, keeps OpenSSL from asking the terminal for that of a locked key.
    context.load_cert_chain(files.certificate, files.key, password="")


def _reason(error: OSError) -> str:
    if isinstance(error, ssl.SSLError):
        return (error.reason or "not what it should be").replace("_", " ").lower()
    return (error.strerror or str(error)).lower()
