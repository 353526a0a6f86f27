"""`kumo services`: what each line does and prints."""

from __future__ import annotations

import re

import pytest

from tests.cli.conftest import Said

DONE = re.compile(r'Operation "operations/acat\.\S+" finished successfully\.\n')
NAMES = "--format=value(config.name)"


def test_the_guides_service_is_enabled_from_the_first(said: Said) -> None:
    assert said("services", "enable", "cloudtasks.googleapis.com") == (0, "", "")
    assert "cloudtasks.googleapis.com" in said("services", "list", NAMES)[1].split()


def test_services_are_enabled_one_or_several_and_disabled(said: Said) -> None:
    assert DONE.fullmatch(said("services", "enable", "pubsub.googleapis.com")[2])
    assert said("services", "enable", "pubsub.googleapis.com") == (0, "", "")
    several = ("storage.googleapis.com", "services/compute.googleapis.com")
    assert DONE.fullmatch(said("services", "enable", *several, "--async")[2])
    enabled = said("services", "list", NAMES)[1].split()
    assert {"pubsub.googleapis.com", "storage.googleapis.com", "compute.googleapis.com"} < set(enabled)
    disabled = said("services", "disable", "pubsub.googleapis.com", "storage.googleapis.com", "--force")
    assert disabled[:2] == (0, "")
    assert len(DONE.findall(disabled[2])) == 2
    assert "pubsub.googleapis.com" not in said("services", "list", "--enabled", NAMES)[1].split()
    assert "pubsub.googleapis.com" in said("services", "list", "--available", NAMES)[1].split()


def test_a_list_is_a_table_by_name(said: Said) -> None:
    rows = said("services", "list", "--filter=config.name:cloud")[1].splitlines()
    assert [row.split()[0] for row in rows] == [
        "NAME",
        "cloudresourcemanager.googleapis.com",
        "cloudtasks.googleapis.com",
    ]
    assert rows[0].split() == ["NAME", "TITLE"]
    assert rows[2].endswith("  Cloud Tasks API")
    assert len(said("services", "list", "--available", "--limit=3", "--page-size=1")[1].splitlines()) == 4


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (("enable",), 2, "argument SERVICE: Must be specified."),
        (("enable", "pubsub"), 1, "NOT_FOUND: Not found or permission denied for service(s): pubsub."),
        (("enable", "a.googleapis.com", "b"), 1, "service(s): b."),
        (("enable", "a/b"), 1, "could not parse resource [a/b]"),
        (("list", "--enabled", "--available"), 2, "At most one of --available | --enabled can be specified."),
    ],
)
def test_a_wrong_line_changes_nothing(said: Said, words: tuple[str, ...], code: int, sentence: str) -> None:
    ended = said("services", *words)
    assert ended[:2] == (code, "")
    assert sentence in ended[2]
    assert "a.googleapis.com" not in said("services", "list", "--available", NAMES)[1].split()
