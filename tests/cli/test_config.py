"""`kumo config`: properties, named configurations, and what stands over what."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from kumotasks.cli.main import main
from kumotasks.cli.properties import Properties

Kumo = Callable[..., tuple[int, str, str]]


@pytest.fixture
def kumo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Kumo:
    """Runs a line in a home of its own: exit code, output, errors."""
    for name in ("KUMO_PROJECT", "KUMO_ENDPOINT", "KUMO_KEY_FILE", "GOOGLE_APPLICATION_CREDENTIALS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("KUMO_CONFIG_DIR", str(tmp_path))

    def run(*words: str) -> tuple[int, str, str]:
        code = main(["config", *words])
        return (code, *capsys.readouterr())

    return run


def test_a_property_that_was_set_is_in_force(kumo: Kumo) -> None:
    assert kumo("set", "project", "shop") == (0, "", "Updated property [core/project].\n")
    assert kumo("get-value", "project") == (0, "shop\n", "")
    assert kumo("get", "core/project") == (0, "shop\n", "")
    assert kumo("unset", "project") == (0, "", "Unset property [core/project].\n")


def test_a_list_shows_sections(kumo: Kumo) -> None:
    kumo("set", "project", "shop")
    kumo("set", "tasks/location", "us-east1")
    code, out, err = kumo("list")
    assert (code, out) == (0, "[core]\nproject = shop\n[tasks]\nlocation = us-east1\n")
    assert err == "Your active configuration is: [default]\n"
    assert json.loads(kumo("list", "--format=json")[1]) == {
        "core": {"project": "shop"},
        "tasks": {"location": "us-east1"},
    }


def test_a_variable_stands_over_the_configuration(kumo: Kumo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUMO_CORE_PROJECT", "other")
    assert "overridden by the variable KUMO_CORE_PROJECT" in kumo("set", "project", "shop")[2]
    assert kumo("get-value", "project")[1] == "other\n"


def test_configurations_are_kept_apart(kumo: Kumo) -> None:
    kumo("set", "project", "home")
    assert kumo("configurations", "create", "work") == (0, "", "Created [work].\nActivated [work].\n")
    kumo("set", "project", "office")
    assert kumo("get-value", "project")[1] == "office\n"
    assert kumo("get-value", "project", "--configuration=default")[1] == "home\n"
    rows = kumo("configurations", "list")[1].splitlines()
    assert rows[0].split() == ["NAME", "IS_ACTIVE", "ACCOUNT", "PROJECT", "LOCATION", "ENDPOINT"]
    assert [row.split() for row in rows[1:]] == [["default", "False", "home"], ["work", "True", "office"]]
    assert kumo("configurations", "activate", "default")[0] == 0
    assert kumo("configurations", "delete", "work", "--quiet") == (0, "", "Deleted [work].\n")


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("get-value nope", "Section [core] has no property [nope]."),
        ("set projct x", "Did you mean [core/project]?"),
        ("set foo/bar x", 'Section "foo" does not exist.'),
        ("configurations activate zz", "Cannot activate configuration [zz], it does not exist."),
        ("configurations delete default --quiet", "Cannot delete configuration [default]"),
        ("configurations create ../x", "Invalid name [../x]"),
        ("list --configuration=zz", "The configuration [zz] does not exist."),
    ],
)
def test_what_cannot_be_is_one_sentence(kumo: Kumo, line: str, sentence: str) -> None:
    code, out, err = kumo(*line.split())
    assert code in (1, 2)
    assert out == ""
    assert sentence in err
    assert err.count("\n") == 1


def test_a_key_in_the_configuration_comes_before_googles_variable(tmp_path: Path) -> None:
    properties = Properties(tmp_path, {"GOOGLE_APPLICATION_CREDENTIALS": "/google.json"})
    assert properties.get("auth/key_file") == "/google.json"
    properties.set("auth/key_file", "/kumo.json")
    assert properties.get("auth/key_file") == "/kumo.json"


def test_a_damaged_configuration_is_named(kumo: Kumo, tmp_path: Path) -> None:
    kumo("set", "project", "shop")
    (tmp_path / "configurations" / "config_default").write_text("no section = here")
    code, _, err = kumo("list")
    assert code == 2
    assert "config_default cannot be read" in err
