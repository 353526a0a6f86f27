"""Operations that a server has begun, and may not have ended when it answers."""

from __future__ import annotations

from threading import Event

from kumotasks.cli.client import Json
from kumotasks.cli.line import Line
from kumotasks.cli.resource import path

_FIRST, _LONGEST = 0.1, 5.0  # seconds between two looks, which double


def finished(line: Line, version: str, operation: Json) -> Json:
    """The operation once it is done, whatever came of it. Raises Failure."""
    pause, never = _FIRST, Event()
    while operation.get("done") is not True and operation.get("name"):
        never.wait(pause)
        pause = min(2 * pause, _LONGEST)
        operation = line.call("GET", path(version, str(operation["name"])))
    return operation
