"""Somebody who follows a guide: an empty directory, a shell, further terminals; every step as it is written.

Only the ports differ from the guide's, so that a machine on which they are taken can run it too.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import assert_never

from tests.guides.guide import Command, File, Section, Shown, Step, Terminal

PORTS = ("8123", "8124", "8443", "18080", "8080")
PATIENCE = 60.0  # seconds, for what comes by itself
COMMAND = 600.0  # seconds: some fetch libraries
_OTHERS = re.compile(
    r"KUMO_|GOOGLE_|GCP_|CLOUDSDK_|CLOUD_RUN_|OPENAI_|https?_proxy|no_proxy|CURL_CA_BUNDLE|SSL_CERT_DIR|JAVA_TOOL_OPTIONS",
    re.IGNORECASE,
)


class Stuck(AssertionError):
    """A step did not do what the guide says. `command` is the step, `said` what was printed instead."""

    def __init__(self, command: str, said: str) -> None:
        super().__init__(f"{command}\n--- printed:\n{said}")
        self.command = command
        self.said = said


@dataclass(frozen=True, slots=True)
class _Window:
    process: subprocess.Popen[bytes]
    output: Path

    def text(self) -> str:
        return self.output.read_text(errors="replace")

    def wait(self, seconds: float) -> int:
        """Its exit code; whatever takes longer is ended."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            return self.process.wait(20)

    def close(self) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
        self.wait(20)


class Reader:
    """`directory` is where the reader begins; what shells and terminals print is kept beside it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory / "here"
        self.directory.mkdir()
        self._aside = directory
        self._ports = dict(zip(PORTS, _free(len(PORTS)), strict=True))
        self._environment = self._first_environment()
        self._windows: list[_Window] = []
        self._printed = ""
        self._last: Command | None = None
        # Not by KUMO_ENDPOINT, which workers would get from the server that the reader starts.
        self.run("kumo config set api/endpoint http://127.0.0.1:8123")

    def follow(self, section: Section) -> None:
        """Take every step of a section."""
        for step in section.steps:
            self.take(step)

    def take(self, step: Step) -> None:
        match step:
            case File(name, text):
                self._write(name, self.local(text))
            case Terminal(command):
                self._open(self.local(command))
            case Command():
                self._last = step
                self._printed = "" if step.patient else self.run(step.text)
            case Shown():
                self._compare(step)
            case _:
                assert_never(step)

    def run(self, text: str) -> str:
        """What lines print; variables and the directory stay as they leave them. Stuck if they fail."""
        state = self._aside / "state"
        script = f"set -aeuo pipefail\n{self.local(text)}\nenv -0 > {state}\n"
        window = self._start(script, self._aside / "printed")
        code = window.wait(COMMAND)
        said = window.text()
        if code:
            raise Stuck(text, said + "".join(window.text()[-4000:] for window in self._windows))
        pairs = (each.partition("=") for each in state.read_text(errors="surrogateescape").split("\0") if each)
        self._environment = {name: value for name, _, value in pairs}
        return said

    def local(self, text: str) -> str:
        """A text with this reader's ports."""
        return re.sub(rf"\b({'|'.join(PORTS)})\b", lambda found: self._ports[found[1]], text)

    def close(self) -> None:
        """Close the terminals, the last one first."""
        while self._windows:
            self._windows.pop().close()

    def _write(self, name: str, text: str) -> None:
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def _open(self, command: str) -> None:
        self._windows.append(self._start(f"exec {command}", self._aside / f"terminal-{len(self._windows)}"))

    def _start(self, script: str, output: Path) -> _Window:
        with output.open("wb") as out:
            process = subprocess.Popen(
                ["bash", "-c", script],
                cwd=self.directory,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return _Window(process, output)

    def _compare(self, shown: Shown) -> None:
        wanted = Shown(tuple(map(self.local, shown.lines)), shown.somewhere)
        if shown.somewhere:
            self._until(lambda: any(wanted.in_order(each.text()) for each in self._windows), wanted)
        elif self._last is not None and self._last.patient:
            self._until(lambda: wanted.in_order(self._again()), wanted)
        elif not wanted.in_order(self._printed):
            raise Stuck("\n".join(wanted.lines), self._printed)

    def _again(self) -> str:
        assert self._last is not None
        self._printed = self.run(self._last.text)
        return self._printed

    def _until(self, seen: Callable[[], bool], wanted: Shown) -> None:
        """Of what a foreign program prints there is no event."""
        end = time.monotonic() + PATIENCE
        while not seen():
            if time.monotonic() > end:
                raise Stuck("\n".join(wanted.lines), self._printed + "".join(each.text() for each in self._windows))
            time.sleep(0.1)

    def _first_environment(self) -> dict[str, str]:
        """The shell's, without what would lead it to a server; a terminal is not buffered, a file is."""
        kept = {name: value for name, value in os.environ.items() if not _OTHERS.match(name)}
        own = {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PYTHONUNBUFFERED": "1",
            "XDG_CACHE_HOME": str(self._aside / "cache"),
            "GOCACHE": os.environ.get("GOCACHE", str(Path.home() / ".cache" / "go-build")),  # compiling takes minutes
            "KUMO_CONFIG_DIR": str(self._aside / "config"),
            "KUMO_PORT": self._ports["8123"],
            "KUMO_PROXY_PORT": self._ports["8124"],
            "KUMO_TLS_PORT": self._ports["8443"],
        }
        return kept | own


def _free(count: int) -> list[str]:
    """Ports that nobody has at this moment."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [str(each.getsockname()[1]) for each in sockets]
    finally:
        for each in sockets:
            each.close()
