"""What Cloud Run refuses of a service."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from kumotasks.domain.clock import SECOND
from kumotasks.domain.errors import InvalidArgument
from kumotasks.domain.run.rules import check_service
from kumotasks.domain.run.service import Service, Target
from kumotasks.domain.run.template import Container, Probe, ProbeKind
from tests.domain.run.factory import a_service, a_template

AT = "template.containers[0]"
LIMITS = "template.containers.resources.limits"


def with_template(**changes: Any) -> Service:
    service = a_service()
    return replace(service, template=replace(service.template, **changes))


def with_container(*, concurrency: int = 80, **changes: Any) -> Service:
    container = replace(a_template().serving, **changes)
    return with_template(containers=(container,), concurrency=concurrency)


def refusal_of(service: Service) -> str:
    with pytest.raises(InvalidArgument) as refusal:
        check_service(service)
    field, _, rule = refusal.value.message.partition(": ")
    assert [(each.field, each.description) for each in refusal.value.violations] == [(field, rule)]
    return refusal.value.message


def test_what_google_has_by_default_is_taken() -> None:
    assert check_service(a_service()) == a_service()


def test_traffic_that_was_not_said_is_completed() -> None:
    assert check_service(a_service(traffic=())).traffic == (Target(100),)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"containers": ()}, "template.containers: should contain exactly 1 container."),
        ({"containers": (Container("a"), Container("b"))}, "template.containers: should contain exactly 1 container."),
        ({"concurrency": 0}, "template.max_instance_request_concurrency: must be between 1 and 1000."),
        ({"concurrency": 1001}, "template.max_instance_request_concurrency: must be between 1 and 1000."),
        ({"timeout": SECOND - 1}, "template.timeout: must be between 1s and 3600s."),
        ({"timeout": 3601 * SECOND}, "template.timeout: must be between 1s and 3600s."),
        (
            {"min_instances": 3, "max_instances": 2},
            "template.scaling.min_instance_count: must be less than or equal to max_instance_count.",
        ),
        ({"min_instances": -1}, "template.scaling.min_instance_count: must be greater than or equal to 0."),
        ({"max_instances": -1}, "template.scaling.max_instance_count: must be greater than or equal to 0."),
        (
            {"revision": "green"},
            "template.revision: Revision name must be prefixed by the name of the enclosing Service: 'worker-'.",
        ),
        ({"labels": (("a b", "c"),)}, "template.labels: 'a b': 'c' is not a label."),
        ({"service_account": "bob"}, "template.service_account: 'bob' is not the e-mail of an account."),
    ],
)
def test_a_template_that_no_revision_could_be_made_of_is_refused(changes: dict[str, Any], sentence: str) -> None:
    assert refusal_of(with_template(**changes)) == sentence


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"image": ""}, f"{AT}.image: Required field not provided."),
        ({"port": 0}, f"{AT}.ports[0].container_port: must be between 1 and 65535."),
        ({"port": 65_536}, f"{AT}.ports[0].container_port: must be between 1 and 65535."),
        ({"port_name": "http2"}, f'{AT}.ports[0].name: must be one of "http1" or "h2c".'),
        (
            {"env": (("A", "1"), ("K_SERVICE", "x"), ("PORT", "1"))},
            (
                f"{AT}.env: The following reserved env names were provided: K_SERVICE, PORT. "
                "These values are automatically set by the system."
            ),
        ),
        ({"env": (("A=B", "1"),)}, f"{AT}.env: 'A=B' is not a name and a text that a process can be given."),
        ({"env": (("A", "1\0"),)}, f"{AT}.env: 'A' is not a name and a text that a process can be given."),
        ({"env": (("A", "x" * 32_769),)}, f"{AT}.env: the value of 'A' is longer than 32768 bytes."),
        ({"memory": "lots"}, f"{LIMITS}: 'lots' is not an amount of memory, such as 512Mi."),
        ({"cpu": "many"}, f"{LIMITS}: 'many' is not an amount of CPU, such as 1000m or 2."),
        (
            {"memory": "5Gi"},
            (
                f"{LIMITS}.memory: Invalid value specified for container memory. "
                "For 1.0 CPU, memory must be between 128Mi and 4Gi inclusive."
            ),
        ),
        (
            {"cpu": "4", "memory": "1Gi"},
            (
                f"{LIMITS}.memory: Invalid value specified for container memory. "
                "For 4.0 CPU, memory must be between 2Gi and 16Gi inclusive."
            ),
        ),
        (
            {"cpu": "3"},
            f"{LIMITS}.cpu: Invalid value specified for cpu. It must be 1, 2, 4, 6, 8, or from 0.08 to 1.",
        ),
        (
            {"cpu": "500m"},
            f"{LIMITS}.cpu: Invalid value specified for cpu. Total cpu < 1 is not supported with concurrency > 1.",
        ),
    ],
)
def test_a_container_that_could_not_run_is_refused(changes: dict[str, Any], sentence: str) -> None:
    assert refusal_of(with_container(**changes)) == sentence


def test_half_a_processor_is_enough_for_one_request_at_a_time() -> None:
    service = with_container(cpu="500m", concurrency=1)
    assert check_service(service) == service


def from_source(image: str) -> Service:
    service = with_container(image=image)
    return replace(service, template=replace(service.template, source="/srv/worker"))


def test_a_source_directory_is_shown_as_the_image_that_cloud_run_would_build() -> None:
    checked = check_service(from_source(""))
    assert checked.template.source == "/srv/worker"
    assert checked.template.serving.image == "asia-northeast1-docker.pkg.dev/p/cloud-run-source-deploy/worker"
    assert check_service(checked) == checked


def test_there_is_no_source_and_another_image() -> None:
    assert refusal_of(from_source("gcr.io/p/other")).endswith(
        "image: must be empty where a source directory is run ('/srv/worker')."
    )


@pytest.mark.parametrize(
    ("probe", "sentence"),
    [
        (Probe(port=70_000), "port: must be between 1 and 65535."),
        (Probe(initial_delay=241 * SECOND), "initial_delay_seconds: must be between 0 and 240."),
        (Probe(period=0), "period_seconds: must be between 1 and 240."),
        (Probe(timeout=2 * SECOND, period=SECOND), "timeout_seconds: must be less than or equal to period_seconds."),
        (Probe(failures=0), "failure_threshold: must be greater than or equal to 1."),
        (Probe(ProbeKind.HTTP, path="health"), "http_get.path: must begin with '/'."),
    ],
)
def test_a_probe_that_could_not_be_made_is_refused(probe: Probe, sentence: str) -> None:
    assert refusal_of(with_container(startup_probe=probe)) == f"{AT}.startup_probe.{sentence}"


def test_a_start_is_waited_for_four_minutes_at_most() -> None:
    probe = Probe(period=10 * SECOND, timeout=SECOND, failures=25)
    sentence = f"{AT}.startup_probe: failure_threshold * period_seconds must be at most 240."
    assert refusal_of(with_container(startup_probe=probe)) == sentence
    within = with_container(startup_probe=replace(probe, failures=24))
    assert check_service(within) == within


def test_that_something_listens_is_no_sign_of_life() -> None:
    sentence = f"{AT}.liveness_probe: must be an http_get or a grpc probe."
    assert refusal_of(with_container(liveness_probe=Probe())) == sentence


def test_a_service_as_a_whole_has_limits_too() -> None:
    least = replace(a_service(), min_instances=3, max_instances=2)
    assert refusal_of(least) == "scaling.min_instance_count: must be less than or equal to max_instance_count."
    assert refusal_of(replace(a_service(), description="x" * 513)) == "description: must be at most 512 characters."
