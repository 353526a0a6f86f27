"""Batches as google.longrunning.Operation, finished when they are first seen."""

from __future__ import annotations

from typing import Any

from google.rpc import status_pb2

from kumotasks.api.status import to_status
from kumotasks.api.tasks import messages
from kumotasks.api.tasks.convert_task import task_message
from kumotasks.api.tasks.times import set_instant
from kumotasks.service.batches import Batch

_ABORTED = 10
# BatchCreateTasksMetadata.State and BatchDeleteTasksMetadata.State number the same words differently.
_CREATE_SUCCEEDED, _CREATE_FAILED, _CREATE_PARTIALLY = 2, 3, 5
_DELETE_SUCCEEDED, _DELETE_PARTIALLY = 2, 3


def created(batch: Batch, full: list[bool]) -> bytes:
    """The operation of BatchCreateTasks; `full` says for each request whether its task is shown with its body."""
    metadata = messages.BatchCreateTasksMetadata()
    partly = _CREATE_PARTIALLY if batch.failures else _CREATE_SUCCEEDED
    metadata.state = _CREATE_FAILED if batch.all_failed else partly
    operation = _operation(batch, metadata)
    if batch.all_failed:
        operation.error.CopyFrom(_none_succeeded("BatchCreateTasksMetadata"))
    else:
        views = [show for index, show in enumerate(full) if index not in batch.failures]
        shown = [task_message(task, full=show) for task, show in zip(batch.tasks, views, strict=True)]
        operation.response.Pack(messages.BatchCreateTasksResponse(tasks=shown))
    return bytes(operation.SerializeToString())


def deleted(batch: Batch) -> bytes:
    """The operation of BatchDeleteTasks."""
    metadata = messages.BatchDeleteTasksMetadata()
    metadata.state = _DELETE_PARTIALLY if batch.failures else _DELETE_SUCCEEDED
    operation = _operation(batch, metadata)
    if batch.all_failed:
        operation.error.CopyFrom(_none_succeeded("BatchDeleteTasksMetadata"))
    else:
        operation.response.Pack(messages.Empty())
    return bytes(operation.SerializeToString())


def _operation(batch: Batch, metadata: Any) -> Any:
    set_instant(metadata.start_time, batch.start_time)
    set_instant(metadata.end_time, batch.end_time)
    for index, refusal in batch.failures.items():
        metadata.failed_requests[index].CopyFrom(to_status(refusal))
    operation = messages.Operation(name=batch.name, done=True)
    operation.metadata.Pack(metadata)
    return operation


def _none_succeeded(metadata: str) -> status_pb2.Status:
    return status_pb2.Status(
        code=_ABORTED,
        message=f"None of the requests succeeded, refer to {metadata}.failed_requests for individual error details",
    )
