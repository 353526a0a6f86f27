"""What a service or a revision says of itself: Ready, ConfigurationsReady, RoutesReady and their kin."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class State(Enum):
    """PENDING is Knative's Unknown, SUCCEEDED its True, FAILED its False."""

    PENDING = "CONDITION_PENDING"
    SUCCEEDED = "CONDITION_SUCCEEDED"
    FAILED = "CONDITION_FAILED"


@dataclass(frozen=True, slots=True)
class Condition:
    """`kind` is "Ready", "ConfigurationsReady", "RoutesReady", "ContainerHealthy"…; `changed` in microseconds.

    `reason` is v2's, such as HEALTH_CHECK_CONTAINER_ERROR or CONTAINER_MISSING; "" without one.
    """

    kind: str
    state: State
    changed: int
    reason: str = ""
    message: str = ""
