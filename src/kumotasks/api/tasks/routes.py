"""The table of calls of the Cloud Tasks surface: a row per call, from which gRPC and REST are both made.

The handlers under it only convert and call their use case. A test holds the rows against Google's published client.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from google.protobuf.message import Message

from kumotasks.api.call import Caller, RawRoute, Route
from kumotasks.api.tasks import messages as m
from kumotasks.api.tasks import needs
from kumotasks.api.tasks.queue_calls import QueueCalls
from kumotasks.api.tasks.shared_calls import SharedCalls
from kumotasks.api.tasks.task_calls import TaskCalls
from kumotasks.domain.principal import Need

_TASKS = "google.cloud.tasks.v2.CloudTasks"
_LOCATIONS = "google.cloud.location.Locations"
_OPERATIONS = "google.longrunning.Operations"
_PLACE = "projects/*/locations/*"
_QUEUE = f"{_PLACE}/queues/*"
_TASK = f"{_QUEUE}/tasks/*"
Handle = Callable[[Any, Caller], Awaitable[Any]]


def routes(queues: QueueCalls, tasks: TaskCalls, shared: SharedCalls) -> tuple[Route | RawRoute, ...]:
    """Every call of google.cloud.tasks.v2, of its two companions, and BufferTask."""
    return (
        *_queue_routes(queues),
        *_task_routes(tasks),
        *_shared_routes(shared),
        RawRoute(
            _TASKS,
            "BufferTask",
            "POST",
            f"/v2/{{queue={_QUEUE}}}/tasks/{{task_id=*}}:buffer",
            "cloudtasks.tasks.create",
            tasks.buffer,
            m.Task,
            "task",
            (f"/v2/{{queue={_QUEUE}}}/tasks:buffer", f"/v2/{{queue={_QUEUE}}}/tasks/:buffer"),
        ),
    )


def _queue_routes(c: QueueCalls) -> tuple[Route, ...]:
    # fmt: off
    return (
        _route((_TASKS, "ListQueues"), (m.ListQueuesRequest, m.ListQueuesResponse), f"GET /v2/{{parent={_PLACE}}}/queues", "", "cloudtasks.queues.list", c.list),
        _route((_TASKS, "GetQueue"), (m.GetQueueRequest, m.Queue), f"GET /v2/{{name={_QUEUE}}}", "", "cloudtasks.queues.get", c.get),
        _route((_TASKS, "CreateQueue"), (m.CreateQueueRequest, m.Queue), f"POST /v2/{{parent={_PLACE}}}/queues", "queue", "cloudtasks.queues.create", c.create, more=needs.of_queue),
        _route((_TASKS, "UpdateQueue"), (m.UpdateQueueRequest, m.Queue), f"PATCH /v2/{{queue.name={_QUEUE}}}", "queue", "cloudtasks.queues.update", c.update, more=needs.of_queue),
        _route((_TASKS, "DeleteQueue"), (m.DeleteQueueRequest, m.Empty), f"DELETE /v2/{{name={_QUEUE}}}", "", "cloudtasks.queues.delete", c.delete),
        _route((_TASKS, "PurgeQueue"), (m.PurgeQueueRequest, m.Queue), f"POST /v2/{{name={_QUEUE}}}:purge", "*", "cloudtasks.queues.purge", c.purge),
        _route((_TASKS, "PauseQueue"), (m.PauseQueueRequest, m.Queue), f"POST /v2/{{name={_QUEUE}}}:pause", "*", "cloudtasks.queues.pause", c.pause),
        _route((_TASKS, "ResumeQueue"), (m.ResumeQueueRequest, m.Queue), f"POST /v2/{{name={_QUEUE}}}:resume", "*", "cloudtasks.queues.resume", c.resume),
    )
    # fmt: on


def _task_routes(c: TaskCalls) -> tuple[Route, ...]:
    # fmt: off
    return (
        _route((_TASKS, "ListTasks"), (m.ListTasksRequest, m.ListTasksResponse), f"GET /v2/{{parent={_QUEUE}}}/tasks", "", "cloudtasks.tasks.list", c.list, more=needs.of_listed_view),
        _route((_TASKS, "GetTask"), (m.GetTaskRequest, m.Task), f"GET /v2/{{name={_TASK}}}", "", "cloudtasks.tasks.get", c.get, more=needs.of_named_view),
        _route((_TASKS, "CreateTask"), (m.CreateTaskRequest, m.Task), f"POST /v2/{{parent={_QUEUE}}}/tasks", "*", "cloudtasks.tasks.create", c.create, more=needs.of_creation),
        _route((_TASKS, "BatchCreateTasks"), (m.BatchCreateTasksRequest, m.Operation), f"POST /v2/{{parent={_QUEUE}}}/tasks:batchCreate", "*", "cloudtasks.tasks.create", c.batch_create, more=needs.of_batch),
        _route((_TASKS, "DeleteTask"), (m.DeleteTaskRequest, m.Empty), f"DELETE /v2/{{name={_TASK}}}", "", "cloudtasks.tasks.delete", c.delete),
        _route((_TASKS, "BatchDeleteTasks"), (m.BatchDeleteTasksRequest, m.Operation), f"POST /v2/{{parent={_QUEUE}}}/tasks:batchDelete", "*", "cloudtasks.tasks.delete", c.batch_delete),
        _route((_TASKS, "RunTask"), (m.RunTaskRequest, m.Task), f"POST /v2/{{name={_TASK}}}:run", "*", "cloudtasks.tasks.run", c.run, more=needs.of_named_view),
    )
    # fmt: on


def _shared_routes(c: SharedCalls) -> tuple[Route, ...]:
    # fmt: off
    return (
        _route((_TASKS, "GetIamPolicy"), (m.GetIamPolicyRequest, m.Policy), f"POST /v2/{{resource={_QUEUE}}}:getIamPolicy", "*", "cloudtasks.queues.getIamPolicy", c.get_policy),
        _route((_TASKS, "SetIamPolicy"), (m.SetIamPolicyRequest, m.Policy), f"POST /v2/{{resource={_QUEUE}}}:setIamPolicy", "*", "cloudtasks.queues.setIamPolicy", c.set_policy),
        _route((_TASKS, "TestIamPermissions"), (m.TestIamPermissionsRequest, m.TestIamPermissionsResponse), f"POST /v2/{{resource={_QUEUE}}}:testIamPermissions", "*", "", c.test_permissions),
        _route((_TASKS, "GetCmekConfig"), (m.GetCmekConfigRequest, m.CmekConfig), f"GET /v2/{{name={_PLACE}/cmekConfig}}", "", "cloudtasks.cmekConfig.get", c.get_cmek),
        _route((_TASKS, "UpdateCmekConfig"), (m.UpdateCmekConfigRequest, m.CmekConfig), f"PATCH /v2/{{cmek_config.name={_PLACE}/cmekConfig}}", "cmek_config", "cloudtasks.cmekConfig.update", c.update_cmek),
        _route((_LOCATIONS, "ListLocations"), (m.ListLocationsRequest, m.ListLocationsResponse), "GET /v2/{name=projects/*}/locations", "", "cloudtasks.locations.list", c.list_locations),
        _route((_LOCATIONS, "GetLocation"), (m.GetLocationRequest, m.Location), f"GET /v2/{{name={_PLACE}}}", "", "cloudtasks.locations.get", c.get_location),
        _route((_OPERATIONS, "GetOperation"), (m.GetOperationRequest, m.Operation), f"GET /v2/{{name={_PLACE}/operations/*}}", "", "cloudtasks.operations.get", c.get_operation),
    )
    # fmt: on


def _route(
    call: tuple[str, str],
    messages: tuple[type[Message], type[Message]],
    rest: str,
    body: str,
    permission: str,
    handle: Handle,
    *,
    more: Callable[[Any], tuple[Need, ...]] | None = None,
) -> Route:
    """A row: (service, method), (request, response), "VERB path", body field, permission, handler, further needs."""
    verb, path = rest.split(" ", 1)
    return Route(*call, *messages, verb, path, body, permission, handle, needs=more)
