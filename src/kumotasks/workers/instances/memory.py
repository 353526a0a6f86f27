"""How much memory an instance may have: by a control group where the system lends us one, else by looking.

Address space is never limited: programs map far more than they use. Where neither /proc nor control groups are (macOS)
nothing is limited. Figures are in bytes.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from kumotasks.domain.run.quantity import MEBIBYTE

PROC = Path("/proc")
GROUPS = Path("/sys/fs/cgroup")
LOOK_SECONDS = 0.25  # between two looks at an instance that is busy
_PAGE = os.sysconf("SC_PAGE_SIZE")
_KIBIBYTE = 1024
_OWN = ("Pss_Anon:", "Pss_Shmem:")
_ADVICE = "Consider increasing the memory limit, see https://cloud.google.com/run/docs/configuring/memory-limits"


def exceeded(limit: int, used: int) -> str:
    """Cloud Run's sentence."""
    shown = -(-used // MEBIBYTE)
    return f"Memory limit of {limit // MEBIBYTE} MiB exceeded with {shown} MiB used. {_ADVICE}"


def used(pid: int, limit: int, proc: Path = PROC) -> int:
    """What a process and its descendants have for themselves. It is counted quickly; only a sum above `limit`, in which
    pages that several share are counted several times, is counted again with care."""
    members = _family(pid, proc)
    total = sum(_private(each, proc) for each in members)
    return total if total <= limit else sum(_fair_share(each, proc) for each in members)


class Watch:
    """Looks at an instance now and then while it is `busy`; `over` is told once of how much it had too much."""

    def __init__(self, pid: int, limit: int, busy: Callable[[], bool], over: Callable[[int], None]) -> None:
        self._pid = pid
        self._limit = limit
        self._busy = busy
        self._over = over
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False

    def look_soon(self) -> None:
        """It may be busy from now on."""
        if self._timer is None and not self._closed:
            self._timer = asyncio.get_running_loop().call_later(LOOK_SECONDS, self._look)

    def close(self) -> None:
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()

    def _look(self) -> None:
        self._timer = None
        found = used(self._pid, self._limit)
        if found > self._limit:
            self.close()
            self._over(found)
        elif self._busy():
            self.look_soon()


@dataclass(frozen=True, slots=True)
class Group:
    """A control group of one instance."""

    path: Path

    def peak(self) -> int | None:
        """The most it had, if the system ended something in it for having too much."""
        try:
            events = dict(line.split() for line in (self.path / "memory.events").read_text().splitlines())
            return int((self.path / "memory.peak").read_text()) if int(events.get("oom_kill", "0")) else None
        except (OSError, ValueError):
            return None

    def close(self) -> None:
        """End whatever is still in it, and give it back."""
        with contextlib.suppress(OSError):
            (self.path / "cgroup.kill").write_text("1")
        with contextlib.suppress(OSError):
            self.path.rmdir()


class Groups:
    """Control groups below the one that this process may divide, if there is one."""

    def __init__(self, root: Path = GROUPS, own: Path = PROC / "self/cgroup") -> None:
        self._parent = _lent(root, own)

    def open(self, name: str, limit: int) -> Group | None:
        """A new group of at most `limit`; None where there are none to be had."""
        if self._parent is None:
            return None
        path = self._parent / f"kumo-{name}"
        try:
            path.mkdir()
            (path / "memory.max").write_text(str(limit))
            (path / "memory.oom.group").write_text("1")
        except OSError:
            Group(path).close()
            return None
        return Group(path)


def _lent(root: Path, own: Path) -> Path | None:
    """The directory in which groups with a limit of memory may be made: beside our own, or in it."""
    with contextlib.suppress(OSError):
        lines = own.read_text().splitlines()
        ours = next((line.removeprefix("0::/") for line in lines if line.startswith("0::/")), None)
        for parent in () if ours is None else (root / ours / "..", root / ours):
            divided = parent / "cgroup.subtree_control"
            inside = root.resolve() in (parent.resolve(), *parent.resolve().parents)
            if inside and os.access(parent, os.W_OK) and "memory" in divided.read_text().split():
                return parent.resolve()
    return None


def _family(pid: int, proc: Path) -> list[int]:
    found, waiting = [], [pid]
    while waiting:
        member = waiting.pop()
        found.append(member)
        with contextlib.suppress(OSError):
            for thread in (proc / str(member) / "task").iterdir():
                waiting += [int(child) for child in (thread / "children").read_text().split()]
    return found


def _private(pid: int, proc: Path) -> int:
    try:
        _, resident, shared, *_ = (proc / str(pid) / "statm").read_text().split()
    except (OSError, ValueError):
        return 0
    return (int(resident) - int(shared)) * _PAGE


def _fair_share(pid: int, proc: Path) -> int:
    """Pages that several processes share count for each by its part."""
    try:
        lines = (proc / str(pid) / "smaps_rollup").read_text().splitlines()
    except OSError:
        return _private(pid, proc)
    return sum(int(line.split()[1]) * _KIBIBYTE for line in lines if line.startswith(_OWN))
