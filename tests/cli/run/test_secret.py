"""The proof that a deployer is on the server's machine: to whom it is shown, and what it may be."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from kumotasks.cli.client import Client, endpoint_at
from kumotasks.cli.env_page import EnvPage
from kumotasks.cli.run.secret import HEADER, is_here, proof

SECRET = "0123456789abcdef" * 4
PAGE = EnvPage("off", "p", "us-central1", 8123)


def told(path: Path, url: str = "http://127.0.0.1:8123") -> Client:
    """A client whose server says that the secret lies there."""
    client = Client(endpoint_at(url))
    client.__dict__["page"] = dataclasses.replace(PAGE, run_secret=str(path))
    return client


def test_what_the_file_says_is_the_proof(tmp_path: Path) -> None:
    (tmp_path / "run-secret").write_text(f"{SECRET}\n")
    assert proof(told(tmp_path / "run-secret")) == {HEADER: SECRET}


def test_it_is_shown_to_no_server_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "run-secret").write_text(SECRET)
    assert proof(told(tmp_path / "run-secret", "http://kumo.example:8123")) == {}


@pytest.mark.parametrize(
    "content", ["-----BEGIN PRIVATE KEY-----", SECRET.upper(), SECRET[:-1], f"{SECRET}\nmore", "é" * 64]
)
def test_no_other_file_is_ever_shown(tmp_path: Path, content: str) -> None:
    """Whatever a server names."""
    (tmp_path / "run-secret").write_text(content)
    assert proof(told(tmp_path / "run-secret")) == {}
    (tmp_path / "id_rsa").write_text(SECRET)
    assert proof(told(tmp_path / "id_rsa")) == {}


def test_without_a_file_there_is_no_proof(tmp_path: Path) -> None:
    assert proof(told(tmp_path / "run-secret")) == {}
    assert proof(told(Path())) == {}


@pytest.mark.parametrize(
    ("host", "here"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("LOCALHOST", True),
        ("10.0.0.1", False),
        ("kumo", False),
    ],
)
def test_here_is_loopback(host: str, *, here: bool) -> None:
    assert is_here(host) is here
