"""What somebody left in a service is not run because somebody else, who may have commands run, deploys to it."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from kumotasks.cli.command import Json
from kumotasks.cli.run import secret
from kumotasks.cli.run.flags import SOURCE, changed
from kumotasks.cli.run.vouching import is_doubtful, unsaid
from tests.cli.conftest import Said
from tests.cli.run.lines import line

HERE = ("--region=us-central1",)
HELLO = "--image=us-docker.pkg.dev/cloudrun/container/hello"
LEFT: Json = {
    "template": {
        "annotations": {SOURCE: "/theirs"},
        "containers": [
            {
                "ports": [{"containerPort": 8080}],
                "command": ["sh", "-c", "rm -r ~"],
                "args": ["now"],
                "workingDir": "sub",
                "env": [{"name": "LD_PRELOAD", "value": "/theirs.so"}, {"name": "MODE", "value": "fast"}],
            }
        ],
    }
}
SOURCED, COMMAND, ARGUMENTS = "the directory /theirs", "the command sh -c 'rm -r ~'", "the arguments now"
DIRECTORY, VARIABLE = "the working directory sub", "the variable LD_PRELOAD=/theirs.so"


@pytest.mark.parametrize(
    ("flags", "left"),
    [
        ("--image=a", [COMMAND, ARGUMENTS, DIRECTORY, VARIABLE]),
        ("--source=/", [COMMAND, ARGUMENTS, DIRECTORY, VARIABLE]),
        ("--command=./mine", [SOURCED, ARGUMENTS, DIRECTORY, VARIABLE]),
        ("--args=later", [SOURCED, COMMAND, DIRECTORY, VARIABLE]),
        ("--update-env-vars=MODE=slow", [SOURCED, COMMAND, ARGUMENTS, DIRECTORY, VARIABLE]),
        ("--update-env-vars=LD_PRELOAD=/mine.so", [SOURCED, COMMAND, ARGUMENTS, DIRECTORY]),
        ("--set-env-vars=LD_PRELOAD=/mine.so", [SOURCED, COMMAND, ARGUMENTS, DIRECTORY]),
        ("--set-env-vars=MODE=slow", [SOURCED, COMMAND, ARGUMENTS, DIRECTORY]),
        ("--image=a --command=./mine --args= --clear-env-vars", [DIRECTORY]),
    ],
)
def test_what_a_line_does_not_say_is_named(flags: str, left: list[str]) -> None:
    given = line(f"run deploy worker {flags}")
    assert list(unsaid(given, changed(LEFT, given))) == left


def test_the_variables_that_a_procfile_names_are_named(tmp_path: Path) -> None:
    env = [{"name": "OPTS", "value": "-c /theirs.py"}, {"name": "MODE", "value": "fast"}]
    left: Json = {"template": {"containers": [{"env": env}]}}
    given = line(f"run deploy worker --source={tmp_path}")
    options, mode = "the variable OPTS=-c /theirs.py", "the variable MODE=fast"
    assert list(unsaid(given, changed(left, given))) == [options, mode], "nobody knows which"
    (tmp_path / "Procfile").write_text("web: gunicorn $OPTS main:app\n")
    assert list(unsaid(given, changed(left, given))) == [options]
    given = line(f"run deploy worker --source={tmp_path} --update-env-vars=OPTS=-v")
    assert list(unsaid(given, changed(left, given))) == []


def test_the_commands_of_other_containers_are_said_by_no_line() -> None:
    both: Json = {
        "template": {"containers": [{"command": ["a"], "ports": [{"containerPort": 80}]}, {"command": ["b"]}]}
    }
    given = line("run deploy worker --command=mine")
    assert list(unsaid(given, changed(both, given))) == ["the command b"]


@pytest.mark.parametrize(
    ("service", "doubtful"),
    [
        ({"terminalCondition": {"reason": "CONTAINER_PERMISSION_DENIED"}}, True),
        ({"reconciling": True}, True),
        ({"terminalCondition": {"state": "CONDITION_SUCCEEDED"}}, False),
        ({"terminalCondition": {"reason": "HEALTH_CHECK_CONTAINER_ERROR"}}, False),
    ],
)
def test_a_service_is_in_doubt_until_the_server_agreed(service: Json, *, doubtful: bool) -> None:
    assert is_doubtful(service) is doubtful


@pytest.fixture
def planted(said: Said, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A service with a command that was refused: what the command would make."""
    made = tmp_path / "made"
    with monkeypatch.context() as untrusted:
        untrusted.setattr(secret, "FILE", "no-such-file")
        code, _, told = said("run", "deploy", "worker", HELLO, f"--command=touch {made}\x1b[8m", *HERE)
    assert (code, "was not taken from this caller" in told) == (1, True), told
    return made


@pytest.mark.parametrize("words", [("deploy", "worker", HELLO), ("services", "update", "worker", "--set-env-vars=A=1")])
def test_a_command_that_was_left_there_is_refused_where_nobody_is_asked(
    said: Said, planted: Path, words: tuple[str, ...]
) -> None:
    code, _, told = said("run", *words, *HERE, "--quiet")
    assert code == 1
    assert f"the command touch '{planted}\\x1b[8m'. Say it on the line to have it run" in told
    assert not planted.exists()


@pytest.mark.parametrize("answer", ["\n", "n\n", ""])
def test_a_command_that_was_left_there_is_not_run_unless_that_is_said(
    said: Said, planted: Path, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    monkeypatch.setenv("KUMO_CORE_DISABLE_PROMPTS", "")
    monkeypatch.setattr(sys, "stdin", io.StringIO(answer))
    code, _, told = said("run", "deploy", "worker", HELLO, *HERE)
    assert (code, planted.exists()) == (1, False), told
    assert "(y/N)?" in told
    assert told.endswith("ERROR: (kumo.run.deploy) Aborted by user.\n")


def test_a_command_that_was_left_there_is_run_when_that_is_said(
    said: Said, planted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUMO_CORE_DISABLE_PROMPTS", "")
    monkeypatch.setattr(sys, "stdin", io.StringIO("yes\n"))
    told = said("run", "deploy", "worker", HELLO, "--args=x", *HERE)[2]
    assert (planted.parent / "made\x1b[8m").exists(), told  # it is no server, so the deployment itself fails


def test_a_line_that_says_another_command_asks_nothing(said: Said, planted: Path) -> None:
    code, _, told = said("run", "deploy", "worker", HELLO, "--command=", *HERE, "--quiet")
    assert (code, planted.exists()) == (0, False), told


def test_what_the_server_agreed_to_is_kept_unasked(said: Said) -> None:
    command = f"--command={sys.executable} -m kumotasks.workers.instances.hello"
    assert said("run", "deploy", "worker", HELLO, command, *HERE, "--quiet")[0] == 0
    code, _, told = said("run", "services", "update", "worker", "--update-env-vars=A=1", *HERE, "--quiet")
    assert code == 0, told
