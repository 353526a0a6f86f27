"""THE table from domain errors to status codes, and the two forms in which an error travels.

Handlers raise domain errors and know no codes; this is the only place that gives them one. gRPC carries a code, a
message and a serialized google.rpc.Status; REST an HTTP status and Google's error envelope.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from google.rpc import error_details_pb2 as details_pb2
from google.rpc import status_pb2

from kumotasks.api.jsonprint import Printers
from kumotasks.api.logging.messages import WriteLogEntriesPartialErrors
from kumotasks.domain import errors
from kumotasks.domain.errors import (
    CredentialsMissing,
    EntriesRefused,
    InvalidArgument,
    KumoError,
    PermissionDenied,
    ProjectDenied,
    Unauthenticated,
)

if TYPE_CHECKING:
    from google.protobuf.message import Message

# gRPC code: its name and the HTTP status that carries it
CODES: dict[int, tuple[str, int]] = {
    1: ("CANCELLED", 499),
    2: ("UNKNOWN", 500),
    3: ("INVALID_ARGUMENT", 400),
    4: ("DEADLINE_EXCEEDED", 504),
    5: ("NOT_FOUND", 404),
    6: ("ALREADY_EXISTS", 409),
    7: ("PERMISSION_DENIED", 403),
    8: ("RESOURCE_EXHAUSTED", 429),
    9: ("FAILED_PRECONDITION", 400),
    10: ("ABORTED", 409),
    11: ("OUT_OF_RANGE", 400),
    12: ("UNIMPLEMENTED", 501),
    13: ("INTERNAL", 500),
    14: ("UNAVAILABLE", 503),
    15: ("DATA_LOSS", 500),
    16: ("UNAUTHENTICATED", 401),
}
ERRORS: dict[type[KumoError], int] = {
    errors.InvalidArgument: 3,
    errors.EntriesRefused: 3,  # unless its first refusal is of another kind, see code_of
    errors.CallTimedOut: 4,
    errors.QueueNotFound: 5,
    errors.EntityNotFound: 5,
    errors.TaskGone: 5,
    errors.PathUnknown: 5,
    errors.QueueExists: 6,
    errors.TaskExists: 6,
    errors.ResourceExists: 6,
    errors.TaskNameRetired: 6,
    errors.ProjectDenied: 7,
    errors.Forbidden: 7,
    errors.TailTooLong: 11,
    errors.ResourceExhausted: 8,
    errors.StorageFull: 8,
    errors.PayloadTooLarge: 8,
    errors.QueueNameRetired: 9,
    errors.PolicyChanged: 10,
    errors.ResourceChanged: 10,
    errors.MethodUnknown: 12,
    errors.PermissionDenied: 7,
    errors.DelegationDenied: 7,
    errors.ActingDenied: 7,
    errors.CredentialsMissing: 16,
    errors.Unauthenticated: 16,
    errors.FailedPrecondition: 9,
    errors.AccountNotFound: 5,
    errors.AccountExists: 6,
    errors.KeyNotFound: 5,
    errors.ServiceNotFound: 5,
    errors.ApplicationExists: 6,
    errors.InternalFault: 13,
    errors.StorageUnavailable: 14,
    errors.Stopping: 14,
}
# Where HTTP has a status of its own.
HTTP: dict[type[KumoError], int] = {errors.PayloadTooLarge: 413}
_REALM = b'Bearer realm="https://accounts.google.com/"'
CHALLENGES: dict[type[KumoError], bytes] = {
    errors.CredentialsMissing: _REALM,
    errors.Unauthenticated: _REALM + b', error="invalid_token"',
}
INTERNAL = 13
TYPE = "type.googleapis.com/"
CONSOLE = ("Google developers console", "https://console.developers.google.com")  # a link in Google's own answer
show_status = Printers(enum_ints=False, known=(WriteLogEntriesPartialErrors,)).of(status_pb2.Status.DESCRIPTOR)


def code_of(error: KumoError) -> int:
    if isinstance(error, EntriesRefused):
        return code_of(error.first)
    return ERRORS.get(type(error), INTERNAL)


def to_grpc(error: KumoError) -> tuple[int, str, bytes | None]:
    """Code, message, and the serialized google.rpc.Status if there is more to tell than these two."""
    status = to_status(error)
    return status.code, status.message, status.SerializeToString() if status.details else None


def to_http(error: KumoError) -> tuple[int, dict[str, Any]]:
    """HTTP status and error envelope."""
    shown = show_status(to_status(error))
    name, status = CODES[shown["code"]]
    status = HTTP.get(type(error), status)
    envelope = {"code": status, "message": error.message, "status": name}
    if "details" in shown:
        envelope["details"] = shown["details"]
    return status, {"error": envelope}


def to_status(error: KumoError) -> status_pb2.Status:
    """The error as a google.rpc.Status."""
    status = status_pb2.Status(code=code_of(error), message=error.message)
    for detail in details_of(error):
        status.details.add(type_url=TYPE + detail.DESCRIPTOR.full_name, value=detail.SerializeToString())
    return status


def details_of(error: KumoError) -> list[Message]:
    """What there is to tell beyond code and message."""
    match error:
        case InvalidArgument():
            found = [{"field": each.field, "description": each.description} for each in error.violations]
            link = error.help_link
            return [
                *([details_pb2.BadRequest(field_violations=found)] if found else []),
                *([helping(link.description, link.url)] if link is not None else []),
            ]
        case ProjectDenied():
            consumer = {
                "consumer": f"projects/{error.project}",
                "containerInfo": error.project,
                "service": "cloudtasks.googleapis.com",
            }
            return [
                details_pb2.ErrorInfo(reason="CONSUMER_INVALID", domain="googleapis.com", metadata=consumer),
                details_pb2.LocalizedMessage(locale="en-US", message=error.message),
                helping(*CONSOLE),
            ]
        case EntriesRefused():
            return [partial_errors(error)]
        case PermissionDenied():
            lacking = {"permission": error.permission, "resource": error.resource}
            return [
                details_pb2.ErrorInfo(reason="IAM_PERMISSION_DENIED", domain="iam.googleapis.com", metadata=lacking)
            ]
        case CredentialsMissing() | Unauthenticated():
            reason = "CREDENTIALS_MISSING" if isinstance(error, CredentialsMissing) else "ACCESS_TOKEN_EXPIRED"
            return [details_pb2.ErrorInfo(reason=reason, domain="googleapis.com")]
        case _:
            return []


def helping(description: str, url: str) -> details_pb2.Help:
    return details_pb2.Help(links=[{"description": description, "url": url}])


def partial_errors(error: EntriesRefused) -> Message:
    """What was wrong with which entry, by its place in the call."""
    details = WriteLogEntriesPartialErrors()
    for place, refusal in error.refusals.items():
        told = status_pb2.Status(code=code_of(refusal), message=refusal.message)
        details.log_entry_errors[place].MergeFromString(told.SerializeToString())
    answer: Message = details
    return answer
