"""`kumo run` against a server with real workers: deployed, called, changed, shared, read, deleted."""

# ruff: noqa: E501 - tables: a row is a line

from __future__ import annotations

import json
import re
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.cli.conftest import Said
from tests.running import KumoProcess

HERE = ("--region=us-central1", "--quiet")
PROGRAM = """
import http.server, os

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        print("asked for " + self.path, flush=True)
        self.send_response(200)
        self.end_headers()
        self.wfile.write((os.environ.get("MODE", "") + " " + os.environ["K_REVISION"]).encode())

    def log_message(self, *arguments):
        pass

http.server.HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""
DEPLOYED = re.compile(
    r"Deploying container to Cloud Run service \[worker\] in project \[\S+\] region \[us-central1\]\n"
    r"Deploying\.\.\.\n(?:Setting IAM Policy\.\.\.\n)?Done\.\n"
    r"Service \[worker\] revision \[(worker-00001-\w{3})\] has been deployed and is serving 100 percent of traffic\.\n"
    r"Service URL: https://(worker-\d+\.us-central1\.run\.app)\n"
)
CHANGED = re.compile(r"revision \[(worker-00002-\w{3})\] has been deployed and is serving (\d+) percent of traffic\.")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    directory = tmp_path / "worker"
    directory.mkdir()
    (directory / "main.py").write_text(PROGRAM)
    return directory


def deployed(said: Said, source: Path, *more: str) -> tuple[str, str]:
    """The revision and the host of a new service that lets everybody in."""
    command = ("run", "deploy", "worker", f"--source={source}", f"--command={sys.executable} main.py", *HERE)
    code, output, told = said(*command, "--allow-unauthenticated", *more)
    found = DEPLOYED.fullmatch(told)
    assert (code, output) == (0, ""), told
    assert found is not None, told
    return found[1], found[2]


def called(server: KumoProcess, host: str, path: str = "/") -> str:
    """What a service answers."""
    request = urllib.request.Request(f"http://{server.address}{path}", headers={"Host": host})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return str(answer.read().decode())
    except urllib.error.HTTPError as error:
        with error:
            return str(error.code)


def test_a_service_is_deployed_called_changed_and_deleted(said: Said, either: KumoProcess, source: Path) -> None:
    revision, host = deployed(said, source, "--set-env-vars=MODE=fast", "--set-env-vars=X=1")
    assert called(either, host) == f"fast {revision}"
    code, _, told = said("run", "services", "update", "worker", "--update-env-vars=MODE=slow", *HERE)
    found = CHANGED.search(told)
    assert (code, found and found[2]) == (0, "100"), told
    assert found is not None
    assert called(either, host) == f"slow {found[1]}"
    assert said("run", "services", "delete", "worker", *HERE) == (0, "", "Deleted service [worker].\n")
    gone = said("run", "services", "describe", "worker", *HERE)
    assert gone[0] == 1
    assert "NOT_FOUND: Resource 'worker' of kind 'SERVICE'" in gone[2]


def test_a_service_is_closed_unless_it_is_said(said: Said, either: KumoProcess, source: Path) -> None:
    _, host = deployed(said, source)
    again = ("run", "deploy", "worker", f"--source={source}", f"--command={sys.executable} main.py", *HERE)
    assert said(*again, "--no-allow-unauthenticated")[0] == 0
    assert called(either, host) == "403"
    member = ("--member=allUsers", "--role=roles/run.invoker")
    code, policy, told = said("run", "services", "add-iam-policy-binding", "worker", *member, "--format=json", *HERE)
    assert (code, told) == (0, "Updated IAM policy for service [worker].\n")
    assert json.loads(policy)["bindings"] == [{"members": ["allUsers"], "role": "roles/run.invoker"}]
    assert called(either, host).endswith(current(said))
    assert said("run", "services", "remove-iam-policy-binding", "worker", *member, *HERE)[0] == 0
    assert "allUsers" not in said("run", "services", "get-iam-policy", "worker", *HERE)[1]


def current(said: Said) -> str:
    """The revision that a service has now."""
    form = "--format=value(status.latestReadyRevisionName)"
    return said("run", "services", "describe", "worker", form, *HERE)[1].strip()


def test_a_new_revision_waits_for_its_share(said: Said, either: KumoProcess, source: Path) -> None:
    first, host = deployed(said, source)
    code, _, told = said(
        "run", "services", "update", "worker", "--update-env-vars=MODE=b", "--no-traffic", "--tag=green", *HERE
    )
    found = CHANGED.search(told)
    assert found is not None, told
    assert (code, found[2]) == (0, "0")
    assert f"The revision can be reached directly at https://green---{host}" in told
    assert called(either, host) == f" {first}"
    assert called(either, f"green---{host}") == f"b {found[1]}"
    code, output, told = said("run", "services", "update-traffic", "worker", "--to-tags=green=100", *HERE)
    assert (code, told) == (0, "Updating traffic...\nDone.\n")
    assert f"  100% {found[1]}\n       green: https://green---" in output
    assert called(either, host) == f"b {found[1]}"
    listed = said("run", "revisions", "list", "--service=worker", "--format=value(metadata.name)", *HERE)[1]
    assert sorted(listed.split()) == [first, found[1]]
    assert said("run", "revisions", "delete", first, *HERE) == (0, "", f"Deleted revision [{first}].\n")
    assert f"Revision {found[1]}" in said("run", "revisions", "describe", found[1], *HERE)[1]


def test_services_are_listed_with_their_state(said: Said, source: Path) -> None:
    deployed(said, source)
    code, _, told = said("run", "deploy", "broken", "--image=pkg.dev/shop/nothing", *HERE)
    assert code == 1
    assert "Deployment failed\nERROR: (kumo.run.deploy) " in told
    assert "Image 'pkg.dev/shop/nothing' not found." in told
    rows = said("run", "services", "list")[1].splitlines()
    assert [row.split()[:3] for row in rows[1:]] == [["X", "broken", "us-central1"], ["✔", "worker", "us-central1"]]
    assert said("run", "services", "list", "--region=europe-west1") == (0, "", "Listed 0 items.\n")


def test_what_a_service_printed_and_was_asked_is_read(said: Said, either: KumoProcess, source: Path) -> None:
    _, host = deployed(said, source)
    called(either, host, "/first")
    called(either, host, "/second")
    # Entries are written twice a second; the line is asked until they are there.
    for _ in range(500):
        told = said("run", "services", "logs", "read", "worker", *HERE)[1]
        if "asked for /second" in told and told.count(" GET 200 https://") == 2:
            break
    lines = [line[20:] for line in told.splitlines()]
    assert [line for line in lines if line.startswith("asked")] == ["asked for /first", "asked for /second"]
    assert sum(line.startswith(f"GET 200 https://{host}/") for line in lines) == 2, lines
    few = said("run", "logs", "read", "worker", "--log-filter=textPayload:second", "--limit=1", *HERE)[1]
    assert few.endswith(" asked for /second\n")


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (("deploy", "worker"), 2, "argument --image | --source: one of them must be specified."),
        (("deploy", "a/b", "--image=x"), 1, "could not parse resource [a/b]"),
        (("deploy", "Worker", "--image=x"), 1, "Invalid service name [Worker]"),
        (("deploy", "worker", "--image=x", "--no-traffic"), 1, "--no-traffic not supported when creating a new service."),
        (("services", "update", "worker"), 1, "No configuration change requested."),
        (("services", "update", "worker", "--timeout=5"), 1, "NOT_FOUND"),
        (("services", "update-traffic", "worker"), 2, "one of them must be specified."),
        (("services", "update-traffic", "worker", "--to-revisions=a=x"), 2, "argument --to-revisions: x: Value must be an integer"),
        (("revisions", "describe", "worker-00001-abc"), 1, "NOT_FOUND"),
    ],
)  # fmt: skip
def test_a_wrong_line_is_said(said: Said, words: tuple[str, ...], code: int, sentence: str) -> None:
    ended = said("run", *words, *HERE)
    assert ended[:2] == (code, ""), ended
    assert sentence in ended[2]
