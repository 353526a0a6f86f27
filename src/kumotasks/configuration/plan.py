"""What a start by a configuration would bring into being: a row for each thing, for people to read."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from kumotasks.configuration.images import launches
from kumotasks.configuration.judges import Described, Judges
from kumotasks.configuration.startup import Startup
from kumotasks.configuration.tables import queue_name
from kumotasks.domain.account import account_email
from kumotasks.domain.clock import SECOND
from kumotasks.domain.queue import UNLIMITED, Queue, QueueState, burst_size
from kumotasks.settings import Settings


@dataclass(frozen=True, slots=True)
class Planned:
    """`kind` is queue, service account, binding or image; `details` is a phrase."""

    kind: str
    name: str
    details: str


def planned(startup: Startup, judges: Judges) -> Iterator[Planned]:
    """In the order in which a server goes about it."""
    settings = startup.settings
    for text in settings.queue:
        yield Planned("queue", _full(text, settings), "as it is, or with every default")
    for described in settings.queues:
        yield _described(described, settings, judges)
    for entry in startup.yaml.entries if startup.yaml else ():
        yield _queue(entry.queue.name.text, entry.queue, entry.queue.rate_limits.max_burst_size)
    for described in settings.service_accounts:
        yield _account(described, settings)
    for described in settings.bindings:
        yield _binding(described, settings)
    for image, launch in launches(settings.images).items():
        where = f" in {launch.directory}" if launch.directory else ""
        yield Planned("image", image, f"{shlex.join(launch.command)}{where}")


def _described(described: Described, settings: Settings, judges: Judges) -> Planned:
    queue = judges.queue(described)
    return _queue(_full(queue.name.text, settings), queue, burst_size(queue.rate_limits.max_dispatches_per_second))


def _queue(name: str, queue: Queue, bucket: int) -> Planned:
    limits, retry = queue.rate_limits, queue.retry_config
    attempts = "attempts without end" if retry.max_attempts == UNLIMITED else f"{retry.max_attempts} attempts"
    rate = "paused" if queue.state is QueueState.PAUSED else f"{limits.max_dispatches_per_second:g}/s"
    backoff = f"backoff {retry.min_backoff / SECOND:g}s to {retry.max_backoff / SECOND:g}s"
    at_once = f"{limits.max_concurrent_dispatches} at once"
    return Planned("queue", name, f"{rate}, bucket {bucket}, {at_once}, {attempts}, {backoff}")


def _account(described: Described, settings: Settings) -> Planned:
    email = account_email(str(described["id"]), str(described.get("project") or settings.project))
    return Planned("service account", email, str(described.get("display_name", "")))


def _binding(described: Described, settings: Settings) -> Planned:
    members = described["members"]
    assert isinstance(members, list)
    limited = ", on a condition" if "condition" in described else ""
    resource = str(described.get("resource") or f"projects/{settings.project}")
    return Planned("binding", resource, f"{described['role']} for {', '.join(map(str, members))}{limited}")


def _full(text: str, settings: Settings) -> str:
    return queue_name(text, settings.project, settings.location).text
