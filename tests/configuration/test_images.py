"""What kumo.toml says of private workers: each flaw with its place, and what is made of the rest."""

from __future__ import annotations

from pathlib import Path

import pytest

from kumotasks.configuration.images import COMMAND, launches
from kumotasks.configuration.plan import Planned, planned
from kumotasks.configuration.problem import Misconfigured
from kumotasks.configuration.startup import gathered
from kumotasks.domain.run.revision import Launch
from kumotasks.server.judges import JUDGES

SERVICE = "projects/p/locations/l/services/worker"


def problems(tmp_path: Path, text: str) -> list[str]:
    """Without the file's name."""
    file = tmp_path / "kumo.toml"
    file.write_text(text)
    with pytest.raises(Misconfigured) as wrong:
        gathered({}, {}, file, JUDGES)
    return [str(each).removeprefix(f"{file}:") for each in wrong.value.problems]


@pytest.mark.parametrize(
    ("described", "sentence"),
    [
        ("worker = 5", "2:10: an image is a table with a command."),
        ("worker = {}", "2:10: command is missing."),
        ("worker = { command = [] }", "2:22: command is missing."),
        ("worker = { command = [5] }", f"2:22: {COMMAND}"),
        ("worker = { command = 5 }", f"2:22: {COMMAND}"),
        ('worker = { command = "python \'main.py" }', f"2:22: {COMMAND}"),
        ("worker = { command = ['', 'x'] }", "2:23: command begins with a program."),
        (
            "worker = { comand = 'x', command = 'x' }",
            "2:12: there is no field of an image 'comand'. Did you mean 'command'?",
        ),
        ("worker = { command = 'x', directory = 5 }", "2:39: directory is a text."),
        ("worker = { command = 'x', directory = '/no/where' }", "2:39: there is no directory '/no/where'."),
        ("worker = { command = 'x', env = 5 }", "2:33: env is a table of texts."),
        ("worker = { command = 'x', env = { A = 5 } }", "2:39: A is a text."),
        ("worker = { command = 'x', env = { PORT = '5' } }", "2:35: PORT is set by the server itself."),
        ("worker = { command = 'x', env = { 'A=' = '5' } }", "2:35: 'A=' is not the name of a variable."),
        ("'a b' = { command = 'x' }", "2:1: 'a b' is not the name of an image."),
    ],
)
def test_an_image_that_could_not_be_started_is_told_by_its_place(described: str, sentence: str, tmp_path: Path) -> None:
    assert problems(tmp_path, f"[images]\n{described}") == [sentence]


def test_images_are_a_table(tmp_path: Path) -> None:
    assert problems(tmp_path, "images = 5") == ["1:10: images = 5 is not understood: a table is needed."]


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ("'worker.example.com' = 'worker'", "2:31: a service is named in full: projects/P/locations/L/services/S."),
        (
            f"'Worker:80' = '{SERVICE}'",
            "2:8: 'Worker:80' is not the name of a host, in small letters and without a port.",
        ),
    ],
)
def test_a_host_leads_to_a_service(row: str, sentence: str, tmp_path: Path) -> None:
    assert problems(tmp_path, f"[run]\nhosts={{{row}}}") == [sentence]


def test_what_is_wrong_elsewhere_is_told_with_it(tmp_path: Path) -> None:
    assert len(problems(tmp_path, "[images]\na = 1\nb = 2\n[run]\nidle = 'x'\nhosts = { a = 'b' }")) == 4


def test_a_command_is_a_list_or_a_line_and_a_directory_is_the_servers(tmp_path: Path) -> None:
    made = launches(
        {
            "a": {"command": ["python", "my main.py"], "env": {"B": "2", "A": "1"}},
            "b": {"command": "python 'my main.py'", "directory": str(tmp_path)},
            "c": {"command": "x", "directory": "relative"},
        }
    )
    assert made == {
        "a": Launch(("python", "my main.py"), "", (("A", "1"), ("B", "2"))),
        "b": Launch(("python", "my main.py"), str(tmp_path)),
        "c": Launch(("x",), str(Path.cwd() / "relative")),
    }


def test_a_start_is_told_beforehand_what_would_run(tmp_path: Path) -> None:
    file = tmp_path / "kumo.toml"
    file.write_text(f"[images]\n'gcr.io/p/*' = {{ command = ['python', 'my main.py'], directory = '{tmp_path}' }}")
    assert list(planned(gathered({}, {}, file, JUDGES), JUDGES)) == [
        Planned("image", "gcr.io/p/*", f"python 'my main.py' in {tmp_path}")
    ]
