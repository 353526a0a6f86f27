"""`kumo serve`: settings, one server or several (processes.py), signals."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import resource
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from kumotasks.configuration.startup import Startup, gathered
from kumotasks.lifecycle import Component, Signals, run
from kumotasks.server.addresses import Addresses
from kumotasks.server.judges import JUDGES
from kumotasks.settings import Settings, SettingsError


def serve(flags: Mapping[str, object], config: str) -> int:
    """Run a server until it is told to stop. `flags` are settings; what is not among them comes from KUMO_* variables,
    the file `config`, or the default."""
    named = config or os.environ.get("KUMO_CONFIG")
    try:
        startup = gathered(flags, os.environ, Path(named) if named else None, JUDGES)
    except SettingsError as error:
        return _wrong(str(error))
    settings = startup.settings
    if settings.processes > 1:
        from kumotasks.cli.processes import Processes

        def live(addresses: Addresses, ready: Callable[[Addresses], None], life: int) -> int:
            return _ended(settings, lambda: _one(startup, ready, addresses=addresses, life=life))

        return _ended(settings, Processes(settings, _announce, live).run)
    return _ended(settings, lambda: _one(startup, _announce))


def _one(
    startup: Startup,
    announce: Callable[[Addresses], None],
    *,
    addresses: Addresses | None = None,
    life: int | None = None,
) -> int:
    """A server, until it is told to stop, or the other end of the pipe `life` is closed."""
    from kumotasks.server.node import Server

    def announced(addresses: Addresses) -> None:
        _spare_collector()
        announce(addresses)

    server = Server(startup, announced, addresses=addresses)
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(_until_told_to_stop(server.components, life))
    return 0


def _ended(settings: Settings, work: Callable[[], int]) -> int:
    """The exit code of `work`; what keeps it from starting is said in a sentence."""
    from kumotasks.api.tls import CertificateUnusable
    from kumotasks.auth.authority import AuthorityUnusable
    from kumotasks.domain.errors import KumoError
    from kumotasks.logs import own
    from kumotasks.storage.store import StoreUnusable

    own.configure(settings.log)
    _raise_open_files()
    try:
        return work()
    except (SettingsError, StoreUnusable, AuthorityUnusable, CertificateUnusable) as error:
        return _wrong(str(error))
    except KumoError as error:
        return _wrong(f"the server cannot start: {error.message}")
    except OSError as error:
        return _wrong(f"{error.strerror or error}.")


async def _until_told_to_stop(components: Sequence[Component], life: int | None) -> None:
    loop = asyncio.get_running_loop()
    with Signals() as signals, contextlib.ExitStack() as listening:

        def orphaned() -> None:
            listening.close()
            signals.stop.set()

        if life is not None:
            loop.add_reader(life, orphaned)
            listening.callback(loop.remove_reader, life)
        await run(components, signals.stop, signals.cut)


def _announce(addresses: Addresses) -> None:
    """The line about the plaintext port is the last: whoever waits for it finds every port open."""
    host = addresses.shown_host
    if addresses.secure is not None and addresses.proxy is not None:
        print(f"TLS on https://{host}:{addresses.secure.number}, proxy on http://{host}:{addresses.proxy.number}")
    print(f"Kumo Tasks listens on http://{host}:{addresses.plain.number}", flush=True)


def _spare_collector() -> None:
    """Python's collector of cycles took a sixth of the time under load, for next to nothing.

    It counts what is alive beyond its last look, and a few hundred tasks in flight are many thousand objects: its limit
    is set above that. What is alive now lives as long as the process, and is not looked at again.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000)


def _wrong(sentences: str) -> int:
    for sentence in sentences.splitlines():
        print(f"kumo: {sentence}", file=sys.stderr)
    return 2


def _raise_open_files() -> None:
    """A lane waits for a slot, it never fails for lack of a descriptor: take what the system allows."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _loop_factory() -> type[asyncio.AbstractEventLoop] | None:
    """uvloop where it has a wheel."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.Loop
