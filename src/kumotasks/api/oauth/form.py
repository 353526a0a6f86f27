"""How OAuth's pages read what they are sent and word what they answer (RFC 6749 sections 3.2 and 5.2).

Parameters come form-encoded, each once. It knows no parameter by name.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import parse_qsl

import msgspec

from kumotasks.api.call import PageRequest, PageResponse
from kumotasks.auth.assertion import Refused

MAX_FORM = 64 * 1024  # bytes
MAX_FIELDS = 32
JSON = "application/json; charset=utf-8"
FORM = b"application/x-www-form-urlencoded"
NO_STORE = (
    (b"cache-control", b"no-store"),
    (b"pragma", b"no-cache"),
    (b"x-content-type-options", b"nosniff"),
)
# RFC 6749: 400, but for a client that is not who it says.
STATUS = {"invalid_client": 401}

Handle = Callable[[PageRequest], Awaitable[PageResponse]]


def read_body(request: PageRequest) -> dict[str, str]:
    """The fields of a form. Raises Refused."""
    if not request.body:
        return {}
    kind = request.headers.get(b"content-type", FORM).partition(b";")[0].strip().lower()
    if kind != FORM:
        raise Refused("invalid_request", "The body must be application/x-www-form-urlencoded.")
    return _fields(request.body)


def read_query(request: PageRequest) -> dict[str, str]:
    """The parameters of a query. Raises Refused."""
    return _fields(request.query)


def read_both(request: PageRequest) -> dict[str, str]:
    """Query and form together; what stands in both is refused. Raises Refused."""
    query, body = read_query(request), read_body(request)
    if query.keys() & body.keys():
        raise _repeated()
    return query | body


def needed(fields: Mapping[str, str], name: str) -> str:
    """A parameter that must be there. Raises Refused."""
    value = fields.get(name, "")
    if not value:
        raise Refused("invalid_request", f"Required parameter is missing: {name}")
    return value


def answer(value: Mapping[str, object], *, status: int = 200) -> PageResponse:
    return PageResponse(msgspec.json.encode(value), status, JSON, NO_STORE)


def refusals_told(handle: Handle) -> Handle:
    """The same page, with refusals in OAuth's form."""

    async def told(request: PageRequest) -> PageResponse:
        try:
            return await handle(request)
        except Refused as refused:
            error = {"error": refused.code, "error_description": refused.message}
            return answer(error, status=STATUS.get(refused.code, 400))

    return told


def _fields(text: bytes) -> dict[str, str]:
    if len(text) > MAX_FORM:
        raise Refused("invalid_request", "The request is too large.")
    try:
        pairs = parse_qsl(text.decode("ascii"), keep_blank_values=True, max_num_fields=MAX_FIELDS, errors="strict")
    except ValueError as error:
        raise Refused("invalid_request", "The request is not form-encoded UTF-8.") from error
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _repeated()
    return found


def _repeated() -> Refused:
    return Refused("invalid_request", "A parameter stands more than once.")
