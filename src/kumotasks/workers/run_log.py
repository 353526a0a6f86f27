"""What happens to private workers, as Cloud Run's log entries: requests, output, and the system's own words.

The only place that knows how they read. Who writes them, and what becomes of them, is unknown here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Protocol

from kumotasks.domain.clock import Clock
from kumotasks.domain.run.service import ServiceName
from kumotasks.domain.value import value
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


@value
class Place:
    """Of whom an entry speaks; `instance` is "" where no instance took part, `revision` where none was chosen."""

    service: ServiceName
    revision: str = ""
    instance: str = ""


@value
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


@value
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
            trace=f"projects/{place.service.project}/traces/{request.trace}" if request.trace else "",
            span=request.span,
            trace_sampled=bool(request.trace),
        )
        return self._entry(place, REQUESTS, said, now)

    def _entry(self, place: Place, log_id: str, line: Line, now: int) -> LogEntry:
        log_name, resource, labels = _described_place(place, log_id)
        return LogEntry(
            log_name=log_name,
            resource_type=RESOURCE,
            timestamp=now if line.time is None else line.time,
            payload=line.payload or None,
            resource_labels=resource,
            severity=line.severity,
            insert_id=line.insert_id or self._log.ids.next(now),
            receive_timestamp=now,
            labels={**labels, **line.labels} if line.labels else labels,
            http_request=line.http_request,
            trace=line.trace,
            span_id=line.span,
            trace_sampled=line.trace_sampled,
            operation=line.operation,
            source_location=line.source_location,
        )


@lru_cache(maxsize=1024)
def _described_place(place: Place, log_id: str) -> tuple[str, Mapping[str, str], Mapping[str, str]]:
    """The log's name, the resource's labels and the entry's own, which all entries of a place share."""
    name = place.service
    resource = {
        "project_id": name.project,
        "location": name.location,
        "service_name": name.service,
        "configuration_name": name.service,
        "revision_name": place.revision,
    }
    instance = {"instanceId": place.instance} if place.instance else NONE
    return f"projects/{name.project}/logs/{log_id}", resource, instance


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
        "latency": seconds_text(request.latency),
        "protocol": request.protocol,
    }
    if request.user_agent:
        said["userAgent"] = request.user_agent
    if request.remote_ip:
        said["remoteIp"] = request.remote_ip
    if request.server_ip:
        said["serverIp"] = request.server_ip
    if request.referer:
        said["referer"] = request.referer
    return said
