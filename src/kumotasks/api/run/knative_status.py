"""What Knative v1 says of how things stand: conditions, instants, and the traffic in force."""

from __future__ import annotations

from collections.abc import Sequence

from kumotasks.api.run.documents import Document, present
from kumotasks.api.wellknown import fraction, whole_second
from kumotasks.domain.clock import SECOND
from kumotasks.domain.run.address import urls
from kumotasks.domain.run.condition import Condition, State
from kumotasks.domain.run.service import Service, Target

_STATUS = {State.PENDING: "Unknown", State.SUCCEEDED: "True", State.FAILED: "False"}
# Where v1 has a word of its own; any other reason is v2's in the spelling of v1.
_REASONS = {"HEALTH_CHECK_CONTAINER_ERROR": "HealthCheckContainerFailed"}


def instant(at: int) -> str:
    """RFC 3339, microseconds."""
    seconds, micros = divmod(at, SECOND)
    return f"{whole_second(seconds)}{fraction(micros * 1_000)}Z"


def condition_documents(conditions: Sequence[Condition]) -> list[Document]:
    return [
        present(
            type=each.kind,
            status=_STATUS[each.state],
            reason=_REASONS.get(each.reason) or each.reason.title().replace("_", ""),
            message=each.message,
            lastTransitionTime=instant(each.changed),
        )
        for each in conditions
    ]


def target_documents(service: Service, number: str) -> list[Document]:
    """The traffic in force; of a revision that was asked for as the latest one it is said that it is that."""
    return [_target(each, service, number) for each in service.serving]


def _target(target: Target, service: Service, number: str) -> Document:
    as_latest = Target(target.percent, "", target.tag) in service.traffic and target.revision == service.latest_ready
    return present(
        revisionName=target.revision,
        percent=target.percent,
        tag=target.tag,
        url=urls(service.name, number, target.tag)[1] if target.tag and not service.default_uri_disabled else "",
        latestRevision=as_latest or None,
    )
