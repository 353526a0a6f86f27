"""Revisions as google.cloud.run.v2's messages."""

from __future__ import annotations

from typing import Any

from kumotasks.api.run import messages as m
from kumotasks.api.run.convert_condition import condition_message
from kumotasks.api.run.convert_template import SPOKEN, set_template
from kumotasks.api.run.unacted import Unacted
from kumotasks.api.tasks.times import set_instant
from kumotasks.domain.run.condition import State
from kumotasks.domain.run.revision import Revision

_SHARED = set(m.RevisionTemplate.DESCRIPTOR.fields_by_name) - set(SPOKEN)
_REST = Unacted(m.Revision, set(m.Revision.DESCRIPTOR.fields_by_name) - _SHARED)


def revision_message(revision: Revision) -> Any:
    message = m.Revision(
        name=revision.name,
        uid=revision.uid,
        generation=revision.generation,
        observed_generation=revision.generation,
        service=revision.service.service,
        launch_stage=m.GA,
        creator=revision.creator,
        conditions=[condition_message(each) for each in revision.conditions],
        reconciling=not revision.conditions or revision.conditions[0].state is State.PENDING,
        etag=revision.etag,
    )
    _REST.put(revision.template.rest, message)
    set_template(message, revision.template)
    message.labels.update(revision.labels)
    set_instant(message.create_time, revision.created)
    set_instant(message.update_time, max((each.changed for each in revision.conditions), default=revision.created))
    return message
