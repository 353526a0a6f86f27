"""What decides which commands run, and what does not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from kumotasks.domain.run.commanding import commanding, deciding, runs_the_same
from kumotasks.domain.run.template import Container, Template

CONTAINER = Container("image", command=("python", "main.py"), env=(("A", "1"),), env_order=("A",))
TEMPLATE = Template((CONTAINER,), source="/srv")


def test_variables_that_decide_are_told_from_others() -> None:
    env = (("LD_PRELOAD", "x.so"), ("MODE", "fast"), ("PYTHONPATH", "/p"), ("PYTHONUNBUFFERED", "1"))
    assert commanding(env) == (("LD_PRELOAD", "x.so"), ("PYTHONPATH", "/p"))


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("", {"PATH"}),
        ("python main.py --bind :$PORT", {"PATH"}),
        ("gunicorn $OPTS main:app", {"PATH", "OPTS"}),
        ('gunicorn "${OPTS:-$MORE}" main:app', {"PATH", "OPTS", "MORE"}),
        ("exec ./main ${#MODE}", {"PATH", "MODE"}),
        ("./main $OPTSX", {"PATH"}),
        ("./main $(cat options)", {"PATH", "OPTS", "MORE", "MODE"}),
        ("./main `cat options`", {"PATH", "OPTS", "MORE", "MODE"}),
        (None, {"PATH", "OPTS", "MORE", "MODE"}),
    ],
)
def test_what_a_shells_line_names_decides_too(line: str | None, named: set[str]) -> None:
    env = tuple((name, "x") for name in ("MODE", "MORE", "OPTS", "PATH"))
    assert {name for name, _ in deciding(env, line)} == named
    one, other = (replace(TEMPLATE, containers=(replace(CONTAINER, env=each),)) for each in (env, ()))
    assert not runs_the_same(one, other, line)
    changed = tuple((name, "y" if name not in named else value) for name, value in env)
    assert runs_the_same(one, replace(TEMPLATE, containers=(replace(CONTAINER, env=changed),)), line)


@pytest.mark.parametrize(
    "change",
    [
        {"image": "other"},
        {"command": ("sh",)},
        {"args": ("-c",)},
        {"working_directory": "/tmp"},
        {"env": (("PYTHONPATH", "/p"),)},
    ],
)
def test_what_decides(change: dict[str, Any]) -> None:
    assert not runs_the_same(TEMPLATE, replace(TEMPLATE, containers=(replace(CONTAINER, **change),)))
    assert not runs_the_same(TEMPLATE, replace(TEMPLATE, source="/other"))


@pytest.mark.parametrize("change", [{"env": (("A", "2"),)}, {"port": 9000}, {"memory": "1Gi"}, {"cpu": "2"}])
def test_what_does_not(change: dict[str, Any]) -> None:
    assert runs_the_same(TEMPLATE, replace(TEMPLATE, containers=(replace(CONTAINER, **change),)))
    assert runs_the_same(TEMPLATE, replace(TEMPLATE, timeout=1, concurrency=1, labels=(("a", "b"),)))


@pytest.mark.parametrize("change", [{"args": ("$(A)",)}, {"env": (("A", "1"), ("PATH", "$(A)"))}])
def test_any_variable_decides_where_one_is_referred_to(change: dict[str, Any]) -> None:
    referring = replace(CONTAINER, **change)
    env = tuple((name, "2" if name == "A" else value) for name, value in referring.env)
    one, other = (replace(TEMPLATE, containers=(each,)) for each in (referring, replace(referring, env=env)))
    assert not runs_the_same(one, other)
