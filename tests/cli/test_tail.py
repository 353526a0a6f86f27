"""`kumo logging tail`, in a process of its own: what it shows while entries are written, and how it ends."""

from __future__ import annotations

import json
import os
import re
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.running import KumoProcess, running


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KumoProcess]:
    with running(tmp_path_factory.mktemp("tail")) as found:
        yield found


@contextmanager
def tailing(server: KumoProcess, home: Path, *words: str) -> Iterator[subprocess.Popen[str]]:
    """A tail that has begun: the server tells it what is written from now on."""
    environment = {
        **os.environ,
        "KUMO_CONFIG_DIR": str(home),
        "KUMO_ENDPOINT": f"http://{server.address}",
        "KUMO_CORE_PROJECT": "p",
    }
    with subprocess.Popen(
        [sys.executable, "-m", "kumotasks.cli.main", "logging", "tail", "--buffer-window=0s", *words],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def written(server: KumoProcess, text: str, severity: str = "INFO") -> None:
    entry = {"textPayload": text, "severity": severity}
    body = {"logName": "projects/p/logs/l", "resource": {"type": "global"}, "entries": [entry]}
    assert server.http("POST", "/v2/entries:write", body)[0] == 200


def until_told(server: KumoProcess, tail: subprocess.Popen[str], severity: str = "INFO") -> str:
    """The first line that is shown: a tail that is still being opened has missed what was written before."""
    assert tail.stderr is not None
    assert tail.stdout is not None
    assert tail.stderr.readline() == "Initializing tail session.\n"
    for number in range(600):
        written(server, f"first {number}", severity)
        if select.select([tail.stdout], [], [], 0.1)[0]:
            line = tail.stdout.readline()
            assert line, f"it ended: {tail.communicate(timeout=30)[1]}"
            return line
    raise AssertionError("nothing was told")


def ended(tail: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Exit code, the rest of the output and of the errors, after Ctrl-C."""
    tail.send_signal(signal.SIGINT)
    assert tail.stdout is not None
    assert tail.stderr is not None
    out, err = tail.stdout.read(), tail.stderr.read()
    return tail.wait(30), out, err


def test_entries_are_shown_as_they_are_written_and_ctrl_c_ends_it_well(server: KumoProcess, tmp_path: Path) -> None:
    with tailing(
        server, tmp_path, "--format=value(severity,textPayload)", 'textPayload:"first" OR severity>=ERROR'
    ) as tail:
        assert tail.stdout is not None
        assert re.fullmatch(r"INFO\tfirst \d+\n", until_told(server, tail))
        written(server, "not asked for")
        written(server, "bad", "ERROR")
        while (line := tail.stdout.readline()).startswith("INFO\tfirst"):
            pass
        assert line == "ERROR\tbad\n"
        assert ended(tail) == (0, "", "")


def test_json_that_is_interrupted_is_whole(server: KumoProcess, tmp_path: Path) -> None:
    with tailing(server, tmp_path, "--format=json") as tail:
        head = until_told(server, tail)
        code, rest, err = ended(tail)
        assert (code, err) == (0, "")
        assert {entry["logName"] for entry in json.loads(head + rest)} == {"projects/p/logs/l"}


def test_a_filter_that_begins_with_a_dash_stands_behind_two(server: KumoProcess, tmp_path: Path) -> None:
    with tailing(server, tmp_path, "--format=csv(severity)", "--", "-severity=INFO") as tail:
        assert tail.stdout is not None
        assert until_told(server, tail, "NOTICE") == "severity\n"
        written(server, "x", "INFO")
        written(server, "y", "ALERT")
        while (line := tail.stdout.readline()) == "NOTICE\n":
            pass
        assert line == "ALERT\n"


def test_what_is_wrong_with_it_is_said_at_once(server: KumoProcess, tmp_path: Path) -> None:
    for words, sentence in (
        (["a=("], "INVALID_ARGUMENT: Unparseable filter"),
        (["--buffer-window=61s"], "INVALID_ARGUMENT: buffer_window must be between 0 and 60 seconds."),
    ):
        with tailing(server, tmp_path, *words) as tail:
            out, err = tail.communicate(timeout=30)
            assert (tail.returncode, out) == (1, "")
            assert sentence in err


def test_a_server_that_stops_ends_it_and_is_named(tmp_path: Path) -> None:
    with running(tmp_path) as own, tailing(own, tmp_path / "home") as tail:
        assert until_told(own, tail) == "---\n"
        assert own.stop() == 0
        _, err = tail.communicate(timeout=30)
        assert tail.returncode == 1
        assert err == "ERROR: (kumo.logging.tail) UNAVAILABLE: The server is stopping.\n"


def test_a_server_that_dies_ends_it_and_is_named(tmp_path: Path) -> None:
    with running(tmp_path) as own, tailing(own, tmp_path / "home") as tail:
        assert until_told(own, tail) == "---\n"
        own.kill()
        _, err = tail.communicate(timeout=30)
        assert tail.returncode == 1, err
        assert re.fullmatch(r"ERROR: \(kumo\.logging\.tail\) http://\S+ (broke off|was called and did not).*\n", err), (
            err
        )
