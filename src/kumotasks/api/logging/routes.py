"""The table of calls of Cloud Logging. What a call needs depends on the projects that it names, never on its path alone.

A test holds the rows against Google's published client and discovery document.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from google.protobuf.message import Message

from kumotasks.api.call import Caller, JsonRoute, Route, StreamRoute
from kumotasks.api.logging import messages as m
from kumotasks.api.logging import needs
from kumotasks.api.logging.calls import LoggingCalls
from kumotasks.api.logging.copying import COPY
from kumotasks.api.needs import nothing
from kumotasks.domain.principal import Need

SERVICE = "google.logging.v2.LoggingServiceV2"
_OWNERS = ("projects", "organizations", "folders", "billingAccounts")
_VIEW = "locations/*/buckets/*/views/*"
Handle = Callable[[Any, Caller], Awaitable[Any]]


def routes(c: LoggingCalls) -> tuple[Route | StreamRoute | JsonRoute, ...]:
    """Every call of google.logging.v2.LoggingServiceV2, and the one on entries of its neighbour, which is refused."""
    deletions = tuple(f"DELETE /v2/{{log_name={owner}/*/logs/*}}" for owner in _OWNERS)
    listings = tuple(f"GET /v2/{{parent={owner}/*}}/logs" for owner in _OWNERS)
    views = tuple(f"GET /v2/{{parent={owner}/*/{_VIEW}}}/logs" for owner in _OWNERS)
    # fmt: off
    return (
        _route("ListLogEntries", (m.ListLogEntriesRequest, m.ListLogEntriesResponse), ("POST /v2/entries:list",), "*", needs.of_entries, c.list_entries),
        _route("WriteLogEntries", (m.WriteLogEntriesRequest, m.WriteLogEntriesResponse), ("POST /v2/entries:write",), "*", needs.of_writing, c.write_entries),
        _route("ListLogs", (m.ListLogsRequest, m.ListLogsResponse), (*listings, *views), "", needs.of_names, c.list_logs),
        _route("DeleteLog", (m.DeleteLogRequest, m.Empty), deletions, "", needs.of_deletion, c.delete_log),
        _route("ListMonitoredResourceDescriptors", (m.ListMonitoredResourceDescriptorsRequest, m.ListMonitoredResourceDescriptorsResponse), ("GET /v2/monitoredResourceDescriptors",), "", nothing, c.list_kinds),
        StreamRoute(SERVICE, "TailLogEntries", m.TailLogEntriesRequest, m.TailLogEntriesResponse, needs.of_entries, c.tail_entries, "POST", "/v2/entries:tail", "*"),
        COPY,
    )
    # fmt: on


def _route(
    method: str,
    messages: tuple[type[Message], type[Message]],
    rest: tuple[str, ...],
    body: str,
    needed: Callable[[Any], tuple[Need, ...]],
    handle: Handle,
) -> Route:
    """A row: method, (request, response), "VERB path" and its aliases, body field, needs, handler."""
    verb, _, path = rest[0].partition(" ")
    aliases = tuple(each.partition(" ")[2] for each in rest[1:])
    return Route(SERVICE, method, *messages, verb, path, body, "", handle, aliases=aliases, needs=needed)
