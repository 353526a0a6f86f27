"""Who judges what a file declares: the codec of the REST API, Google's roles, CEL, the egress policy."""

from __future__ import annotations

from kumotasks.api.protojson import Codecs
from kumotasks.api.tasks import messages
from kumotasks.api.tasks.convert_queue import draft
from kumotasks.auth import conditions
from kumotasks.auth.roles import ROLES, is_bindable
from kumotasks.configuration.judges import Described, Judges
from kumotasks.dispatch.egress import EgressRule
from kumotasks.domain.queue import Queue


def _queue(described: Described) -> Queue:
    return draft(Codecs().of(messages.Queue).decode(dict(described)))


JUDGES = Judges(
    queue=_queue,
    condition=conditions.check,
    bindable=is_bindable,
    roles=tuple(ROLES),
    egress=EgressRule.read,
)
