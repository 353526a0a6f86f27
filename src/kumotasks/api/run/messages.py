"""The messages of google.cloud.run.v2's services and revisions, with those of the surfaces around it.

Google publishes them with a client that is heavy to load, so they are made from the tables in `fields.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from google.api import launch_stage_pb2
from google.iam.v1 import iam_policy_pb2, policy_pb2
from google.longrunning import operations_proto_pb2
from google.protobuf import duration_pb2, empty_pb2, field_mask_pb2, timestamp_pb2

from kumotasks.api.descriptors import File, message_class
from kumotasks.api.run.fields import ENUMS, FIELDS

if TYPE_CHECKING:
    from google.protobuf.message import Message

PACKAGE = "google.cloud.run.v2"

_POOL = File(
    package=PACKAGE,
    path="google/cloud/run/v2/service.proto",
    imported=(
        launch_stage_pb2.DESCRIPTOR,
        duration_pb2.DESCRIPTOR,
        field_mask_pb2.DESCRIPTOR,
        timestamp_pb2.DESCRIPTOR,
    ),
    fields=FIELDS,
    enums=ENUMS,
    foreign_enums=frozenset({"google.api.LaunchStage"}),
).pool()


def _message(name: str) -> type[Message]:
    return message_class(_POOL, f"{PACKAGE}.{name}")


def number_of(enum: str, name: str) -> int | None:
    """The number that the value `name` of an enum has."""
    value = _POOL.FindEnumTypeByName(f"{PACKAGE}.{enum}").values_by_name.get(name)
    return None if value is None else value.number


CreateServiceRequest: Any = _message("CreateServiceRequest")
GetServiceRequest: Any = _message("GetServiceRequest")
ListServicesRequest: Any = _message("ListServicesRequest")
ListServicesResponse: Any = _message("ListServicesResponse")
UpdateServiceRequest: Any = _message("UpdateServiceRequest")
DeleteServiceRequest: Any = _message("DeleteServiceRequest")
GetRevisionRequest: Any = _message("GetRevisionRequest")
ListRevisionsRequest: Any = _message("ListRevisionsRequest")
ListRevisionsResponse: Any = _message("ListRevisionsResponse")
DeleteRevisionRequest: Any = _message("DeleteRevisionRequest")
Service: Any = _message("Service")
Revision: Any = _message("Revision")
RevisionTemplate: Any = _message("RevisionTemplate")
Container: Any = _message("Container")
Probe: Any = _message("Probe")
ContainerPort: Any = _message("ContainerPort")
TrafficTarget: Any = _message("TrafficTarget")
Condition: Any = _message("Condition")
GA = launch_stage_pb2.GA
Operation: Any = operations_proto_pb2.Operation
GetOperationRequest: Any = operations_proto_pb2.GetOperationRequest
ListOperationsRequest: Any = operations_proto_pb2.ListOperationsRequest
ListOperationsResponse: Any = operations_proto_pb2.ListOperationsResponse
DeleteOperationRequest: Any = operations_proto_pb2.DeleteOperationRequest
WaitOperationRequest: Any = operations_proto_pb2.WaitOperationRequest
GetIamPolicyRequest: Any = iam_policy_pb2.GetIamPolicyRequest
SetIamPolicyRequest: Any = iam_policy_pb2.SetIamPolicyRequest
TestIamPermissionsRequest: Any = iam_policy_pb2.TestIamPermissionsRequest
TestIamPermissionsResponse: Any = iam_policy_pb2.TestIamPermissionsResponse
Policy: Any = policy_pb2.Policy
Empty: Any = empty_pb2.Empty
