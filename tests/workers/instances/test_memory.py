"""Limits of memory: what real processes have, and control groups as the system shows them."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from kumotasks.workers.instances.memory import Groups, Watch, exceeded, used

MIB = 2**20
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="memory is seen in /proc")
HOLDING = "import sys; held = b'x' * ({mib} << 20); {more}; print('held', flush=True); sys.stdin.read()"
FORKING = "import os; os.fork() or (sys.stdin.read(), os._exit(0))"


def holding(mib: int, more: str = "pass") -> subprocess.Popen[bytes]:
    """A program that has so much, and keeps it until it is told to end."""
    text = HOLDING.format(mib=mib, more=more)
    child = subprocess.Popen([sys.executable, "-c", text], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdout is not None
    assert child.stdout.readline() == b"held\n"
    return child


def end(child: subprocess.Popen[bytes]) -> None:
    child.communicate()


def test_what_a_process_has_is_seen() -> None:
    child = holding(64)
    try:
        assert 64 * MIB < used(child.pid, 0) < 90 * MIB
    finally:
        end(child)


def test_pages_that_two_share_count_once() -> None:
    child = holding(64, FORKING)
    try:
        assert 64 * MIB < used(child.pid, 70 * MIB) < 100 * MIB
    finally:
        end(child)


def test_a_process_that_is_gone_has_nothing() -> None:
    child = holding(1)
    end(child)
    assert used(child.pid, MIB) == 0


async def test_whoever_has_too_much_is_told_of_once() -> None:
    child, told = holding(64), asyncio.get_running_loop().create_future()
    try:
        watch = Watch(child.pid, 32 * MIB, lambda: True, told.set_result)
        watch.look_soon()
        assert await asyncio.wait_for(told, 10) > 64 * MIB
        watch.look_soon()  # it looks no more: a second word would be an error of the future
        watch.close()
    finally:
        end(child)


def test_the_sentence_is_cloud_runs() -> None:
    assert exceeded(512 * MIB, 519 * MIB + 1).startswith("Memory limit of 512 MiB exceeded with 520 MiB used. Consider")


def lent(directory: Path, controllers: str = "cpu memory") -> Groups:
    """A machine on which this process lives in /slice/server."""
    (directory / "root/slice/server").mkdir(parents=True)
    (directory / "root/slice/cgroup.subtree_control").write_text(controllers)
    (directory / "root/slice/server/cgroup.subtree_control").write_text("")
    (directory / "own").write_text("3:cpu:/x\n0::/slice/server\n")
    return Groups(directory / "root", directory / "own")


def test_a_group_is_made_beside_our_own(tmp_path: Path) -> None:
    group = lent(tmp_path).open("abc", 512 * MIB)
    assert group is not None
    assert group.path == tmp_path / "root/slice/kumo-abc"
    assert (group.path / "memory.max").read_text() == str(512 * MIB)
    assert group.peak() is None
    (group.path / "memory.events").write_text("low 0\noom 1\noom_kill 1\n")
    (group.path / "memory.peak").write_text("536870912\n")
    assert group.peak() == 512 * MIB


def test_there_are_no_groups_where_memory_is_not_divided(tmp_path: Path) -> None:
    assert lent(tmp_path, "cpu").open("abc", MIB) is None


def test_there_are_no_groups_on_an_older_system(tmp_path: Path) -> None:
    (tmp_path / "own").write_text("4:memory:/x\n")
    assert Groups(tmp_path, tmp_path / "own").open("abc", MIB) is None
    assert Groups(tmp_path, tmp_path / "absent").open("abc", MIB) is None
