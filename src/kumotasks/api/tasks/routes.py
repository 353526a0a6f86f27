"""The table of calls of the Cloud Tasks surface: a row per call, from which gRPC and REST are both made.

The handlers under it only convert and call their use case. A test holds the rows against Google's published client.
"""

from __future__ import annotations

from kumotasks.api.call import RawRoute, Route, row
from kumotasks.api.tasks import messages as m
from kumotasks.api.tasks import needs
from kumotasks.api.tasks.queue_calls import QueueCalls
from kumotasks.api.tasks.shared_calls import SharedCalls
from kumotasks.api.tasks.task_calls import TaskCalls

_TASKS = "google.cloud.tasks.v2.CloudTasks"
_LOCATIONS = "google.cloud.location.Locations"
_OPERATIONS = "google.longrunning.Operations"
_PLACE = "projects/*/locations/*"
_QUEUE = f"{_PLACE}/queues/*"
_TASK = f"{_QUEUE}/tasks/*"


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
        row((_TASKS, "ListQueues"), (m.ListQueuesRequest, m.ListQueuesResponse), f"GET /v2/{{parent={_PLACE}}}/queues", "", "cloudtasks.queues.list", c.list),
        row((_TASKS, "GetQueue"), (m.GetQueueRequest, m.Queue), f"GET /v2/{{name={_QUEUE}}}", "", "cloudtasks.queues.get", c.get),
        row((_TASKS, "CreateQueue"), (m.CreateQueueRequest, m.Queue), f"POST /v2/{{parent={_PLACE}}}/queues", "queue", "cloudtasks.queues.create", c.create, more=needs.of_queue),
        row((_TASKS, "UpdateQueue"), (m.UpdateQueueRequest, m.Queue), f"PATCH /v2/{{queue.name={_QUEUE}}}", "queue", "cloudtasks.queues.update", c.update, more=needs.of_queue),
        row((_TASKS, "DeleteQueue"), (m.DeleteQueueRequest, m.Empty), f"DELETE /v2/{{name={_QUEUE}}}", "", "cloudtasks.queues.delete", c.delete),
        row((_TASKS, "PurgeQueue"), (m.PurgeQueueRequest, m.Queue), f"POST /v2/{{name={_QUEUE}}}:purge", "*", "cloudtasks.queues.purge", c.purge),
        row((_TASKS, "PauseQueue"), (m.PauseQueueRequest, m.Queue), f"POST /v2/{{name={_QUEUE}}}:pause", "*", "cloudtasks.queues.pause", c.pause),
        row((_TASKS, "ResumeQueue"), (m.ResumeQueueRequest, m.Queue), f"POST /v2/{{name={_QUEUE}}}:resume", "*", "cloudtasks.queues.resume", c.resume),
    )
    # fmt: on


def _task_routes(c: TaskCalls) -> tuple[Route, ...]:
    # fmt: off
    return (
        row((_TASKS, "ListTasks"), (m.ListTasksRequest, m.ListTasksResponse), f"GET /v2/{{parent={_QUEUE}}}/tasks", "", "cloudtasks.tasks.list", c.list, more=needs.of_listed_view),
        row((_TASKS, "GetTask"), (m.GetTaskRequest, m.Task), f"GET /v2/{{name={_TASK}}}", "", "cloudtasks.tasks.get", c.get, more=needs.of_named_view),
        row((_TASKS, "CreateTask"), (m.CreateTaskRequest, m.Task), f"POST /v2/{{parent={_QUEUE}}}/tasks", "*", "cloudtasks.tasks.create", c.create, more=needs.of_creation),
        row((_TASKS, "BatchCreateTasks"), (m.BatchCreateTasksRequest, m.Operation), f"POST /v2/{{parent={_QUEUE}}}/tasks:batchCreate", "*", "cloudtasks.tasks.create", c.batch_create, more=needs.of_batch),
        row((_TASKS, "DeleteTask"), (m.DeleteTaskRequest, m.Empty), f"DELETE /v2/{{name={_TASK}}}", "", "cloudtasks.tasks.delete", c.delete),
        row((_TASKS, "BatchDeleteTasks"), (m.BatchDeleteTasksRequest, m.Operation), f"POST /v2/{{parent={_QUEUE}}}/tasks:batchDelete", "*", "cloudtasks.tasks.delete", c.batch_delete),
        row((_TASKS, "RunTask"), (m.RunTaskRequest, m.Task), f"POST /v2/{{name={_TASK}}}:run", "*", "cloudtasks.tasks.run", c.run, more=needs.of_named_view),
    )
    # fmt: on


def _shared_routes(c: SharedCalls) -> tuple[Route, ...]:
    # fmt: off
    return (
        row((_TASKS, "GetIamPolicy"), (m.GetIamPolicyRequest, m.Policy), f"POST /v2/{{resource={_QUEUE}}}:getIamPolicy", "*", "cloudtasks.queues.getIamPolicy", c.get_policy),
        row((_TASKS, "SetIamPolicy"), (m.SetIamPolicyRequest, m.Policy), f"POST /v2/{{resource={_QUEUE}}}:setIamPolicy", "*", "cloudtasks.queues.setIamPolicy", c.set_policy),
        row((_TASKS, "TestIamPermissions"), (m.TestIamPermissionsRequest, m.TestIamPermissionsResponse), f"POST /v2/{{resource={_QUEUE}}}:testIamPermissions", "*", "", c.test_permissions),
        row((_TASKS, "GetCmekConfig"), (m.GetCmekConfigRequest, m.CmekConfig), f"GET /v2/{{name={_PLACE}/cmekConfig}}", "", "cloudtasks.cmekConfig.get", c.get_cmek),
        row((_TASKS, "UpdateCmekConfig"), (m.UpdateCmekConfigRequest, m.CmekConfig), f"PATCH /v2/{{cmek_config.name={_PLACE}/cmekConfig}}", "cmek_config", "cloudtasks.cmekConfig.update", c.update_cmek),
        row((_LOCATIONS, "ListLocations"), (m.ListLocationsRequest, m.ListLocationsResponse), "GET /v2/{name=projects/*}/locations", "", "cloudtasks.locations.list", c.list_locations),
        row((_LOCATIONS, "GetLocation"), (m.GetLocationRequest, m.Location), f"GET /v2/{{name={_PLACE}}}", "", "cloudtasks.locations.get", c.get_location),
        row((_OPERATIONS, "GetOperation"), (m.GetOperationRequest, m.Operation), f"GET /v2/{{name={_PLACE}/operations/*}}", "", "cloudtasks.operations.get", c.get_operation),
    )
    # fmt: on
