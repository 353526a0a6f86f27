"""Which queue or task a line is about."""

from __future__ import annotations

from kumotasks.cli.client import Failure
from kumotasks.cli.line import Line
from kumotasks.cli.resource import last_id, named

QUEUE = "projects/*/locations/*/queues/*"
TASK = f"{QUEUE}/tasks/*"


def place(line: Line) -> str:
    """projects/P/locations/L."""
    return f"projects/{line.project}/locations/{line.location}"


def queue_name(line: Line, written: str) -> str:
    """A queue's full name from an id, a name or a URL."""
    if found := named(written, QUEUE):
        return "/".join(f"{kind}/{each}" for kind, each in found.items())
    return f"{place(line)}/queues/{last_id(written, 'queue', QUEUE)}"


def task_name(line: Line, written: str) -> str:
    """A task's full name from a name or a URL, or from an id and --queue."""
    if found := named(written, TASK):
        return "/".join(f"{kind}/{each}" for kind, each in found.items())
    if not line.text("queue"):
        raise Failure("Must specify either the fully qualified task path or the queue flag.")
    return f"{queue_name(line, line.text('queue'))}/tasks/{last_id(written, 'task', TASK)}"


def short(queue: str) -> str:
    """LOCATION/QUEUE, as sentences name a queue."""
    found = named(queue, QUEUE)
    return f"{found['locations']}/{found['queues']}" if found else queue
