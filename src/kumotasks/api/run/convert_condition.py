"""Conditions as google.cloud.run.v2's messages."""

from __future__ import annotations

from typing import Any

from kumotasks.api.run import messages as m
from kumotasks.api.tasks.times import set_instant
from kumotasks.domain.run.condition import Condition

_REASONS = {"reason": "Condition.CommonReason", "revision_reason": "Condition.RevisionReason"}


def condition_message(condition: Condition) -> Any:
    """A reason that Google has no number for is left to the message."""
    message = m.Condition(type=condition.kind, state=condition.state.value, message=condition.message)
    set_instant(message.last_transition_time, condition.changed)
    for field, enum in _REASONS.items():
        number = m.number_of(enum, condition.reason)
        if number is not None:
            setattr(message, field, number)
            break
    return message
