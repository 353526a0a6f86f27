"""A worker that keeps every byte it is sent, so that a test sees what no HTTP library would show it."""

from __future__ import annotations

import socket
import threading

HEAD_END = b"\r\n\r\n"


class WireWorker:
    """Answers 200 to every request and closes; `requests` has them whole."""

    def __init__(self) -> None:
        self.requests: list[bytes] = []
        self._changed = threading.Condition()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._listener.getsockname()[1]}"

    @property
    def url(self) -> str:
        return f"http://{self.address}"

    def wait_for(self, count: int) -> list[bytes]:
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.requests) >= count, 20), self.requests
            return list(self.requests)

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                heard = self._read(connection)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            with self._changed:
                self.requests.append(heard)
                self._changed.notify_all()

    @staticmethod
    def _read(connection: socket.socket) -> bytes:
        """All of a request, by its length, and whatever else is there by then."""
        heard = b""
        while HEAD_END not in heard or len(heard.partition(HEAD_END)[2]) < length_in(heard):
            piece = connection.recv(65_536)
            if not piece:
                break
            heard += piece
        return heard


def length_in(heard: bytes) -> int:
    return int(dict(fields_of(heard)).get("content-length", "0"))


def fields_of(heard: bytes) -> list[tuple[str, str]]:
    """Every header line in its order, names in lower case."""
    lines = heard.partition(HEAD_END)[0].decode("latin-1").split("\r\n")[1:]
    pairs = [line.partition(":") for line in lines]
    return [(name.lower(), value.strip()) for name, _, value in pairs]
