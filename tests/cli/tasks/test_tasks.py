"""`kumo tasks create-*, buffer, list, describe, delete, run, locations, cmek-config`."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kumotasks.cli.main import main
from tests.running import KumoProcess, RecordingWorker, running

PLACE = "projects/p/locations/us-central1"
Kumo = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KumoProcess]:
    with running(tmp_path_factory.mktemp("tasks"), "--project", "p") as server:
        yield server


@pytest.fixture
def kumo(
    shared: KumoProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Kumo:
    """Runs `kumo tasks ...` with a queue q that is paused: exit code, output, errors."""
    monkeypatch.setenv("KUMO_CONFIG_DIR", str(tmp_path / "home"))
    monkeypatch.setenv("KUMO_ENDPOINT", f"http://{shared.address}")
    monkeypatch.setenv("KUMO_TASKS_LOCATION", "us-central1")

    def run(*words: str) -> tuple[int, str, str]:
        code = main(["tasks", *words])
        return (code, *capsys.readouterr())

    run("queues", "create", "q")
    run("queues", "pause", "q")
    run("queues", "purge", "q", "--quiet")
    return run


def test_a_task_is_made_described_listed_run_and_deleted(kumo: Kumo, worker: RecordingWorker) -> None:
    made = kumo(
        "create-http-task",
        "one",
        "--queue=q",
        f"--url={worker.url}/x",
        "--method=put",
        "--header=A: b",
        "--body-content=hé",
    )
    assert made == (0, "", f"Created task [{PLACE}/queues/q/tasks/one].\n")
    _, out, _ = kumo("describe", "one", "--queue=q", "--response-view=full", "--format=json(httpRequest)")
    assert json.loads(out)["httpRequest"] == {
        "body": "aMOp",
        "headers": {"A": "b", "User-Agent": "Google-Cloud-Tasks"},
        "httpMethod": "PUT",
        "url": f"{worker.url}/x",
    }
    columns = [
        "TASK_NAME",
        "TYPE",
        "CREATE_TIME",
        "SCHEDULE_TIME",
        "DISPATCH_ATTEMPTS",
        "RESPONSE_ATTEMPTS",
        "LAST_ATTEMPT_STATUS",
    ]
    listed = kumo("list", "--queue=q")[1].splitlines()
    assert listed[0].split() == columns
    assert [listed[1].split()[at] for at in (0, 1, 4, 5, 6)] == ["one", "http", "0", "0", "Unknown"]
    code, out, _ = kumo("run", f"{PLACE}/queues/q/tasks/one", "--format=value(name)")
    assert (code, out) == (0, f"{PLACE}/queues/q/tasks/one\n")
    assert worker.wait_for(1)[0].body == "hé".encode()
    kumo("create-http-task", "two", "--queue=q", "--url=http://127.0.0.1:9/")
    assert kumo("delete", "two", "--queue=q") == (0, "", "Deleted task [two].\n")


def test_a_body_comes_from_a_file_or_the_standard_input(
    kumo: Kumo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "body").write_bytes(b"\x00\xff")
    line = ("create-http-task", "--queue=q", "--url=http://127.0.0.1:9/", "--format=value(httpRequest.body)")
    kumo(*line[:3], "filed", f"--body-file={tmp_path / 'body'}")
    assert kumo("describe", "filed", "--queue=q", "--response-view=full", line[3])[1] == "AP8=\n"
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"in")))
    kumo(*line[:3], "piped", "--body-file=-")
    assert kumo("describe", "piped", "--queue=q", "--response-view=full", line[3])[1] == "aW4=\n"
    assert "Unable to read file [/nonexistent]" in kumo(*line, "--body-file=/nonexistent")[2]


def test_an_app_engine_task_and_a_token(kumo: Kumo) -> None:
    kumo("create-app-engine-task", "app", "--queue=q", "--relative-uri=/x", "--routing=service:abc")
    found = json.loads(kumo("describe", "app", "--queue=q", "--format=json")[1])
    assert found["appEngineHttpRequest"]["relativeUri"] == "/x"
    assert found["appEngineHttpRequest"]["appEngineRouting"]["service"] == "abc"
    token = ("--oidc-service-account-email=a@p.iam.gserviceaccount.com", "--oidc-token-audience=https://x")
    _, out, _ = kumo(
        "create-http-task", "--queue=q", "--url=https://x.example/", *token, "--format=json(httpRequest.oidcToken)"
    )
    assert json.loads(out)["httpRequest"]["oidcToken"] == {
        "audience": "https://x",
        "serviceAccountEmail": "a@p.iam.gserviceaccount.com",
    }


def test_a_task_by_its_id_wants_a_queue(kumo: Kumo) -> None:
    code, _, err = kumo("describe", "one")
    assert code == 1
    assert err == (
        "ERROR: (kumo.tasks.describe) Must specify either the fully qualified task path or the queue flag.\n"
    )


def test_a_queue_with_a_target_buffers(kumo: Kumo) -> None:
    kumo("queues", "create", "buffering", "--http-uri-override=host:127.0.0.1,port:9,scheme:http")
    buffered = kumo("buffer", "--queue=buffering", "--location=us-central1", "--task-id=b1")
    assert buffered == (0, "", "Buffered task in queue [us-central1/buffering].\n")
    assert kumo("list", "--queue=buffering", "--format=value(name)")[1] == "b1\n"
    assert "argument --location: Must be specified." in kumo("buffer", "--queue=buffering")[2]


def test_locations_are_listed_and_described(kumo: Kumo) -> None:
    assert kumo("locations", "list", "--limit=1")[1].splitlines() == [
        "NAME         FULL_NAME",
        f"us-central1  {PLACE}",
    ]
    assert kumo("locations", "describe", "us-east1", "--format=value(locationId)")[1] == "us-east1\n"


def test_a_key_is_set_and_cleared(kumo: Kumo) -> None:
    key = f"{PLACE}/keyRings/r/cryptoKeys/k"
    made = kumo("cmek-config", "update", "--location=us-central1", "--kms-key-name=k", "--kms-keyring=r")
    assert made == (0, f"kmsKey: {key}\nname: {PLACE}/cmekConfig\n", f"Updated Cmek config for KMS key: [{key}].\n")
    assert kumo("cmek-config", "describe", "--location=us-central1", "--format=value(kmsKey)")[1] == f"{key}\n"
    cleared = kumo("cmek-config", "update", "--location=us-central1", "--clear-kms-key")
    assert cleared[2] == "Updated Cmek config for KMS key: [].\n"
    assert kumo("cmek-config", "update", "--location=us-central1", "--kms-key-name=k")[0] == 1
