"""What happens to private workers, as Cloud Run's log entries: requests, output, and the system's own words.

The only place that knows how they read. Who writes them, and what becomes of them, is unknown here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from kumotasks.domain.clock import Clock
from kumotasks.domain.run.service import ServiceName
from kumotasks.logs.entry import DEFAULT, ERROR, INFO, NONE, WARNING, InsertIds, Json, LogEntry
from kumotasks.logs.times import seconds_text

RESOURCE = "cloud_run_revision"
STDOUT, STDERR = "run.googleapis.com%2Fstdout", "run.googleapis.com%2Fstderr"
REQUESTS = "run.googleapis.com%2Frequests"
SYSTEM = "run.googleapis.com%2Fvarlog%2Fsystem"
_CLIENT_FAULT, _SERVER_FAULT = 400, 500


class Log(Protocol):
    """Takes entries, and makes nobody wait."""

    @property
    def ids(self) -> InsertIds: ...
    def write(self, entries: Sequence[LogEntry]) -> None: ...


@dataclass(frozen=True, slots=True)
class Place:
    """Of whom an entry speaks; `instance` is "" where no instance took part, `revision` where none was chosen."""

    service: ServiceName
    revision: str = ""
    instance: str = ""


@dataclass(frozen=True, slots=True)
class Request:
    """A request that was answered. Sizes in bytes, `latency` in microseconds; `trace` and `span` are the hexadecimal
    ids. `refusal` is what the front says of a request that came no further than it."""

    method: str
    url: str
    status: int
    request_size: int = 0
    response_size: int = 0
    user_agent: str = ""
    remote_ip: str = ""
    server_ip: str = ""
    referer: str = ""
    latency: int = 0
    protocol: str = "HTTP/1.1"
    trace: str = ""
    span: str = ""
    refusal: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of output, lifted where it was JSON. `time` None is when it was read."""

    payload: str | Json
    severity: int = DEFAULT
    time: int | None = None
    labels: Mapping[str, str] = NONE
    http_request: Json = NONE
    trace: str = ""
    span: str = ""
    insert_id: str = ""
    operation: Json = NONE
    trace_sampled: bool = False
    source_location: Json = NONE


class RunLog:
    """Writes the entries of services."""

    def __init__(self, log: Log, clock: Clock) -> None:
        self._log = log
        self._clock = clock

    def request(self, place: Place, request: Request) -> None:
        """A request was answered, now."""
        self._log.write((self._request(place, request),))

    def output(self, place: Place, log_id: str, lines: Sequence[Line]) -> None:
        """`log_id` is STDOUT or STDERR."""
        self._log.write([self._line(place, log_id, line) for line in lines])

    def system(self, place: Place, text: str, severity: int = INFO) -> None:
        now = self._clock.now()
        self._log.write((self._entry(place, SYSTEM, Line(text, severity, now), now),))

    def _line(self, place: Place, log_id: str, line: Line) -> LogEntry:
        return self._entry(place, log_id, line, self._clock.now())

    def _request(self, place: Place, request: Request) -> LogEntry:
        now = self._clock.now()
        said = Line(
            request.refusal,
            _severity(request.status),
            now - request.latency,
            http_request=_described(request),
            trace=_trace(place, request.trace),
            span=request.span,
            trace_sampled=bool(request.trace),
        )
        return self._entry(place, REQUESTS, said, now)

    def _entry(self, place: Place, log_id: str, line: Line, now: int) -> LogEntry:
        name = place.service
        instance = {"instanceId": place.instance} if place.instance else {}
        return LogEntry(
            log_name=f"projects/{name.project}/logs/{log_id}",
            resource_type=RESOURCE,
            timestamp=now if line.time is None else line.time,
            payload=line.payload or None,
            resource_labels={
                "project_id": name.project,
                "location": name.location,
                "service_name": name.service,
                "configuration_name": name.service,
                "revision_name": place.revision,
            },
            severity=line.severity,
            insert_id=line.insert_id or self._log.ids.next(now),
            receive_timestamp=now,
            labels={**instance, **line.labels},
            http_request=line.http_request,
            trace=line.trace,
            span_id=line.span,
            trace_sampled=line.trace_sampled,
            operation=line.operation,
            source_location=line.source_location,
        )


def _trace(place: Place, trace: str) -> str:
    return f"projects/{place.service.project}/traces/{trace}" if trace else ""


def _severity(status: int) -> int:
    if status >= _SERVER_FAULT:
        return ERROR
    return WARNING if status >= _CLIENT_FAULT else INFO


def _described(request: Request) -> dict[str, object]:
    """google.logging.type.HttpRequest: 64-bit numbers are texts, and what is not known is left out."""
    said: dict[str, object] = {
        "requestMethod": request.method,
        "requestUrl": request.url,
        "requestSize": str(request.request_size),
        "status": request.status,
        "responseSize": str(request.response_size),
        "userAgent": request.user_agent,
        "remoteIp": request.remote_ip,
        "serverIp": request.server_ip,
        "referer": request.referer,
        "latency": seconds_text(request.latency),
        "protocol": request.protocol,
    }
    return {name: each for name, each in said.items() if each != ""}
