"""The kinds of resources that write entries here, as Cloud Logging describes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kumotasks.domain import paging
from kumotasks.domain.errors import InvalidArgument

MAX_PAGE = 1_000
_PROJECT = ("project_id", "The identifier of the GCP project associated with this resource.")


@dataclass(frozen=True, slots=True)
class ResourceKind:
    """A kind of resource; `labels` are keys with what they mean."""

    type: str
    display_name: str
    description: str
    labels: tuple[tuple[str, str], ...]


KINDS = (
    ResourceKind(
        "cloud_run_revision",
        "Cloud Run Revision",
        "A revision in Cloud Run.",
        (
            _PROJECT,
            ("service_name", "The name of the service."),
            ("revision_name", "The name of the revision."),
            ("location", "The region that the service is running in."),
            ("configuration_name", "The name of the configuration."),
        ),
    ),
    ResourceKind(
        "cloud_tasks_queue",
        "Cloud Tasks Queue",
        "A Cloud Tasks queue.",
        (
            _PROJECT,
            ("queue_id", "The name of the queue."),
            ("target_type", "The type of target that the task is delivered to."),
            ("location", "The location of the queue."),
        ),
    ),
    ResourceKind(
        "global",
        "Global",
        "A resource type used to indicate that a log is not associated with any specific resource.",
        (_PROJECT,),
    ),
)


def kinds_page(page_size: int, page_token: str) -> tuple[Sequence[ResourceKind], str]:
    """Some of the kinds, and the token of the next page: the first one's type."""
    at = next((place for place, kind in enumerate(KINDS) if kind.type == page_token), None) if page_token else 0
    if at is None:
        raise InvalidArgument("page_token doesn't match arguments from the request")
    end = at + paging.page_size(page_size, MAX_PAGE)
    return KINDS[at:end], KINDS[end].type if end < len(KINDS) else ""
