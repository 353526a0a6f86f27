"""`kumo demo` convinces a newcomer: it ends by itself, loses nothing, and says when each retry came."""

from __future__ import annotations

import re
import subprocess
import sys


def test_the_demo_ends_by_itself_and_loses_nothing() -> None:
    demo = subprocess.run(
        [sys.executable, "-m", "kumotasks.cli.main", "demo"], capture_output=True, text=True, timeout=60, check=False
    )
    assert demo.returncode == 0, demo.stdout + demo.stderr
    assert "kill -9" in demo.stdout
    assert "Acknowledged 306, lost 0." in demo.stdout
    retries = re.findall(r"retry \d: due ([\d.]+), came ([\d.]+)", demo.stdout)
    assert len(retries) >= 5
    assert all(float(came) >= float(due) for due, came in retries)
