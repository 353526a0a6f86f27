"""The real gcloud as the tests run it: its own folder, nobody asked who he is, one service pointed at our server."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.running import KumoProcess, missing

Run = Callable[..., str]


def gcloud_at(kumo: KumoProcess, service: str, *, project: str, folder: Path) -> Run:
    """Runs `gcloud WORDS` with `service` ("CLOUDTASKS") overridden and gives back what it prints; its complaints are an
    AssertionError."""
    found = shutil.which("gcloud")
    if found is None:
        pytest.skip(missing("gcloud"))
    own = {
        f"CLOUDSDK_API_ENDPOINT_OVERRIDES_{service}": f"http://{kumo.address}/",
        "CLOUDSDK_AUTH_DISABLE_CREDENTIALS": "true",
        "CLOUDSDK_CONFIG": str(folder),
        "CLOUDSDK_CORE_CHECK_GCE_METADATA": "false",
        "CLOUDSDK_CORE_DISABLE_PROMPTS": "1",
        "CLOUDSDK_CORE_DISABLE_USAGE_REPORTING": "true",
        "CLOUDSDK_CORE_PROJECT": project,
        "CLOUDSDK_SURVEY_DISABLE_PROMPTS": "true",
        "NO_PROXY": "127.0.0.1",
    }
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}

    def run(*words: str) -> str:
        command = [found, *words]
        done = subprocess.run(command, env=kept | own, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run
