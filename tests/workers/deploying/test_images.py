"""What is started for a template, and what is not."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kumotasks.domain.run.revision import Launch
from kumotasks.domain.run.template import Template
from kumotasks.workers.deploying.images import HELLO, Images, Refusal, bare_name, shell_line
from tests.domain.run.factory import a_template

MAPPED = "asia-docker.pkg.dev/p/r/worker"
MAIN = Launch(("python", "main.py"), "/srv/worker", (("A", "1"),))
IMAGES = Images({MAPPED: MAIN, "ghcr.io/shop/*": Launch(("shop",)), f"{MAPPED}:v2": Launch(("second",))})


def a_container(**changes: Any) -> Template:
    template = a_template(changes.pop("image", MAPPED))
    return replace(template, containers=(replace(template.serving, **changes),))


def from_source(directory: Path, **changes: Any) -> Template:
    return replace(a_container(image="", **changes), source=str(directory))


def refused(template: Template, *, trusted: bool = True) -> Refusal:
    refusal = IMAGES.launch_of(template, trusted)
    assert isinstance(refusal, Refusal)
    return refusal


@pytest.mark.parametrize(
    ("image", "bare"),
    [
        (MAPPED, MAPPED),
        (f"{MAPPED}:latest", MAPPED),
        (f"{MAPPED}@sha256:abc", MAPPED),
        (f"{MAPPED}:v1@sha256:abc", MAPPED),
        ("localhost:5000/worker", "localhost:5000/worker"),
        ("localhost:5000/worker:v1", "localhost:5000/worker"),
        ("worker:v1", "worker"),
    ],
)
def test_an_image_is_the_same_without_its_tag_and_digest(image: str, bare: str) -> None:
    assert bare_name(image) == bare


@pytest.mark.parametrize("image", [MAPPED, f"{MAPPED}:v1", f"{MAPPED}@sha256:abc"])
def test_a_mapped_image_is_started_as_the_operator_said_for_anybody(image: str) -> None:
    assert IMAGES.launch_of(a_template(image), trusted=False) == MAIN


def test_an_exact_name_comes_before_the_image_as_such_and_that_before_a_pattern() -> None:
    assert IMAGES.launch_of(a_template(f"{MAPPED}:v2"), trusted=False) == Launch(("second",))
    assert IMAGES.launch_of(a_template("ghcr.io/shop/cart:v1"), trusted=False) == Launch(("shop",))
    assert isinstance(IMAGES.launch_of(a_template("ghcr.io/shop"), trusted=False), Refusal)


@pytest.mark.parametrize("image", ["gcr.io/cloudrun/hello", "us-docker.pkg.dev/cloudrun/container/hello:latest"])
def test_the_hello_image_is_there_from_the_start(image: str) -> None:
    assert Images({}).launch_of(a_template(image), trusted=False) == HELLO
    assert HELLO.command[0] == sys.executable
    assert Images({"gcr.io/cloudrun/*": MAIN}).launch_of(a_template("gcr.io/cloudrun/hello"), trusted=False) == MAIN


def test_an_image_that_nobody_mapped_says_how_to_map_it() -> None:
    refusal = refused(a_template("gcr.io/p/unknown:v3"))
    assert refusal.reason == "CONTAINER_MISSING"
    assert refusal.message.startswith("Image 'gcr.io/p/unknown:v3' not found.")
    assert '[images]\n"gcr.io/p/unknown" = { command = ["python", "main.py"]' in refusal.message


@pytest.mark.parametrize("change", [{"command": ("rm",)}, {"args": ("-rf",)}, {"working_directory": "/"}])
def test_a_command_is_taken_only_from_who_may_have_commands_run(change: dict[str, Any]) -> None:
    refusal = refused(a_container(**change), trusted=False)
    assert refusal.reason == "CONTAINER_PERMISSION_DENIED"
    assert refusal.message.startswith("The container's own command was not taken from this caller.")
    assert "kumo run deploy" in refusal.message


@pytest.mark.parametrize(
    "name",
    [
        "LD_PRELOAD",
        "DYLD_INSERT_LIBRARIES",
        "PYTHONPATH",
        "PYTHONSTARTUP",
        "PYTHONWARNINGS",
        "NODE_OPTIONS",
        "BASH_ENV",
        "PATH",
        "PERL5OPT",
        "RUBYOPT",
        "JAVA_TOOL_OPTIONS",
        "GUNICORN_CMD_ARGS",
        "GIT_SSH_COMMAND",
    ],
)
def test_nor_is_a_variable_that_is_a_command_to_an_interpreter(name: str) -> None:
    template = a_container(env=(("A", "1"), (name, "x")))
    assert f"The environment variable '{name}'" in refused(template, trusted=False).message
    assert IMAGES.launch_of(template, trusted=True) == MAIN


@pytest.mark.parametrize("name", ["PYTHONUNBUFFERED", "DATABASE_URL", "NODE_ENV", "PATHS", "ENVIRONMENT", "LDAP_URL"])
def test_other_variables_are_anybodys(name: str) -> None:
    assert IMAGES.launch_of(a_container(env=((name, "x"),)), trusted=False) == MAIN


def test_who_may_have_commands_run_can_replace_the_images_or_add_to_it() -> None:
    assert IMAGES.launch_of(a_container(args=("--fast",)), trusted=True) == replace(
        MAIN, command=(*MAIN.command, "--fast")
    )
    own = a_container(command=("node", "a.js"), args=("--fast",))
    assert IMAGES.launch_of(own, trusted=True) == replace(MAIN, command=("node", "a.js", "--fast"))


def test_a_directory_is_started_as_its_deployer_says(tmp_path: Path) -> None:
    template = from_source(tmp_path, command=("python", "main.py"), args=("--fast",))
    assert IMAGES.launch_of(template, trusted=True) == Launch(("python", "main.py", "--fast"), str(tmp_path))
    refusal = refused(template, trusted=False)
    assert refusal.reason == "CONTAINER_PERMISSION_DENIED"
    assert refusal.message.startswith(f"The source directory '{tmp_path}' was not taken from this caller.")


@pytest.mark.parametrize(
    ("line", "command"),
    [
        ("web: python main.py", ("python", "main.py")),
        ("worker: x\nweb:   python 'my main.py'  \n", ("python", "my main.py")),
        ("web: gunicorn --bind :$PORT main:app", ("/bin/sh", "-c", "gunicorn --bind :$PORT main:app")),
        ("web: A=1 python main.py", ("/bin/sh", "-c", "A=1 python main.py")),
        ("web: make && ./main\r\n", ("/bin/sh", "-c", "make && ./main")),
    ],
)
def test_a_procfile_says_how_a_directory_is_started(line: str, command: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "Procfile").write_text(line)
    assert IMAGES.launch_of(from_source(tmp_path), trusted=True) == Launch(command, str(tmp_path))


def test_the_line_that_a_shell_reads_is_told(tmp_path: Path) -> None:
    assert shell_line(a_template("image")) == ""
    assert shell_line(from_source(tmp_path)) is None
    (tmp_path / "Procfile").write_text("web: gunicorn $OPTS main:app\n")
    assert shell_line(from_source(tmp_path)) == "gunicorn $OPTS main:app"
    assert shell_line(from_source(tmp_path, command=("python",))) == ""


@pytest.mark.parametrize("procfile", [None, "worker: x", "web:", "web: 'never ends", ""])
def test_a_directory_that_nobody_says_how_to_start_is_not_started(procfile: str | None, tmp_path: Path) -> None:
    if procfile is not None:
        (tmp_path / "Procfile").write_text(procfile)
    assert refused(from_source(tmp_path)).message.startswith(f"Nothing says how '{tmp_path}' is started")


def test_a_directory_has_to_be_there(tmp_path: Path) -> None:
    for missing in (tmp_path / "nowhere", Path("relative")):
        refusal = refused(from_source(missing, command=("x",)))
        assert refusal.message == f"The source directory '{missing}' does not exist on the server's machine."


def test_a_container_may_start_further_down(tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()
    template = from_source(tmp_path, command=("x",), working_directory="app")
    assert IMAGES.launch_of(template, trusted=True) == Launch(("x",), str(tmp_path / "app"))
    elsewhere = from_source(tmp_path, command=("x",), working_directory="nowhere")
    assert "The working directory" in refused(elsewhere).message
