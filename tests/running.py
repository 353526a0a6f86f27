"""Real parts for tests: a server in a process of its own, and a worker that records what it is sent."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

_TLS = re.compile(r"TLS on https://\S+:(\d+), proxy on http://\S+:(\d+)")
REQUIRED = frozenset(filter(None, os.environ.get("KUMO_REQUIRE", "").split(",")))


def missing(tool: str, part: str = "") -> str:
    """The reason to skip for want of `tool`, or of a `part` of it; fails instead where the environment says it must be
    there."""
    import pytest

    wanted = f"{tool}: {part}" if part else tool
    if tool in REQUIRED:
        pytest.fail(f"{wanted} is required here (KUMO_REQUIRE) and was not found", pytrace=False)
    return f"{wanted} was not found on this machine"


class KumoProcess:
    """`kumo serve` in a child process. `port` stays the same over `kill` and `start`."""

    def __init__(self, directory: Path, *options: str, prefix: tuple[str, ...] = ()) -> None:
        self.directory = directory
        self._options = options
        self._prefix = prefix
        self._process: subprocess.Popen[str] | None = None
        self.port = self.tls_port = self.proxy_port = 0
        self.log = directory / "server.log"

    def start(self) -> None:
        """Start it and wait until it listens."""
        with self.log.open("a") as log:
            self._process = subprocess.Popen(
                [
                    *self._prefix,
                    sys.executable,
                    "-m",
                    "kumotasks.cli.main",
                    "serve",
                    "--port",
                    str(self.port),
                    "--store",
                    str(self.directory / "data"),
                    *self._options,
                ],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if found := _TLS.match(line):
                self.tls_port, self.proxy_port = int(found[1]), int(found[2])
            elif line.startswith("Kumo Tasks listens"):
                self.port = int(line.rsplit(":", 1)[1])
                return
        raise AssertionError(f"the server did not start:\n{self.log.read_text()}")

    def kill(self) -> None:
        """kill -9, and wait until it is gone."""
        process = self._running()
        process.send_signal(signal.SIGKILL)
        self._reap()

    def stop(self, timeout: float = 20) -> int:
        """SIGTERM, and the exit code."""
        self._running().terminate()
        return self.wait(timeout)

    def wait(self, timeout: float = 20) -> int:
        """The exit code, once it has ended."""
        self._running().wait(timeout)
        return self._reap()

    def close(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._reap()

    @property
    def pid(self) -> int:
        return self._running().pid

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def http(
        self, verb: str, path: str, body: object = None, headers: dict[str, str] | None = None
    ) -> tuple[int, dict[str, object]]:
        """A JSON call to the server: status and body."""
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"http://{self.address}{path}", data, headers or {}, method=verb)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, json.loads(answer.read() or b"{}")
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.loads(error.read() or b"{}")

    def advance(self, seconds: float) -> None:
        """Move the manual clock."""
        status, answer = self.http("POST", "/kumo/v1/clock:advance", {"seconds": seconds})
        assert status == 200, answer

    def wait_idle(self) -> None:
        status, answer = self.http("POST", "/kumo/v1/wait-idle", {"timeout": "30s"})
        assert status == 200, answer

    def _running(self) -> subprocess.Popen[str]:
        assert self._process is not None
        return self._process

    def _reap(self) -> int:
        process = self._running()
        code = process.wait(30)  # one that was killed still ends what it has asked of the disk
        if process.stdout is not None:
            process.stdout.close()
        self._process = None
        return code


@dataclass(frozen=True, slots=True)
class Arrival:
    """One request as the worker got it; header names in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def task(self) -> str:
        return self.headers.get("x-cloudtasks-taskname", "")


@dataclass(slots=True)
class Answer:
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


class _WorkerServer(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 1024  # the library's 5 makes a burst of connections wait a second for its next try


class RecordingWorker:
    """An HTTP server in this process. `answer` decides what each request gets; `arrivals` is what came."""

    def __init__(self) -> None:
        self.arrivals: list[Arrival] = []
        self.answer: Callable[[Arrival], Answer] = lambda arrival: Answer()
        self._changed = threading.Condition()
        worker = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def handle_one_request(self) -> None:
                with contextlib.suppress(ConnectionError):
                    super().handle_one_request()

            def _do(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
                headers = {name.lower(): value for name, value in self.headers.items()}
                arrival = Arrival(self.command, self.path, headers, body)
                answer = worker._record(arrival)
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer.body)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(answer.body)

            do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = do_OPTIONS = _do

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = _WorkerServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def wait_for(self, count: int, timeout: float = 20) -> list[Arrival]:
        """Wait until `count` requests have come; all that came."""
        with self._changed:
            arrived = self._changed.wait_for(lambda: len(self.arrivals) >= count, timeout)
        assert arrived, f"{len(self.arrivals)} of {count} requests came"
        return list(self.arrivals)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _record(self, arrival: Arrival) -> Answer:
        answer = self.answer(arrival)
        with self._changed:
            self.arrivals.append(arrival)
            self._changed.notify_all()
        return answer


@contextlib.contextmanager
def running(directory: Path, *options: str, prefix: tuple[str, ...] = ()) -> Iterator[KumoProcess]:
    """A server that listens, and ends with the block."""
    directory.mkdir(parents=True, exist_ok=True)
    process = KumoProcess(directory, *options, prefix=prefix)
    try:
        process.start()
        yield process
    finally:
        process.close()
