"""`kumo run front`: what a line asks the guard to be."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from kumotasks.cli.client import WrongCall
from kumotasks.cli.main import main
from kumotasks.cli.run.front import settings
from kumotasks.domain.clock import SECOND
from kumotasks.domain.run.service import ServiceName
from kumotasks.server.front_settings import FrontSettings
from tests.cli.run.lines import line
from tests.running import KumoProcess, RecordingWorker

WORKER = ServiceName("shop", "us-central1", "worker")
BEGIN = "run front --upstream=http://127.0.0.1:9000 --service=worker --project=shop --region=us-central1"


def test_a_list_of_members_is_judged_by_the_keys_of_the_server_that_runs() -> None:
    assert settings(line(f"{BEGIN} --allow=allUsers,user:a@b --endpoint=http://127.0.0.1:1")) == FrontSettings(
        "http://127.0.0.1:9000",
        WORKER,
        allow=("allUsers", "user:a@b"),
        certificates="http://127.0.0.1:1/oauth2/v3/certs",
    )


def test_a_data_directory_brings_keys_and_policies() -> None:
    found = settings(line(f"{BEGIN} --data=/var/kumo --port=0 --host=::1 --timeout=10m --audiences=a,b"))
    assert found == FrontSettings(
        "http://127.0.0.1:9000",
        WORKER,
        host="::1",
        port=0,
        timeout=600 * SECOND,
        audiences=("a", "b"),
        data=Path("/var/kumo"),
    )


def test_an_issuer_elsewhere_has_keys_of_its_own() -> None:
    elsewhere = "--issuer=https://kumo.example --certs-url=https://kumo.example/keys"
    found = settings(line(f"{BEGIN} --allow=allUsers {elsewhere}"))
    assert (found.issuer, found.certificates) == ("https://kumo.example", "https://kumo.example/keys")


def test_somebody_must_say_who_may_call() -> None:
    with pytest.raises(WrongCall, match=r"--data \| --allow"):
        settings(line(BEGIN))


@pytest.mark.parametrize("upstream", ["127.0.0.1:9000", "https://a.example", "http://a.example/path", "http://"])
def test_a_worker_is_where_http_is_spoken(upstream: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "front", f"--upstream={upstream}", "--service=worker"]) == 2
    assert "argument --upstream: Write http://HOST:PORT" in capsys.readouterr().err


SENDER = "sender@p.iam.gserviceaccount.com"


@contextmanager
def guarding(worker: RecordingWorker, *words: str) -> Iterator[str]:
    """The URL of a guard that stands before the worker; it ends well."""
    where = ("--service=worker", "--project=p", "--region=us-central1", "--port=0", "--audiences=my-worker")
    command = [sys.executable, "-m", "kumotasks.cli.main", "run", "front", f"--upstream={worker.url}", *where, *words]
    with subprocess.Popen(command, env={**os.environ}, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        told = next((found for each in process.stderr if (found := re.search(r"http://127\.0\.0\.1:\d+", each))), None)
        assert told is not None, "the guard ended"
        try:
            yield told[0]
        finally:
            process.send_signal(signal.SIGTERM)
            process.stderr.read()
    assert process.returncode == 0


def send(server: KumoProcess, task: str, url: str, token: dict[str, str] | None) -> None:
    """A task that is tried once."""
    queue = "/v2/projects/p/locations/us-central1/queues"
    body = {"name": f"{queue[4:]}/once", "retryConfig": {"maxAttempts": 1}}
    assert server.http("POST", queue, body)[0] in (200, 409)
    request = {"url": url, **({"oidcToken": token} if token else {})}
    made = {"task": {"name": f"{queue[4:]}/once/tasks/{task}", "httpRequest": request}}
    assert server.http("POST", f"{queue}/once/tasks", made)[0] == 200


def test_only_who_may_call_comes_to_the_worker(server: KumoProcess, worker: RecordingWorker) -> None:
    words = (f"--allow=serviceAccount:{SENDER}", f"--endpoint=http://{server.address}")
    with guarding(worker, *words) as url:
        send(server, "without", f"{url}/without", None)
        send(server, "stranger", f"{url}/stranger", {"serviceAccountEmail": f"x{SENDER}", "audience": "my-worker"})
        send(server, "elsewhere", f"{url}/elsewhere", {"serviceAccountEmail": SENDER, "audience": "another"})
        send(server, "sender", f"{url}/sender", {"serviceAccountEmail": SENDER, "audience": "my-worker"})
        server.wait_idle()
    assert [arrival.path for arrival in worker.arrivals] == ["/sender"]


def let_in(server: KumoProcess, *members: str) -> None:
    policy = {"bindings": [{"role": "roles/run.invoker", "members": members}]}
    assert server.http("POST", "/v1/projects/p:setIamPolicy", {"policy": policy})[0] == 200


def status(url: str) -> int:
    try:
        with urllib.request.urlopen(url, timeout=20) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def until(url: str, wanted: int) -> None:
    """A bounded look, as a guard sees within a second what its server wrote and tells nobody."""
    for _ in range(400):
        if status(url) == wanted:
            return
        time.sleep(0.05)
    raise AssertionError(f"it never was {wanted}")


def test_the_policies_of_an_installation_judge_while_its_server_runs_and_while_it_is_away(
    server: KumoProcess, worker: RecordingWorker
) -> None:
    data = f"--data={server.directory / 'data'}"
    with guarding(worker, data) as url:
        assert status(f"{url}/nobody") == 403
        let_in(server, "allUsers")
        until(f"{url}/everybody", 200)
        let_in(server)
        until(f"{url}/everybody", 403)
        let_in(server, "allUsers")
        assert server.stop() == 0
        until(f"{url}/everybody", 200)
        server.start()
        let_in(server)
        until(f"{url}/everybody", 403)
        let_in(server, "allUsers")
        server.stop()
    with guarding(worker, data) as url:
        assert status(f"{url}/alone") == 200
    assert {arrival.path for arrival in worker.arrivals} == {"/everybody", "/alone"}


def test_a_data_directory_without_a_store_is_told(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main([*BEGIN.split(), f"--data={tmp_path / 'none'}", "--port=0"]) == 1
    assert f"There is no store at {tmp_path / 'none'}/kumo.db." in capfd.readouterr().err
    assert not (tmp_path / "none").exists()
