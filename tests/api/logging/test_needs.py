"""What calls on logs need, and that nothing gets by without it."""

from __future__ import annotations

from typing import Any

import pytest

from kumotasks.api.logging import messages as m
from kumotasks.api.logging import needs
from kumotasks.domain.principal import Need

VIEW = "projects/q/locations/global/buckets/_Default/views/_AllLogs"


def on(permission: str, *resources: str) -> tuple[Need, ...]:
    return tuple(Need(f"logging.{permission}", resource) for resource in resources)


def writing(*names: str, **parts: Any) -> Any:
    return m.WriteLogEntriesRequest(entries=[{"log_name": name} for name in names], **parts)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (
            needs.of_entries(m.ListLogEntriesRequest(resource_names=["projects/p", VIEW, "projects/p"])),
            on("logEntries.list", "projects/p", "projects/q"),
        ),
        (needs.of_entries(m.TailLogEntriesRequest(resource_names=["folders/1"])), on("logEntries.list", "folders/1")),
        (needs.of_names(m.ListLogsRequest(parent="projects/p")), on("logs.list", "projects/p")),
        (
            needs.of_names(m.ListLogsRequest(parent="projects/p", resource_names=[VIEW])),
            on("logs.list", "projects/p", "projects/q"),
        ),
        (needs.of_deletion(m.DeleteLogRequest(log_name="projects/p/logs/a%2Fb")), on("logs.delete", "projects/p")),
        (needs.of_writing(writing("", log_name="projects/p/logs/l")), on("logEntries.create", "projects/p")),
        (
            needs.of_writing(writing("", "projects/q/logs/l", "/projects/r/logs/l", log_name="projects/p/logs/l")),
            on("logEntries.create", "projects/p", "projects/q", "projects/r"),
        ),
        (
            needs.of_writing(writing("projects/q/logs/l", "projects/q/logs/m", partial_success=True)),
            on("logEntries.create", "projects/q"),
        ),
        (needs.of_writing(writing("projects/q/logs/l", "projects/r/logs/m", partial_success=True)), ()),
        (needs.of_deletion(m.DeleteLogRequest(log_name="nonsense")), ()),
        (needs.of_entries(m.ListLogEntriesRequest()), ()),
    ],
)
def test_each_project_that_a_call_names_is_judged(found: tuple[Need, ...], expected: tuple[Need, ...]) -> None:
    assert found == expected
