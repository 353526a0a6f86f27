"""Services and revisions as tests need them: every part has a plain default, a test names only what it is about."""

from __future__ import annotations

from dataclasses import replace

from kumotasks.domain.run.change import created
from kumotasks.domain.run.condition import Condition, State
from kumotasks.domain.run.service import Service, ServiceName, Target
from kumotasks.domain.run.template import Container, Pairs, Template
from tests.factory import NOW

WORKER = ServiceName("p", "asia-northeast1", "worker")
HELLO = "us-docker.pkg.dev/cloudrun/container/hello"


def a_template(image: str = HELLO, *, env: Pairs = (), revision: str = "", service_account: str = "") -> Template:
    return Template((Container(image, env=env),), revision=revision, service_account=service_account)


def a_service(
    name: ServiceName = WORKER, *, template: Template | None = None, traffic: tuple[Target, ...] = (Target(100),)
) -> Service:
    """As it is asked for."""
    return Service(name, "", template or a_template(), traffic=traffic)


def a_new_service(name: ServiceName = WORKER, *, template: Template | None = None, trusted: bool = False) -> Service:
    """As it was written down, with nothing carried out yet."""
    return created(a_service(name, template=template), uid="u", now=NOW, by="bob@p", trusted=trusted)


def carried_out(service: Service, state: State = State.SUCCEEDED, *, reason: str = "", message: str = "") -> Service:
    """With its last generation carried out, or failed."""
    ready = Condition("Ready", state, NOW, reason, message)
    return replace(service, observed=service.generation, conditions=(ready, *service.conditions[1:]))
