"""How programs that name no endpoint find this server: through its proxy, by variables that their libraries know."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from kumotasks.auth.trust_files import Trust, write_trust

_JAVA_OWN = ("-Dhttps.proxyHost=", "-Dhttps.proxyPort=", "-Djavax.net.ssl.trustStore")
_PASSWORD = "changeit"  # noqa: S105 - Java's own default; there is nothing secret in a trust store
_TRUSTED = (
    "SSL_CERT_FILE",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH",
    "NODE_EXTRA_CA_CERTS",
)


@dataclass(frozen=True, slots=True)
class Way:
    """The proxy, as a program reaches it (`host` without brackets), and what it must trust there."""

    host: str
    port: int
    trust: Trust


def proxied(way: Way, *, java: str = "") -> dict[str, str]:
    """The variables, in the order in which they are shown; `java` is what JAVA_TOOL_OPTIONS says now."""
    host = f"[{way.host}]" if ":" in way.host else way.host
    found = dict.fromkeys(("https_proxy", "HTTPS_PROXY"), f"http://{host}:{way.port}")
    if way.trust.bundle:
        found |= dict.fromkeys(_TRUSTED, way.trust.bundle)
    found["JAVA_TOOL_OPTIONS"] = _java(way, java)
    return found


def _java(way: Way, set_before: str) -> str:
    """Java reads one variable for everything: what else stands in it stays."""
    options = [f"-Dhttps.proxyHost={way.host}", f"-Dhttps.proxyPort={way.port}"]
    if way.trust.store:
        options.append(f"-Djavax.net.ssl.trustStore={way.trust.store}")
        options.append("-Djavax.net.ssl.trustStoreType=PKCS12")
        options.append(f"-Djavax.net.ssl.trustStorePassword={_PASSWORD}")
    try:
        others = [each for each in shlex.split(set_before) if not each.startswith(_JAVA_OWN)]
    except ValueError:  # a quote that is never closed: Java would not read it either
        others = []
    return " ".join(f'"{each}"' if " " in each else each for each in [*others, *options])


class Proxied:
    """Component: the variables of private workers, whose programs are to find this server as `kumo env` leads others.

    `port` is the proxy's, 0 without one; `authority` is our own certificate, PEM, "" if the operator brought one.
    """

    def __init__(self, host: str, port: Callable[[], int], authority: Callable[[], str], directory: Path) -> None:
        self._host = host
        self._port = port
        self._authority = authority
        self._directory = directory.absolute()  # instances run in directories of their own
        self._variables: dict[str, str] = {}

    async def start(self) -> None:
        if self._port():
            trust = await asyncio.to_thread(write_trust, self._directory, self._authority().encode(), "")
            self._variables = proxied(Way(self._host, self._port(), trust))

    async def stop(self) -> None:
        """The files stay: they say what the authority says."""

    def variables(self) -> Mapping[str, str]:
        return self._variables
