"""What the front answers in a worker's place: Cloud Run's statuses, headers and pages, word for word. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

from kumotasks.workers.front.asgi import Header

_HTML: Header = (b"content-type", b"text/html; charset=UTF-8")
_TEXT: Header = (b"content-type", b"text/plain")
_INVALID: Header = (
    b"www-authenticate",
    b'Bearer error="invalid_token" error_description="The access token could not be verified"',
)
_PAGE = """<html><head>
<meta http-equiv="content-type" content="text/html;charset=utf-8">
<title>{title}</title>
</head>
<body text=#000000 bgcolor=#ffffff>
<h1>Error: {heading}</h1>
<h2>{sentence}</h2>
<h2></h2>
</body></html>"""
_READ_MORE = (
    "Read more at https://cloud.google.com/run/docs/securing/authenticating Additional troubleshooting documentation "
    "can be found at: https://cloud.google.com/run/docs/troubleshooting"
)
NOT_AUTHENTICATED = (
    "The request was not authenticated. Either allow unauthenticated invocations or set the proper Authorization "
    f"header. {_READ_MORE}#unauthorized-client"
)
NOT_AUTHORIZED = f"The request was not authorized to invoke this service. {_READ_MORE}#401"


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer of the front's own. `log` is what the request's log entry says of it."""

    status: int
    headers: tuple[Header, ...]
    body: bytes
    log: str = ""


def unauthorized(path: str) -> Refusal:
    """A token that proves nothing, or not to this service."""
    sentence = f"Your client does not have permission to the requested URL <code>{escape(path)}</code>."
    return Refusal(401, (_HTML, _INVALID), _page("401 Unauthorized", "Unauthorized", sentence), NOT_AUTHORIZED)


def forbidden(path: str, *, log: str = NOT_AUTHORIZED) -> Refusal:
    """Nobody, or somebody who may not invoke the service."""
    sentence = f"Your client does not have permission to get URL <code>{escape(path)}</code> from this server."
    return Refusal(403, (_HTML,), _page("403 Forbidden", "Forbidden", sentence), log)


def _page(title: str, heading: str, sentence: str) -> bytes:
    return _PAGE.format(title=title, heading=heading, sentence=sentence).encode()


NOT_FOUND = Refusal(
    404,
    (_HTML,),
    _page("404 Page not found", "Page not found", "The requested URL was not found on this server."),
)
NO_INSTANCE = Refusal(
    429,
    (_TEXT,),
    b"Rate exceeded.",
    "The request was aborted because there was no available instance.",
)
NOT_STARTED = Refusal(
    503,
    (_TEXT,),
    b"Service Unavailable",
    "The request failed because the instance failed to start.",
)
LOST = Refusal(
    503,
    (_TEXT,),
    b"upstream connect error or disconnect/reset before headers",
    "The request failed because either the HTTP response was malformed or connection to the instance had an error.",
)
TIMED_OUT = Refusal(
    504,
    (_TEXT,),
    b"upstream request timeout",
    "The request has been terminated because it has reached the maximum request timeout.",
)
