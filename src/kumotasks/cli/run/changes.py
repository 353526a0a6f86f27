"""Services as the API writes them (v2): read, changed, and waited for until a change is carried out."""

from __future__ import annotations

from collections.abc import Callable

from kumotasks.cli.client import Failure, Refused
from kumotasks.cli.command import Json
from kumotasks.cli.line import Line
from kumotasks.cli.resource import path
from kumotasks.cli.run.secret import proof
from kumotasks.cli.run.vouching import vouched

Change = Callable[[Json], Json]
_NOT_FOUND, _CONFLICT = 404, 409
_TRIES = 10
_TURN = "30s"  # of waiting for an operation


def read(line: Line, name: str) -> Json:
    return line.call("GET", path("v2", name))


def found(line: Line, name: str) -> Json | None:
    """The service; None if there is none."""
    try:
        return read(line, name)
    except Refused as refused:
        if refused.status != _NOT_FOUND:
            raise
        return None


def create(line: Line, name: str, service: Json) -> Json:
    """The operation that makes it."""
    parent, _, ident = name.rpartition("/services/")
    where = path("v2", f"{parent}/services")
    return line.client.call("POST", where, query={"serviceId": ident}, body=service, more=proof(line.client))


def change(line: Line, name: str, make: Change) -> Json:
    """The operation that makes of a service what `make` makes of it; made anew if it was changed meanwhile.

    The body has the etag of what was read, so that what is vouched for is what is written."""
    for left in reversed(range(_TRIES)):
        try:
            before = read(line, name)
            after = make(before)
            return line.client.call("PATCH", path("v2", name), body=after, more=vouched(line, before, after))
        except Refused as refused:
            if refused.status != _CONFLICT or not left:
                raise
    raise AssertionError("the last try returns or raises")


def waited(line: Line, operation: Json, failed: str) -> None:
    """Come back when the operation is done. Raises Failure, with `failed` said first."""
    name = str(operation.get("name"))
    while operation.get("done") is not True:
        operation = line.call("POST", path("v2", name, ":wait"), body={"timeout": _TURN})
    match operation.get("error"):
        case {"message": str(message)}:
            line.say(failed)
            raise Failure(message)
