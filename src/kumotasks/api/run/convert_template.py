"""Templates of revisions between google.cloud.run.v2's messages and values, and what revisions share with them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kumotasks.api.run import messages as m
from kumotasks.api.run.convert_container import container_message, container_value
from kumotasks.api.run.unacted import Unacted
from kumotasks.api.tasks.times import duration, set_duration
from kumotasks.domain.errors import InvalidArgument
from kumotasks.domain.run.template import (
    DEFAULT_CONCURRENCY,
    DEFAULT_MAX_INSTANCES,
    DEFAULT_TIMEOUT,
    Container,
    Pairs,
    Template,
)

SOURCE = "kumo.tasks/source"  # the annotation of a template that names a directory of this machine
SPOKEN = (
    *("revision", "labels", "annotations", "scaling", "timeout", "service_account", "containers"),
    "max_instance_request_concurrency",
)
_REST = Unacted(m.RevisionTemplate, SPOKEN)


def template_value(message: Any) -> Template:
    annotations = dict(message.annotations)
    source = annotations.pop(SOURCE, "")
    return Template(
        containers=_serving_first([(container_value(each), bool(each.ports)) for each in message.containers]),
        revision=message.revision,
        labels=pairs(message.labels),
        annotations=pairs(annotations),
        service_account=message.service_account,
        timeout=duration(message.timeout, "template.timeout") if message.HasField("timeout") else DEFAULT_TIMEOUT,
        concurrency=message.max_instance_request_concurrency or DEFAULT_CONCURRENCY,
        min_instances=message.scaling.min_instance_count,
        max_instances=message.scaling.max_instance_count or DEFAULT_MAX_INSTANCES,
        source=source,
        rest=_REST.of(message),
    )


def template_message(template: Template) -> Any:
    message = m.RevisionTemplate(revision=template.revision)
    _REST.put(template.rest, message)
    set_template(message, template)
    return message


def set_template(message: Any, template: Template) -> None:
    """What a template has, into a template or a revision: both call it the same."""
    message.labels.update(template.labels)
    message.annotations.update(template.annotations)
    if template.source:
        message.annotations[SOURCE] = template.source
    message.scaling.min_instance_count = template.min_instances
    message.scaling.max_instance_count = template.max_instances
    set_duration(message.timeout, template.timeout)
    message.service_account = template.service_account
    message.max_instance_request_concurrency = template.concurrency
    first, *others = template.containers
    message.containers.append(container_message(first, serving=True))
    message.containers.extend(container_message(each, serving=False) for each in others)


def pairs(mapping: Mapping[str, str]) -> Pairs:
    return tuple(sorted(mapping.items()))


def _serving_first(containers: list[tuple[Container, bool]]) -> tuple[Container, ...]:
    """The container that has a port takes the requests; of one alone that is clear without it."""
    if not containers:
        raise InvalidArgument("template.containers: at least one container is required.")
    with_port = [container for container, has_port in containers if has_port]
    if len(containers) > 1 and len(with_port) != 1:
        raise InvalidArgument("template.containers: of several containers exactly one must have a port.")
    others = [container for container, has_port in containers if not has_port]
    return (*with_port, *others)
