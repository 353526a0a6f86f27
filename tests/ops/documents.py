"""The lines that docs/operations.md gives, run as they stand."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[2]
_BLOCK = re.compile(r"^```[ \t]*\w*\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def block(document: str, containing: str) -> str:
    """The one block of lines in a document of docs/ that has this in it."""
    (found,) = [text for text in _BLOCK.findall((ROOT / "docs" / document).read_text()) if containing in text]
    return str(found)


def run(script: str, directory: Path, *, path: Path | None = None, environment: Mapping[str, str] | None = None) -> str:
    """What a shell prints that ends with the first line that fails; `path` is searched after our own commands."""
    places = [str(Path(sys.executable).parent), *([str(path)] if path else []), os.environ["PATH"]]
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=directory,
        env={**os.environ, **(environment or {}), "PATH": os.pathsep.join(places)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, f"{script}\n{done.stdout}{done.stderr}"
    return done.stdout
