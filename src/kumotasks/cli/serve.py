"""`kumo serve`: settings, one server, signals."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import os
import resource
import sys
from collections.abc import Sequence
from pathlib import Path

from kumotasks.lifecycle import Component, Signals, run
from kumotasks.server.addresses import Addresses
from kumotasks.settings import Settings, SettingsError, gather

EXAMPLE = "example: kumo serve --port 8123 --store ./kumo-data --queue default"
# flag: (how its value is shown, what it does)
OPTIONS: dict[str, tuple[str, str]] = {
    "host": ("HOST", "the address to listen on (127.0.0.1)"),
    "port": ("PORT", "plaintext gRPC and REST on one port (8123); 0 picks a free one"),
    "store": ("WHERE", "a directory, or sqlite:///path (./kumo-data)"),
    "data": ("DIR", "keys and run-time files (the store's directory)"),
    "auth": ("off|iam", "whether callers are asked who they are (off)"),
    "tls": ("off|auto|CERT:KEY", "a second listener over TLS (off)"),
    "tls-port": ("PORT", "of the TLS listener (8443)"),
    "tls-client-ca": ("FILE", "let in only clients that have a certificate of this CA, over TLS"),
    "proxy-port": ("PORT", "of the CONNECT proxy (8124)"),
    "proxy-others": ("tunnel|refuse", "what the proxy does with other hosts (tunnel)"),
    "issuer": ("URL", "who signs identity tokens (https://accounts.google.com)"),
    "owner-key": ("PATH", "where the owner's key is written (owner.json in the data directory)"),
    "project": ("PROJECT", "the default project (kumo-local)"),
    "location": ("LOCATION", "the default location (us-central1)"),
    "clock": ("system|manual", "manual stands still until POST /kumo/v1/clock:advance moves it (system)"),
    "drain": ("DURATION", "how long open attempts may take to end at a stop (10s)"),
    "log": ("LEVEL", "debug, info, warning or error (info)"),
}
SWITCHES: dict[str, str] = {
    "auth-off-anywhere": "allow --auth off on an address that other machines reach",
    "strict-resources": "Google's errors for unknown projects and locations",
}


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of `kumo serve`; what is not given comes from KUMO_* variables, the file, or the default."""
    parser.epilog = EXAMPLE
    for name, (metavar, text) in OPTIONS.items():
        parser.add_argument(f"--{name}", metavar=metavar, help=text, default=argparse.SUPPRESS)
    for name, text in SWITCHES.items():
        parser.add_argument(f"--{name}", action="store_true", help=text, default=argparse.SUPPRESS)
    parser.add_argument(
        "--queue",
        metavar="NAME",
        action="append",
        help="a queue to create if it is not there; repeatable",
        default=argparse.SUPPRESS,
    )
    parser.add_argument("--config", metavar="FILE", type=Path, help="a kumo.toml", default=None)


def serve(options: argparse.Namespace) -> int:
    """Run a server until it is told to stop."""
    flags = {name: value for name, value in vars(options).items() if name not in ("command", "config")}
    config = options.config or (Path(os.environ["KUMO_CONFIG"]) if "KUMO_CONFIG" in os.environ else None)
    try:
        settings = gather(flags, os.environ, config)
    except SettingsError as error:
        return _wrong(str(error))
    return _run(settings)


def _run(settings: Settings) -> int:
    from kumotasks.api.tls import CertificateUnusable
    from kumotasks.auth.authority import AuthorityUnusable
    from kumotasks.domain.errors import KumoError
    from kumotasks.logs import own
    from kumotasks.server.node import Server
    from kumotasks.storage.store import StoreUnusable

    own.configure(settings.log)
    _raise_open_files()
    try:
        server = Server(settings, announce=_announce)
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(_until_told_to_stop(server.components))
    except (SettingsError, StoreUnusable, AuthorityUnusable, CertificateUnusable) as error:
        return _wrong(str(error))
    except KumoError as error:
        return _wrong(f"the server cannot start: {error.message}")
    except OSError as error:
        return _wrong(f"{error.strerror or error}.")
    return 0


async def _until_told_to_stop(components: Sequence[Component]) -> None:
    with Signals() as signals:
        await run(components, signals.stop, signals.cut)


def _announce(addresses: Addresses) -> None:
    """The line about the plaintext port is the last: whoever waits for it finds every port open."""
    _spare_collector()
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


def _wrong(sentence: str) -> int:
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
