"""A small surface over Google's own classes and an ASGI client in the same process, for the tests of the transports."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from google.cloud.tasks_v2.types import cloudtasks, queue, task
from google.longrunning import operations_pb2
from google.protobuf import empty_pb2
from google.protobuf.message import Message

from kumotasks.api.asgi import Application
from kumotasks.api.call import Caller, PageRequest, PageResponse, PageRoute, RawCall, RawRoute, Route
from kumotasks.api.guard import guard_of
from kumotasks.api.health import Health
from kumotasks.domain.errors import InternalFault, KumoError
from kumotasks.domain.principal import Need, Principal

SERVICE = "google.cloud.tasks.v2.CloudTasks"
QUEUE = "projects/p/locations/us-central1/queues/q"
ANY_QUEUE = "projects/*/locations/*/queues/*"


@dataclass
class Answer:
    """What came back."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    trailers: dict[str, str] = field(default_factory=dict)

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> int:
        """The gRPC status."""
        return int(self.trailers["grpc-status"])


def framed(message: Message) -> bytes:
    data = message.SerializeToString()
    return b"\0" + len(data).to_bytes(4, "big") + data


def unframed(answer: Answer, message: type[Message]) -> Any:
    assert answer.body[0] == 0
    assert int.from_bytes(answer.body[1:5], "big") == len(answer.body) - 5
    return message.FromString(answer.body[5:])


class Client:
    """One request at a time, straight into the application."""

    def __init__(self, app: Application) -> None:
        self.app = app

    async def ask(
        self,
        verb: str,
        target: str,
        *,
        body: bytes | Sequence[bytes] = b"",
        headers: dict[str, str] | None = None,
        http_version: str = "1.1",
    ) -> Answer:
        path, _, query = target.partition("?")
        chunks = [body] if isinstance(body, bytes) else list(body)
        events = [
            {"type": "http.request", "body": chunk, "more_body": index < len(chunks) - 1}
            for index, chunk in enumerate(chunks)
        ]
        told = {"host": "localhost:8123"} | (headers or {})
        scope = {
            "type": "http",
            "http_version": http_version,
            "method": verb,
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "headers": [(name.encode(), value.encode("latin-1")) for name, value in told.items()],
            "client": ("127.0.0.1", 40000),
        }
        answer = Answer()

        async def receive() -> dict[str, Any]:
            return events.pop(0) if events else {"type": "http.disconnect"}

        async def send(event: dict[str, Any]) -> None:
            match event["type"]:
                case "http.response.start":
                    assert answer.status == 0, "a second head"
                    answer.status = event["status"]
                    answer.headers = decoded(event["headers"])
                case "http.response.body":
                    assert not answer.trailers, "a body behind the trailers"
                    answer.body += event.get("body", b"")
                case "http.response.trailers":
                    answer.trailers = decoded(event["headers"])

        await self.app(scope, receive, send)
        return answer

    async def rpc(self, method: str, body: bytes, *, headers: dict[str, str] | None = None) -> Answer:
        """A gRPC call; `body` is sent as it is, frame and all."""
        told = {"content-type": "application/grpc", "te": "trailers"} | (headers or {})
        path = method if method.startswith("/") else f"/{SERVICE}/{method}"
        return await self.ask("POST", path, body=body, headers=told, http_version="2")

    async def call(self, method: str, message: Message, response: type[Message], **more: Any) -> tuple[Answer, Any]:
        """A good gRPC call, with its answer as a message if there was one."""
        answer = await self.rpc(method, framed(message), **more)
        return answer, unframed(answer, response) if answer.body else None

    async def post(self, target: str, payload: object, **more: Any) -> Answer:
        """A REST call with a JSON body."""
        return await self.ask("POST", target, body=json.dumps(payload).encode(), **more)


def decoded(headers: Sequence[tuple[bytes, bytes]]) -> dict[str, str]:
    return {name.decode(): value.decode("latin-1") for name, value in headers}


class Surface:
    """Calls that record what they got and answer what they were told to, or an echo."""

    def __init__(self) -> None:
        self.requests: list[Any] = []
        self.callers: list[Caller] = []
        self.entered: list[str] = []
        self.answer: Message | KumoError | Exception | None = None
        self.health = Health(())  # the application's, as soon as there is one

    async def through(
        self, method: str, principal: Principal, needs: Sequence[Need], call: Callable[[], Awaitable[Any]], /
    ) -> Any:
        self.entered.append(method)
        try:
            return await call()
        except ZeroDivisionError:
            raise InternalFault from None

    def handle(self, echo: Callable[[Any], Message]) -> Callable[[Any, Caller], Awaitable[Message]]:
        async def handle(request: Any, caller: Caller) -> Message:
            self.requests.append(request)
            self.callers.append(caller)
            if isinstance(self.answer, Exception):
                raise self.answer
            return self.answer if self.answer is not None else echo(request)

        return handle

    def routes(self) -> list[Route | RawRoute]:
        rows: list[tuple[str, Any, Any, str, str, str, Callable[[Any], Message]]] = [
            (
                "CreateTask", cloudtasks.CreateTaskRequest, task.Task, "POST",
                f"/v2/{{parent={ANY_QUEUE}}}/tasks", "*", lambda request: request.task,
            ),
            (
                "ListTasks", cloudtasks.ListTasksRequest, cloudtasks.ListTasksResponse, "GET",
                f"/v2/{{parent={ANY_QUEUE}}}/tasks", "",
                lambda request: cloudtasks.ListTasksResponse.pb()(next_page_token=request.page_token),
            ),
            (
                "UpdateQueue", cloudtasks.UpdateQueueRequest, queue.Queue, "PATCH",
                f"/v2/{{queue.name={ANY_QUEUE}}}", "queue", lambda request: request.queue,
            ),
            (
                "DeleteTask", cloudtasks.DeleteTaskRequest, empty_pb2.Empty, "DELETE",
                f"/v2/{{name={ANY_QUEUE}/tasks/*}}", "", lambda _: empty_pb2.Empty(),
            ),
            (
                "BatchDeleteTasks", cloudtasks.BatchDeleteTasksRequest, operations_pb2.Operation, "POST",
                f"/v2/{{parent={ANY_QUEUE}}}/tasks:batchDelete", "*",
                lambda request: operations_pb2.Operation(name=request.parent, done=True),
            ),
        ]  # fmt: skip
        routes: list[Route | RawRoute] = [
            Route(
                SERVICE, method, bare(request), bare(response), verb, path, body, "", self.handle(echo),
                aliases=(path.removeprefix("/v2"),) if method == "CreateTask" else (),
            )
            for method, request, response, verb, path, body, echo in rows
        ]  # fmt: skip
        routes.append(
            RawRoute(
                SERVICE,
                "BufferTask",
                "POST",
                f"/v2/{{queue={ANY_QUEUE}}}/tasks/{{task_id=*}}:buffer",
                "",
                self.handle(buffered),
                task.Task.pb(),
                "task",
                (f"/v2/{{queue={ANY_QUEUE}}}/tasks:buffer", f"/v2/{{queue={ANY_QUEUE}}}/tasks/:buffer"),
            )
        )
        return routes

    def application(self) -> Application:
        application = Application(
            routes=self.routes(),
            pages=[PageRoute("GET", "/healthz", healthz)],
            guard=guard_of(),
            through=self.through,
        )
        self.health = application.health
        return application


def bare(message: Any) -> type[Message]:
    return message if isinstance(message, type) and issubclass(message, Message) else message.pb()


def buffered(call: RawCall) -> Message:
    content = dict(call.headers).get("content-type", "application/json")
    request = {"url": "https://w.example/", "headers": {"Content-Type": content}, "body": call.body}
    return task.Task.pb()(
        name=f"{call.variables['queue']}/tasks/{call.variables.get('task_id', 'new')}", http_request=request
    )


async def healthz(request: PageRequest) -> PageResponse:
    return PageResponse(b"ok\n")
