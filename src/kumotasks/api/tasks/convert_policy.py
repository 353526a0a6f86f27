"""IAM policies between message and value."""

from __future__ import annotations

from typing import Any

from kumotasks.api.tasks import messages
from kumotasks.domain.policy import Binding, Condition, Policy


def policy_value(message: Any) -> Policy:
    bindings = tuple(
        Binding(
            each.role,
            tuple(each.members),
            _condition(each.condition) if each.HasField("condition") else None,
        )
        for each in message.bindings
    )
    return Policy(message.version, bindings, message.etag)


def _condition(message: Any) -> Condition:
    return Condition(message.expression, message.title, message.description, message.location)


def policy_message(policy: Policy) -> Any:
    message = messages.Policy(version=policy.version, etag=policy.etag)
    for binding in policy.bindings:
        shown = message.bindings.add(role=binding.role, members=binding.members)
        if binding.condition is not None:
            condition = binding.condition
            shown.condition.expression, shown.condition.title = condition.expression, condition.title
            shown.condition.description, shown.condition.location = condition.description, condition.location
    return message
