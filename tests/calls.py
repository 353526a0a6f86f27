"""Every call as the reference writes it, and raw clients that make it: gRPC as bytes, REST as text.

The table is transcribed from Google's published routes, never taken from the server's own; no published client stands
between a test and the wire, so nothing is refused or repaired on the way.
"""

from __future__ import annotations

import base64
import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

import grpc
from google.cloud import tasks_v2
from google.cloud.location import locations_pb2
from google.iam.v1 import iam_policy_pb2, policy_pb2
from google.longrunning import operations_pb2
from google.protobuf import empty_pb2, json_format
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2

Json = dict[str, Any]
_KNOWN = (error_details_pb2.Help, error_details_pb2.BadRequest)  # details that json_format must be able to unpack


@dataclass(frozen=True, slots=True)
class Call:
    """A row: gRPC service, HTTP verb, the field in the path, what follows it there, the field that is the body."""

    service: str
    verb: str
    named_by: str
    behind: str
    body: str
    request: type[Message]
    response: type[Message]


def _tasks(verb: str, named_by: str, behind: str, body: str, messages: str) -> Call:
    request, _, response = messages.partition(" ")
    found = empty_pb2.Empty if response == "Empty" else _class(response)
    return Call("google.cloud.tasks.v2.CloudTasks", verb, named_by, behind, body, _class(request), found)


def _class(name: str) -> type[Message]:
    shared = {
        "Operation": operations_pb2.Operation,
        "Policy": policy_pb2.Policy,
        "GetIamPolicyRequest": iam_policy_pb2.GetIamPolicyRequest,
        "SetIamPolicyRequest": iam_policy_pb2.SetIamPolicyRequest,
        "TestIamPermissionsRequest": iam_policy_pb2.TestIamPermissionsRequest,
        "TestIamPermissionsResponse": iam_policy_pb2.TestIamPermissionsResponse,
    }
    return shared.get(name) or getattr(tasks_v2, name).pb()


_LOCATIONS = "google.cloud.location.Locations"
CALLS: dict[str, Call] = {
    "ListQueues": _tasks("GET", "parent", "/queues", "", "ListQueuesRequest ListQueuesResponse"),
    "GetQueue": _tasks("GET", "name", "", "", "GetQueueRequest Queue"),
    "CreateQueue": _tasks("POST", "parent", "/queues", "queue", "CreateQueueRequest Queue"),
    "UpdateQueue": _tasks("PATCH", "queue.name", "", "queue", "UpdateQueueRequest Queue"),
    "DeleteQueue": _tasks("DELETE", "name", "", "", "DeleteQueueRequest Empty"),
    "PurgeQueue": _tasks("POST", "name", ":purge", "*", "PurgeQueueRequest Queue"),
    "PauseQueue": _tasks("POST", "name", ":pause", "*", "PauseQueueRequest Queue"),
    "ResumeQueue": _tasks("POST", "name", ":resume", "*", "ResumeQueueRequest Queue"),
    "GetIamPolicy": _tasks("POST", "resource", ":getIamPolicy", "*", "GetIamPolicyRequest Policy"),
    "SetIamPolicy": _tasks("POST", "resource", ":setIamPolicy", "*", "SetIamPolicyRequest Policy"),
    "TestIamPermissions": _tasks(
        "POST", "resource", ":testIamPermissions", "*", "TestIamPermissionsRequest TestIamPermissionsResponse"
    ),
    "ListTasks": _tasks("GET", "parent", "/tasks", "", "ListTasksRequest ListTasksResponse"),
    "GetTask": _tasks("GET", "name", "", "", "GetTaskRequest Task"),
    "CreateTask": _tasks("POST", "parent", "/tasks", "*", "CreateTaskRequest Task"),
    "BatchCreateTasks": _tasks("POST", "parent", "/tasks:batchCreate", "*", "BatchCreateTasksRequest Operation"),
    "DeleteTask": _tasks("DELETE", "name", "", "", "DeleteTaskRequest Empty"),
    "BatchDeleteTasks": _tasks("POST", "parent", "/tasks:batchDelete", "*", "BatchDeleteTasksRequest Operation"),
    "RunTask": _tasks("POST", "name", ":run", "*", "RunTaskRequest Task"),
    "GetCmekConfig": _tasks("GET", "name", "", "", "GetCmekConfigRequest CmekConfig"),
    "UpdateCmekConfig": _tasks("PATCH", "cmekConfig.name", "", "cmekConfig", "UpdateCmekConfigRequest CmekConfig"),
    "ListLocations": Call(
        _LOCATIONS,
        "GET",
        "name",
        "/locations",
        "",
        locations_pb2.ListLocationsRequest,
        locations_pb2.ListLocationsResponse,
    ),
    "GetLocation": Call(_LOCATIONS, "GET", "name", "", "", locations_pb2.GetLocationRequest, locations_pb2.Location),
    "GetOperation": Call(
        "google.longrunning.Operations",
        "GET",
        "name",
        "",
        "",
        operations_pb2.GetOperationRequest,
        operations_pb2.Operation,
    ),
}


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: status name ("OK" or Google's), the sentence and the details of an error, else proto JSON."""

    status: str
    message: str = ""
    details: list[Json] = field(default_factory=list)
    answer: Json = field(default_factory=dict)


class RawGrpc:
    """gRPC without a client library: bytes in, bytes out."""

    def __init__(self, address: str) -> None:
        options = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
        self._channel = grpc.insecure_channel(address, options=options)

    def call(self, rpc: str, request: Json) -> Reply:
        row = CALLS[rpc]
        reply = self.send(f"/{row.service}/{rpc}", json_format.ParseDict(request, row.request()).SerializeToString())
        if isinstance(reply, Reply):
            return reply
        return Reply("OK", answer=json_format.MessageToDict(row.response.FromString(reply)))

    def send(self, path: str, message: bytes, timeout: float = 30) -> bytes | Reply:
        """A message as it is to the method at `path`; bytes if that succeeded."""
        try:
            return self._channel.unary_unary(path)(message, timeout=timeout)
        except grpc.RpcError as error:
            return _reply_of(error)

    def close(self) -> None:
        self._channel.close()


def _reply_of(error: Any) -> Reply:
    trailers = dict(error.trailing_metadata() or ())
    packed = trailers.get("grpc-status-details-bin")
    if packed is None:
        return Reply(error.code().name, error.details())
    status = status_pb2.Status.FromString(packed)
    assert (status.code, status.message) == (error.code().value[0], error.details())
    return Reply(error.code().name, status.message, [json_format.MessageToDict(each) for each in status.details])


@dataclass(frozen=True, slots=True)
class HttpReply:
    """An HTTP answer as it came; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class RawRest:
    """REST without a client library, over one connection that is kept."""

    def __init__(self, address: str) -> None:
        self._connection = http.client.HTTPConnection(address, timeout=30)

    def call(self, rpc: str, request: Json, query: str = "") -> Reply:
        verb, target, body = transcoded(rpc, request)
        if query:
            target += ("&" if "?" in target else "?") + query
        sent = None if body is None else json.dumps(body).encode()
        reply = self.send(verb, target, sent, {"Content-Type": "application/json"})
        said = json.loads(reply.body)
        if reply.status == 200:
            return Reply("OK", answer=said)
        error = said["error"]
        assert error["code"] == reply.status
        return Reply(error["status"], error["message"], error.get("details", []))

    def send(
        self, verb: str, target: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> HttpReply:
        self._connection.request(verb, target, body, dict(headers or {}))
        answer = self._connection.getresponse()
        return HttpReply(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())

    def close(self) -> None:
        self._connection.close()


def transcoded(rpc: str, request: Json) -> tuple[str, str, Json | None]:
    """Verb, target and body of a call, by the rules of google.api.http."""
    row = CALLS[rpc]
    name: Any = request
    for part in row.named_by.split("."):
        name = name[part]
    target = f"/v2/{quote(str(name), safe='/:')}{row.behind}"
    rest = {key: value for key, value in request.items() if key not in (row.named_by, row.body)}
    if row.body == "*":
        return row.verb, target, {key: value for key, value in request.items() if key != row.named_by}
    rest.pop(row.named_by.partition(".")[0], None)
    if rest:
        target += "?" + urlencode(rest)
    return row.verb, target, request[row.body] if row.body else None


def encoded(body: bytes) -> str:
    """Bytes as proto JSON has them."""
    return base64.b64encode(body).decode()
