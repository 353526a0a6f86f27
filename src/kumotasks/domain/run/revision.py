"""A revision: a template that became something to run, and never changes again. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from kumotasks.domain.run.condition import Condition
from kumotasks.domain.run.service import ServiceName
from kumotasks.domain.run.template import Pairs, Template


@dataclass(frozen=True, slots=True)
class Launch:
    """A command that may be run: how an image or a source directory is started. `directory` "" is a new empty one."""

    command: tuple[str, ...]
    directory: str = ""
    env: Pairs = ()


@dataclass(frozen=True, slots=True)
class Revision:
    """`id` is `worker-00001-abc`. `launch` is None where nothing may be run for it; its conditions then say why."""

    service: ServiceName
    id: str
    uid: str
    template: Template
    launch: Launch | None
    labels: Pairs = ()
    creator: str = ""  # the e-mail of whoever deployed it
    created: int = 0
    generation: int = 1
    service_generation: int = 1
    conditions: tuple[Condition, ...] = ()  # Ready first
    etag: str = ""

    @property
    def name(self) -> str:
        return f"{self.service}/revisions/{self.id}"

    @property
    def knative_labels(self) -> dict[str, str]:
        """Its own and those that the Knative API adds, by which revisions are selected."""
        return {
            **dict(self.labels),
            "cloud.googleapis.com/location": self.service.location,
            "serving.knative.dev/configuration": self.service.service,
            "serving.knative.dev/configurationGeneration": str(self.service_generation),
            "serving.knative.dev/service": self.service.service,
        }
