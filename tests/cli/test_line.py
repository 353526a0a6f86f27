"""Whose key a line uses: the flag's, the named account's, else the one that calls are made with."""

from __future__ import annotations

from pathlib import Path

import pytest

from kumotasks.cli.credentials import Credentials
from kumotasks.cli.line import Line
from kumotasks.cli.properties import Properties

ONE, TWO = "one@p.iam.gserviceaccount.com", "two@p.iam.gserviceaccount.com"


@pytest.fixture
def properties(tmp_path: Path) -> Properties:
    """Two kept keys, the first in use."""
    properties = Properties(tmp_path, {})
    credentials = Credentials(properties)
    first = credentials.keep(ONE, b'{"client_email": "%s"}' % ONE.encode())
    credentials.keep(TWO, b'{"client_email": "%s"}' % TWO.encode())
    credentials.use(first)
    return properties


def key_of(line: Line) -> str:
    return Path(line.client._key_file).name


def test_the_key_in_use_is_used(properties: Properties) -> None:
    assert key_of(Line({}, properties)) == f"{ONE}.json"


def test_an_account_that_is_configured_brings_its_own_key(properties: Properties) -> None:
    properties.set("core/account", TWO)
    assert key_of(Line({}, properties)) == f"{TWO}.json"


def test_an_account_on_the_line_wins_over_that(properties: Properties) -> None:
    properties.set("core/account", TWO)
    assert key_of(Line({"account": ONE}, properties)) == f"{ONE}.json"


def test_a_key_file_on_the_line_wins_over_all(properties: Properties) -> None:
    assert key_of(Line({"account": ONE, "key-file": "/k/mine.json"}, properties)) == "mine.json"


def test_an_account_whose_key_is_not_kept_leaves_the_key_in_use(properties: Properties) -> None:
    properties.set("core/account", "somebody@else")
    assert key_of(Line({}, properties)) == f"{ONE}.json"
