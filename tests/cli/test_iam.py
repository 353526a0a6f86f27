"""`kumo iam explain`: why, why not, and what would change it."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kumotasks.cli.client import Client, endpoint_at
from kumotasks.cli.main import main
from tests.running import KumoProcess, running

QUEUE = "projects/kumo-local/locations/us-central1/queues/mail"
CREATE = "cloudtasks.tasks.create"
ENQUEUER = "roles/cloudtasks.enqueuer"
SENDER = "sender@kumo-local.iam.gserviceaccount.com"
MEMBER = f"serviceAccount:{SENDER}"
OWNER = "kumo-owner@kumo-local.iam.gserviceaccount.com"
ROLES = f"{ENQUEUER}, roles/cloudtasks.editor, roles/cloudtasks.admin"
Explain = Callable[..., tuple[int, str]]


@pytest.fixture(scope="module")
def iam(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KumoProcess]:
    with running(tmp_path_factory.mktemp("iam"), "--auth", "iam", "--queue", "mail") as server:
        at(server).call("POST", "/v1/projects/kumo-local/serviceAccounts", body={"accountId": "sender"})
        yield server


def at(server: KumoProcess) -> Client:
    return Client(endpoint_at(f"http://{server.address}"))


def bind(server: KumoProcess, *bindings: dict[str, object]) -> None:
    at(server).call("POST", f"/v2/{QUEUE}:setIamPolicy", body={"policy": {"version": 3, "bindings": list(bindings)}})


@pytest.fixture
def explain(iam: KumoProcess, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Explain:
    """Runs the command; exit code and what it printed."""
    for name in ("GOOGLE_APPLICATION_CREDENTIALS", "KUMO_KEY_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("KUMO_ENDPOINT", f"http://{iam.address}")

    def run(*words: str) -> tuple[int, str]:
        code = main(["iam", "explain", *words])
        shown = capsys.readouterr()
        return code, shown.out + shown.err

    return run


def test_the_binding_that_grants_is_named_with_its_resource(iam: KumoProcess, explain: Explain) -> None:
    bind(iam, {"role": ENQUEUER, "members": ["allAuthenticatedUsers"]})
    code, shown = explain(SENDER, CREATE, QUEUE)
    assert code == 0
    assert shown.splitlines() == [
        f"granted: {MEMBER} has {CREATE} on {QUEUE}",
        f"  by {ENQUEUER} on {QUEUE}, which is bound to allAuthenticatedUsers",
    ]


def test_its_condition_is_named_too(iam: KumoProcess, explain: Explain) -> None:
    condition = {"expression": "resource.name.endsWith('mail')", "title": "mail only"}
    bind(iam, {"role": ENQUEUER, "members": [MEMBER], "condition": condition})
    code, shown = explain(SENDER, CREATE, f"{QUEUE}/tasks/t")
    assert code == 0
    assert shown.endswith("  as long as this holds: resource.name.endsWith('mail') (mail only)\n")


def test_what_is_missing_is_told_with_the_command_that_grants_it(iam: KumoProcess, explain: Explain) -> None:
    bind(iam)
    command = (
        "kumo tasks queues add-iam-policy-binding mail --location=us-central1 --project=kumo-local "
        f"--member={MEMBER} --role={ENQUEUER}"
    )
    code, shown = explain(SENDER, CREATE, QUEUE)
    assert code == 1
    assert shown.splitlines() == [
        f"not granted: {MEMBER} lacks {CREATE} on {QUEUE}",
        "  no role that has it is bound to this member, there or above",
        f"  roles that have it, the least first: {ROLES}",
        f"  to grant it: {command}",
    ]


def test_a_condition_that_does_not_hold_is_told(iam: KumoProcess, explain: Explain) -> None:
    condition = {"expression": "request.time < timestamp('2020-01-01T00:00:00Z')"}
    bind(iam, {"role": ENQUEUER, "members": [MEMBER], "condition": condition})
    code, shown = explain(MEMBER, CREATE, QUEUE)
    assert code == 1
    told = f"  {ENQUEUER} on {QUEUE} is bound to {MEMBER}, but this does not hold: {condition['expression']}\n"
    assert told in shown
    assert "to grant it: kumo tasks queues" in shown


def test_an_account_that_is_not_there_is_told(explain: Explain) -> None:
    code, shown = explain("nobody-yet@kumo-local.iam.gserviceaccount.com", CREATE, QUEUE)
    assert code == 1
    assert "there is no such service account" in shown


def test_a_permission_that_no_role_has_is_told(explain: Explain) -> None:
    code, shown = explain(SENDER, "cloudtasks.tasks.fly", QUEUE)
    assert code == 1
    assert "no role has it: is it spelled right?" in shown
    assert "to grant it" not in shown


def test_the_owner_needs_no_binding(explain: Explain) -> None:
    code, shown = explain(OWNER, "kumo.server.control", "projects/kumo-local")
    assert code == 0
    assert "owns this installation" in shown


def test_where_nobody_is_asked_everybody_may_do_everything(server: KumoProcess, explain: Explain) -> None:
    code, shown = explain("user:a@b", CREATE, QUEUE, "--endpoint", f"http://{server.address}")
    assert code == 0
    assert "everybody may do everything" in shown


def test_json_is_the_servers_answer(iam: KumoProcess, explain: Explain) -> None:
    bind(iam)
    code, shown = explain(SENDER, CREATE, QUEUE, "--json")
    answer = json.loads(shown)
    assert code == 1
    assert (answer["granted"], answer["reason"], answer["roles"]) == (False, "NO_BINDING", ROLES.split(", "))


def test_a_title_that_somebody_wrote_does_not_drive_the_terminal(iam: KumoProcess, explain: Explain) -> None:
    condition = {"expression": "true", "title": "\x1b[2Jgone"}
    bind(iam, {"role": ENQUEUER, "members": [MEMBER], "condition": condition})
    _, shown = explain(SENDER, CREATE, QUEUE)
    assert "\x1b" not in shown
    assert "gone" in shown


@pytest.mark.parametrize("words", [("ann", CREATE, QUEUE), (SENDER, "create", QUEUE), (SENDER, CREATE, "mail")])
def test_a_question_that_is_none_is_a_wrong_call(words: tuple[str, ...], explain: Explain) -> None:
    code, shown = explain(*words)
    assert code == 2
    assert shown.startswith("ERROR: (kumo.iam.explain) Invalid ")
    assert len(shown.splitlines()) == 1


@pytest.mark.parametrize("words", [(), ("explain",), ("explain", SENDER, CREATE), ("fly",)])
def test_a_line_that_is_not_whole_is_a_wrong_call(words: tuple[str, ...]) -> None:
    assert main(["iam", *words]) == 2


def test_the_example_of_its_help_runs(iam: KumoProcess, capsys: pytest.CaptureFixture[str], explain: Explain) -> None:
    assert main(["iam", "explain", "--help"]) == 0
    example = capsys.readouterr().out.partition("example:\n")[2].partition("\n\n")[0].replace("\\\n", "")
    kumo, group, verb, *words = shlex.split(example)
    assert (kumo, group, verb) == ("kumo", "iam", "explain")
    assert explain(*words)[0] == 1


def test_as_a_process_it_ends_with_the_verdict(iam: KumoProcess, tmp_path: Path) -> None:
    bind(iam)
    line = [sys.executable, "-m", "kumotasks.cli.main", "iam", "explain"]
    words = ["--endpoint", f"http://{iam.address}", "--key-file", str(iam.directory / "data" / "owner.json")]
    for member, code in ((OWNER, 0), (SENDER, 1)):
        done = subprocess.run([*line, member, CREATE, QUEUE, *words], capture_output=True, timeout=60, check=False)
        assert done.returncode == code, done.stderr
