"""What each flag of a deployment does to a service."""

# ruff: noqa: E501 - tables: a row is a line

from __future__ import annotations

from pathlib import Path

import pytest

from kumotasks.cli.client import Failure
from kumotasks.cli.command import Json
from kumotasks.cli.main import main
from kumotasks.cli.run.flags import SOURCE, changed, command_line
from kumotasks.cli.values import BadValue
from tests.cli.run.lines import line

LIVE: Json = {
    "labels": {"a": "1"},
    "customAudiences": ["x"],
    "template": {
        "labels": {"a": "1"},
        "annotations": {SOURCE: "/old"},
        "timeout": "300s",
        "scaling": {"maxInstanceCount": 3},
        "containers": [
            {
                "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}],
                "ports": [{"name": "h2c", "containerPort": 8080}],
                "resources": {"limits": {"memory": "512Mi"}},
            }
        ],
    },
}


def made(flags: str, service: Json = LIVE) -> Json:
    return changed(service, line(f"run services update worker {flags}"))


def at(document: Json, path: str) -> object:
    value: object = document
    for name in path.split("."):
        value = value[int(name)] if isinstance(value, list) else value[name]  # type: ignore[index]
    return value


C = "template.containers.0"


@pytest.mark.parametrize(
    ("flags", "path", "value"),
    [
        ("--image=a/b", f"{C}.image", "a/b"),
        ("--image=a/b", "template.annotations", {}),
        ("--command='python main.py'", f"{C}.command", ["python", "main.py"]),
        ("--args=--port,80", f"{C}.args", ["--port", "80"]),
        ("--port=9000", f"{C}.ports", [{"name": "h2c", "containerPort": 9000}]),
        ("--port=default", f"{C}.ports", [{"name": "h2c"}]),
        ("--no-use-http2", f"{C}.ports", [{"name": "http1", "containerPort": 8080}]),
        ("--concurrency=5", "template.maxInstanceRequestConcurrency", 5),
        ("--timeout=60m", "template.timeout", "3600s"),
        ("--timeout=600", "template.timeout", "600s"),
        ("--min-instances=1", "template.scaling", {"minInstanceCount": 1, "maxInstanceCount": 3}),
        ("--max-instances=default", "template.scaling", {}),
        ("--min=1 --max=2", "scaling", {"minInstanceCount": 1, "maxInstanceCount": 2}),
        ("--memory=1Gi", f"{C}.resources", {"limits": {"memory": "1Gi"}}),
        ("--cpu=2", f"{C}.resources.limits", {"memory": "512Mi", "cpu": "2"}),
        ("--cpu-throttling --cpu-boost", f"{C}.resources.cpuIdle", True),
        ("--no-cpu-throttling", f"{C}.resources.cpuIdle", False),
        ("--execution-environment=gen2", "template.executionEnvironment", "EXECUTION_ENVIRONMENT_GEN2"),
        ("--service-account=a@b", "template.serviceAccount", "a@b"),
        ("--ingress=internal", "ingress", "INGRESS_TRAFFIC_INTERNAL_ONLY"),
        ("--description='for people'", "description", "for people"),
        ("--set-env-vars=C=3", f"{C}.env", [{"name": "C", "value": "3"}]),
        ("--set-env-vars=C=3 --set-env-vars=^;^D=4,5;C=6", f"{C}.env", [{"name": "C", "value": "6"}, {"name": "D", "value": "4,5"}]),
        ("--update-env-vars=B=9,C=3", f"{C}.env", [{"name": "A", "value": "1"}, {"name": "B", "value": "9"}, {"name": "C", "value": "3"}]),
        ("--remove-env-vars=A,Z", f"{C}.env", [{"name": "B", "value": "2"}]),
        ("--remove-env-vars=A --update-env-vars=A=5", f"{C}.env", [{"name": "B", "value": "2"}, {"name": "A", "value": "5"}]),
        ("--clear-env-vars", f"{C}.env", []),
        ("--labels=b=2", "labels", {"b": "2"}),
        ("--update-labels=b=2", "template.labels", {"a": "1", "b": "2"}),
        ("--remove-labels=a", "labels", {}),
        ("--clear-labels", "template.labels", {}),
        ("--set-custom-audiences=y,z", "customAudiences", ["y", "z"]),
        ("--add-custom-audiences=y,x", "customAudiences", ["x", "y"]),
        ("--remove-custom-audiences=x", "customAudiences", []),
        ("--clear-custom-audiences", "customAudiences", []),
        ("--no-invoker-iam-check", "invokerIamDisabled", True),
        ("--no-default-url", "defaultUriDisabled", True),
    ],
)  # fmt: skip
def test_a_flag_changes_its_field(flags: str, path: str, value: object) -> None:
    assert at(made(flags), path) == value


def test_what_is_not_named_stays() -> None:
    assert made("--timeout=600") == {**LIVE, "template": {**LIVE["template"], "timeout": "600s"}}  # type: ignore[dict-item]


def test_a_new_service_that_says_its_memory_still_idles() -> None:
    """Cloud Run takes a message that has resources and says nothing of idling for one that never idles."""
    assert at(made("--memory=1Gi", {}), f"{C}.resources") == {"cpuIdle": True, "limits": {"memory": "1Gi"}}


def test_the_container_with_the_port_is_the_one_that_is_meant() -> None:
    both: Json = {"template": {"containers": [{"name": "side"}, {"name": "main", "ports": [{"containerPort": 80}]}]}}
    assert at(made("--image=x", both), "template.containers.1.image") == "x"


def test_a_source_is_a_directory_of_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = made("--source=.", {"template": {"containers": [{"image": "old"}]}})
    assert at(found, "template.annotations") == {SOURCE: str(tmp_path)}
    assert at(found, C) == {}
    with pytest.raises(Failure, match="is no directory"):
        made("--source=./missing")


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("python main.py", ["python", "main.py"]),
        ("python -c 'print(1, 2)'", ["python", "-c", "print(1, 2)"]),
        ("python,main.py", ["python", "main.py"]),
        ("./run", ["./run"]),
        ("", []),
    ],
)
def test_a_command_is_words_of_a_shell_or_gclouds_list(written: str, words: list[str]) -> None:
    assert command_line(written) == words


def test_a_command_that_no_shell_could_read_is_refused() -> None:
    with pytest.raises(BadValue, match="No closing quotation"):
        command_line("python 'main.py")


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        ("--image=a --source=.", "At most one of --image | --source can be specified."),
        ("--set-env-vars=A=1 --clear-env-vars", "can be specified"),
        ("--set-env-vars=A=1 --remove-env-vars=A", "can be specified"),
        ("--labels=a=1 --update-labels=a=1", "can be specified"),
        ("--cpu-boost --no-cpu-boost", "can be specified"),
        ("--timeout=soon", "argument --timeout: Failed to parse duration"),
        ("--concurrency=0", "argument --concurrency: Value must be greater than or equal to 1"),
        ("--ingress=none", "argument --ingress: Invalid choice"),
        ("--set-env-vars=A", "argument --set-env-vars: Bad syntax for dict arg: [A]."),
        ("--port=99999", "argument --port: Value must be less than or equal to 65535"),
    ],
)
def test_a_wrong_flag_is_said(flags: str, sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "deploy", "worker", *flags.split()]) == 2
    assert sentence in capsys.readouterr().err


@pytest.mark.parametrize("name", ["BAD_name", "1a", "a-", "a" * 50, "projects/p/locations/l/services/B"])
def test_a_name_that_no_service_can_have_is_said_before_anybody_is_asked(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", "deploy", name, "--image=a", "--region=us-central1", "--project=p"]) == 1
    assert f"Invalid service name [{name.rpartition('/')[2]}]: only lowercase" in capsys.readouterr().err
