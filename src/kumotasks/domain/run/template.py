"""What a revision is made of: its container, limits and scaling. Pure: nothing here knows how a container runs.

Fields that nothing acts on are kept as they were sent (`rest`), so that whoever reads a service back finds what he
wrote.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from kumotasks.domain.clock import SECOND

Pairs = tuple[tuple[str, str], ...]  # a map, sorted by key

DEFAULT_PORT = 8080
DEFAULT_CONCURRENCY = 80  # Cloud Run: 1 to 1000
DEFAULT_TIMEOUT = 300 * SECOND  # Cloud Run: 1 s to 3600 s
DEFAULT_MAX_INSTANCES = 100
DEFAULT_CPU = "1000m"
DEFAULT_MEMORY = "512Mi"
RESERVED_ENV = frozenset({"PORT", "K_SERVICE", "K_REVISION", "K_CONFIGURATION"})
STARTUP_PERIOD = 240 * SECOND


class ProbeKind(Enum):
    """How a probe asks: a connection, a GET that answers 200 to 399, or grpc.health.v1."""

    TCP = "tcp"
    HTTP = "http"
    GRPC = "grpc"


@dataclass(frozen=True, slots=True)
class Probe:
    """A question put to a container until it is answered, or has failed `failures` times. Durations in microseconds."""

    kind: ProbeKind = ProbeKind.TCP
    port: int = 0  # 0: the container's
    path: str = "/"  # HTTP
    service: str = ""  # gRPC
    headers: Pairs = ()
    initial_delay: int = 0
    timeout: int = STARTUP_PERIOD
    period: int = STARTUP_PERIOD
    failures: int = 1


DEFAULT_STARTUP_PROBE = Probe()


@dataclass(frozen=True, slots=True)
class Container:
    """`command` replaces what the image starts with, `args` what it is given. `rest` is JSON of the fields nobody acts
    on, in Cloud Run v2's names."""

    image: str
    name: str = ""
    command: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    env: Pairs = ()
    env_order: tuple[str, ...] = ()  # names of `env` as they were sent
    port: int = DEFAULT_PORT
    port_name: str = "http1"  # or "h2c"
    cpu: str = DEFAULT_CPU
    memory: str = DEFAULT_MEMORY
    cpu_idle: bool = True
    startup_cpu_boost: bool = False
    working_directory: str = ""
    startup_probe: Probe = DEFAULT_STARTUP_PROBE
    liveness_probe: Probe | None = None
    rest: bytes = b""


@dataclass(frozen=True, slots=True)
class Template:
    """`containers[0]` takes the requests. `timeout` in microseconds. `revision` is a name the caller chose, or "".

    `source` is the directory that `kumo run deploy --source` names, "" where an image is to be run.
    """

    containers: tuple[Container, ...]
    revision: str = ""
    labels: Pairs = ()
    annotations: Pairs = ()
    service_account: str = ""
    timeout: int = DEFAULT_TIMEOUT
    concurrency: int = DEFAULT_CONCURRENCY
    min_instances: int = 0
    max_instances: int = DEFAULT_MAX_INSTANCES
    source: str = ""
    rest: bytes = b""

    @property
    def serving(self) -> Container:
        return self.containers[0]
