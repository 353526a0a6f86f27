"""The worker of the crash tests: it writes down when a request came and when its answer had gone out.

Its paths are what it does: /ok succeeds, /fails-twice fails two attempts, /held answers the first attempt only after
the next kill, so that it is open then.
"""

from __future__ import annotations

import contextlib
import http.client
import socket
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.crash.ledger import Answered, Arrived, Ledger

FENCE = "/fence"


class Worker:
    """An HTTP server in this process; a context manager."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._changed = threading.Condition()
        self._open = 0
        self._held: set[str] = set()
        self._released = threading.Event()
        self._server = _Server(("127.0.0.1", 0), _handler(self), self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    def __enter__(self) -> Worker:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._released.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def drain(self, timeout: float = 30) -> None:
        """After a kill: let held attempts go, and read to its end everything that the dead server ever sent.

        Connections are accepted in order, so once a later one of our own is served, each of theirs was accepted.
        """
        self._released.set()
        connection = http.client.HTTPConnection("127.0.0.1", self._server.server_address[1], timeout=timeout)
        connection.request("GET", FENCE)
        connection.getresponse().read()
        connection.close()
        with self._changed:
            assert self._changed.wait_for(lambda: self._open == 0, timeout), "connections of a dead server stay open"
        self._released.clear()

    def let_go(self) -> None:
        """Hold nothing any longer."""
        self._released.set()

    def status(self, path: str, task: str, retry: int) -> HTTPStatus:
        if path == "/held" and task not in self._held:
            self._held.add(task)
            self._released.wait()
        return HTTPStatus.INTERNAL_SERVER_ERROR if path == "/fails-twice" and retry < 2 else HTTPStatus.OK

    def arrived(self, task: str, retry: int) -> None:
        self._ledger.note(Arrived(task, retry))

    def answered(self, task: str, retry: int, status: int) -> None:
        self._ledger.note(Answered(task, retry, status))

    def opened(self, difference: int) -> None:
        with self._changed:
            self._open += difference
            self._changed.notify_all()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 1024

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler], worker: Worker) -> None:
        super().__init__(address, handler)
        self._worker = worker

    def process_request(self, request: socket.socket, client_address: object) -> None:  # type: ignore[override]
        self._worker.opened(1)
        super().process_request(request, client_address)  # type: ignore[arg-type]

    def shutdown_request(self, request: socket.socket) -> None:  # type: ignore[override]
        super().shutdown_request(request)
        self._worker.opened(-1)


def _handler(worker: Worker) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def handle(self) -> None:
            with contextlib.suppress(ConnectionError):
                super().handle()

        def finish(self) -> None:
            with contextlib.suppress(ConnectionError):
                super().finish()

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", "0")))
            task, retry = self.headers["X-CloudTasks-TaskName"], int(self.headers["X-CloudTasks-TaskRetryCount"])
            worker.arrived(task, retry)
            status = worker.status(self.path, task, retry)
            try:
                self._say(status)
            finally:
                worker.answered(task, retry, int(status))

        def do_GET(self) -> None:
            self._say(HTTPStatus.OK)

        def _say(self, status: HTTPStatus) -> None:
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    return Handler
