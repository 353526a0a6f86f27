"""Where this server is reached: its ports, once they are taken, and the URLs that callers may name it by."""

from __future__ import annotations

from kumotasks.lifecycle import Port
from kumotasks.settings import Settings

GOOGLE_TOKEN_URI = "https://oauth2.googleapis.com/token"  # noqa: S105 - an address
_HTTPS = 443
_ANY = frozenset({"0.0.0.0", "::", ""})  # noqa: S104 - named to be left out


class Addresses:
    """`plain` always listens; `secure` and `proxy` only with TLS. Nodes of one machine may have them `shared`."""

    def __init__(self, settings: Settings, *, shared: bool = False) -> None:
        self._settings = settings
        self.plain = Port(settings.host, settings.port, shared=shared)
        with_tls = settings.tls != "off"
        self.secure = Port(settings.host, settings.tls_port, shared=shared) if with_tls else None
        self.proxy = Port(settings.host, settings.proxy_port, shared=shared) if with_tls else None

    @property
    def ports(self) -> tuple[Port, ...]:
        return tuple(port for port in (self.plain, self.secure, self.proxy) if port is not None)

    @property
    def shown_host(self) -> str:
        """The host it listens on, as a URL writes it."""
        host = self._settings.host
        return f"[{host}]" if ":" in host else host

    @property
    def hosts(self) -> tuple[str, ...]:
        """The names that this server goes by, the one to tell others first."""
        named = (self._settings.host, *self._settings.hosts, "localhost", "127.0.0.1", "[::1]")
        shown = (f"[{host}]" if ":" in host and not host.startswith("[") else host for host in named)
        return tuple(dict.fromkeys(host for host in shown if host.strip("[]") not in _ANY))

    def token_uri(self) -> str:
        """Where a key file sends its bearer for tokens."""
        return f"http://{self.hosts[0]}:{self.plain.number}/token" if self.secure is None else GOOGLE_TOKEN_URI

    def urls(self) -> frozenset[str]:
        """Every URL that is this server."""
        found = {f"http://{host}:{self.plain.number}" for host in self.hosts}
        # TLS may end in front.
        found |= {f"https://{host}" for host in self._settings.hosts if not host.startswith("*")}
        if self.secure is not None:
            found |= {f"https://{host}:{self.secure.number}" for host in self.hosts}
            if self.secure.number == _HTTPS:
                found |= {f"https://{host}" for host in self.hosts}
        return frozenset(found)
