"""The hello container: a page that names the service and the revision.

Run as `python -m kumotasks.workers.instances.hello`.
It is a program of its own: it knows nothing but its environment and imports the standard library only.
"""

from __future__ import annotations

import html
import logging
import os
import signal
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

logger = logging.getLogger("hello")
_PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Congratulations | Cloud Run</title>
<style>body {{ font: 1.1rem/1.6 system-ui, sans-serif; margin: 15vh auto; max-width: 36rem }}</style></head>
<body>
<h1>It's running!</h1>
<p>A container is up and answers requests.</p>
<p>Service: <b>{service}</b><br>Revision: <b>{revision}</b></p>
</body>
</html>
"""


class Page(BaseHTTPRequestHandler):
    """The same answer for every method and path; a body is read and forgotten."""

    protocol_version = "HTTP/1.1"

    def answer(self) -> None:
        self._forget_body()
        page = _PAGE.format(service=_shown("K_SERVICE"), revision=_shown("K_REVISION")).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(page)

    def _forget_body(self) -> None:
        if self.headers.get("Transfer-Encoding", "identity").lower() != "identity":
            while size := int(self.rfile.readline().partition(b";")[0], 16):
                self.rfile.read(size + 2)
            while self.rfile.readline().strip():
                """Trailers."""
            return
        left = int(self.headers.get("Content-Length", "0"))
        while left > 0:
            left -= len(self.rfile.read(min(left, 65_536))) or left

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (the name is http.server's)
        """The front writes a line for each request already."""


for _method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
    setattr(Page, f"do_{_method}", Page.answer)  # where http.server looks


def _shown(name: str) -> str:
    return html.escape(os.environ.get(name, "???"))


def serve() -> None:
    """Answer on $PORT until SIGTERM."""
    logging.basicConfig(stream=sys.stdout, format="%(message)s", level=logging.INFO)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    port = int(os.environ.get("PORT", "8080"))
    with ThreadingHTTPServer(("", port), Page) as server:
        server.daemon_threads = True
        logger.info(
            "Hello from Cloud Run! The container started successfully and is listening for requests on %s", port
        )
        server.serve_forever()


if __name__ == "__main__":
    serve()
