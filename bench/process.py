"""A program under test on a core of its own: how it is started, and what it and its children have used so far.

Figures come from /proc: CPU time in steps of 10 ms, which is why a row runs for a second or more.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")
MB = 1024 * 1024
_LOOKS = 100  # a child may end between two of its files; its parent has its time then


def cores() -> tuple[int, int]:
    """The core of the program under test, and that of load and worker; the same where there is only one."""
    ours = sorted(os.sched_getaffinity(0))
    return ours[0], ours[-1]


PROGRAM_CORE, LOAD_CORE = cores()


class Program:
    """A process and everything it starts, on PROGRAM_CORE; a context manager that ends them."""

    def __init__(
        self, command: Sequence[str], *, environment: Mapping[str, str] | None = None, log: Path | None = None
    ) -> None:
        self._started = time.perf_counter()
        self._log = (log or Path(os.devnull)).open("ab")
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env={**os.environ, **(environment or {})},
            start_new_session=True,
        )
        os.sched_setaffinity(self._process.pid, {PROGRAM_CORE})

    def __enter__(self) -> Program:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._log.close()

    def first_line(self) -> tuple[str, float]:
        """The first line of its output, and the seconds from its start to it."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline().decode()
        if not line:
            raise SystemExit(f"{self._process.args} did not start; see {self._log.name}")
        return line.strip(), time.perf_counter() - self._started

    def cpu_seconds(self) -> float:
        """User and system time so far, of all its processes, those that ended included."""
        return cpu_seconds(self._process.pid)

    def memory(self) -> float:
        """MB resident, all its processes together."""
        pages = sum(int(Path(f"/proc/{each}/statm").read_text().split()[1]) for each in family(self._process.pid))
        return pages * os.sysconf("SC_PAGE_SIZE") / MB


def cpu_seconds(pid: int) -> float:
    """User and system time so far, of a process and its children, those that ended included."""
    for _ in range(_LOOKS):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            return sum(_cpu_ticks(each) for each in family(pid)) / TICK
    raise SystemExit(f"the process {pid} is gone, or its children come and go too quickly")


def family(pid: int) -> list[int]:
    """A process and all that it started."""
    found = [pid]
    for each in found:
        for thread in Path(f"/proc/{each}/task").iterdir():
            found += map(int, (thread / "children").read_text().split())
    return found


def _cpu_ticks(pid: int) -> int:
    """utime, stime, cutime and cstime of /proc/PID/stat; the name in it may hold spaces."""
    return sum(map(int, Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:15]))
