"""What Cloud Run takes and what it refuses: limits, reserved names, what fits together. Pure.

Sentences are Google's where they are known; fields are called by Cloud Run v2's names.
"""

from __future__ import annotations

import re
from dataclasses import replace

from kumotasks.domain.clock import HOUR, SECOND
from kumotasks.domain.errors import InvalidArgument, Violation
from kumotasks.domain.run.names import check_revision_id
from kumotasks.domain.run.quantity import GIBIBYTE, MEBIBYTE, cpu_millis, memory_bytes, shown_memory
from kumotasks.domain.run.service import Service, ServiceName
from kumotasks.domain.run.template import RESERVED_ENV, Container, Pairs, Probe, ProbeKind, Template
from kumotasks.domain.run.traffic import check_traffic

MAX_CONCURRENCY = 1_000
MAX_TIMEOUT = HOUR
MAX_PORT = 65_535
MAX_STARTUP = 240 * SECOND
MAX_ENV = 32 * 1024  # Cloud Run: bytes of a variable's value
MAX_TEXT = 512  # Cloud Run: characters of a description
PORT_NAMES = ("", "http1", "h2c")
# Up to so many thousandths of a processor, the most memory: Cloud Run's table.
_MOST_MEMORY = {500: 512 * MEBIBYTE, 999: GIBIBYTE, 1_000: 4 * GIBIBYTE, 2_000: 8 * GIBIBYTE, 4_000: 16 * GIBIBYTE}
_MOST_MEMORY |= {6_000: 24 * GIBIBYTE, 8_000: 32 * GIBIBYTE}
_LEAST_MEMORY = {4_000: 2 * GIBIBYTE, 6_000: 4 * GIBIBYTE, 8_000: 4 * GIBIBYTE}
_SMALLEST_MEMORY = 128 * MEBIBYTE
_LEAST_CPU, _WHOLE_CPU = 80, 1_000
_ENV_NAME = re.compile(r"[^=\0]{1,1024}")
_LABEL_KEY = re.compile(r"(?:[a-z0-9.\-]{1,253}/)?[A-Za-z0-9][A-Za-z0-9_.\-]{0,62}")
_LABEL_VALUE = re.compile(r"[A-Za-z0-9_.\-]{0,63}")
_ACCOUNT = re.compile(r"[^@\s/]{1,100}@[A-Za-z0-9.\-]{1,200}")
_CONTAINER = "template.containers[0]"
_MIN_RULE = "must be less than or equal to max_instance_count"


def check_service(service: Service) -> Service:
    """`service`, if it may be asked for, its image and its traffic complete."""
    service = replace(service, template=_imaged(service.template, service.name))
    check_template(service.template, service.name.service)
    _check_scaling("scaling", service.min_instances, service.max_instances)
    _check_labels("labels", service.labels)
    if len(service.description) > MAX_TEXT:
        raise refused("description", f"must be at most {MAX_TEXT} characters")
    return replace(service, traffic=check_traffic(service.traffic, service.name.service))


def check_template(template: Template, service: str) -> None:
    """Refuse a template that no revision of `service` could be made of."""
    if len(template.containers) != 1:
        raise refused("template.containers", "should contain exactly 1 container")
    if template.revision:
        check_revision_id(template.revision, service)
    _within("template.max_instance_request_concurrency", template.concurrency, MAX_CONCURRENCY)
    if not SECOND <= template.timeout <= MAX_TIMEOUT:
        raise refused("template.timeout", f"must be between 1s and {MAX_TIMEOUT // SECOND}s")
    _check_scaling("template.scaling", template.min_instances, template.max_instances)
    _check_labels("template.labels", template.labels)
    if template.service_account and _ACCOUNT.fullmatch(template.service_account) is None:
        raise refused("template.service_account", f"'{template.service_account}' is not the e-mail of an account")
    _check_container(template.serving, template)


def _imaged(template: Template, name: ServiceName) -> Template:
    """A source gets the image that Cloud Run would build of it: there is none, but clients do not do without."""
    if not template.source or not template.containers:
        return template
    serving, others = template.containers[0], template.containers[1:]
    built = f"{name.location}-docker.pkg.dev/{name.project}/cloud-run-source-deploy/{name.service}"
    if serving.image not in ("", built):
        raise refused(f"{_CONTAINER}.image", f"must be empty where a source directory is run ('{template.source}')")
    return replace(template, containers=(replace(serving, image=built), *others))


def _check_container(container: Container, template: Template) -> None:
    if not container.image and not template.source:
        raise refused(f"{_CONTAINER}.image", "Required field not provided")
    _within(f"{_CONTAINER}.ports[0].container_port", container.port, MAX_PORT)
    if container.port_name not in PORT_NAMES:
        raise refused(f"{_CONTAINER}.ports[0].name", 'must be one of "http1" or "h2c"')
    _check_env(container.env)
    _check_resources(container, template.concurrency)
    _check_probe(f"{_CONTAINER}.startup_probe", container.startup_probe, MAX_STARTUP)
    if container.startup_probe.failures * container.startup_probe.period > MAX_STARTUP:
        rule = f"failure_threshold * period_seconds must be at most {MAX_STARTUP // SECOND}"
        raise refused(f"{_CONTAINER}.startup_probe", rule)
    if container.liveness_probe is not None:
        if container.liveness_probe.kind is ProbeKind.TCP:
            raise refused(f"{_CONTAINER}.liveness_probe", "must be an http_get or a grpc probe")
        _check_probe(f"{_CONTAINER}.liveness_probe", container.liveness_probe, HOUR)


def _check_env(env: Pairs) -> None:
    field = f"{_CONTAINER}.env"
    reserved = [name for name, _ in env if name in RESERVED_ENV]
    if reserved:
        told = f"The following reserved env names were provided: {', '.join(reserved)}."
        raise refused(field, f"{told} These values are automatically set by the system")
    for name, value in env:
        if _ENV_NAME.fullmatch(name) is None or "\0" in value:
            raise refused(field, f"'{name}' is not a name and a text that a process can be given")
        if len(value.encode(errors="replace")) > MAX_ENV:
            raise refused(field, f"the value of '{name}' is longer than {MAX_ENV} bytes")


def _check_resources(container: Container, concurrency: int) -> None:
    field = "template.containers.resources.limits"
    try:
        cpu, memory = cpu_millis(container.cpu), memory_bytes(container.memory)
    except ValueError as error:
        raise refused(field, str(error)) from error
    if cpu < _LEAST_CPU or (cpu > _WHOLE_CPU and cpu not in _MOST_MEMORY):
        raise refused(f"{field}.cpu", "Invalid value specified for cpu. It must be 1, 2, 4, 6, 8, or from 0.08 to 1")
    if cpu < _WHOLE_CPU and concurrency > 1:
        told = "Invalid value specified for cpu. Total cpu < 1 is not supported with concurrency > 1"
        raise refused(f"{field}.cpu", told)
    most = next(amount for limit, amount in _MOST_MEMORY.items() if cpu <= limit)
    least = _LEAST_MEMORY.get(cpu, _SMALLEST_MEMORY)
    if not least <= memory <= most:
        between = f"between {shown_memory(least)} and {shown_memory(most)} inclusive"
        told = f"Invalid value specified for container memory. For {cpu / 1000} CPU, memory must be {between}"
        raise refused(f"{field}.memory", told)


def _check_probe(field: str, probe: Probe, most: int) -> None:
    if not 0 <= probe.port <= MAX_PORT:
        raise refused(f"{field}.port", f"must be between 1 and {MAX_PORT}")
    if not 0 <= probe.initial_delay <= most:
        raise refused(f"{field}.initial_delay_seconds", f"must be between 0 and {most // SECOND}")
    for name, length in (("period_seconds", probe.period), ("timeout_seconds", probe.timeout)):
        if not SECOND <= length <= most:
            raise refused(f"{field}.{name}", f"must be between 1 and {most // SECOND}")
    if probe.timeout > probe.period:
        raise refused(f"{field}.timeout_seconds", "must be less than or equal to period_seconds")
    if probe.failures < 1:
        raise refused(f"{field}.failure_threshold", "must be greater than or equal to 1")
    if probe.kind is ProbeKind.HTTP and not probe.path.startswith("/"):
        raise refused(f"{field}.http_get.path", "must begin with '/'")


def _check_scaling(field: str, least: int, most: int) -> None:
    if least < 0:
        raise refused(f"{field}.min_instance_count", "must be greater than or equal to 0")
    if most < 0:
        raise refused(f"{field}.max_instance_count", "must be greater than or equal to 0")
    if most and least > most:
        raise refused(f"{field}.min_instance_count", _MIN_RULE)


def _check_labels(field: str, labels: Pairs) -> None:
    for key, value in labels:
        if _LABEL_KEY.fullmatch(key) is None or _LABEL_VALUE.fullmatch(value) is None:
            raise refused(field, f"'{key}': '{value}' is not a label")


def secret_refused(name: str) -> InvalidArgument:
    """Of a variable whose value is to be fetched."""
    told = "refers to a secret. There is no Secret Manager here: give its value itself."
    return InvalidArgument(f"The environment variable '{name}' {told}")


def _within(field: str, number: int, most: int) -> None:
    if not 1 <= number <= most:
        raise refused(field, f"must be between 1 and {most}")


def refused(field: str, rule: str) -> InvalidArgument:
    """A refusal that names the field, in its sentence and beside it."""
    return InvalidArgument(f"{field}: {rule}.", violations=(Violation(field, f"{rule}."),))
