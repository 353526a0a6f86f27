"""Private workers as people deploy them: lines of the real `kumo run`, in a process of their own."""

from __future__ import annotations

import os
import subprocess
import sys

from tests.running import KumoProcess


def kumo_run(kumo: KumoProcess, place: str, *words: str) -> str:
    """What `kumo run WORDS` prints on both of its outputs; `place` is projects/P/locations/L."""
    _, project, _, location = place.split("/")
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    own = {
        "KUMO_ENDPOINT": f"http://{kumo.address}",
        "KUMO_CONFIG_DIR": str(kumo.directory / "cli"),
        "KUMO_CORE_PROJECT": project,
        "KUMO_REGION": location,
    }
    line = [sys.executable, "-m", "kumotasks.cli.main", "run", *words]
    done = subprocess.run(line, env=kept | own, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr
