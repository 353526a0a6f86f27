"""A service: what its owner asked for, and how far it came. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from kumotasks.domain.run.condition import Condition, State
from kumotasks.domain.run.template import Pairs, Template


class Ingress(Enum):
    """Whom the front lets near at all, before it asks who he is."""

    ALL = "INGRESS_TRAFFIC_ALL"
    INTERNAL = "INGRESS_TRAFFIC_INTERNAL_ONLY"
    INTERNAL_LOAD_BALANCER = "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER"


@dataclass(frozen=True, slots=True)
class ServiceName:
    """projects/P/locations/L/services/S; `project` is an id, never a number."""

    project: str
    location: str
    service: str

    def __str__(self) -> str:
        return f"projects/{self.project}/locations/{self.location}/services/{self.service}"


@dataclass(frozen=True, slots=True)
class Target:
    """A share of the traffic. `revision` "" is whichever is the latest ready one. `tag` gives it a URL of its own."""

    percent: int
    revision: str = ""
    tag: str = ""


EVERYTHING_TO_LATEST = (Target(100),)


@dataclass(frozen=True, slots=True)
class Service:
    """Instants in microseconds. What stands behind `generation` is the runtime's to write, the rest the caller's.

    `generation` rises with each change of what was asked for; `observed` is the generation that was carried out.
    `latest_created` and `latest_ready` are revision ids, "" before there is one. `etag` is the record's.
    `template_generation` rises with each change of the template, so with each revision. `trusted`: the template came
    from somebody who may have commands run here; it is never the caller's to say.
    """

    name: ServiceName
    uid: str
    template: Template
    traffic: tuple[Target, ...] = EVERYTHING_TO_LATEST
    labels: Pairs = ()
    annotations: Pairs = ()
    description: str = ""
    client: str = ""
    client_version: str = ""
    ingress: Ingress = Ingress.ALL
    invoker_iam_disabled: bool = False
    default_uri_disabled: bool = False
    custom_audiences: tuple[str, ...] = ()
    min_instances: int = 0  # of all its revisions together
    max_instances: int = 0  # 0: as its revisions say
    deletion_protection: bool = False  # kept for whoever asks; the client enforces it
    creator: str = ""
    last_modifier: str = ""
    created: int = 0
    updated: int = 0
    deleted: int | None = None
    rest: bytes = b""
    trusted: bool = False
    generation: int = 1
    template_generation: int = 1
    observed: int = 0
    latest_created: str = ""
    latest_ready: str = ""
    conditions: tuple[Condition, ...] = ()  # Ready first
    serving: tuple[Target, ...] = ()  # the traffic in force: with revisions, none of them ""
    etag: str = ""

    @property
    def settled(self) -> bool:
        """Whether the last change was carried out, or failed."""
        return self.observed == self.generation and bool(self.conditions) and self.ready.state is not State.PENDING

    @property
    def ready(self) -> Condition:
        return self.conditions[0]
