"""The message classes of the surface: the bare protobuf classes inside Google's published client, by their names.

The client's own classes wrap these in a layer that costs ten times the conversion; only the bare ones are used here.
"""

from __future__ import annotations

from google.cloud.location import locations_pb2
from google.iam.v1 import iam_policy_pb2, policy_pb2
from google.longrunning import operations_proto_pb2
from google.protobuf import empty_pb2

from kumotasks.api.tasks.types import cloudtasks, cmek_config, queue, target, task

ListQueuesRequest = cloudtasks.ListQueuesRequest.pb()
ListQueuesResponse = cloudtasks.ListQueuesResponse.pb()
GetQueueRequest = cloudtasks.GetQueueRequest.pb()
CreateQueueRequest = cloudtasks.CreateQueueRequest.pb()
UpdateQueueRequest = cloudtasks.UpdateQueueRequest.pb()
DeleteQueueRequest = cloudtasks.DeleteQueueRequest.pb()
PurgeQueueRequest = cloudtasks.PurgeQueueRequest.pb()
PauseQueueRequest = cloudtasks.PauseQueueRequest.pb()
ResumeQueueRequest = cloudtasks.ResumeQueueRequest.pb()
ListTasksRequest = cloudtasks.ListTasksRequest.pb()
ListTasksResponse = cloudtasks.ListTasksResponse.pb()
GetTaskRequest = cloudtasks.GetTaskRequest.pb()
CreateTaskRequest = cloudtasks.CreateTaskRequest.pb()
DeleteTaskRequest = cloudtasks.DeleteTaskRequest.pb()
RunTaskRequest = cloudtasks.RunTaskRequest.pb()
BatchCreateTasksRequest = cloudtasks.BatchCreateTasksRequest.pb()
BatchCreateTasksResponse = cloudtasks.BatchCreateTasksResponse.pb()
BatchCreateTasksMetadata = cloudtasks.BatchCreateTasksMetadata.pb()
BatchDeleteTasksRequest = cloudtasks.BatchDeleteTasksRequest.pb()
BatchDeleteTasksMetadata = cloudtasks.BatchDeleteTasksMetadata.pb()
GetCmekConfigRequest = cloudtasks.GetCmekConfigRequest.pb()
UpdateCmekConfigRequest = cloudtasks.UpdateCmekConfigRequest.pb()
CmekConfig = cmek_config.CmekConfig.pb()
Queue = queue.Queue.pb()
Task = task.Task.pb()
HttpRequest = target.HttpRequest.pb()

GetIamPolicyRequest = iam_policy_pb2.GetIamPolicyRequest
SetIamPolicyRequest = iam_policy_pb2.SetIamPolicyRequest
TestIamPermissionsRequest = iam_policy_pb2.TestIamPermissionsRequest
TestIamPermissionsResponse = iam_policy_pb2.TestIamPermissionsResponse
Policy = policy_pb2.Policy
ListLocationsRequest = locations_pb2.ListLocationsRequest
ListLocationsResponse = locations_pb2.ListLocationsResponse
GetLocationRequest = locations_pb2.GetLocationRequest
Location = locations_pb2.Location
GetOperationRequest = operations_proto_pb2.GetOperationRequest
Operation = operations_proto_pb2.Operation
Empty = empty_pb2.Empty
