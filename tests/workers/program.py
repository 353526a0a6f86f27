"""A worker as somebody would put it on Cloud Run: it says who it is, and does what its paths say.

`/` answers its environment as JSON, `/exit` ends it, `/eat?MIB` takes memory, `/slow` answers when `/go` was asked,
`/deaf` closes its door, `/health` is good until `/fall-ill`.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

if os.environ.get("FAIL"):
    sys.stderr.write("I cannot start\n")
    raise SystemExit(2)

held: list[bytes] = []
go, ill = threading.Event(), threading.Event()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        if path == "/exit":
            os._exit(7)
        if path == "/eat":
            held.append(b"x" * (int(query) << 20))
        if path == "/slow":
            go.wait(30)
        if path == "/go":
            go.set()
        if path == "/health" and ill.is_set():
            self.send_error(500)
            return
        if path == "/fall-ill":
            ill.set()
        if path == "/deaf":
            server.socket.shutdown(socket.SHUT_RDWR)  # at once, also for the loop that waits at it
            threading.Thread(target=server.shutdown).start()
        body = json.dumps({"pid": os.getpid(), "child": child, "env": dict(os.environ)}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET

    def log_message(self, format: str, *args: object) -> None:
        pass


def end(number: int, frame: object) -> None:
    sys.stdout.write("asked to end\n")
    sys.stdout.flush()
    os._exit(0)


child = 0
if os.environ.get("CHILD"):
    sleeping = [sys.executable, "-c", "import time; time.sleep(1000)"]
    child = subprocess.Popen(sleeping, start_new_session=True, stdin=subprocess.DEVNULL).pid
if os.environ.get("STUBBORN"):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
else:
    signal.signal(signal.SIGTERM, end)
server = ThreadingHTTPServer(("", int(os.environ["PORT"])), Handler)
server.serve_forever()
go.wait()  # it is deaf
