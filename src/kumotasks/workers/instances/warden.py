"""The warden: a small process that starts instances and outlives the server just long enough to end them.

It is run by its path (`python -I -S warden.py FD SECONDS`) and imports nothing but the standard library, so that it is
there at once. FD is its end of a socket to the server; when that closes, be it by kill -9, every instance's group gets
SIGTERM, after SECONDS SIGKILL, and so does every process that slipped out of its group: on Linux the warden inherits
orphans. Instances die with the warden. What an instance is for is unknown here.

Both sides write JSON, a line each. To the warden: `{"do": "start", "id", "argv", "cwd", "env", "cgroup"}`, which two
descriptors accompany, for stdout and stderr; `{"do": "signal", "id", "number"}`. To the server: `{"is": "started",
"id", "pid"}`, `{"is": "failed", "id", "why"}`, `{"is": "ended", "id", "status"}`; a status below 0 is a signal.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import cast

_SUBREAPER, _DEATH_SIGNAL = 36, 1  # PR_SET_CHILD_SUBREAPER, PR_SET_PDEATHSIG
_LINUX = sys.platform == "linux"
_MOST_DESCRIPTORS = 64  # in one message of the socket
_READ = 256 * 1024
_REASONS = (OSError, ValueError, subprocess.SubprocessError)


class Warden:
    """`server` is the socket to the server, `grace` the seconds between SIGTERM and SIGKILL at the end."""

    def __init__(self, server: socket.socket, grace: float) -> None:
        self._server = server
        self._grace = grace
        self._children: dict[int, subprocess.Popen[bytes]] = {}  # by the id that the server gave
        self._ids: dict[int, int] = {}  # by pid
        self._ports: dict[int, bytes] = {}  # the mark that processes of an instance carry in their environment
        self._descriptors: list[int] = []
        self._unread = b""
        self._open = self._childless = True
        self._prctl = ctypes.CDLL(None).prctl if _LINUX else None

    def run(self) -> None:
        """Until the server is gone and nothing is left."""
        if self._prctl is not None:
            self._prctl(_SUBREAPER, 1, 0, 0, 0)
        heard, bell = socket.socketpair()
        bell.setblocking(False)
        heard.setblocking(False)
        signal.set_wakeup_fd(bell.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGALRM):
            signal.signal(number, lambda *_: None)
        for number in (signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        with selectors.DefaultSelector() as selector:
            selector.register(self._server, selectors.EVENT_READ)
            selector.register(heard, selectors.EVENT_READ)
            while self._open or not self._childless:
                for key, _ in selector.select():
                    if key.fileobj is heard:
                        self._hear(heard.recv(1024))
                    elif not self._read():
                        selector.unregister(self._server)
                        self._end()

    def _hear(self, signals: bytes) -> None:
        if signal.SIGTERM in signals and self._open:
            self._server.shutdown(socket.SHUT_RD)  # as if the server were gone
        if signal.SIGALRM in signals:
            self._kill_everything()
        self._reap()

    # the server's words

    def _read(self) -> bool:
        try:
            data, descriptors, _, _ = socket.recv_fds(self._server, _READ, _MOST_DESCRIPTORS)
        except OSError:
            return False
        self._descriptors += descriptors
        *lines, self._unread = (self._unread + data).split(b"\n")
        for line in lines:
            order = json.loads(line)
            (self._start if order["do"] == "start" else self._signal)(order)
        return bool(data)

    def _start(self, order: dict[str, object]) -> None:
        number, environment = cast("int", order["id"]), cast("dict[str, str]", order["env"])
        stdout, stderr, *self._descriptors = self._descriptors
        try:
            child = subprocess.Popen(  # noqa: S603 - this is what a warden is for
                cast("list[str]", order["argv"]),
                cwd=cast("str", order["cwd"]),
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                start_new_session=True,
                preexec_fn=self._before(cast("str", order["cgroup"])),  # noqa: PLW1509 - there is but one thread
            )
        except _REASONS as refusal:
            self._say({"is": "failed", "id": number, "why": str(refusal)})
            return
        finally:
            os.close(stdout)
            os.close(stderr)
        self._childless = False
        self._children[number], self._ids[child.pid] = child, number
        self._ports[number] = b"PORT=" + environment.get("PORT", "").encode()
        self._say({"is": "started", "id": number, "pid": child.pid})

    def _before(self, cgroup: str) -> Callable[[], None]:
        """What a child does before it becomes the instance."""
        prctl = self._prctl

        def prepare() -> None:
            if cgroup:
                Path(cgroup, "cgroup.procs").write_text("0")  # the writer itself
            if prctl is not None:
                prctl(_DEATH_SIGNAL, int(signal.SIGKILL), 0, 0, 0)

        return prepare

    def _signal(self, order: dict[str, object]) -> None:
        child = self._children.get(cast("int", order["id"]))
        if child is not None:
            _signal_group(child.pid, cast("int", order["number"]))

    def _say(self, word: dict[str, object]) -> None:
        with contextlib.suppress(OSError):  # the server is gone, which the next look at the socket shows
            self._server.sendall(json.dumps(word).encode() + b"\n")

    # the ends of instances

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                self._childless = True
                break
            if not pid:
                break
            if pid in self._ids:
                self._ended(pid, os.waitstatus_to_exitcode(status))
        self._sweep()

    def _ended(self, pid: int, status: int) -> None:
        number = self._ids.pop(pid)
        self._children.pop(number).returncode = status  # or Popen would ask for it itself
        del self._ports[number]
        _signal_group(pid, signal.SIGKILL)  # as a container ends with its first process
        self._say({"is": "ended", "id": number, "status": status})

    def _sweep(self) -> None:
        """End inherited processes whose instance is gone; one that hides its environment goes with the last."""
        alive = set(self._ports.values())
        for pid in self._orphans():
            marks = {each for each in _environment(pid) if each.startswith(b"PORT=")}
            if not alive or (marks and not marks & alive):
                _kill(pid)

    def _orphans(self) -> list[int]:
        """Children of this process that it did not start."""
        return [pid for pid in _children_of(os.getpid()) if pid not in self._ids]

    def _end(self) -> None:
        self._open = False
        for child in self._children.values():
            _signal_group(child.pid, signal.SIGTERM)
        self._sweep()
        signal.setitimer(signal.ITIMER_REAL, self._grace, 1.0)

    def _kill_everything(self) -> None:
        for pid in self._ids:
            _signal_group(pid, signal.SIGKILL)
        for pid in self._orphans():
            _kill(pid)


def _signal_group(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def _kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, signal.SIGKILL)


def _children_of(pid: int) -> list[int]:
    """Without /proc there are no orphans to be found: they go to the first process of the machine."""
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def _environment(pid: int) -> list[bytes]:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return []


if __name__ == "__main__":
    Warden(socket.socket(fileno=int(sys.argv[1])), float(sys.argv[2])).run()
