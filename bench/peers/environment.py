"""Virtual environments for peers, made at first use beside the results: their dependencies never meet ours."""

from __future__ import annotations

import subprocess
import sys
from functools import cache
from pathlib import Path

HOME = Path(__file__).parents[1] / "results" / "environments"


@cache
def python(name: str, *packages: str) -> str:
    """The interpreter of an environment that has `packages`."""
    home = HOME / name
    interpreter, made = home / "bin" / "python", home / "packages.txt"
    if not made.exists() or made.read_text() != repr(packages):
        print(f"making an environment for {name} ...", flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", home], check=True)
        subprocess.run(
            [interpreter, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *packages], check=True
        )
        made.write_text(repr(packages))
    return str(interpreter)
