"""What a surface is made of: a row per call, from which gRPC and REST are both generated.

A row says how a call looks on the wire and which use case answers it. It knows neither of the two transports, and a
use case never learns which of them its call came through.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    from google.protobuf.message import Message

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls."""

    peer: str  # the address the connection came from; "" if unknown


@dataclass(frozen=True, slots=True)
class Route:
    """One call of a surface."""

    service: str  # "google.cloud.tasks.v2.CloudTasks"
    method: str  # "CreateTask"
    request: type[Message]  # a bare protobuf class
    response: type[Message]
    verb: str  # "POST"; "" = no REST binding
    path: str  # google.api.http template: "/v2/{parent=projects/*/locations/*/queues/*}/tasks"
    body: str  # "" = none, "*" = the request itself, else the field that the body is
    permission: str  # "cloudtasks.tasks.create"
    handle: Callable[[Any, Caller], Awaitable[Message]]  # raises domain.errors.KumoError
    aliases: tuple[str, ...] = ()  # further templates that lead here

    @property
    def full_name(self) -> str:
        return f"{self.service}.{self.method}"


@dataclass(frozen=True, slots=True)
class RawCall:
    """A REST call whose body belongs to the caller: bytes, as they came."""

    variables: dict[str, str]  # of the path: {"queue": "projects/p/locations/l/queues/q"}
    query: tuple[tuple[str, str], ...]  # without the system parameters
    headers: tuple[tuple[str, str], ...]  # names in lower case
    body: bytes


@dataclass(frozen=True, slots=True)
class RawRoute:
    """One REST call whose body is opaque, such as BufferTask."""

    service: str
    method: str
    verb: str
    path: str
    permission: str
    handle: Callable[[RawCall, Caller], Awaitable[Message]]
    response: type[Message]
    response_field: str = ""  # "task": the answer is {"task": message}; "": the message itself
    aliases: tuple[str, ...] = ()

    @property
    def full_name(self) -> str:
        return f"{self.service}.{self.method}"


class Through(Protocol):
    """The gate that every call passes. It raises KumoError only: what was not foreseen becomes InternalFault there."""

    def __call__(self, method: str, call: Callable[[], Awaitable[Answer]], /) -> Awaitable[Answer]: ...
