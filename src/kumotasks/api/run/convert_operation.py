"""Changes of services and revisions as google.longrunning.Operation."""

from __future__ import annotations

import re
import uuid
from typing import Any

from kumotasks.api.run import messages as m
from kumotasks.api.run.convert_revision import revision_message
from kumotasks.api.run.convert_service import service_message
from kumotasks.api.status import to_status
from kumotasks.domain.run.revision import Revision
from kumotasks.workers.deploying.operations import PREFIX, Operation

# Nothing but a UUID behind the prefix: callers of Cloud Tasks may choose the ids of their operations.
_OURS = re.compile(
    rf"projects/[^/]+/locations/[^/]+/operations/{PREFIX}[0-9a-f]{{8}}(-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}}"
)


def is_ours(name: str) -> bool:
    """Whether an operation of this name is Cloud Run's."""
    return _OURS.fullmatch(name) is not None


def operation_message(operation: Operation, number: str) -> Any:
    """`number` is the project's."""
    service = service_message(operation.service, number)
    message = m.Operation(name=operation.name, done=operation.done)
    message.metadata.Pack(service)
    if operation.error is not None:
        message.error.CopyFrom(to_status(operation.error))
    elif operation.done:
        message.response.Pack(service)
    return message


def deletion_message(revision: Revision) -> Any:
    """A revision is gone at once; nobody has a reason to ask for the operation again, so it is not kept."""
    place = revision.name.partition("/services/")[0]
    message = m.Operation(name=f"{place}/operations/{PREFIX}{uuid.uuid4()}", done=True)
    shown = revision_message(revision)
    message.metadata.Pack(shown)
    message.response.Pack(shown)
    return message
