"""Containers and their probes between google.cloud.run.v2's messages and values. What they may be is the domain's."""

from __future__ import annotations

from typing import Any

from kumotasks.api.run import messages as m
from kumotasks.api.run.unacted import Unacted
from kumotasks.domain.clock import SECOND
from kumotasks.domain.errors import InvalidArgument
from kumotasks.domain.run.rules import secret_refused
from kumotasks.domain.run.template import (
    DEFAULT_CPU,
    DEFAULT_MEMORY,
    DEFAULT_PORT,
    DEFAULT_STARTUP_PROBE,
    Container,
    Pairs,
    Probe,
    ProbeKind,
)

_SPOKEN = ("name", "image", "command", "args", "env", "ports", "working_dir", "liveness_probe", "startup_probe")
_KINDS = {"http_get": ProbeKind.HTTP, "tcp_socket": ProbeKind.TCP, "grpc": ProbeKind.GRPC}
_FIELDS = {kind: field for field, kind in _KINDS.items()}
# Cloud Run: what a probe has that says nothing of it.
_PROBE_TIMEOUT, _PROBE_PERIOD, _PROBE_FAILURES = 1, 10, 3
_REST = Unacted(m.Container, _SPOKEN)


def container_value(message: Any) -> Container:
    resources, asked = message.resources, _port(message.ports)
    port = asked.container_port or DEFAULT_PORT
    startup, liveness = message.startup_probe, message.liveness_probe
    return Container(
        image=message.image,
        name=message.name,
        command=tuple(message.command),
        args=tuple(message.args),
        env=_env(message.env),
        env_order=tuple(each.name for each in message.env),
        port=port,
        port_name=asked.name or "http1",
        cpu=resources.limits.get("cpu") or DEFAULT_CPU,
        memory=resources.limits.get("memory") or DEFAULT_MEMORY,
        # Cloud Run: true by default, but whoever says anything of resources has to say this too.
        cpu_idle=resources.cpu_idle if message.HasField("resources") else True,
        startup_cpu_boost=resources.startup_cpu_boost,
        working_directory=message.working_dir,
        startup_probe=_probe(startup, port) if message.HasField("startup_probe") else DEFAULT_STARTUP_PROBE,
        liveness_probe=_probe(liveness, port) if message.HasField("liveness_probe") else None,
        rest=_REST.of(_without_known_resources(message)),
    )


def container_message(container: Container, *, serving: bool) -> Any:
    """`serving`: the container that takes the requests; only that one has a port."""
    message = m.Container(
        name=container.name,
        image=container.image,
        command=container.command,
        args=container.args,
        working_dir=container.working_directory,
    )
    _REST.put(container.rest, message)
    values = dict(container.env)
    for name in container.env_order or values:
        message.env.add(name=name, **({"value": values[name]} if values[name] else {}))
    message.resources.limits.update(cpu=container.cpu, memory=container.memory)
    message.resources.cpu_idle = container.cpu_idle
    message.resources.startup_cpu_boost = container.startup_cpu_boost
    if serving:
        message.ports.add(name=container.port_name, container_port=container.port)
    if serving or container.startup_probe != DEFAULT_STARTUP_PROBE:
        _set_probe(message.startup_probe, container.startup_probe, container.port)
    if container.liveness_probe is not None:
        _set_probe(message.liveness_probe, container.liveness_probe, container.port)
    return message


def _port(ports: Any) -> Any:
    if len(ports) > 1:
        raise InvalidArgument("A container has at most one port.")
    return ports[0] if ports else m.ContainerPort()


def _env(variables: Any) -> Pairs:
    env: dict[str, str] = {}
    for each in variables:
        if each.HasField("value_source"):
            raise secret_refused(each.name)
        if each.name in env:
            raise InvalidArgument(f"The environment variable '{each.name}' is set twice.")
        env[each.name] = each.value
    return tuple(sorted(env.items()))


def _without_known_resources(message: Any) -> Any:
    """The container without what stands in fields of its own, so that limits of other kinds are kept."""
    copy = m.Container()
    copy.CopyFrom(message)
    for name in ("cpu", "memory"):
        copy.resources.limits.pop(name, None)
    copy.resources.ClearField("cpu_idle")
    copy.resources.ClearField("startup_cpu_boost")
    if not copy.resources.limits:
        copy.ClearField("resources")
    return copy


def _probe(message: Any, port: int) -> Probe:
    """`port` is the container's; a probe that names it says no more than one that names none."""
    field = message.WhichOneof("probe_type") or "tcp_socket"
    asked = getattr(message, field)
    http, grpc = message.http_get, message.grpc
    return Probe(
        kind=_KINDS[field],
        port=asked.port if asked.port != port else 0,
        path=http.path or "/",
        service=grpc.service,
        headers=tuple((each.name, each.value) for each in http.http_headers),
        initial_delay=message.initial_delay_seconds * SECOND,
        timeout=(message.timeout_seconds or _PROBE_TIMEOUT) * SECOND,
        period=(message.period_seconds or _PROBE_PERIOD) * SECOND,
        failures=message.failure_threshold or _PROBE_FAILURES,
    )


def _set_probe(message: Any, probe: Probe, port: int) -> None:
    message.initial_delay_seconds = probe.initial_delay // SECOND
    message.timeout_seconds = probe.timeout // SECOND
    message.period_seconds = probe.period // SECOND
    message.failure_threshold = probe.failures
    asked = getattr(message, _FIELDS[probe.kind])
    asked.port = probe.port or port
    match probe.kind:
        case ProbeKind.HTTP:
            asked.path = probe.path
            for name, value in probe.headers:
                asked.http_headers.add(name=name, value=value)
        case ProbeKind.GRPC:
            asked.service = probe.service
        case ProbeKind.TCP:
            pass
