"""Each flag of each command: the line that was typed, what it asked of the server, what it printed.

The lines stand in the tables beside this file, what came of them in recorded/, a file for each command. A flag without
a line fails. What changed is meant or it is not: renew the recordings as the failure says, and read the difference.
"""

from __future__ import annotations

import json
import os
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import cast

import pytest

from kumotasks.auth.signing_key import make_private, to_pem
from kumotasks.cli import table
from kumotasks.cli.command import HELP, Command
from tests.cli.flags.far_end import FarEnd, far_end
from tests.cli.flags.stage import Stage, key_of

HERE = Path(__file__).parent
RECORDED = HERE / "recorded"
RENEWED = bool(os.environ.get("KUMO_RENEW_SNAPSHOTS"))
HOW = "KUMO_RENEW_SNAPSHOTS=1 .venv/bin/pytest tests/cli/flags renews them all; read the difference then"
TABLES = [tomllib.loads(file.read_text()) for file in sorted(HERE.glob("*.toml"))]
LINES: dict[str, dict[str, str]] = {words: rows for each in TABLES for words, rows in each.items() if words != "any"}
ANY: dict[str, str] = {flag: line for each in TABLES for flag, line in each.get("any", {}).items()}
# `kumo demo` has no flag of its own, and starts a server: tests/cli/test_demo.py runs it.
COMMANDS = [command for word in table.words() for command in table.commands(word) if command.words != "demo"]


@pytest.fixture(scope="module")
def far(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FarEnd]:
    with far_end(tmp_path_factory.mktemp("far") / "owner.json") as found:
        yield found


@pytest.fixture(scope="module")
def keys() -> dict[str, str]:
    pem = to_pem(make_private())
    return {account: key_of(account, pem) for account in ("owner", "sender")}


@pytest.fixture
def stage(
    far: FarEnd,
    keys: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Stage:
    for name in [each for each in os.environ if each.startswith("KUMO_")]:
        monkeypatch.delenv(name)
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    monkeypatch.setattr("kumotasks.cli.serve.serve", served)
    monkeypatch.setitem(sys.modules, "kumotasks.server.front", cast("ModuleType", SimpleNamespace(serve_front=fronted)))
    return Stage(far, keys, tmp_path, monkeypatch, capsys)


def served(flags: dict[str, object], config: str) -> int:
    """In place of a server: what it would be started with. tests/test_settings.py says what becomes of that."""
    sys.stdout.write(f"{json.dumps({'flags': flags, 'config': config})}\n")
    return 0


def fronted(settings: object) -> int:
    """The same of `kumo run front`."""
    sys.stdout.write(f"{settings}\n")
    return 0


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.words)
def test_each_flag_does_what_it_did(command: Command, stage: Stage) -> None:
    text = "".join(blocks(command, stage))
    file = RECORDED / f"{command.words.replace(' ', '_')}.txt"
    if RENEWED:
        file.write_text(text, encoding="utf-8")
    assert file.is_file(), f"`kumo {command.words}` has no recording: {HOW}"
    assert text == file.read_text(encoding="utf-8"), f"`kumo {command.words}` does something else: {HOW}"


def test_each_line_is_of_a_flag_of_a_command() -> None:
    flags = {command.words: {flag.name for flag in command.all_flags} for command in COMMANDS}
    everyones = set().union(*flags.values())
    known = {words: names | {"line"} for words, names in flags.items()}
    assert [(words, name) for words, rows in LINES.items() for name in rows if name not in known.get(words, ())] == []
    assert sorted(ANY.keys() - everyones) == []


def test_each_recording_is_of_a_command() -> None:
    known = {f"{command.words.replace(' ', '_')}.txt" for command in COMMANDS}
    left = sorted({file.name for file in RECORDED.glob("*.txt")} - known)
    if RENEWED:
        for name in left:
            (RECORDED / name).unlink()
        left = []
    assert left == [], f"of commands that are no more: {HOW}"


def blocks(command: Command, stage: Stage) -> Iterator[str]:
    """The command's own line, and that of each of its flags; what comes to the same is not told twice."""
    rows = LINES.get(command.words)
    assert rows is not None, f'lines.toml has no ["{command.words}"]: write a line that works'
    plain = f"{command.words} {rows['line']}".strip()
    base = stage.told(plain)
    yield f"$ kumo {plain}\n{base}"
    same: list[str] = []
    for flag in command.all_flags:
        if flag.name == HELP.name:
            continue  # each command's help is a snapshot of its own
        written = rows.get(flag.name) or ANY.get(flag.name)
        if written is None or f"--{flag.name}" not in written:
            pytest.fail(f'lines.toml has no line for --{flag.name} of ["{command.words}"]')
        typed = written.removeprefix("kumo ") if written.startswith("kumo ") else f"{plain} {written}"
        told = stage.told(typed)
        if told == base:
            same.append(f"$ kumo {typed}\n")
        else:
            yield f"\n--{flag.name}\n$ kumo {typed}\n{told}"
    if same:
        yield "".join(["\nthe same:\n", *same])
