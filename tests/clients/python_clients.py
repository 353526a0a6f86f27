"""Google's Python clients as Drivers: one for the blocking client over any transport, one for the asyncio client."""

from __future__ import annotations

import asyncio
import re
from typing import Any

from google.api_core.exceptions import GoogleAPICallError
from google.cloud import tasks_v2
from google.cloud.location import locations_pb2
from google.cloud.tasks_v2.services.cloud_tasks.transports import CloudTasksTransport
from google.iam.v1 import iam_policy_pb2
from google.longrunning import operations_pb2
from google.protobuf import json_format
from google.protobuf.message import Message

from tests.clients.scenario import Json, Refused

# The transport's base class has a property per RPC, and these.
NOT_RPCS = {"host", "kind", "operations_client"}
METHODS = frozenset(
    name for name in dir(CloudTasksTransport) if isinstance(getattr(CloudTasksTransport, name), property)
) - frozenset(NOT_RPCS)
RPCS = frozenset("".join(word.title() for word in method.split("_")) for method in METHODS)
PAGED = {"ListQueues": "queues", "ListTasks": "tasks", "ListLocations": "locations"}
BATCHES = {"BatchCreateTasks", "BatchDeleteTasks"}
SHARED = {
    "GetIamPolicy": iam_policy_pb2.GetIamPolicyRequest,
    "SetIamPolicy": iam_policy_pb2.SetIamPolicyRequest,
    "TestIamPermissions": iam_policy_pb2.TestIamPermissionsRequest,
    "ListLocations": locations_pb2.ListLocationsRequest,
    "GetLocation": locations_pb2.GetLocationRequest,
    "GetOperation": operations_pb2.GetOperationRequest,
}


class BlockingDriver:
    """The ordinary client."""

    rpcs = RPCS

    def __init__(self, client: tasks_v2.CloudTasksClient) -> None:
        self.client = client

    def call(self, rpc: str, request: Json) -> Json | Refused:
        method = getattr(self.client, snake(rpc))
        try:
            answer = method(request=request_of(rpc, request))
            if rpc in BATCHES:
                return self._finished(answer)
            if rpc == "ListLocations":  # the client has no pager for it
                pages = [answer]
                while token := pages[-1].next_page_token:
                    pages.append(method(request=request_of(rpc, {**request, "pageToken": token})))
                return listing(rpc, pages)
            return listing(rpc, list(answer.pages)) if rpc in PAGED else json_of(answer)
        except GoogleAPICallError as error:
            return refused(error)

    def _finished(self, operation: Any) -> Json:
        """What a batch came to; the client must be able to unpack it by itself."""
        described = json_of(operation.operation)
        assert operation.metadata.end_time is not None
        if operation.exception(timeout=5) is None:
            assert operation.result(timeout=5) is not None
        return described


class AsyncioDriver:
    """The asyncio client, on a loop of its own."""

    rpcs = RPCS

    def __init__(self, client: tasks_v2.CloudTasksAsyncClient, runner: asyncio.Runner) -> None:
        self.client = client
        self._runner = runner

    def call(self, rpc: str, request: Json) -> Json | Refused:
        return self._runner.run(self._call(rpc, request))

    async def _call(self, rpc: str, request: Json) -> Json | Refused:
        method = getattr(self.client, snake(rpc))
        try:
            answer = await method(request=request_of(rpc, request))
            if rpc in BATCHES:
                return await self._finished(answer)
            if rpc == "ListLocations":
                pages = [answer]
                while token := pages[-1].next_page_token:
                    pages.append(await method(request=request_of(rpc, {**request, "pageToken": token})))
                return listing(rpc, pages)
            return listing(rpc, [page async for page in answer.pages]) if rpc in PAGED else json_of(answer)
        except GoogleAPICallError as error:
            return refused(error)

    async def _finished(self, operation: Any) -> Json:
        described = json_of(operation.operation)
        assert operation.metadata.end_time is not None
        if await operation.exception(timeout=5) is None:
            assert await operation.result(timeout=5) is not None
        return described


def snake(rpc: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", rpc).lower()


def request_of(rpc: str, request: Json) -> Any:
    """The request message, in the type that the client takes."""
    shared = SHARED.get(rpc)
    if shared is not None:
        return json_format.ParseDict(request, shared())
    kind = getattr(tasks_v2, f"{rpc}Request")
    return kind.wrap(json_format.ParseDict(request, kind.pb()()))


def json_of(answer: Any) -> Json:
    """A message of either kind as proto JSON; the empty answer is {}."""
    if answer is None:
        return {}
    message = answer if isinstance(answer, Message) else type(answer).pb(answer)
    return json_format.MessageToDict(message)


def listing(rpc: str, pages: list[Any]) -> Json:
    items = PAGED[rpc]
    shown = [json_of(page).get(items, []) for page in pages]
    return {items: [item for page in shown for item in page], "pages": [len(page) for page in shown]}


def refused(error: GoogleAPICallError) -> Refused:
    """What the client raised. Over REST it puts the verb and the URL in front of the server's sentence."""
    assert error.code is not None
    return Refused(int(error.code), re.sub(r"^[A-Z]+ https?://\S+: ", "", error.message))
