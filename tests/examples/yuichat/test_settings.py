"""What an operator may say, and what he may not."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from examples.yuichat.settings import MEBIBYTE, Settings


def test_an_environment_that_says_nothing_is_enough() -> None:
    assert Settings.from_env({}) == Settings("sqlite:///yuichat.db", 10 * MEBIBYTE, questions=5, delay=5, deadline=600)


def test_the_environment_is_heard() -> None:
    said = {"DATABASE_URL": "postgresql://db/yui", "MAX_UPLOAD_BYTES": "1000", "QUESTION_COUNT": "3"}
    assert Settings.from_env(said) == Settings("postgresql://db/yui", 1000, 3)


@pytest.mark.parametrize("name", ["MAX_UPLOAD_BYTES", "QUESTION_COUNT"])
@pytest.mark.parametrize("said", ["0", "-1", "many", "1.5", " "])
def test_what_is_no_count_is_refused_by_its_name(name: str, said: str) -> None:
    with pytest.raises(ValueError, match=f"{name} must be a positive whole number"):
        Settings.from_env({name: said})


@pytest.mark.parametrize(
    ("name", "said", "sentence"),
    [
        ("QUESTION_COUNT", "many", "QUESTION_COUNT must be a positive whole number, not 'many'."),
        ("DATABASE_URL", "nonsense", "DATABASE_URL: Could not parse SQLAlchemy URL from given URL string"),
        ("DATABASE_URL", "fancydb://x", "DATABASE_URL: Can't load plugin: sqlalchemy.dialects:fancydb"),
        ("DATABASE_URL", "postgresql://127.0.0.1:1/yui", "DATABASE_URL: connection failed: "),
        ("DATABASE_URL", "sqlite:////proc/yui.db", "DATABASE_URL: unable to open database file"),
        ("KUMO_ENDPOINT", "ftp://x", "KUMO_ENDPOINT is a URL of HTTP or HTTPS"),
    ],
)
def test_what_is_wrong_is_a_sentence_at_the_start(name: str, said: str, sentence: str, tmp_path: Path) -> None:
    """One line, and no traceback."""
    uvicorn = [sys.executable, "-m", "uvicorn", "--factory", "examples.yuichat.app:deployed", "--port", "0"]
    queue = {"GCP_PROJECT_ID": "p", "GCP_LOCATION": "l", "GCP_TASK_QUEUE": "q", "CLOUD_RUN_SERVICE_URL": "http://a"}
    at = {"DATABASE_URL": f"sqlite:///{tmp_path}/a.db", **queue, name: said}
    ran = subprocess.run(uvicorn, env={**os.environ, **at}, capture_output=True, text=True, timeout=60)
    assert ran.returncode == 2
    assert ran.stderr.startswith(f"YuiChat cannot start: {sentence}"), ran.stderr
    assert ran.stderr.count("\n") == 1
