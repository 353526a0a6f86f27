"""The plain pages: health, readiness, metrics, and our own few extras under /kumo/v1/.

Each is a small function over what it is given; none of them knows of gRPC, REST or the guard.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol
from urllib.parse import parse_qs

import msgspec

from kumotasks.api.call import PageRequest, PageResponse, PageRoute
from kumotasks.domain.clock import SECOND, Clock
from kumotasks.domain.errors import InvalidArgument

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_END = 253_402_300_799 * SECOND  # the last second that RFC 3339 can write
_JSON = "application/json; charset=UTF-8"
_METRICS = "text/plain; version=0.0.4; charset=utf-8"
_LONGEST_WAIT = 600.0  # seconds of real time


class Advance(Protocol):
    """Moves a manual clock to an instant; answers the instant it is then."""

    def __call__(self, to: int, /) -> Awaitable[int]: ...


@dataclass(frozen=True, slots=True)
class Doors:
    """What the pages show and set off. `advance` is None under the system clock."""

    ready: Callable[[], bool]
    metrics: Callable[[], bytes]
    wait_idle: Callable[[float | None], Awaitable[bool]]
    queue_stats: Callable[[str], Mapping[str, object]]
    clock: Clock
    advance: Advance | None


OBSERVE, CONTROL = "kumo.server.observe", "kumo.server.control"


def pages(doors: Doors) -> tuple[PageRoute, ...]:
    """The table."""
    own = _Pages(doors)
    return (
        PageRoute("GET", "/", own.welcome),
        PageRoute("GET", "/healthz", own.health),
        PageRoute("GET", "/readyz", own.readiness),
        PageRoute("GET", "/metrics", own.metrics, OBSERVE),
        PageRoute("GET", "/kumo/v1/clock", own.time, OBSERVE),
        PageRoute("GET", "/kumo/v1/queue-stats", own.stats, OBSERVE),
        PageRoute("POST", "/kumo/v1/clock:advance", own.advance, CONTROL),
        PageRoute("POST", "/kumo/v1/wait-idle", own.wait_idle, CONTROL),
        PageRoute("POST", "/kumo/v1:waitIdle", own.wait_idle, CONTROL),
    )


class _Pages:
    def __init__(self, doors: Doors) -> None:
        self._doors = doors

    async def welcome(self, request: PageRequest) -> PageResponse:
        return PageResponse(b"Kumo Tasks is running. The API is at /v2/, health at /healthz, metrics at /metrics.\n")

    async def health(self, request: PageRequest) -> PageResponse:
        return PageResponse(b"ok\n")

    async def readiness(self, request: PageRequest) -> PageResponse:
        return PageResponse(b"ready\n") if self._doors.ready() else PageResponse(b"not ready\n", status=503)

    async def metrics(self, request: PageRequest) -> PageResponse:
        return PageResponse(self._doors.metrics(), content_type=_METRICS)

    async def time(self, request: PageRequest) -> PageResponse:
        kind = "system" if self._doors.advance is None else "manual"
        return _json({"now": stamp(self._doors.clock.now()), "clock": kind})

    async def advance(self, request: PageRequest) -> PageResponse:
        """`{"seconds": 30}`, `{"duration": "30s"}` or `{"to": "2030-01-01T00:00:00Z"}`."""
        if self._doors.advance is None:
            raise InvalidArgument("The clock follows the wall; start the server with --clock manual to move it.")
        to = _target(_body(request), self._doors.clock.now())
        return _json({"now": stamp(await self._doors.advance(to)), "clock": "manual"})

    async def wait_idle(self, request: PageRequest) -> PageResponse:
        """Answers once nothing is due and nothing is in flight: `{"timeout": "5s"}`, at most ten minutes."""
        wanted = _body(request).get("timeout", "60s")
        timeout = min(_LONGEST_WAIT, _seconds(wanted, "timeout"))
        idle = await self._doors.wait_idle(timeout)
        return _json({"idle": idle, "now": stamp(self._doors.clock.now())}, status=200 if idle else 504)

    async def stats(self, request: PageRequest) -> PageResponse:
        """`?queue=projects/P/locations/L/queues/Q`: what its lane holds, and its effective rate."""
        names = parse_qs(request.query.decode("latin-1")).get("queue", [])
        if len(names) != 1:
            raise InvalidArgument("Say which queue: ?queue=projects/P/locations/L/queues/Q")
        return _json(self._doors.queue_stats(names[0]))


def stamp(instant: int) -> str:
    """RFC 3339, microseconds."""
    return (_EPOCH + timedelta(microseconds=instant)).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _json(value: Mapping[str, object], *, status: int = 200) -> PageResponse:
    return PageResponse(msgspec.json.encode(value) + b"\n", status=status, content_type=_JSON)


def _body(request: PageRequest) -> dict[str, Any]:
    if not request.body.strip():
        return {}
    try:
        value = msgspec.json.decode(request.body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidArgument(f"The body is not JSON: {error}.") from error
    if not isinstance(value, dict):
        raise InvalidArgument("The body must be a JSON object.")
    return value


def _target(body: dict[str, Any], now: int) -> int:
    if len(body) != 1 or not body.keys() <= {"seconds", "duration", "to"}:
        raise InvalidArgument('Say how far: {"seconds": 30}, {"duration": "30s"} or {"to": "2030-01-01T00:00:00Z"}.')
    ((kind, value),) = body.items()
    to = _instant(value) if kind == "to" else now + round(_seconds(value, kind) * SECOND)
    if to > _END:
        raise InvalidArgument("Time ends with the year 9999.")
    return to


def _seconds(value: object, name: str) -> float:
    try:
        seconds = float(value.removesuffix("s")) if isinstance(value, str) else float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError) as error:
        raise InvalidArgument(f"{name} is not a number of seconds.") from error
    if not 0 <= seconds <= 315_576_000_000:
        raise InvalidArgument(f"{name} must be between 0 and 315576000000 seconds.")
    return seconds


def _instant(value: object) -> int:
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError as error:
        raise InvalidArgument("to is not an RFC 3339 time.") from error
    if moment.tzinfo is None:
        raise InvalidArgument("to must have a time zone, for example a Z at its end.")
    return int((moment - _EPOCH) / timedelta(microseconds=1))
