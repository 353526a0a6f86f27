"""What a surface is made of: a row per call, from which gRPC and REST are both generated.

A row says how a call looks on the wire and which use case answers it. It knows neither of the two transports, and a
use case never learns which of them its call came through.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from kumotasks.domain.principal import ANONYMOUS, Need, Principal

if TYPE_CHECKING:
    import msgspec
    from google.protobuf.message import Message

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls, and from where."""

    peer: str  # the address the connection came from; "" if unknown
    principal: Principal = ANONYMOUS
    trusted: bool = False  # he has shown the secret of a file on this machine


@dataclass(frozen=True, slots=True)
class Proof:
    """The header that callers show who can read a secret file of this machine, and who judges its value."""

    header: bytes  # in lower case
    judge: Callable[[str], bool]


NO_PROOF = Proof(b"", lambda _: False)


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
    # What the call needs beyond `permission` on the resource that its path names; made of the request alone.
    needs: Callable[[Any], tuple[Need, ...]] | None = None
    resource: str = ""  # "projects/{}": where the path's variable is but the last part of the resource's name

    @property
    def full_name(self) -> str:
        return f"{self.service}.{self.method}"


def row(
    call: tuple[str, str],
    messages: tuple[type[Message], type[Message]],
    rest: str,
    body: str,
    permission: str,
    handle: Callable[[Any, Caller], Awaitable[Any]],
    *,
    more: Callable[[Any], tuple[Need, ...]] | None = None,
) -> Route:
    """A row: (service, method), (request, response), "VERB path", body field, permission, handler, further needs."""
    verb, path = rest.split(" ", 1)
    return Route(*call, *messages, verb, path, body, permission, handle, needs=more)


@dataclass(frozen=True, slots=True)
class StreamRoute:
    """One call that is answered with a message after the other, until its caller leaves; over REST with an array."""

    service: str
    method: str
    request: type[Message]
    response: type[Message]
    needs: Callable[[Any], tuple[Need, ...]]
    handle: Callable[[Any, Caller], Awaitable[AsyncGenerator[Any, None]]]  # both may raise domain.errors.KumoError
    verb: str = ""  # "" = no REST binding; this and what follows is as a Route's
    path: str = ""
    body: str = ""
    aliases: tuple[str, ...] = ()

    @property
    def full_name(self) -> str:
        return f"{self.service}.{self.method}"


@dataclass(frozen=True, slots=True)
class JsonRoute:
    """One REST call whose messages are plain JSON: no published protobuf class stands behind it."""

    service: str  # "google.iam.admin.v1.IAM"
    method: str
    verb: str
    path: str  # "/v1/projects/{project}/serviceAccounts/{account}:enable"
    # Path variables over query parameters over the body's fields, in one; the fields are lowerCamel on the wire.
    request: type[msgspec.Struct]
    permission: str  # "" = none
    resource: str  # what it is needed on, with path variables: "projects/{project}/serviceAccounts/{account}"
    handle: Callable[[Any, Caller], Awaitable[msgspec.Struct]]
    aliases: tuple[str, ...] = ()
    needs: Callable[[Any], tuple[Need, ...]] | None = None  # as a Route's

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
    """One REST call whose body the handler reads: opaque as BufferTask's, or a document with names of its own."""

    service: str
    method: str
    verb: str
    path: str
    permission: str  # on the resource that the path's first variable names; "" = none
    handle: Callable[[RawCall, Caller], Awaitable[Any]]
    response: type[Message] | None  # None: the answer is a document, ready to be written as JSON
    response_field: str = ""  # "task": the answer is {"task": message}; "": the message itself
    aliases: tuple[str, ...] = ()
    needs: Callable[[RawCall], tuple[Need, ...]] | None = None  # as a Route's

    @property
    def full_name(self) -> str:
        return f"{self.service}.{self.method}"


@dataclass(frozen=True, slots=True)
class PageRequest:
    """A request for a plain page."""

    verb: str
    path: str  # decoded
    query: bytes  # as it came
    headers: dict[bytes, bytes]  # names in lower case
    body: bytes
    caller: Caller
    variables: dict[str, str] = field(default_factory=dict)  # of the path


@dataclass(frozen=True, slots=True)
class PageResponse:
    """What a plain page says."""

    body: bytes
    status: int = 200
    content_type: str = "text/plain; charset=UTF-8"
    headers: tuple[tuple[bytes, bytes], ...] = ()


@dataclass(frozen=True, slots=True)
class PageRoute:
    """A plain page: anything that is neither gRPC nor one of Google's JSON calls."""

    verb: str
    path: str  # "/robot/v1/metadata/x509/{account}"
    handle: Callable[[PageRequest], Awaitable[PageResponse]]
    permission: str = ""  # on the server's own project; "" = open to everybody


class Through(Protocol):
    """The gate that every call passes: it lets those through who hold every one of `needs`.

    It raises KumoError only: what was not foreseen becomes InternalFault there.
    """

    def __call__(
        self, method: str, principal: Principal, needs: Sequence[Need], call: Callable[[], Awaitable[Answer]], /
    ) -> Awaitable[Answer]: ...
