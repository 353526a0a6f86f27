"""A container and its probes as Knative v1 writes them. What it means to run one is not known here."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

from kumotasks.api.run.documents import Document, Reader, keeping, kept, merged, present, refused
from kumotasks.domain.clock import SECOND
from kumotasks.domain.run.rules import secret_refused
from kumotasks.domain.run.template import (
    DEFAULT_CPU,
    DEFAULT_MEMORY,
    DEFAULT_PORT,
    DEFAULT_STARTUP_PROBE,
    Container,
    Probe,
    ProbeKind,
)

# What Google's v1 knows and nobody here acts on; it is kept.
_UNUSED = frozenset({
    "envFrom", "imagePullPolicy", "readinessProbe", "securityContext", "terminationMessagePath",
    "terminationMessagePolicy", "volumeMounts",
})  # fmt: skip
_UNUSED_OF_PROBE = frozenset({"successThreshold", "exec"})
_KINDS = {ProbeKind.TCP: "tcpSocket", ProbeKind.HTTP: "httpGet", ProbeKind.GRPC: "grpc"}
_TIMEOUT, _PERIOD, _FAILURES = 1, 10, 3  # Kubernetes' own, in seconds, where a probe is asked for
_DEFAULT_PORT_NAME = "http1"


def containers_of(readers: Sequence[Reader], old: Sequence[Container], service: str) -> tuple[Container, ...]:
    """The one with a port first: it takes the requests. `old` are those that these replace."""
    ordered = sorted(readers, key=lambda each: not each.has("ports"))
    before = [*old, *[Container("")] * len(ordered)]
    both = enumerate(zip(ordered, before, strict=False))
    return tuple(_container_of(reader, was, _name_for_none(service, index)) for index, (reader, was) in both)


def container_documents(containers: Sequence[Container], service: str) -> list[Document]:
    return [
        _container_document(each, each.name or _name_for_none(service, index), takes_requests=not index)
        for index, each in enumerate(containers)
    ]


def _name_for_none(service: str, index: int) -> str:
    """Cloud Run: what a container is called that nobody named, here and in v1 only. Clients of v2 (Terraform) want to
    read there what they wrote."""
    return f"{service}-{index + 1}"


def _container_of(reader: Reader, old: Container, name_for_none: str) -> Container:
    """`old` gives what another API said and this one has no name for."""
    name = reader.text("name")
    if name == name_for_none != old.name:
        name = ""  # as it was shown: who sends back what he read changes nothing
    port, port_name = _port_of(reader)
    resources = reader.inner("resources")
    limits = resources.inner("limits")
    cpu, memory = limits.text("cpu", DEFAULT_CPU), limits.text("memory", DEFAULT_MEMORY)
    values = _env_of(reader)
    shown = {port, old.port} if old.image else {port}
    startup, liveness = _probe_of(reader, "startupProbe", shown), _probe_of(reader, "livenessProbe", shown)
    container = replace(
        old,
        image=reader.text("image"),
        name=name,
        command=reader.texts("command"),
        args=reader.texts("args"),
        env=tuple(sorted(values.items())),
        env_order=tuple(values),
        port=port,
        port_name=port_name,
        cpu=cpu or DEFAULT_CPU,
        memory=memory or DEFAULT_MEMORY,
        working_directory=reader.text("workingDir"),
        startup_probe=startup or DEFAULT_STARTUP_PROBE,
        liveness_probe=liveness,
    )
    below = present(limits=limits.left(limits.names), requests=resources.pairs("requests"), **resources.left())
    left = present(**reader.left(_UNUSED), resources=below)
    return replace(container, rest=keeping(old.rest, left))


def _port_of(reader: Reader) -> tuple[int, str]:
    ports = reader.items("ports")
    if len(ports) > 1:
        raise refused(reader.at("ports"), "should have at most one port.")
    for port in ports:
        number, name = port.integer("containerPort", DEFAULT_PORT), port.text("name", _DEFAULT_PORT_NAME)
        port.left({"protocol"})
        return number or DEFAULT_PORT, name or _DEFAULT_PORT_NAME
    return DEFAULT_PORT, _DEFAULT_PORT_NAME


def _env_of(reader: Reader) -> dict[str, str]:
    """In the order in which they were written."""
    values: dict[str, str] = {}
    for each in reader.items("env"):
        name = each.text("name")
        if name in values:
            raise refused(each.at("name"), f"the variable {name} is set more than once.")
        if each.has("valueFrom"):
            raise secret_refused(name)
        values[name] = each.text("value")
        each.left()
    return values


def _probe_of(reader: Reader, name: str, shown: Collection[int]) -> Probe | None:
    """A port among `shown` is the container's, which a probe follows when it changes."""
    if not reader.has(name):
        return None
    probe = reader.inner(name)
    asked = [kind for kind, key in _KINDS.items() if probe.has(key)]
    if len(asked) != 1:
        raise refused(probe.path, "must have exactly one of httpGet, tcpSocket and grpc.")
    how = probe.inner(_KINDS[asked[0]])
    headers = {each.text("name"): each.text("value") for each in how.items("httpHeaders")}
    port = how.integer("port")
    found = Probe(
        kind=asked[0],
        port=0 if port in shown else port,
        path=how.text("path", "/") or "/",
        service=how.text("service"),
        headers=tuple(sorted(headers.items())),
        initial_delay=probe.integer("initialDelaySeconds") * SECOND,
        timeout=(probe.integer("timeoutSeconds", _TIMEOUT) or _TIMEOUT) * SECOND,
        period=(probe.integer("periodSeconds", _PERIOD) or _PERIOD) * SECOND,
        failures=probe.integer("failureThreshold", _FAILURES) or _FAILURES,
    )
    how.left({"host", "scheme"})
    probe.left(_UNUSED_OF_PROBE)
    return found


def _container_document(container: Container, name: str, *, takes_requests: bool) -> Document:
    own = present(
        name=name,
        image=container.image,
        command=list(container.command),
        args=list(container.args),
        env=_env_document(container),
        ports=[{"name": container.port_name, "containerPort": container.port}] if takes_requests else [],
        resources={"limits": {"cpu": container.cpu, "memory": container.memory}},
        startupProbe=_probe_document(container.startup_probe, container) if takes_requests else None,
        livenessProbe=container.liveness_probe and _probe_document(container.liveness_probe, container),
        workingDir=container.working_directory,
    )
    return merged(own, kept(container.rest))


def _env_document(container: Container) -> list[Document]:
    """Variables in the order in which they were sent."""
    values = dict(container.env)
    return [{"name": name, "value": values[name]} for name in container.env_order or values]


def _probe_document(probe: Probe, container: Container) -> Document:
    port = probe.port or container.port
    how: dict[ProbeKind, Document] = {
        ProbeKind.TCP: {"port": port},
        ProbeKind.HTTP: present(path=probe.path, port=port, httpHeaders=_headers(probe)),
        ProbeKind.GRPC: present(port=port, service=probe.service),
    }
    return present(
        initialDelaySeconds=probe.initial_delay // SECOND or None,
        timeoutSeconds=probe.timeout // SECOND,
        periodSeconds=probe.period // SECOND,
        failureThreshold=probe.failures,
    ) | {_KINDS[probe.kind]: how[probe.kind]}


def _headers(probe: Probe) -> list[dict[str, Any]]:
    return [{"name": name, "value": value} for name, value in probe.headers]
