"""What calls on logs need. Pure, made of the request alone.

A log, and a view of logs, is judged on the project that it belongs to. What names nothing needs nothing: the call
refuses it before it looks at anything.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from kumotasks.domain.errors import InvalidArgument
from kumotasks.domain.log_name import parse_log_name, parse_log_source
from kumotasks.domain.principal import Need
from kumotasks.service.log_writing import CREATE, needed_at_the_gate

READ, NAMES, DELETE = "logging.logEntries.list", "logging.logs.list", "logging.logs.delete"


def of_entries(request: Any) -> tuple[Need, ...]:
    """ListLogEntries and TailLogEntries."""
    return _on_sources(READ, request.resource_names)


def of_names(request: Any) -> tuple[Need, ...]:
    """ListLogs."""
    return _on_sources(NAMES, (request.parent, *request.resource_names))


def of_deletion(request: Any) -> tuple[Need, ...]:
    """DeleteLog."""
    try:
        return (Need(DELETE, parse_log_name(request.log_name).owner),)
    except InvalidArgument:
        return ()


def of_writing(request: Any) -> tuple[Need, ...]:
    """WriteLogEntries."""
    names = [entry.log_name or request.log_name for entry in request.entries]
    return tuple(Need(CREATE, owner) for owner in needed_at_the_gate(names, partial=request.partial_success))


def _on_sources(permission: str, names: Iterable[str]) -> tuple[Need, ...]:
    needs: dict[Need, None] = {}
    for name in names:
        try:
            needs[Need(permission, parse_log_source(name))] = None
        except InvalidArgument:
            continue
    return tuple(needs)
