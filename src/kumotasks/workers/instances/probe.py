"""Questions to an instance that comes up, or is up: does it listen, does it answer, does it call itself healthy.

Times are those of sockets: seconds of the event loop, whatever the clock of tasks says. A refused connection is asked
again until the attempt's time is over, so that whoever is quick is found quickly.
"""

from __future__ import annotations

import asyncio
import contextlib

from kumotasks.domain.clock import SECOND
from kumotasks.domain.run.template import DEFAULT_STARTUP_PROBE, Probe, ProbeKind
from kumotasks.workers.instances import health_check

HOST = "127.0.0.1"
_FIRST_PAUSE, _LONGEST_PAUSE = 0.005, 0.1
_GOOD = range(200, 400)
_MOST_STATUS = 8192  # bytes of a status line

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def passed(probe: Probe, port: int) -> int:
    """The attempts that it took; 0 if all of them failed. `port` is where the container's own port is."""
    await asyncio.sleep(probe.initial_delay / SECOND)
    for attempt in range(1, probe.failures + 1):
        begun = asyncio.get_running_loop().time()
        if await _succeeds(probe, port):
            return attempt
        if attempt < probe.failures:
            await _rest(probe, begun)
    return 0


async def failed(probe: Probe, port: int) -> None:
    """Ask again and again, until all the attempts in a row that the probe allows have failed."""
    await asyncio.sleep(probe.initial_delay / SECOND)
    failures = 0
    while True:
        begun = asyncio.get_running_loop().time()
        failures = 0 if await _succeeds(probe, port) else failures + 1
        if failures >= probe.failures:
            return
        await _rest(probe, begun)


def described(probe: Probe, container: str, port: int, purpose: str = "STARTUP") -> str:
    """`Default STARTUP TCP probe`… as Cloud Run's log calls it; `port` is the container's."""
    default = "Default " if probe == DEFAULT_STARTUP_PROBE else ""
    path = f' path "{probe.path}"' if probe.kind is ProbeKind.HTTP else ""
    kind = probe.kind.value.upper()
    return f'{default}{purpose} {kind} probe {{}} for container "{container}" on{path} port {probe.port or port}.'


def times(count: int) -> str:
    return f"failed {count} time{'s' * (count > 1)} consecutively"


async def _succeeds(probe: Probe, port: int) -> bool:
    """One attempt."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(probe.timeout / SECOND):
            return await _ask(probe, port)
    return False


async def _rest(probe: Probe, begun: float) -> None:
    """The rest of the period that an attempt began."""
    spent = asyncio.get_running_loop().time() - begun
    await asyncio.sleep(max(0.0, probe.period / SECOND - spent))


async def _ask(probe: Probe, port: int) -> bool:
    pause = _FIRST_PAUSE
    while True:
        with contextlib.suppress(OSError, EOFError, ValueError):
            reader, writer = await _connected(port)
            try:
                return await _ASKERS[probe.kind](probe, (reader, writer))
            finally:
                writer.transport.abort()
        await asyncio.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE)


async def _connected(port: int) -> Streams:
    reader, writer = await asyncio.open_connection(HOST, port, limit=_MOST_STATUS)
    # Where nobody listens, a connection to a port that the system also gives to clients may meet itself.
    if writer.get_extra_info("sockname") == writer.get_extra_info("peername"):
        writer.transport.abort()
        raise ConnectionRefusedError
    return reader, writer


async def _listens(probe: Probe, streams: Streams) -> bool:
    return True


async def _answers(probe: Probe, streams: Streams) -> bool:
    reader, writer = streams
    headers = "".join(f"{name}: {value}\r\n" for name, value in probe.headers)
    if not any(name.lower() == "host" for name, _ in probe.headers):
        headers += f"Host: {HOST}\r\n"
    request = f"GET {probe.path or '/'} HTTP/1.1\r\n{headers}User-Agent: GoogleHC/1.0\r\nConnection: close\r\n\r\n"
    writer.write(request.encode())
    status = (await reader.readuntil(b"\n")).split(maxsplit=2)
    return len(status) > 1 and status[0].startswith(b"HTTP/1.") and int(status[1]) in _GOOD


async def _is_healthy(probe: Probe, streams: Streams) -> bool:
    return await health_check.serving(*streams, probe.service)


_ASKERS = {ProbeKind.TCP: _listens, ProbeKind.HTTP: _answers, ProbeKind.GRPC: _is_healthy}
