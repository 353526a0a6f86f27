"""A service as a request finds it, and the place in an instance that it is given. Values: nothing here runs."""

from __future__ import annotations

from dataclasses import dataclass

from kumotasks.domain.run.revision import Revision
from kumotasks.domain.run.service import Service


@dataclass(frozen=True, slots=True)
class Running:
    """What stands behind a host. `urls` without a tag's own; `tag` is the one that the host named, "" for none."""

    service: Service
    number: str  # of the project
    urls: tuple[str, ...]
    tag: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Slot:
    """Room for one request in an instance. Handed back once, when its answer has ended or could not be had.

    `host` and `port` are where the instance listens; `h2c`: it speaks HTTP/2 without TLS, and nothing else.
    """

    host: str
    port: int
    instance_id: str
    revision: Revision
    h2c: bool = False
