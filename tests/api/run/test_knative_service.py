"""Services as Knative v1 writes them, between document and value."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import pytest

from kumotasks.api.run.knative_revision import revision_document
from kumotasks.api.run.knative_service import new_service, service_document, service_of
from kumotasks.domain.clock import SECOND
from kumotasks.domain.errors import InvalidArgument
from kumotasks.domain.run.condition import Condition, State
from kumotasks.domain.run.revision import Revision
from kumotasks.domain.run.service import Ingress, Service, ServiceName, Target
from kumotasks.domain.run.template import DEFAULT_STARTUP_PROBE, Container, ProbeKind, Template
from tests.factory import NOW

NAME = ServiceName("p", "asia-northeast1", "worker")
NUMBER = "123456789012"
# As gcloud sends a new service.
BY_GCLOUD: dict[str, Any] = {
    "apiVersion": "serving.knative.dev/v1",
    "kind": "Service",
    "metadata": {
        "name": "worker",
        "namespace": "p",
        "labels": {},
        "annotations": {
            "run.googleapis.com/client-name": "gcloud",
            "run.googleapis.com/client-version": "528.0.0",
            "run.googleapis.com/ingress": "all",
        },
    },
    "spec": {
        "template": {
            "metadata": {
                "labels": {"client.knative.dev/nonce": "abc"},
                "annotations": {
                    "autoscaling.knative.dev/maxScale": "1",
                    "run.googleapis.com/client-name": "gcloud",
                    "run.googleapis.com/startup-cpu-boost": "True",
                },
            },
            "spec": {
                "containerConcurrency": 80,
                "timeoutSeconds": 3600,
                "nodeSelector": {},
                "containers": [
                    {
                        "image": "asia-docker.pkg.dev/p/r/worker",
                        "name": "",
                        "ports": [{"containerPort": 8080}],
                        "env": [{"name": "B", "value": "2"}, {"name": "A", "value": "1"}],
                        "resources": {"limits": {"cpu": "1000m", "memory": "512Mi"}, "requests": {}},
                    }
                ],
            },
        },
        "traffic": [{"percent": 100, "latestRevision": True}],
    },
    "status": {"address": {}},
}


def by_gcloud(**container: object) -> dict[str, Any]:
    document = copy.deepcopy(BY_GCLOUD)
    document["spec"]["template"]["spec"]["containers"][0] |= container
    return document


def read(document: dict[str, Any], old: Service | None = None) -> Service:
    return service_of(document, old or new_service(NAME))


def shown(service: Service) -> dict[str, Any]:
    return service_document(service, NUMBER)


def test_what_gcloud_sends_is_understood() -> None:
    service = read(BY_GCLOUD)
    container = service.template.serving
    assert (service.client, service.client_version, service.ingress) == ("gcloud", "528.0.0", Ingress.ALL)
    assert service.traffic == (Target(100),)
    assert service.annotations == ()
    template = service.template
    assert (template.concurrency, template.timeout, template.max_instances) == (80, 3600 * SECOND, 1)
    assert template.labels == (("client.knative.dev/nonce", "abc"),)
    assert (container.image, container.port, container.startup_cpu_boost) == (
        "asia-docker.pkg.dev/p/r/worker",
        8080,
        True,
    )
    assert (container.env, container.env_order) == ((("A", "1"), ("B", "2")), ("B", "A"))
    assert container.startup_probe == DEFAULT_STARTUP_PROBE


def test_flags_that_were_not_given_have_clouds_runs_defaults() -> None:
    document = by_gcloud()
    del document["spec"]["traffic"]
    template = document["spec"]["template"]
    template["metadata"] = {}
    template["spec"] = {"containers": [{"image": "i"}]}
    service = read(document)
    assert service.template == Template((Container("i"),))
    assert service.traffic == (Target(100),)


def test_whoever_sends_back_what_he_read_changes_nothing() -> None:
    document = by_gcloud(
        command=["python"],
        args=["main.py"],
        workingDir="/srv",
        env=[{"name": "Z", "value": "1"}, {"name": "A", "value": ""}],
        resources={"limits": {"cpu": "2", "memory": "1Gi", "nvidia.com/gpu": "1"}},
        volumeMounts=[{"name": "v", "mountPath": "/v"}],
        livenessProbe={"httpGet": {"path": "/live", "httpHeaders": [{"name": "a", "value": "b"}]}, "periodSeconds": 20},
        startupProbe={"grpc": {"service": "s", "port": 9000}, "timeoutSeconds": 2},
    )
    document["metadata"]["annotations"] |= {
        "run.googleapis.com/launch-stage": "BETA",
        "run.googleapis.com/minScale": "1",
        "run.googleapis.com/custom-audiences": '["a","b"]',
        "run.googleapis.com/invoker-iam-disabled": "true",
        "run.googleapis.com/description": "what it does",
        "mine.example.com/own": "x",
    }
    spec = document["spec"]["template"]["spec"]
    spec |= {"serviceAccountName": "a@p.iam.gserviceaccount.com", "volumes": [{"name": "v", "emptyDir": {}}]}
    document["spec"]["template"]["metadata"]["annotations"] |= {
        "run.googleapis.com/vpc-access-egress": "all-traffic",
        "run.googleapis.com/cpu-throttling": "false",
        "mine.example.com/own": "y",
    }
    document["spec"]["traffic"] = [
        {"percent": 90, "latestRevision": True},
        {"percent": 10, "revisionName": "worker-00001-abc"},
        {"tag": "old", "revisionName": "worker-00001-abc"},
    ]
    service = read(document)
    answer = shown(service)
    assert read(answer, service) == service
    assert read(answer) == service
    again = answer["spec"]["template"]["spec"]
    assert [each["name"] for each in again["containers"][0]["env"]] == ["Z", "A"]
    assert again["containers"][0]["resources"]["limits"]["nvidia.com/gpu"] == "1"
    assert again["volumes"] == spec["volumes"]
    assert answer["metadata"]["annotations"]["run.googleapis.com/launch-stage"] == "BETA"
    assert service.annotations == (("mine.example.com/own", "x"),)


def test_a_container_that_nobody_named_is_called_by_its_service() -> None:
    def names(service: Service) -> list[str]:
        return [each["name"] for each in shown(service)["spec"]["template"]["spec"]["containers"]]

    beside = Container("sidecar", name="redis")
    made = replace(new_service(NAME), template=Template((Container("image"), beside, Container("third"))))
    assert names(made) == ["worker-1", "redis", "worker-3"]
    assert read(shown(made), made).template == made.template
    renamed = shown(made)
    renamed["spec"]["template"]["spec"]["containers"][0]["name"] = "front"
    assert names(read(renamed, made)) == ["front", "redis", "worker-3"]
    assert read(by_gcloud(name="worker-1")) == read(BY_GCLOUD)
    said_in_v2 = replace(made, template=Template((Container("image", name="worker-1"),)))
    assert read(shown(said_in_v2), said_in_v2).template == said_in_v2.template


def test_a_replacement_keeps_what_this_api_has_no_name_for() -> None:
    old = replace(
        read(BY_GCLOUD),
        deletion_protection=True,
        rest=b'{"launchStage":"BETA"}',
        template=replace(read(BY_GCLOUD).template, source="/srv/worker", rest=b'{"sessionAffinity":true}'),
    )
    changed = read(by_gcloud(env=[{"name": "C", "value": "3"}]), old)
    assert (changed.deletion_protection, changed.rest) == (True, b'{"launchStage":"BETA"}')
    assert changed.template.rest.startswith(b'{"sessionAffinity":true')
    assert changed.template.serving.env == (("C", "3"),)
    assert changed.template.source == "/srv/worker"
    assert read(by_gcloud(image="other"), old).template.source == ""


def test_the_answer_says_what_gcloud_waits_for() -> None:
    service = replace(
        read(BY_GCLOUD),
        uid="u",
        created=NOW,
        generation=2,
        observed=2,
        latest_created="worker-00002-def",
        latest_ready="worker-00002-def",
        creator="me@example.com",
        conditions=(
            Condition("Ready", State.SUCCEEDED, NOW),
            Condition("ConfigurationsReady", State.FAILED, NOW, "HEALTH_CHECK_CONTAINER_ERROR", "it failed"),
            Condition("RoutesReady", State.PENDING, NOW, "CONTAINER_MISSING"),
        ),
        serving=(Target(100, "worker-00002-def"),),
    )
    answer = shown(service)
    metadata, status = answer["metadata"], answer["status"]
    assert metadata["namespace"] == NUMBER
    assert metadata["generation"] == status["observedGeneration"] == 2
    assert metadata["labels"] == {"cloud.googleapis.com/location": "asia-northeast1"}
    assert metadata["annotations"]["serving.knative.dev/creator"] == "me@example.com"
    assert metadata["annotations"]["run.googleapis.com/ingress-status"] == "all"
    assert metadata["annotations"]["run.googleapis.com/urls"] == (
        f'["https://worker-{NUMBER}.asia-northeast1.run.app","{status["url"]}"]'
    )
    assert status["address"] == {"url": status["url"]}
    assert status["traffic"] == [{"revisionName": "worker-00002-def", "percent": 100, "latestRevision": True}]
    assert [(each["type"], each["status"], each.get("reason")) for each in status["conditions"]] == [
        ("Ready", "True", None),
        ("ConfigurationsReady", "False", "HealthCheckContainerFailed"),
        ("RoutesReady", "Unknown", "ContainerMissing"),
    ]
    assert status["conditions"][1]["message"] == "it failed"


def test_traffic_to_a_revision_by_name_is_not_said_to_be_the_latest() -> None:
    named = (Target(100, "worker-00001-abc", "old"),)
    service = replace(read(BY_GCLOUD), latest_ready="worker-00001-abc", traffic=named, serving=named)
    (target,) = shown(service)["status"]["traffic"]
    assert "latestRevision" not in target
    assert target["url"].startswith("https://old---worker-")


def test_without_urls_of_its_own_a_service_shows_none() -> None:
    answer = shown(replace(read(BY_GCLOUD), default_uri_disabled=True))
    assert "run.googleapis.com/urls" not in answer["metadata"]["annotations"]
    assert "url" not in answer["status"]


@pytest.mark.parametrize(
    ("where", "value", "told"),
    [
        (("kind",), "Job", "kind: must be Service."),
        (("spec", "template", "spec", "containers"), [], "spec.template.spec.containers: must have at least one"),
        (("spec", "template", "spec", "contianers"), [], "Unknown name \"contianers\" at 'spec.template.spec'"),
        (("metadata", "annotations", "run.googleapis.com/ingress"), "some", "ingress]: must be one of all, internal"),
        (("metadata", "annotations", "run.googleapis.com/custom-audiences"), "a", "must be a JSON array of strings"),
        (
            ("spec", "template", "metadata", "annotations", "autoscaling.knative.dev/maxScale"),
            "many",
            "annotations[autoscaling.knative.dev/maxScale]' (TYPE_INT32)",
        ),
        (
            ("spec", "template", "metadata", "annotations", "run.googleapis.com/cpu-throttling"),
            "perhaps",
            "must be true or false",
        ),
        (("spec", "traffic"), [{"percent": 100}], "spec.traffic[0]: exactly one of revisionName and latestRevision"),
    ],
)
def test_what_is_wrong_is_told_by_its_path(where: tuple[str, ...], value: object, told: str) -> None:
    document = by_gcloud()
    inner = document
    for name in where[:-1]:
        inner = inner[name]
    inner[where[-1]] = value
    with pytest.raises(InvalidArgument) as refusal:
        read(document)
    assert told in refusal.value.message


@pytest.mark.parametrize(
    ("container", "told"),
    [
        ({"ports": [{"containerPort": 1}, {"containerPort": 2}]}, "containers[0].ports: should have at most one port"),
        ({"env": [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]}, "the variable A is set more than once"),
        ({"startupProbe": {"periodSeconds": 3}}, "must have exactly one of httpGet, tcpSocket and grpc"),
        ({"startupProbe": {"tcpSocket": {"prot": 1}}}, 'Unknown name "prot"'),
    ],
)
def test_what_is_wrong_in_a_container_is_told(container: dict[str, Any], told: str) -> None:
    with pytest.raises(InvalidArgument) as refusal:
        read(by_gcloud(**container))
    assert told in refusal.value.message


def test_a_probe_that_says_little_has_kubernetes_defaults() -> None:
    probe = read(by_gcloud(livenessProbe={"httpGet": {}})).template.serving.liveness_probe
    assert probe is not None
    assert (probe.kind, probe.path, probe.port) == (ProbeKind.HTTP, "/", 0)
    assert (probe.timeout, probe.period, probe.failures) == (SECOND, 10 * SECOND, 3)


def test_a_probe_follows_the_containers_port() -> None:
    service = read(by_gcloud(livenessProbe={"httpGet": {}}))
    document = shown(service)
    container = document["spec"]["template"]["spec"]["containers"][0]
    assert container["startupProbe"]["tcpSocket"] == {"port": 8080}
    container["ports"] = [{"containerPort": 9000}]
    moved = read(document, service)
    container = shown(moved)["spec"]["template"]["spec"]["containers"][0]
    assert container["startupProbe"]["tcpSocket"] == {"port": 9000}
    assert container["livenessProbe"]["httpGet"]["port"] == 9000


def test_a_revision_shows_its_template_and_whose_it_is() -> None:
    template = read(by_gcloud()).template
    revision = Revision(
        NAME,
        "worker-00001-abc",
        "u",
        template,
        None,
        labels=template.labels,
        created=NOW,
        conditions=(Condition("Ready", State.SUCCEEDED, NOW),),
    )
    answer = revision_document(revision, NUMBER, active=False)
    labels = answer["metadata"]["labels"]
    assert (answer["kind"], answer["metadata"]["name"]) == ("Revision", "worker-00001-abc")
    assert labels["serving.knative.dev/service"] == "worker"
    assert labels["client.knative.dev/nonce"] == "abc"
    assert answer["spec"]["containers"] == shown(read(by_gcloud()))["spec"]["template"]["spec"]["containers"]
    assert answer["status"]["conditions"][0]["status"] == "True"
    assert answer["status"]["conditions"][1] == {
        "type": "Active",
        "severity": "Info",
        "status": "False",
        "reason": "NoTraffic",
    }
    assert "imageDigest" not in answer["status"]


def test_a_variable_that_refers_to_a_secret_is_refused() -> None:
    secret = {"name": "S", "valueFrom": {"secretKeyRef": {"name": "s", "key": "latest"}}}
    with pytest.raises(InvalidArgument, match=r"variable 'S' refers to a secret\. There is no Secret Manager here"):
        read(by_gcloud(env=[secret]))
