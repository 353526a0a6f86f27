"""The worker of `kumo demo`: a small HTTP server of its own process that tells its standard output what arrives.

Its paths are what a worker can be: /work succeeds, /slow takes a while, /flaky fails twice, /broken always fails.
"""

from __future__ import annotations

import json
import sys
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from kumotasks.domain.clock import SECOND, SystemClock

SLOW_SECONDS = 2.0
_FAILURES_OF_FLAKY = 2
_output = threading.Lock()


class Worker(BaseHTTPRequestHandler):
    """Answers tasks; one JSON line per request: task, path, retry, eta, arrived, answered, status."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        arrived = _now()
        self.rfile.read(int(self.headers.get("Content-Length", "0")))
        retry = int(self.headers["X-CloudTasks-TaskRetryCount"])
        status = self._status(retry)
        answered = _now()  # before the server can know: a retry counts from the moment the answer reaches it
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()
        line = {
            "task": self.headers["X-CloudTasks-TaskName"],
            "path": self.path,
            "retry": retry,
            "eta": float(self.headers["X-CloudTasks-TaskETA"]),
            "arrived": arrived,
            "answered": answered,
            "status": int(status),
        }
        with _output:
            print(json.dumps(line), flush=True)

    def _status(self, retry: int) -> HTTPStatus:
        if self.path == "/slow":
            threading.Event().wait(SLOW_SECONDS)
        if self.path == "/broken" or (self.path == "/flaky" and retry < _FAILURES_OF_FLAKY):
            return HTTPStatus.INTERNAL_SERVER_ERROR
        return HTTPStatus.OK

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the library's
        """Every request is told in `do_POST`."""


def _now() -> float:
    return SystemClock().now() / SECOND


def main() -> None:
    """Print the port, then serve until standard input closes: a worker never outlives its demo."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Worker)
    server.daemon_threads = True
    print(server.server_address[1], flush=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.read()


if __name__ == "__main__":
    main()
