"""What a caller at a terminal sees while something goes on, and that a pipe sees nothing of it.

A line runs in a process of its own, its errors on a terminal of its own, against a server that answers when it is told.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

CLEARED = "\r\033[K"


class Slow:
    """Its calls wait until `go` is set; an operation is done when it is looked at the second time."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.looks = 0
        own = self

        class Handler(BaseHTTPRequestHandler):
            def _do(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length", "0")))
                if self.path.endswith("/kumo/v1/env"):
                    self._say({"auth": "off", "project": "p", "location": "l", "port": 1})
                    return
                own.go.wait(30)
                if "/operations/" in self.path:
                    own.looks += 1
                    done = own.looks > 1
                    self._say({"name": "operations/acat.1", "done": done, **({"response": {}} if done else {})})
                else:
                    self._say({"name": "operations/acat.1"} if ":enable" in self.path else {})

            def _say(self, answer: object) -> None:
                text = json.dumps(answer).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            do_GET = do_POST = do_DELETE = _do

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)


@pytest.fixture
def slow() -> Iterator[Slow]:
    own = Slow()
    thread = threading.Thread(target=own.server.serve_forever, args=(0.01,))
    thread.start()
    yield own
    own.go.set()
    own.server.shutdown()
    thread.join()
    own.server.server_close()


def started(slow: Slow, home: Path, errors: int, *words: str) -> subprocess.Popen[str]:
    environment = {
        **os.environ,
        "KUMO_CONFIG_DIR": str(home),
        "KUMO_ENDPOINT": f"http://127.0.0.1:{slow.server.server_address[1]}",
        "KUMO_CORE_PROJECT": "p",
        "PYTHONIOENCODING": "utf-8",
    }
    line = [sys.executable, "-m", "kumotasks.cli.main", *words]
    return subprocess.Popen(line, env=environment, stdout=subprocess.PIPE, stderr=errors, text=True)


def heard(terminal: int, until: str) -> str:
    """What the terminal shows up to these words."""
    found = b""
    while until.encode() not in found:
        found += os.read(terminal, 1024)
    return found.decode()


def test_a_mark_turns_until_it_is_done_and_is_gone_then(slow: Slow, tmp_path: Path) -> None:
    terminal, errors = os.openpty()
    with started(slow, tmp_path, errors, "tasks", "queues", "delete", "q", "--location=l", "--quiet") as line:
        assert "\rDeleting queue [l/q]...⠛" in heard(terminal, "⠛")
        slow.go.set()
        rest = heard(terminal, "Deleted queue [l/q].")
        assert rest.rpartition(CLEARED)[2].strip() == "Deleted queue [l/q]."
        assert line.wait(30) == 0
    os.close(terminal)
    os.close(errors)


def test_a_pipe_sees_nothing_of_it(slow: Slow, tmp_path: Path) -> None:
    slow.go.set()
    with started(slow, tmp_path, subprocess.PIPE, "tasks", "queues", "purge", "q", "--location=l", "--quiet") as line:
        assert line.communicate(timeout=30) == ("", "Purged queue [l/q].\n")


def test_an_operation_is_looked_at_until_it_is_done(slow: Slow, tmp_path: Path) -> None:
    slow.go.set()
    with started(slow, tmp_path, subprocess.PIPE, "services", "enable", "pubsub.googleapis.com") as line:
        assert line.communicate(timeout=30) == ("", 'Operation "operations/acat.1" finished successfully.\n')
    assert slow.looks == 2


def test_who_does_not_wait_is_told_what_goes_on(slow: Slow, tmp_path: Path) -> None:
    slow.go.set()
    with started(slow, tmp_path, subprocess.PIPE, "services", "enable", "pubsub.googleapis.com", "--async") as line:
        assert line.communicate(timeout=30) == ("", 'Asynchronous operation is in progress: "operations/acat.1".\n')
    assert slow.looks == 0
