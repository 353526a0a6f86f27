"""The answer to a request that was not verified: the pages of Cloud Run's own check, so that nobody sees who judged."""

from __future__ import annotations

from html import escape
from http import HTTPStatus

from kumotasks.client.verify import KeysUnreachable, NotVerified

CHALLENGE = 'Bearer error="invalid_token" error_description="The access token could not be verified"'
_WORDS = {
    401: ("Unauthorized", "Your client does not have permission to the requested URL <code>{path}</code>."),
    403: ("Forbidden", "Your client does not have permission to get URL <code>{path}</code> from this server."),
    503: ("Server Error", "The server could not check who calls. Please try again in 30 seconds."),
}
_PAGE = (
    "<html><head>\n"
    '<meta http-equiv="content-type" content="text/html;charset=utf-8">\n'
    "<title>{status} {title}</title>\n"
    "</head>\n"
    "<body text=#000000 bgcolor=#ffffff>\n"
    "<h1>Error: {title}</h1>\n"
    "<h2>{sentence}</h2>\n"
    "<h2></h2>\n"
    "</body></html>\n"
)
Answer = tuple[int, list[tuple[str, str]], bytes]


def answer(refused: NotVerified | KeysUnreachable, path: str) -> Answer:
    """Status, headers and body. Who cannot judge asks to be called again (503): a queue does."""
    status = refused.status if isinstance(refused, NotVerified) else HTTPStatus.SERVICE_UNAVAILABLE.value
    title, sentence = _WORDS[status]
    body = _PAGE.format(status=status, title=title, sentence=sentence.format(path=escape(path))).encode()
    headers = [("content-type", "text/html; charset=UTF-8"), ("content-length", str(len(body)))]
    if status == HTTPStatus.UNAUTHORIZED:
        headers.append(("www-authenticate", CHALLENGE))
    return status, headers, body
