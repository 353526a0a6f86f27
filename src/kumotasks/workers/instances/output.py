"""What an instance writes, cut into lines and read as Cloud Run reads them: text, or an entry written as JSON.

Reading never waits for whoever keeps the lines, so the instance is never held up. Where they go is unknown here.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from typing import cast

from kumotasks.domain.clock import MICROSECOND, SECOND
from kumotasks.logs.entry import DEFAULT, NONE, Json
from kumotasks.logs.times import from_rfc3339
from kumotasks.logs.values import SEVERITIES, fold
from kumotasks.workers.run_log import Line

MAX_LINE = 64 * 1024  # bytes; what is longer is cut into several
_NANOSECONDS = 1_000
_PREFIX = "logging.googleapis.com/"


class Lines(asyncio.Protocol):
    """The reading end of a pipe: `take` gets the lines of each piece that comes out of it."""

    def __init__(self, take: Callable[[Sequence[Line]], None]) -> None:
        self.ended = asyncio.Event()
        self._take = take
        self._begun = b""

    def data_received(self, data: bytes) -> None:
        *whole, self._begun = (self._begun + data).split(b"\n")
        while len(self._begun) >= MAX_LINE:
            whole.append(self._begun[:MAX_LINE])
            self._begun = self._begun[MAX_LINE:]
        self._give(whole)

    def connection_lost(self, exc: Exception | None) -> None:
        self._give([self._begun])
        self._begun = b""
        self.ended.set()

    def _give(self, whole: Sequence[bytes]) -> None:
        pieces = (line[at : at + MAX_LINE] for line in whole for at in range(0, len(line), MAX_LINE))
        lines = [read(each) for each in pieces if each.strip()]
        if lines:
            self._take(lines)


def read(line: bytes) -> Line:
    """A line that is one JSON object is an entry; what it says of severity, time and trace is lifted out of it."""
    text = line.decode(errors="replace").rstrip("\r")
    bare = text.strip()
    if not (bare.startswith("{") and bare.endswith("}")):
        return Line(text)
    try:
        document = json.loads(bare, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return Line(text)
    return _lifted(document)


def _lifted(document: dict[str, object]) -> Line:
    severity, time = _severity(document), _time(document)
    request = document.get("httpRequest")
    return Line(
        severity=severity,
        time=time,
        http_request=cast("Json", document.pop("httpRequest")) if isinstance(request, dict) else NONE,
        labels=_labels(document),
        operation=_object(document, "operation"),
        source_location=_object(document, "sourceLocation"),
        trace=_text(document, "trace"),
        span=_text(document, "spanId"),
        insert_id=_text(document, "insertId"),
        trace_sampled=document.pop(f"{_PREFIX}trace_sampled", False) is True,
        payload=document,  # last: it is what the others have left
    )


def _severity(document: dict[str, object]) -> int:
    """A word that is no severity stays where it is."""
    word = document.get("severity")
    if not isinstance(word, str) or fold(word) not in SEVERITIES:
        return DEFAULT
    del document["severity"]
    return SEVERITIES[fold(word)]


def _time(document: dict[str, object]) -> int | None:
    """`time` is RFC 3339, `timestamp` has seconds and nanos, or both stand in fields of their own."""
    text = document.get("time")
    if isinstance(text, str):
        try:
            found = from_rfc3339(text)
        except ValueError:
            return None
        del document["time"]
        return found
    stamp = document.get("timestamp")
    if isinstance(stamp, dict) and (found := _counted(stamp, "seconds", "nanos")):
        del document["timestamp"]
        return found
    found = _counted(document, "timestampSeconds", "timestampNanos")
    if found:
        del document["timestampSeconds"]
        document.pop("timestampNanos", None)
    return found or None


def _counted(holder: Mapping[str, object], seconds: str, nanos: str) -> int:
    whole, part = holder.get(seconds), holder.get(nanos, 0)
    if type(whole) is not int or type(part) is not int or not 0 < whole < _FAR:
        return 0
    return whole * SECOND + part // _NANOSECONDS * MICROSECOND


_FAR = 253_402_300_800  # the year 10000


def _text(document: dict[str, object], field: str) -> str:
    held = document.get(_PREFIX + field)
    return cast("str", document.pop(_PREFIX + field)) if isinstance(held, str) else ""


def _object(document: dict[str, object], field: str) -> Json:
    held = document.get(_PREFIX + field)
    return cast("Json", document.pop(_PREFIX + field)) if isinstance(held, dict) else NONE


def _labels(document: dict[str, object]) -> Mapping[str, str]:
    held = document.get(f"{_PREFIX}labels")
    if not isinstance(held, dict) or not all(isinstance(each, str) for each in held.values()):
        return NONE
    del document[f"{_PREFIX}labels"]
    return held


def _refuse(constant: str) -> object:
    raise ValueError(f"{constant} is not JSON")
