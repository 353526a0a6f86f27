"""Google's messages without Google's client: the client is put off, and whole as soon as somebody asks for it."""

from __future__ import annotations

import subprocess
import sys

import pytest

MESSAGES = "import sys, kumotasks.api.tasks.messages as m\n"
BY_THE_BACK_DOOR = """from google.cloud.tasks_v2.services.cloud_tasks import CloudTasksClient as c
from google.cloud.tasks_v2 import Task
print(Task.pb() is m.Task, c.__name__)"""


def run(script: str) -> str:
    """What a fresh interpreter prints."""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_messages_bring_no_client_along() -> None:
    assert (
        run(MESSAGES + "print([n for n in ('requests', 'google.auth', 'google.api_core.retry') if n in sys.modules])")
        == "[]"
    )


@pytest.mark.parametrize(
    "asked",
    [
        "from google.cloud import tasks_v2; print(tasks_v2.Task.pb() is m.Task, tasks_v2.CloudTasksClient.__name__)",
        "import google.cloud.tasks_v2 as t; print(t.types.Task.pb() is m.Task, t.CloudTasksClient.__name__)",
        "from google.cloud.tasks_v2 import CloudTasksClient as c, types; print(types.Task.pb() is m.Task, c.__name__)",
        BY_THE_BACK_DOOR,
    ],
)
def test_the_client_is_whole_when_it_is_asked_for_later(asked: str) -> None:
    assert run(MESSAGES + asked) == "True CloudTasksClient"


def test_the_client_may_have_been_there_before() -> None:
    assert run("from google.cloud import tasks_v2\n" + MESSAGES + "print(tasks_v2.Task.pb() is m.Task)") == "True"
