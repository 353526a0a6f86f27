"""Processes of instances as the server sees them: the warden starts and reaps them, here is what it says of them.

The warden is started with the first of them. If it dies, they die with it, and the next start begins another.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import cast

from kumotasks.domain.clock import SECOND
from kumotasks.workers.instances import warden

GRACE = 10 * SECOND  # Cloud Run: from SIGTERM to SIGKILL
_READ = 64 * 1024
_KILLED = -int(signal.SIGKILL)

Output = Callable[[], asyncio.Protocol]


class NotStarted(Exception):
    """There is no such program, or it may not be run; the message is the system's."""


@dataclass(frozen=True, slots=True)
class Command:
    """What to run. `cgroup` is a directory of the control groups, "" for none."""

    argv: tuple[str, ...]
    directory: str
    env: Mapping[str, str]
    cgroup: str = ""


@dataclass(eq=False, slots=True)
class Process:
    """A process that was started; it leads a group of its own. `ended` gets its status, below 0 for a signal."""

    number: int
    pid: int
    _send: Callable[[dict[str, object]], None] = field(repr=False)
    ended: asyncio.Future[int] = field(repr=False)

    def signal(self, number: int) -> None:
        """To its whole group; nothing happens once it has ended."""
        if not self.ended.done():
            self._send({"do": "signal", "id": self.number, "number": number})


class Processes:
    """Component: starts processes by way of the warden. `grace` in microseconds."""

    def __init__(self, *, grace: int = GRACE) -> None:
        self._grace = grace
        self._link: _Link | None = None
        self._linking = asyncio.Lock()

    async def start(self) -> None:
        """The warden waits for its first instance."""

    async def stop(self) -> None:
        """End whatever runs, and the warden."""
        if self._link is not None:
            await self._link.close()
            self._link = None

    @property
    def warden_pid(self) -> int:
        """0 while there is none."""
        return self._link.warden.pid if self._link is not None and self._link.alive else 0

    async def run(self, command: Command, stdout: Output, stderr: Output) -> Process:
        """Start `command`; the protocols hear what it writes. NotStarted."""
        async with self._linking:
            if self._link is not None and not self._link.alive:
                await self._link.close()
                self._link = None
            if self._link is None:
                self._link = await _Link.open(self._grace)
        return await self._link.run(command, stdout, stderr)


class _Link:
    """The socket to one warden."""

    def __init__(self, ours: socket.socket, process: subprocess.Popen[bytes]) -> None:
        self.warden = process
        self.alive = True
        self._socket = ours
        self._numbers = itertools.count(1)
        self._starting: dict[int, asyncio.Future[int]] = {}  # to pids
        self._running: dict[int, Process] = {}
        self._outbox: asyncio.Queue[tuple[bytes, tuple[int, ...]]] = asyncio.Queue()
        self._tasks = (asyncio.create_task(self._write()), asyncio.create_task(self._read()))

    @classmethod
    async def open(cls, grace: int) -> _Link:
        ours, theirs = socket.socketpair()
        with theirs:
            ours.setblocking(False)
            process = await asyncio.to_thread(_start_warden, theirs.fileno(), grace)
        return cls(ours, process)

    async def run(self, command: Command, stdout: Output, stderr: Output) -> Process:
        number, loop = next(self._numbers), asyncio.get_running_loop()
        ends = await _listened(stdout, stderr)
        started: asyncio.Future[int] = loop.create_future()
        ended: asyncio.Future[int] = loop.create_future()
        self._starting[number] = started
        self._running[number] = process = Process(number, 0, self._send, ended)
        order = {
            "do": "start",
            "id": number,
            "argv": command.argv,
            "cwd": command.directory,
            "env": dict(command.env),
            "cgroup": command.cgroup,
        }
        self._send(order, *ends)
        if not self.alive:
            self._forget()
        process.pid = await started
        return process

    def _send(self, order: dict[str, object], *descriptors: int) -> None:
        self._outbox.put_nowait((json.dumps(order).encode() + b"\n", descriptors))

    async def _write(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            data, descriptors = await self._outbox.get()
            with contextlib.suppress(OSError):  # the warden is gone: the reader sees it
                try:
                    if descriptors:
                        data = data[await _send_with(self._socket, data, descriptors) :]
                    await loop.sock_sendall(self._socket, data)
                finally:
                    for each in descriptors:
                        os.close(each)

    async def _read(self) -> None:
        loop, unread = asyncio.get_running_loop(), b""
        with contextlib.suppress(OSError):
            while data := await loop.sock_recv(self._socket, _READ):
                *lines, unread = (unread + data).split(b"\n")
                for line in lines:
                    self._hear(json.loads(line))
        self.alive = False
        self._forget()

    def _hear(self, word: dict[str, object]) -> None:
        number = cast("int", word["id"])
        if word["is"] == "ended":
            self._end(number, cast("int", word["status"]))
            return
        started = self._starting.pop(number)
        if word["is"] == "failed":
            del self._running[number]
            if not started.cancelled():
                started.set_exception(NotStarted(word["why"]))
        elif started.cancelled():  # nobody wants it any more
            self._send({"do": "signal", "id": number, "number": int(signal.SIGKILL)})
        else:
            started.set_result(cast("int", word["pid"]))

    def _end(self, number: int, status: int) -> None:
        process = self._running.pop(number)
        if not process.ended.done():
            process.ended.set_result(status)

    def _forget(self) -> None:
        """The warden is gone, and its instances with it; what they started may not be."""
        starting, self._starting = self._starting, {}
        for each in starting.values():
            if not each.done():
                each.set_exception(NotStarted("the warden of the instances has ended"))
        for number, process in list(self._running.items()):
            if process.pid:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(process.pid, signal.SIGKILL)
            self._end(number, _KILLED)

    async def close(self) -> None:
        """The warden ends with its socket, when everything it watches has ended."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)
        await asyncio.to_thread(self.warden.wait)
        for each in self._tasks:
            each.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.alive = False
        self._forget()
        self._socket.close()


def _start_warden(descriptor: int, grace: int) -> subprocess.Popen[bytes]:
    """In a session of its own: an interrupt at the terminal is the server's to answer."""
    return subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-I", "-S", warden.__file__, str(descriptor), str(grace / SECOND)],
        pass_fds=(descriptor,),
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        cwd="/",
    )


async def _listened(*outputs: Output) -> list[int]:
    """The ends of new pipes to write to; what comes out of each goes to a protocol."""
    ends: list[int] = []
    try:
        for output in outputs:
            reading, writing = os.pipe()
            ends.append(writing)
            await asyncio.get_running_loop().connect_read_pipe(output, os.fdopen(reading, "rb", 0))
    except BaseException:  # raised on, once the pipes are closed
        for each in ends:
            os.close(each)
        raise
    return ends


async def _send_with(sock: socket.socket, data: bytes, descriptors: tuple[int, ...]) -> int:
    loop = asyncio.get_running_loop()
    while True:
        try:
            return socket.send_fds(sock, [data], descriptors)
        except BlockingIOError:
            writable = asyncio.Event()
            loop.add_writer(sock, writable.set)
            try:
                await writable.wait()
            finally:
                loop.remove_writer(sock)
