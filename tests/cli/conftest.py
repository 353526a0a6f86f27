"""Lines of `kumo` against a server that asks nobody who he is, and against one that does and is asked by its owner."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from zlib import crc32

import pytest

from tests.cli.lines import Kumo, lines_to
from tests.running import KumoProcess, running

Said = Kumo


@pytest.fixture(scope="session", params=["off", "iam"])
def either(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[KumoProcess]:
    """A server for the whole run: each test uses names of its own."""
    with running(tmp_path_factory.mktemp("either"), "--auth", str(request.param)) as server:
        yield server


@pytest.fixture
def said(
    either: KumoProcess,
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Said:
    """Runs `kumo WORDS`, in a directory of its own, about a project of its own: exit code, output, errors."""
    run = lines_to(either, tmp_path / "home", monkeypatch, capsys)
    monkeypatch.setenv("KUMO_CORE_PROJECT", project_of(request.node.name))
    monkeypatch.setenv("KUMO_CORE_DISABLE_PROMPTS", "1")
    monkeypatch.chdir(tmp_path)
    return run


@pytest.fixture
def project(request: pytest.FixtureRequest) -> str:
    """The project that the test's lines are about."""
    return project_of(request.node.name)


def project_of(test: str) -> str:
    """A project's id made from a test's name: at most 30 letters, digits and dashes."""
    return f"shop-{crc32(test.encode()):08x}"
