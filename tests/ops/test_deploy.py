"""The files of deploy/: read by the tools that this machine has, and held against what the server really takes."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from kumotasks.cli import parser
from kumotasks.domain.clock import SECOND
from kumotasks.settings import Settings, check, gather
from reference.calls import calls
from tests.ops.documents import ROOT
from tests.postgres import postgres
from tests.running import KumoProcess, missing, running

DEPLOY = ROOT / "deploy"
UNIT = (DEPLOY / "kumo.service").read_text()
DOCKERFILE = (DEPLOY / "Dockerfile").read_text()
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
SECRETS = {"store": "postgresql://kumo@db.example/kumo", "secret": "0123456789abcdef"}
# What is spelled in each object, by where it stands; a word that is not here is one that nobody reads.
FIELDS = {
    "": "apiVersion kind metadata spec",
    "metadata": "name labels",
    "Service.spec": "selector ports",
    "Service.spec.ports": "name port targetPort appProtocol",
    "PodDisruptionBudget.spec": "maxUnavailable minAvailable selector",
    "Deployment.spec": "replicas strategy selector template",
    "Deployment.spec.strategy": "type rollingUpdate",
    "Deployment.spec.template": "metadata spec",
    "Deployment.spec.template.spec": (
        "automountServiceAccountToken terminationGracePeriodSeconds securityContext topologySpreadConstraints "
        "containers volumes"
    ),
    "Deployment.spec.template.spec.securityContext": "runAsNonRoot runAsUser runAsGroup fsGroup seccompProfile",
    "Deployment.spec.template.spec.containers": (
        "name image args env ports startupProbe readinessProbe livenessProbe lifecycle resources securityContext "
        "volumeMounts"
    ),
    "Deployment.spec.template.spec.containers.securityContext": (
        "allowPrivilegeEscalation readOnlyRootFilesystem capabilities"
    ),
    "Deployment.spec.template.spec.containers.resources": "requests limits",
}


def manifests() -> dict[str, Any]:
    """Each object by its kind."""
    listed = yaml.safe_load((DEPLOY / "kubernetes" / "kustomization.yaml").read_text())["resources"]
    assert {*listed, "kustomization.yaml"} == {path.name for path in (DEPLOY / "kubernetes").iterdir()}
    found = [yaml.safe_load((DEPLOY / "kubernetes" / name).read_text()) for name in listed]
    return {each["kind"]: each for each in found}


def pod() -> Any:
    return manifests()["Deployment"]["spec"]["template"]["spec"]


def of_image() -> dict[str, str]:
    """The environment that the image sets."""
    (text,) = re.findall(r"^ENV ((?:.*\\\n)*.*)$", DOCKERFILE, re.MULTILINE)
    return dict(each.split("=", 1) for each in text.replace("\\\n", " ").split())


def environments() -> Iterator[tuple[str, dict[str, str]]]:
    """What a server finds in its environment, by which file."""
    yield "Dockerfile", of_image()
    composed = {
        name: re.sub(r"\$\{\w+(:\?[^}]*)?\}", "0123456789abcdef", value)
        for name, value in COMPOSE["services"]["kumo"]["environment"].items()
    }
    yield "compose", {**of_image(), **composed}
    of_pod = {each["name"]: SECRETS[each["valueFrom"]["secretKeyRef"]["key"]] for each in pod()["containers"][0]["env"]}
    yield "kubernetes", {**of_image(), **of_pod}
    (line,) = re.findall(r"^Environment=(.*)$", UNIT, re.MULTILINE)
    yield "unit", dict(each.split("=", 1) for each in line.split())


@pytest.mark.parametrize("file", ["Dockerfile", "compose", "kubernetes", "unit"])
def test_a_server_can_start_from_the_environment(file: str) -> None:
    environment = dict(environments())[file]
    ours = {name: value for name, value in environment.items() if name.startswith("KUMO_")}
    settings = check(gather({}, ours, {}))
    fields = {f"KUMO_{name.upper()}" for name in Settings.__dataclass_fields__}
    assert set(ours) <= fields
    assert settings.on_postgres == (file in ("compose", "kubernetes"))


# systemd


def test_systemd_reads_the_unit_and_finds_it_closed(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip(missing("systemd-analyze"))
    unit = tmp_path / "kumo.service"
    unit.write_text(UNIT.replace("/opt/kumo/bin/kumo", str(Path(sys.executable).parent / "kumo")))
    verified = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True, check=False)
    assert (verified.returncode, verified.stderr) == (0, "")
    closed = ["systemd-analyze", "security", "--offline=yes", "--threshold=25", str(unit)]
    assert subprocess.run(closed, capture_output=True, check=False).returncode == 0


def test_the_unit_runs_a_line_that_is_understood() -> None:
    (line,) = re.findall(r"^ExecStart=\S+/kumo (.*)$", UNIT, re.MULTILINE)
    command, rest = parser.find(line.split())
    assert command.words == "serve"
    assert parser.values(command, rest) == {"config": "/etc/kumo/kumo.toml"}


def test_every_stop_leaves_time_for_the_drain() -> None:
    allowed = {
        "unit": int(re.findall(r"^TimeoutStopSec=(\d+)$", UNIT, re.MULTILINE)[0]),
        "compose": int(COMPOSE["services"]["kumo"]["stop_grace_period"].removesuffix("s")),
        "kubernetes": pod()["terminationGracePeriodSeconds"],
    }
    pause = int(re.findall(r"sleep\((\d+)\)", str(pod()["containers"][0]["lifecycle"]))[0])
    assert all(each >= 2 * (Settings().drain // SECOND + pause) for each in allowed.values())


# images


def test_the_image_is_of_hashed_packages_and_runs_as_nobody() -> None:
    last = DOCKERFILE.rsplit("\nFROM ", 1)[1]
    assert re.findall(r"^USER (\S+)$", last, re.MULTILINE) == ["10001:10001"]
    assert "--require-hashes" in DOCKERFILE
    assert "--no-index" in DOCKERFILE
    assert "pip" not in last
    assert set(re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)) == {"python:3.13-slim-bookworm"}


def test_the_image_is_made_of_files_that_are_let_in() -> None:
    let_in = {line[1:] for line in (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines() if line[0] == "!"}
    copied = {
        name for line in re.findall(r"^COPY (?!--from)(.*) \S+$", DOCKERFILE, re.MULTILINE) for name in line.split()
    }
    assert copied == let_in
    assert [name for name in copied if not (ROOT / name).exists()] == []


@pytest.fixture
def commons() -> Iterator[Path]:
    """A directory that any user may use; those of pytest are closed to others."""
    with tempfile.TemporaryDirectory() as place:
        Path(place).chmod(0o777)
        yield Path(place)


def test_a_server_of_the_image_needs_only_its_data_to_be_written(commons: Path) -> None:
    """A read-only root, as any user: what the image and the manifests promise."""
    alone = ["unshare", "--mount", "--propagation", "private", "bash", "-ec"]
    script = (
        f'mount --bind "{commons}" "{commons}"; mount -o remount,bind,ro /; '
        f'! touch "{ROOT}/src/written" 2>/dev/null; exec setpriv --reuid 10001 --regid 10001 --clear-groups "$@"'
    )
    tried = subprocess.run([*alone, script, "-", sys.executable, "-c", ""], capture_output=True, check=False)
    if tried.returncode != 0:
        pytest.skip(missing("unshare", "mounts of its own for a program that runs as nobody"))
    server = KumoProcess(commons, prefix=(*alone, script, "-"))
    try:
        server.start()
        assert server.http("GET", "/v2/projects/p/locations/us-central1/queues")[0] == 200
        assert server.stop() == 0
    finally:
        server.close()


# compose and Kubernetes


def test_containers_of_compose_wait_for_a_database_and_write_nowhere() -> None:
    kumo, database = COMPOSE["services"]["kumo"], COMPOSE["services"]["postgres"]
    assert kumo["depends_on"] == {"postgres": {"condition": "service_healthy"}}
    assert "pg_isready" in database["healthcheck"]["test"]
    assert (kumo["read_only"], kumo["cap_drop"]) == (True, ["ALL"])
    assert set(COMPOSE["volumes"]) == {each.split(":")[0] for each in database["volumes"]}
    assert (DEPLOY / kumo["build"]["context"] / kumo["build"]["dockerfile"]).exists()
    assert all(each.startswith("127.0.0.1:") and each.endswith(":8123") for each in kumo["ports"])


def test_objects_have_fields_that_are_read() -> None:
    unread = [path for kind, each in manifests().items() for path in unknown(each, kind, "")]
    assert unread == []


def unknown(value: Any, kind: str, path: str) -> Iterator[str]:
    """Where a field stands that FIELDS does not have; what it says nothing about is not looked at."""
    last = path.rpartition(".")[2]
    known = FIELDS.get(last if last in ("", "metadata") else f"{kind}.{path}")
    for each in value if isinstance(value, list) else [value]:
        if known is None or not isinstance(each, dict):
            continue
        for name, inner in each.items():
            if name not in known.split():
                yield f"{kind}.{path}.{name}"
            yield from unknown(inner, kind, f"{path}.{name}".lstrip("."))


def test_kubernetes_own_tool_renders_the_objects() -> None:
    if shutil.which("kubectl") is None:
        pytest.skip(missing("kubectl"))
    done = subprocess.run(
        ["kubectl", "kustomize", DEPLOY / "kubernetes"], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    rendered = {each["kind"]: each for each in yaml.safe_load_all(done.stdout)}
    assert set(rendered) == {"Deployment", "Service", "PodDisruptionBudget"}
    image = rendered["Deployment"]["spec"]["template"]["spec"]["containers"][0]["image"]
    assert image == "registry.example/kumotasks:0.1.0"


def test_objects_find_each_other() -> None:
    found = manifests()
    labels = found["Deployment"]["spec"]["template"]["metadata"]["labels"]
    assert found["Deployment"]["spec"]["selector"]["matchLabels"] == labels
    assert found["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"] == labels
    assert found["Service"]["spec"]["selector"] == labels
    ports = {each["name"]: each["containerPort"] for each in pod()["containers"][0]["ports"]}
    assert ports == {"api": Settings().port}
    assert {each["targetPort"] for each in found["Service"]["spec"]["ports"]} <= set(ports)
    mounts = {each["name"]: each["mountPath"] for each in pod()["containers"][0]["volumeMounts"]}
    assert mounts == {"data": of_image()["KUMO_DATA"], "tmp": "/tmp"}
    assert set(mounts) == {each["name"] for each in pod()["volumes"]}


def test_a_roll_takes_one_node_at_a_time() -> None:
    found = manifests()
    assert found["Deployment"]["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
    assert found["PodDisruptionBudget"]["spec"]["maxUnavailable"] == 1 < found["Deployment"]["spec"]["replicas"]


def test_pods_are_closed() -> None:
    (container,) = pod()["containers"]
    assert pod()["securityContext"]["runAsNonRoot"] is True
    assert pod()["securityContext"]["runAsUser"] == 10001
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def test_probes_ask_for_pages_that_are_there() -> None:
    pages = {page.path for page in calls()[1] if page.verb == "GET"}
    (container,) = pod()["containers"]
    asked = {kind: container[f"{kind}Probe"]["httpGet"]["path"] for kind in ("startup", "readiness", "liveness")}
    assert asked == {"startup": "/readyz", "readiness": "/readyz", "liveness": "/healthz"}
    assert set(asked.values()) <= pages
    assert re.findall(r"8123(/\w+)'", DOCKERFILE) == ["/readyz"]


def test_a_pod_is_ready_over_a_real_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    database = postgres().new_database("template0")
    for name, value in dict(environments())["kubernetes"].items():
        if name not in ("PATH", "KUMO_STORE", "KUMO_HOST"):
            monkeypatch.setenv(name, value)
    monkeypatch.setenv("KUMO_DATA", str(tmp_path / "data"))
    with running(tmp_path, "--store", postgres().url(database)) as server:
        (container,) = pod()["containers"]
        for kind in ("startup", "readiness", "liveness"):
            page = container[f"{kind}Probe"]["httpGet"]["path"]
            with urllib.request.urlopen(f"http://{server.address}{page}", timeout=10) as answer:
                assert answer.status == 200
        assert server.stop() == 0
    postgres().remove(database)
