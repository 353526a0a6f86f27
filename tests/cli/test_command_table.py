"""The table of commands: every row has what it needs, reads its own example, and costs a line nothing but its own."""

# ruff: noqa: E501 - tables: a row is a line

from __future__ import annotations

import shlex
import subprocess
import sys

import pytest

from kumotasks.cli import helptext, parser, table
from kumotasks.cli.command import Command
from kumotasks.cli.main import main
from kumotasks.cli.show.projection import parse

COMMANDS = [command for word in table.words() for command in table.commands(word)]
HEAVY = (
    "google",
    "uvicorn",
    "kumotasks.server",
    "kumotasks.service",
    "kumotasks.storage",
    "cryptography",
    "asyncio",
    "yaml",
)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.words)
def test_the_example_of_each_command_is_a_line_of_it(command: Command) -> None:
    line = command.example.replace("\\\n", " ").removeprefix('eval "$(').removesuffix(')"')
    words = shlex.split(line)
    assert words[0] == "kumo"
    found, rest = parser.find(words[1:])
    assert found == command
    parser.values(command, rest)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.words)
def test_each_command_explains_itself_and_its_flags(command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*command.words.split(), "--help"]) == 0
    shown = capsys.readouterr().out
    assert command.example.splitlines()[0] in shown
    for flag in command.all_flags:
        assert flag.hidden or f"--{flag.name}" in shown
        assert flag.hidden or flag.text
    assert max(map(len, shown.splitlines())) <= 120


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.words)
def test_each_commands_own_format_can_be_read(command: Command) -> None:
    parse("", command.format)


@pytest.mark.parametrize("words", ["", *sorted({name for word in table.words() for name in table.groups(word)})])
def test_a_list_of_commands_has_a_line_for_each(words: str) -> None:
    if words and any(command.words == words for command in COMMANDS):
        return
    shown = helptext.of_group(words).splitlines() if words else helptext.of_all("1").splitlines()
    for name in parser.choices(words.split()):
        (row,) = [line for line in shown if line.startswith(f"  {name} ") and line[32:].strip()]
        assert len(row) <= 100


def test_each_example_of_all_help_is_a_line() -> None:
    for each in helptext._EXAMPLES:
        command, rest = parser.find(shlex.split(each)[1:])
        parser.values(command, rest)


@pytest.mark.parametrize("words", sorted({name for word in table.words() for name in table.groups(word)}))
def test_each_group_lists_what_is_below_it(words: str) -> None:
    if not any(command.words == words for command in COMMANDS):
        assert "COMMAND" in helptext.of_group(words)


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("tasks queues crate q", "ERROR: (kumo.tasks.queues) Invalid choice: 'crate'.\nMaybe you meant:\n  kumo tasks queues create"),
        ("taks", "ERROR: (kumo) Invalid choice: 'taks'.\nMaybe you meant:\n  kumo tasks"),
        ("tasks queues", "ERROR: (kumo.tasks.queues) Command name argument expected."),
        ("", "ERROR: (kumo) Command name argument expected."),
        ("tasks queues create", "ERROR: (kumo.tasks.queues.create) argument QUEUE: Must be specified."),
        ("tasks queues create a b", "ERROR: (kumo.tasks.queues.create) unrecognized arguments: b"),
        ("tasks queues create a --max-atempts=3", "unrecognized arguments: --max-atempts=3 (did you mean '--max-attempts'?)"),
        ("tasks queues create a --max-attempts=x", "argument --max-attempts: Value must be an integer; received: x"),
        ("tasks queues create a --max-attempts=-2", "argument --max-attempts: Value must be greater than or equal to -1; received: -2"),
        ("tasks queues create a --max-dispatches-per-second=x", "argument --max-dispatches-per-second: invalid float value: 'x'"),
        ("tasks queues create a --http-header-override=foo", 'argument --http-header-override: Bad value [foo]: Must be of the form: "HEADER_FIELD: HEADER_VALUE".'),
        ("tasks queues create a --routing-override=foo", "argument --routing-override: Bad syntax for dict arg: [foo]."),
        ("tasks queues create a --routing-override=foo:bar", "argument --routing-override: Bad value [foo]: Only the following keys are valid for routing: [service, version, instance]."),
        ("tasks queues create a --http-method-override=foo", "argument --http-method-override: Invalid choice: 'foo'."),
        ("tasks queues create a --http-oidc-token-audience-override=a", "argument --http-oidc-token-audience-override: --http-oidc-service-account-email-override must be specified."),
        ("tasks queues create a --http-oidc-service-account-email-override=a --http-oauth-service-account-email-override=b", "argument [--http-oauth-service-account-email-override : --http-oauth-token-scope-override]: At most one of [--http-oauth-service-account-email-override : --http-oauth-token-scope-override] | [--http-oidc-service-account-email-override : --http-oidc-token-audience-override] can be specified."),
        ("tasks queues update a --max-attempts=3 --clear-max-attempts", "argument --clear-max-attempts: At most one of --clear-max-attempts | --max-attempts can be specified."),
        ("tasks queues list --limit=0", "argument --limit: Value must be greater than or equal to 1; received: 0"),
        ("tasks list", "argument --queue: Must be specified."),
        ("tasks create-http-task --queue=q", "argument --url: Must be specified."),
        ("tasks queues create a --max-attempts", "expected one argument"),
    ],
)  # fmt: skip
def test_a_wrong_line_is_said_as_gcloud_says_it(line: str, sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(shlex.split(line)) == 2
    shown = capsys.readouterr()
    assert sentence in shown.err
    assert shown.out == ""


@pytest.mark.parametrize(
    "line",
    [
        "tasks queues create q --location l --project p --max-attempts 5",
        "--project p tasks --location=l queues create --max-attempts=5 q",
        "beta tasks queues create --max-attempts 5 --project=p q --location l",
        "tasks queues create --max-attempts=5 --location=l --project=p -- q",
    ],
)
def test_flags_stand_anywhere_on_the_line(line: str) -> None:
    command, rest = parser.find(shlex.split(line))
    assert parser.values(command, rest) == {"queue": "q", "location": "l", "project": "p", "max-attempts": 5}


def test_an_optional_word_may_stand_after_flags() -> None:
    command, rest = parser.find(shlex.split("tasks create-http-task --queue q --url http://x my-id --quiet"))
    assert parser.values(command, rest) == {"queue": "q", "url": "http://x", "task_id": "my-id", "quiet": True}


def test_a_list_of_queues_imports_nothing_heavy() -> None:
    """And ends in one sentence: nobody listens there."""
    program = (
        "import sys; from kumotasks.cli.main import main\n"
        "code = main(['tasks', 'queues', 'list', '--project=p', '--location=l', '--endpoint=http://127.0.0.1:1'])\n"
        f"print(code, [each for each in sys.modules if each.startswith({HEAVY!r})])"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert ended.stdout == "1 []\n"
    assert ended.stderr.startswith("ERROR: (kumo.tasks.queues.list) no server answers at http://127.0.0.1:1")
    assert ended.stderr.count("\n") == 1
