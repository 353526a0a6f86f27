"""The page on which a server says how it is reached, read with care: it may be anybody's server."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

PATH = "/kumo/v1/env"


@dataclass(frozen=True, slots=True)
class EnvPage:
    """What the server said; ports are 0 where there is none."""

    auth: str
    project: str
    location: str
    port: int
    tls_port: int = 0
    proxy_port: int = 0
    authority: str = ""
    owner_key: str = ""
    run_secret: str = ""

    def token_uri(self, host: str) -> str:
        """Where a key's assertions are exchanged, for a key file."""
        if self.proxy_port:
            return "https://oauth2.googleapis.com/token"
        return f"http://{bracketed(host)}:{self.port}/token"


def bracketed(host: str) -> str:
    """As URLs write it."""
    return f"[{host}]" if ":" in host else host


def read(fields: Mapping[str, object]) -> EnvPage:
    """The page from its JSON; unknown fields are passed over. ValueError if it is none."""
    page = EnvPage(
        auth=_text(fields, "auth"),
        project=_text(fields, "project"),
        location=_text(fields, "location"),
        port=_number(fields, "port"),
        tls_port=_number(fields, "tlsPort"),
        proxy_port=_number(fields, "proxyPort"),
        authority=_text(fields, "authority"),
        owner_key=_text(fields, "ownerKey"),
        run_secret=_text(fields, "runSecret"),
    )
    if page.auth not in ("off", "iam") or not (page.project and page.port):
        raise ValueError("not such a page")
    return page


def _text(fields: Mapping[str, object], name: str) -> str:
    value = fields.get(name, "")
    return value if isinstance(value, str) and value.replace("\n", "").isprintable() else ""


def _number(fields: Mapping[str, object], name: str) -> int:
    value = fields.get(name, 0)
    return value if isinstance(value, int) and 0 < value < 65_536 else 0
