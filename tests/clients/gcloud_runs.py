"""The real gcloud as the tests run it: its own folder, nobody asked who he is, pointed at our server."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.running import KumoProcess, missing

Run = Callable[..., str]
Done = subprocess.CompletedProcess[str]


def gcloud_at(kumo: KumoProcess, service: str, *, project: str, folder: Path) -> Run:
    """Runs `gcloud WORDS` with `service` ("CLOUDTASKS") overridden and gives back what it prints; its complaints are an
    AssertionError."""
    gcloud = gcloud_with(overrides(kumo, service), project=project, folder=folder)

    def run(*words: str) -> str:
        done = gcloud(*words)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def overrides(kumo: KumoProcess, *services: str) -> dict[str, str]:
    """The endpoints of `services`, here."""
    return {f"CLOUDSDK_API_ENDPOINT_OVERRIDES_{each}": f"http://{kumo.address}/" for each in services}


def gcloud_with(more: Mapping[str, str], *, project: str, folder: Path) -> Callable[..., Done]:
    """Runs `gcloud WORDS` in an environment of its own, with `more` in it."""
    found = shutil.which("gcloud")
    if found is None:
        pytest.skip(missing("gcloud"))
    own = {
        "CLOUDSDK_AUTH_DISABLE_CREDENTIALS": "true",
        "CLOUDSDK_CONFIG": str(folder),
        "CLOUDSDK_CORE_CHECK_GCE_METADATA": "false",
        "CLOUDSDK_CORE_DISABLE_PROMPTS": "1",
        "CLOUDSDK_CORE_DISABLE_USAGE_REPORTING": "true",
        "CLOUDSDK_CORE_PROJECT": project,
        "CLOUDSDK_SURVEY_DISABLE_PROMPTS": "true",
        "NO_PROXY": "127.0.0.1",
        **more,
    }
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}

    def run(*words: str) -> Done:
        command = [found, *words]
        return subprocess.run(command, env=kept | own, capture_output=True, text=True, timeout=60, check=False)

    return run
