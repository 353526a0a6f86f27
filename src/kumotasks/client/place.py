"""Where tasks go and come back to: a queue, a service, and the server between them. Read from the environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

_HTTPS = 443
_HTTP = 80


@dataclass(frozen=True, slots=True)
class Place:
    """A queue, and the URL of the service that does its tasks.

    `service_account` signs the tasks' tokens; "" is the account that this program runs as. `endpoint` is a Kumo
    server's URL, or its host and port; "" is wherever Google's own clients go.
    """

    project: str = ""
    location: str = ""
    queue: str = ""
    service_url: str = ""
    service_account: str = ""
    endpoint: str = ""

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Place:
        found = {field: environment.get(variable, "").strip() for field, variable in VARIABLES.items()}
        return cls(**found)

    @property
    def missing(self) -> tuple[str, ...]:
        """The variables without which there is no queue."""
        return tuple(variable for field, variable in VARIABLES.items() if field in NEEDED and not getattr(self, field))

    @property
    def parent(self) -> str:
        return f"projects/{self.project}/locations/{self.location}/queues/{self.queue}"

    def url(self, path: str) -> str:
        """The address of a path of the service."""
        if not path.startswith("/"):
            raise ValueError(f"a path starts with a slash; received: {path[:100]!r}")
        return self.service_url.rstrip("/") + path


# Fields and their variables.
VARIABLES = {
    "project": "GCP_PROJECT_ID",
    "location": "GCP_LOCATION",
    "queue": "GCP_TASK_QUEUE",
    "service_url": "CLOUD_RUN_SERVICE_URL",
    "service_account": "GCP_SERVICE_ACCOUNT",
    "endpoint": "KUMO_ENDPOINT",
}
NEEDED = frozenset({"project", "location", "queue", "service_url"})


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A server's host and port, `host:port` for gRPC, and its URL, the name by which proofs are addressed to it."""

    secure: bool
    target: str
    url: str


def endpoint_of(written: str) -> Endpoint:
    """Of a URL, or of a host and a port alone. Raises ValueError."""
    parts = urlsplit(written if "://" in written else f"http://{written}")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"KUMO_ENDPOINT is a URL of HTTP or HTTPS, or host:port; received: {written[:100]!r}")
    secure = parts.scheme == "https"
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    target = f"{host}:{parts.port or (_HTTPS if secure else _HTTP)}"
    shown = host if secure and target.endswith(f":{_HTTPS}") else target
    return Endpoint(secure, target, f"{parts.scheme}://{shown}")


GOOGLE = Endpoint(secure=True, target="cloudtasks.googleapis.com:443", url="https://cloudtasks.googleapis.com")
