"""What `kumo run front` is told: which worker it guards, where it listens, and by whose word it judges callers.

It judges by an installation's own keys and policies (`data`), or by the keys that an issuer publishes and a list of who
may call (`certificates`, `allow`).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from kumotasks.domain.clock import SECOND
from kumotasks.domain.run.service import ServiceName


@dataclass(frozen=True, slots=True)
class FrontSettings:
    """`upstream` is the worker's URL, without a path. `timeout` of a request in microseconds.

    `audiences` are texts for which tokens may be made besides the service's URLs. `allow` holds members as policies
    write them: serviceAccount:a@b, allUsers.
    """

    upstream: str
    service: ServiceName
    host: str = "127.0.0.1"
    port: int = 8080
    audiences: tuple[str, ...] = ()
    timeout: int = 300 * SECOND
    data: Path | None = None
    issuer: str = "https://accounts.google.com"
    certificates: str = ""  # the URL of a JWK set; "" with `data`
    allow: tuple[str, ...] = ()
