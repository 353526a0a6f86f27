"""The page on which a server says how it is reached, asked by `kumo env` and checked: it may be anybody's server."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from dataclasses import dataclass

PATH = "/kumo/v1/env"
SECONDS = 10.0
MOST = 1024 * 1024  # bytes


class Unreached(Exception):
    """There is no such server; the message is one clear sentence."""


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

    def token_uri(self, host: str) -> str:
        """Where a key's assertions are exchanged, for a key file."""
        if self.proxy_port:
            return "https://oauth2.googleapis.com/token"
        return f"http://{bracketed(host)}:{self.port}/token"


def bracketed(host: str) -> str:
    """As URLs write it."""
    return f"[{host}]" if ":" in host else host


def ask(endpoint: str) -> EnvPage:
    """The page of the server at `endpoint`. Raises Unreached."""
    # The shell may already have what this command printed before: the server is asked directly.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(endpoint.rstrip("/") + PATH, timeout=SECONDS) as answer:
            return read(answer.read(MOST))
    except urllib.error.HTTPError as error:
        error.close()
        raise Unreached(f"{endpoint} answers, but is no Kumo Tasks server of this version ({error.code}).") from error
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error)
        raise Unreached(f"no server answers at {endpoint}: {reason}. Start one with `kumo serve`.") from error
    except ValueError as error:
        raise Unreached(f"{endpoint} answers, but is no Kumo Tasks server of this version.") from error


def read(text: bytes) -> EnvPage:
    """The page from its JSON; unknown fields are passed over. ValueError if it is none."""
    value = json.loads(text)
    fields = value if isinstance(value, dict) else {}
    page = EnvPage(
        auth=_text(fields, "auth"),
        project=_text(fields, "project"),
        location=_text(fields, "location"),
        port=_number(fields, "port"),
        tls_port=_number(fields, "tlsPort"),
        proxy_port=_number(fields, "proxyPort"),
        authority=_text(fields, "authority"),
        owner_key=_text(fields, "ownerKey"),
    )
    if page.auth not in ("off", "iam") or not (page.project and page.port):
        raise ValueError("not such a page")
    return page


def _text(fields: dict[str, object], name: str) -> str:
    value = fields.get(name, "")
    return value if isinstance(value, str) and value.replace("\n", "").isprintable() else ""


def _number(fields: dict[str, object], name: str) -> int:
    value = fields.get(name, 0)
    return value if isinstance(value, int) and 0 < value < 65_536 else 0
