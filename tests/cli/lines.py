"""Lines of `kumo` run in this process, with a home of their own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from kumotasks.cli.main import main
from tests.running import KumoProcess

Kumo = Callable[..., tuple[int, str, str]]


def lines_to(
    server: KumoProcess, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Kumo:
    """Runs a line: exit code, output, errors."""
    for name in ("GOOGLE_APPLICATION_CREDENTIALS", "KUMO_KEY_FILE", "KUMO_CORE_ACCOUNT", "KUMO_AUTH_KEY_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("KUMO_CONFIG_DIR", str(home))
    monkeypatch.setenv("KUMO_ENDPOINT", f"http://{server.address}")
    monkeypatch.setenv("KUMO_CORE_PROJECT", "p")
    monkeypatch.setenv("KUMO_TASKS_LOCATION", "us-central1")

    def run(*words: str) -> tuple[int, str, str]:
        code = main(words)
        return (code, *capsys.readouterr())

    return run
