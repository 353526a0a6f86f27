"""`gcloud run` against private workers: what it deploys runs, and it says what it says on Google."""

from __future__ import annotations

import json
import re
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.clients.gcloud_runs import Done, gcloud_with, overrides
from tests.running import KumoProcess, running

PROJECT = "gcloud-runner"
IMAGE = "asia-northeast1-docker.pkg.dev/gcloud-runner/images/worker"
HERE = "--region=asia-northeast1"
STYLE = re.compile(r"\x1b\[[0-9;]*m")
MOST_LOOKS = 200  # for a line to come through the journal
WORKER = """
import os
from flask import Flask, request

app = Flask(__name__)


@app.post("/")
def index():
    print(os.environ["K_REVISION"], os.environ.get("GREETING", "nothing"), request.get_data(as_text=True), flush=True)
    return "", 200


if __name__ == "__main__":
    app.run(host="127.0.0.1", port=int(os.environ["PORT"]))
"""


@dataclass(frozen=True)
class Gcloud:
    """`said` and `refused` give what it prints on both of its outputs, without its colours."""

    run: Callable[..., Done]

    def said(self, *words: str) -> str:
        done = self.run("run", *words)
        assert done.returncode == 0, done.stderr
        return STYLE.sub("", done.stdout + done.stderr)

    def refused(self, *words: str) -> str:
        done = self.run("run", *words)
        assert done.returncode == 1, done.stdout
        return STYLE.sub("", done.stderr)

    def json(self, *words: str) -> Any:
        done = self.run("run", *words, "--format=json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


@pytest.fixture(scope="module")
def kumo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KumoProcess]:
    folder = tmp_path_factory.mktemp("run")
    (folder / "worker").mkdir()
    (folder / "worker" / "main.py").write_text(WORKER)
    command = json.dumps([sys.executable, "main.py"])
    (folder / "kumo.toml").write_text(
        f'[images]\n"{IMAGE}" = {{ command = {command}, directory = "{folder / "worker"}" }}\n'
    )
    options = ("--tls", "auto", "--tls-port", "0", "--proxy-port", "0", "--config", str(folder / "kumo.toml"))
    with running(folder, *options) as process:
        yield process


@pytest.fixture(scope="module")
def gcloud(kumo: KumoProcess, tmp_path_factory: pytest.TempPathFactory) -> Gcloud:
    """By endpoint overrides. gcloud puts the region in front of the host, so the server is its plain proxy as well."""
    more = {
        **overrides(kumo, "SERVICEUSAGE", "LOGGING"),
        "CLOUDSDK_API_ENDPOINT_OVERRIDES_RUN": "http://run.googleapis.com/",
        "CLOUDSDK_PROXY_TYPE": "http_no_tunnel",
        "CLOUDSDK_PROXY_ADDRESS": "127.0.0.1",
        "CLOUDSDK_PROXY_PORT": str(kumo.port),
    }
    return Gcloud(gcloud_with(more, project=PROJECT, folder=tmp_path_factory.mktemp("gcloud")))


@pytest.fixture(scope="module")
def unpointed(kumo: KumoProcess, tmp_path_factory: pytest.TempPathFactory) -> Gcloud:
    """By nothing but the proxy port: gcloud speaks TLS with Google's names."""
    more = {
        "CLOUDSDK_PROXY_TYPE": "http",
        "CLOUDSDK_PROXY_ADDRESS": "127.0.0.1",
        "CLOUDSDK_PROXY_PORT": str(kumo.proxy_port),
        "CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE": str(kumo.directory / "data" / "tls" / "ca.pem"),
    }
    return Gcloud(gcloud_with(more, project=PROJECT, folder=tmp_path_factory.mktemp("unpointed")))


def call(kumo: KumoProcess, url: str, body: bytes) -> int:
    """The status that a service answers to a caller who shows nothing."""
    host = url.removeprefix("https://")
    request = urllib.request.Request(f"http://{kumo.address}/", body, {"Host": host}, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def wait_for_line(kumo: KumoProcess, text: str) -> None:
    """Until the server's log has a line of a worker."""
    wanted = {"resourceNames": [f"projects/{PROJECT}"], "filter": f'textPayload:"{text}"'}
    for _ in range(MOST_LOOKS):
        status, answer = kumo.http("POST", "/v2/entries:list", wanted)
        assert status == 200, answer
        if answer.get("entries"):
            return
    raise AssertionError(f"no worker said {text}")


def deployed(said: str) -> tuple[str, str]:
    """The revision and the URL that gcloud tells of."""
    told = re.search(
        r"Service \[worker\] revision \[(\S+)\] has been deployed and is serving 100 percent of traffic\.\n"
        r"Service URL: (https://\S+)\n",
        said,
    )
    assert told is not None, said
    return told[1], told[2]


def test_a_private_worker_from_its_deployment_to_its_end(gcloud: Gcloud, kumo: KumoProcess) -> None:
    first, url = deployed(
        gcloud.said(
            "deploy",
            "worker",
            "--concurrency=80",
            "--cpu=1000m",
            "--memory=512Mi",
            f"--image={IMAGE}",
            "--ingress=all",
            "--no-allow-unauthenticated",
            "--max-instances=1",
            "--port=8080",
            "--timeout=60m",
            HERE,
        )
    )
    assert re.fullmatch(r"worker-00001-[a-z0-9]{3}", first)
    assert re.fullmatch(r"https://worker-\d+\.asia-northeast1\.run\.app", url)
    assert call(kumo, url, b"nobody knows me") == 403
    second, _ = deployed(gcloud.said("services", "update", "worker", "--set-env-vars=GREETING=hello", HERE))
    third, _ = deployed(gcloud.said("services", "update", "worker", "--timeout=600", HERE))
    assert (second[:12], third[:12]) == ("worker-00002", "worker-00003")
    everybody = ("worker", "--member=allUsers", "--role=roles/run.invoker", HERE)
    assert "Updated IAM policy for service [worker]." in gcloud.said("services", "add-iam-policy-binding", *everybody)
    assert call(kumo, url, b"let me in") == 200
    wait_for_line(kumo, f"{third} hello let me in")
    read = gcloud.said("services", "logs", "read", "worker", HERE)
    assert f" {third} hello let me in\n" in read
    assert re.search(rf" POST 403 {url}/\n", read)
    assert re.search(rf" POST 200 {url}/\n", read)
    gcloud.said("services", "remove-iam-policy-binding", *everybody)
    assert call(kumo, url, b"no more") == 403
    _shows_what_was_deployed(gcloud, third, url)
    assert "Deleted service [worker]." in gcloud.said("services", "delete", "worker", HERE)
    assert gcloud.json("services", "list") == []
    assert "Cannot find service [worker]" in gcloud.refused("services", "describe", "worker", HERE)


def _shows_what_was_deployed(gcloud: Gcloud, revision: str, url: str) -> None:
    described = gcloud.said("services", "describe", "worker", HERE)
    for line in (
        f"URL:     {url}",
        "  Container worker-1",
        "Ingress: all",
        f"  100% LATEST (currently {revision})",
        f"    Image:           {IMAGE}",
        "    Port:            8080",
        "    Memory:          512Mi",
        "    CPU:             1000m",
        "      GREETING       hello",
        "  Concurrency:       80",
        "  Max instances:     1",
        "  Timeout:           600s",
    ):
        assert line in described.splitlines(), described
    (everywhere,) = gcloud.json("services", "list")
    (here,) = gcloud.json("services", "list", HERE)
    assert everywhere == here
    assert here["status"]["traffic"] == [{"latestRevision": True, "percent": 100, "revisionName": revision}]
    listed = gcloud.said("revisions", "list", "--service=worker", HERE).splitlines()
    assert [line.split()[1:4] for line in listed[1:2]] == [[revision, "yes", "worker"]]
    assert len(listed) == 4


def test_an_image_that_nothing_stands_for_is_told_and_can_be_mended(gcloud: Gcloud) -> None:
    refused = gcloud.refused("deploy", "worker", f"--image={IMAGE}-other", "--no-allow-unauthenticated", HERE)
    assert "ERROR: (gcloud.run.deploy) Revision 'worker-00001-" in refused
    assert f"Image '{IMAGE}-other' not found." in refused
    assert "kumo.toml" in refused
    second, _ = deployed(gcloud.said("deploy", "worker", f"--image={IMAGE}", "--no-allow-unauthenticated", HERE))
    assert second.startswith("worker-00002-")
    gcloud.said("services", "delete", "worker", HERE)


def test_what_cloud_run_refuses_is_told_by_its_field(gcloud: Gcloud) -> None:
    image = f"--image={IMAGE}"
    refused = gcloud.refused("deploy", "worker", image, "--memory=64Mi", "--no-allow-unauthenticated", HERE)
    assert "spec.template.spec.containers.resources.limits.memory: Invalid value specified" in refused
    refused = gcloud.refused("deploy", "worker", image, "--set-env-vars=PORT=1", "--no-allow-unauthenticated", HERE)
    assert "reserved env names were provided: PORT" in refused


def test_the_public_hello_image_and_split_traffic(unpointed: Gcloud, kumo: KumoProcess) -> None:
    """All of it through the proxy port, over TLS."""
    hello = ("hello", "--image=us-docker.pkg.dev/cloudrun/container/hello", HERE)
    said = unpointed.said("deploy", *hello, "--allow-unauthenticated", "--revision-suffix=one")
    url = said.rpartition("Service URL: ")[2].strip()
    assert call(kumo, url, b"") == 200
    said = unpointed.said("deploy", *hello, "--no-traffic", "--tag=next", "--revision-suffix=two")
    assert "Service [hello] revision [hello-two] has been deployed and is serving 0 percent of traffic." in said
    tagged = said.rpartition("can be reached directly at ")[2].strip()
    assert tagged.startswith("https://next---hello-")
    assert call(kumo, tagged, b"") == 200
    split = unpointed.said("services", "update-traffic", "hello", "--to-tags=next=25", HERE)
    assert re.search(r"  75% hello-one\n  25% hello-two\n +next: https://next---hello-", split), split
    latest = unpointed.said("services", "update-traffic", "hello", "--to-latest", HERE)
    assert "  100% LATEST (currently hello-two)" in latest
    assert "asia-northeast1" in unpointed.said("regions", "list")
    unpointed.said("revisions", "delete", "hello-one", HERE)
    unpointed.said("services", "delete", "hello", HERE)
