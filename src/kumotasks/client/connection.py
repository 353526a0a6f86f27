"""The way to a server of Cloud Tasks: one attempt to create one task, and what is known when it failed.

What matters afterwards is whether the task may exist all the same, so nothing of it is sent before there is a proof and
a connection: until then every failure is certain. Google's library is loaded at the first attempt.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING

from kumotasks.client.caller import Caller, Unproven
from kumotasks.client.channel import Channel
from kumotasks.client.place import GOOGLE, Endpoint, Place, endpoint_of
from kumotasks.client.retry import Retry

if TYPE_CHECKING:
    from google.api_core.exceptions import GoogleAPICallError
    from google.auth.credentials import Credentials
    from google.cloud.tasks_v2 import CloudTasksClient, Task

_AGAIN = frozenset({"UNAVAILABLE", "DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED", "ABORTED"})
# Said by whoever lost sight of a call, perhaps after the task was written.
_VAGUE = frozenset({"UNAVAILABLE", "DEADLINE_EXCEEDED", "INTERNAL", "UNKNOWN", "CANCELLED", "DATA_LOSS"})


@dataclass(frozen=True, slots=True)
class Asked:
    """A task that shall be: `task` is its last name, `at` None is at once."""

    task: str
    url: str
    body: bytes
    at: datetime | None = None
    deadline: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Created:
    """There is a new task, due at `at`."""

    at: datetime


@dataclass(frozen=True, slots=True)
class Taken:
    """There is, or a short while ago was, a task of that name."""


@dataclass(frozen=True, slots=True)
class Failed:
    """`again`: another attempt may end better. `sent`: the task may exist."""

    why: str
    again: bool
    sent: bool


Attempted = Created | Taken | Failed


class Connection:
    """To the server of `place`, opened by the first attempt; threads share it."""

    def __init__(self, place: Place, credentials: Credentials | None = None) -> None:
        self._place = place
        self._endpoint = endpoint_of(place.endpoint) if place.endpoint else None
        self._caller = Caller(self._endpoint, credentials)
        self._opening = Lock()

    def attempt(self, asked: Asked, retry: Retry) -> Attempted:
        """Try to create the task once."""
        try:
            proof = self._caller.proof()
        except Unproven as error:
            return Failed(str(error), again=error.again, sent=False)
        with self._opening:
            client, channel = self._client, self._channel
        if not channel.reached(retry.connect):
            return Failed(f"{self._server.url} could not be reached", again=True, sent=False)
        return self._sent(client, asked, proof, retry.timeout)

    def close(self) -> None:
        """Let it go; it ends a few seconds later, and the next attempt opens another."""
        with self._opening:
            self.__dict__.pop("_client", None)
            if (channel := self.__dict__.pop("_channel", None)) is not None:
                channel.close()

    @property
    def account(self) -> str:
        """The account that signs the tasks' tokens; "" none does."""
        return self._place.service_account or self._caller.account

    def _sent(self, client: CloudTasksClient, asked: Asked, proof: list[tuple[str, str]], timeout: float) -> Attempted:
        from google.api_core.exceptions import AlreadyExists, GoogleAPICallError
        from google.cloud import tasks_v2

        try:
            made = client.create_task(
                parent=self._place.parent, task=self._task(asked), retry=None, timeout=timeout, metadata=proof
            )
        except AlreadyExists:
            return Taken()
        except GoogleAPICallError as error:
            return _judged(error)
        return Created(tasks_v2.Task.pb(made).schedule_time.ToDatetime(UTC))

    def _task(self, asked: Asked) -> Task:
        from google.cloud import tasks_v2

        request = tasks_v2.HttpRequest(
            http_method=tasks_v2.HttpMethod.POST,
            url=asked.url,
            headers={"Content-Type": "application/json"},
            body=asked.body,
        )
        if account := self.account:
            audience = self._place.service_url
            request.oidc_token = tasks_v2.OidcToken(service_account_email=account, audience=audience)
        name = f"{self._place.parent}/tasks/{asked.task}"
        return tasks_v2.Task(name=name, http_request=request, schedule_time=asked.at, dispatch_deadline=asked.deadline)

    @property
    def _server(self) -> Endpoint:
        return self._endpoint or GOOGLE

    @cached_property
    def _channel(self) -> Channel:
        return Channel(self._server)

    @cached_property
    def _client(self) -> CloudTasksClient:
        from google.cloud.tasks_v2 import CloudTasksClient
        from google.cloud.tasks_v2.services.cloud_tasks.transports import CloudTasksGrpcTransport

        return CloudTasksClient(transport=CloudTasksGrpcTransport(channel=self._channel.grpc))


def _judged(error: GoogleAPICallError) -> Failed:
    status = error.grpc_status_code
    name = status.name if status is not None else "UNKNOWN"
    return Failed(f"{name}: {error.message}", again=name in _AGAIN, sent=name in _VAGUE)
