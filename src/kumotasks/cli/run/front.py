"""`kumo run front`: the check of callers alone, in front of a worker that runs elsewhere."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from kumotasks.cli.client import WrongCall
from kumotasks.cli.command import Command, Flag
from kumotasks.cli.durations import duration
from kumotasks.cli.line import Line
from kumotasks.cli.resource import named
from kumotasks.cli.run.names import REGION, SERVICE, service_name
from kumotasks.cli.values import BadValue, several, whole

if TYPE_CHECKING:
    from kumotasks.server.front_settings import FrontSettings

_KEYS = "/oauth2/v3/certs"  # below a server's URL
_SECOND = 1_000_000


def front(line: Line) -> object:
    from kumotasks.server.front import serve_front

    line.code = serve_front(settings(line))
    return None


def settings(line: Line) -> FrontSettings:
    """What the line asks for."""
    from kumotasks.domain.run.service import ServiceName
    from kumotasks.server.front_settings import FrontSettings

    parts = named(service_name(line, line.text("service")), SERVICE)
    assert parts is not None
    asked = FrontSettings(line.text("upstream"), ServiceName(parts["projects"], parts["locations"], parts["services"]))
    seconds = line["timeout"]
    return replace(
        asked,
        host=line.text("host") or asked.host,
        port=line.number("port", asked.port),
        issuer=line.text("issuer") or asked.issuer,
        timeout=round(seconds * _SECOND) if isinstance(seconds, float) else asked.timeout,
        audiences=tuple(line.texts("audiences")),
        allow=tuple(line.texts("allow")),
        data=Path(line.text("data")) if line.is_given("data") else None,
        certificates=_certificates(line),
    )


def _certificates(line: Line) -> str:
    """Whose keys are believed: those of the server that runs, unless the line says otherwise."""
    if line.is_given("data"):
        return ""
    if not line.is_given("allow"):
        raise WrongCall("argument --data | --allow: say whose policies judge callers, or who may call.")
    return line.text("certs-url") or line.client.endpoint.url.rstrip("/") + _KEYS


def _origin(written: str) -> object:
    """The URL of a worker, without a path."""
    parts = urlsplit(written)
    if parts.scheme != "http" or not parts.hostname or parts.path not in ("", "/") or parts.query:
        raise BadValue(f"Write http://HOST:PORT; received: {written}")
    return written.rstrip("/")


COMMANDS = (
    Command(
        "run front",
        "guard a worker that runs elsewhere: let in only who shows a token and may call it, as Cloud Run does",
        "kumo run front --upstream=http://127.0.0.1:9000 --service=worker --region=us-central1 --port=8080 \\\n"
        "    --allow=serviceAccount:sender@shop.iam.gserviceaccount.com",
        front,
        flags=(
            Flag("upstream", "where the worker is", _origin, metavar="URL", required=True),
            Flag("service", "the service that it is: an id, or its full name", required=True),
            Flag("host", "the address to listen on (127.0.0.1)"),
            Flag("port", "the port to listen on (8080); 0 picks a free one", whole(0, 65_535)),
            Flag("data", "judge by the keys and policies in this data directory of a server", metavar="DIR"),
            Flag("allow", "who may call: serviceAccount:a@b, user:a@b, allUsers", several, metavar="MEMBER,..."),
            Flag("issuer", "who signs the tokens (https://accounts.google.com)", metavar="URL"),
            Flag("certs-url", "where his keys are, a JWK set (the server's at --endpoint)", metavar="URL"),
            Flag("audiences", "for whom tokens may be made besides the service's URLs", several, "AUDIENCE,..."),
            Flag("timeout", "how long a request may take (300): 600, 10m", duration, metavar="DURATION"),
            REGION,
        ),
        exclusive=(
            (("data",), ("allow",)),
            (("data",), ("certs-url",)),
        ),
    ),
)
