"""Real processes by way of the warden: started, signalled, reaped, and gone when the server is."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from kumotasks.domain.clock import MILLISECOND
from kumotasks.workers.instances.processes import Command, NotStarted, Process, Processes

PRINTING = "import os; print(dict(os.environ), os.getcwd()); import sys; sys.stderr.write('oops'); raise SystemExit(3)"
# Says its process's number, and those of children that it leaves behind: one in its group, one in a session of its own.
FAMILY = """
import os, signal, subprocess, sys, time
deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(1000)"
def begun(**how):
    child = subprocess.Popen([sys.executable, "-c", deaf], stdout=subprocess.PIPE, **how)
    child.stdout.readline()
    return child.pid
{more}
print(os.getpid(), begun(), begun(start_new_session=True), flush=True)
time.sleep(1000)
"""
DEAF = "signal.signal(signal.SIGTERM, signal.SIG_IGN)"
linux = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere orphans go to the first process")


class Heard(asyncio.Protocol):
    """What comes out of a pipe."""

    def __init__(self) -> None:
        self.text = ""
        self._changed = asyncio.Event()
        self.begun = asyncio.Event()
        self.ended = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.begun.set()

    def data_received(self, data: bytes) -> None:
        self.text += data.decode()
        self._changed.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self.ended = True
        self._changed.set()

    async def line(self) -> str:
        async with asyncio.timeout(20):
            while "\n" not in self.text and not self.ended:
                self._changed.clear()
                await self._changed.wait()
        return self.text.partition("\n")[0]

    async def all(self) -> str:
        async with asyncio.timeout(20):
            while not self.ended:
                self._changed.clear()
                await self._changed.wait()
        return self.text


@pytest.fixture
async def processes() -> AsyncIterator[Processes]:
    processes = Processes(grace=300 * MILLISECOND)
    await processes.start()
    yield processes
    await processes.stop()
    await processes.stop()


async def started(processes: Processes, code: str, **env: str) -> tuple[Process, Heard, Heard]:
    stdout, stderr = Heard(), Heard()
    command = Command((sys.executable, "-c", code), "/", env)
    return await processes.run(command, lambda: stdout, lambda: stderr), stdout, stderr


async def gone(*pids: int) -> None:
    """Until no such process lives; one that nobody has reaped yet is dead enough."""
    async with asyncio.timeout(20):
        while any(lives(pid) for pid in pids):  # noqa: ASYNC110 - what is waited for is no child of this process
            await asyncio.sleep(0.01)


def lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


async def family(processes: Processes, more: str = "") -> tuple[Process, list[int]]:
    process, stdout, _ = await started(processes, FAMILY.format(more=more), PORT="4321")
    return process, [int(pid) for pid in (await stdout.line()).split()]


async def test_it_runs_with_just_what_it_was_given(processes: Processes) -> None:
    process, stdout, stderr = await started(processes, PRINTING, PORT="1", NAME="ü")
    assert await process.ended == 3
    told = await stdout.all()
    assert "'NAME': 'ü'" in told
    assert "HOME" not in told
    assert told.endswith("/\n")
    assert await stderr.all() == "oops"


async def test_a_program_that_is_not_there_is_told(processes: Processes) -> None:
    with pytest.raises(NotStarted, match="no-such-program"):
        await processes.run(Command(("no-such-program",), "/", {"PATH": "/bin"}), Heard, Heard)
    with pytest.raises(NotStarted, match="no-such-directory"):
        await processes.run(Command((sys.executable,), "/no-such-directory", {}), Heard, Heard)


async def test_it_leads_a_group_that_hears_signals(processes: Processes) -> None:
    process, stdout, _ = await started(processes, "import time; print('up', flush=True); time.sleep(1000)")
    await stdout.line()
    assert os.getpgid(process.pid) == process.pid
    process.signal(signal.SIGTERM)
    assert await process.ended == -signal.SIGTERM
    process.signal(signal.SIGTERM)  # nobody is there to hear it


@linux
async def test_children_end_with_it_also_those_that_left_the_group(processes: Processes) -> None:
    other, others = await family(processes, "")
    process, pids = await started_elsewhere(processes)
    process.signal(signal.SIGKILL)
    assert await process.ended == -signal.SIGKILL
    await gone(*pids)
    assert lives(others[2])  # of an instance that still runs
    other.signal(signal.SIGKILL)
    await gone(*others)


async def started_elsewhere(processes: Processes) -> tuple[Process, list[int]]:
    process, stdout, _ = await started(processes, FAMILY.format(more=""), PORT="9876")
    return process, [int(pid) for pid in (await stdout.line()).split()]


@linux
@pytest.mark.parametrize("more", ["", DEAF])
async def test_nothing_is_left_when_the_server_stops(processes: Processes, more: str) -> None:
    process, pids = await family(processes, more)
    assert all(map(lives, pids))
    warden = processes.warden_pid
    await processes.stop()
    assert not any(map(lives, [*pids, warden]))
    assert await process.ended == (-signal.SIGKILL if more else -signal.SIGTERM)


@linux
async def test_instances_die_with_the_warden_and_the_next_start_begins_another(processes: Processes) -> None:
    process, pids = await family(processes)
    warden = processes.warden_pid
    os.kill(warden, signal.SIGKILL)
    assert await process.ended == -signal.SIGKILL
    await gone(*pids[:2])
    os.kill(pids[2], signal.SIGKILL)  # it left the group, and the warden that would have found it is gone
    again, stdout, _ = await started(processes, "print('up')")
    assert await stdout.all() == "up\n"
    assert await again.ended == 0
    assert processes.warden_pid not in (0, warden)


async def test_many_at_once(processes: Processes) -> None:
    started_all = await asyncio.gather(*(started(processes, f"print({n})") for n in range(12)))
    assert [await stdout.all() for _, stdout, _ in started_all] == [f"{n}\n" for n in range(12)]
    assert [await process.ended for process, _, _ in started_all] == [0] * 12


async def test_a_start_that_nobody_waits_for_any_more_is_taken_back(processes: Processes) -> None:
    await started(processes, "pass")  # so that the warden is there
    stdout = Heard()
    command = Command((sys.executable, "-c", "import time; time.sleep(1000)"), "/", {})
    starting = asyncio.create_task(processes.run(command, lambda: stdout, Heard))
    await stdout.begun.wait()
    starting.cancel()
    assert await stdout.all() == ""
    assert starting.cancelled()
