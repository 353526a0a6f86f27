"""Every setting of a server as one frozen value, with its default. Where it was said is not known here."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from kumotasks.domain.clock import DAY, HOUR, MINUTE, SECOND


class SettingsError(Exception):
    """A setting cannot be used; the message is one clear sentence."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Durations are written `10s`, `1h`, `31d` and kept in microseconds, sizes `16MiB` and kept in bytes."""

    host: str = "127.0.0.1"
    port: int = 8123
    hosts: tuple[str, ...] = ()
    store: str = "./kumo-data"
    data: str = ""
    auth: str = "off"
    auth_off_anywhere: bool = False
    default_accounts_edit: bool = True
    tls: str = "off"
    tls_client_ca: str = ""
    tls_port: int = 8443
    proxy_port: int = 8124
    proxy_others: str = "tunnel"
    issuer: str = "https://accounts.google.com"
    owner_key: str = ""
    secret: str = field(default="", repr=False)
    project: str = "kumo-local"
    location: str = "us-central1"
    strict_resources: bool = False
    queue: tuple[str, ...] = ()
    queue_yaml: str = ""
    clock: str = "system"
    drain: int = 10 * SECOND
    processes: int = 1
    lease: int = 10 * SECOND
    log: str = "info"
    max_in_flight: int = 4_096
    max_body: int = 16 * 1024 * 1024
    max_dispatches_per_second: float = 500.0
    max_concurrent_dispatches: int = 5_000
    task_name_rest: int = HOUR
    queue_name_rest: int = 3 * DAY
    history: str = "failed"
    history_keep: int = 7 * DAY
    dead_letters_keep: int = 30 * DAY
    logs_keep: int = 30 * DAY
    logs_size: int = 1024**3
    app_engine_host: str = "{project}.{location}.r.appspot.com"
    app_engine_services: Mapping[str, str] = field(default_factory=dict)
    egress_rules: tuple[str, ...] = ()
    egress_allow: tuple[str, ...] = ()
    egress_deny: tuple[str, ...] = ()
    egress_private: str = "auto"
    outbound_proxy: str = ""
    ca_file: str = ""
    client_cert: str = ""
    client_key: str = ""
    queues: tuple[Mapping[str, object], ...] = ()
    service_accounts: tuple[Mapping[str, object], ...] = ()
    bindings: tuple[Mapping[str, object], ...] = ()
    images: Mapping[str, object] = field(default_factory=dict)
    run_hosts: Mapping[str, str] = field(default_factory=dict)
    run_tasks_are_internal: bool = False
    run_idle: int = 15 * MINUTE
    store_max_pages: int = 0  # pages of 4 KiB; 0: as large as the disk. For tests of a full disk, so no flag

    @property
    def data_directory(self) -> Path:
        """Where keys and run-time files are: `--data`, else the store's directory, else ./kumo-data."""
        if self.data:
            return Path(self.data)
        return self.database.parent if self.database is not None else Path("./kumo-data")

    @property
    def owner_file(self) -> Path:
        """Where the owner's key is written."""
        return Path(self.owner_key) if self.owner_key else self.data_directory / "owner.json"

    @property
    def private_targets(self) -> bool:
        """Whether tasks may go to private addresses that no rule names: unless it is said, where only programs on this
        machine can create tasks."""
        return is_loopback(self.host) if self.egress_private == "auto" else self.egress_private == "true"

    @property
    def database(self) -> Path | None:
        """The SQLite file of the store; None if the store is not SQLite."""
        if "://" not in self.store:
            return Path(self.store) / "kumo.db"
        scheme, _, path = self.store.partition("://")
        return Path(path.removeprefix("/")) if scheme == "sqlite" else None

    @property
    def on_postgres(self) -> bool:
        """Whether the store is a PostgreSQL database."""
        return self.store.startswith(("postgresql://", "postgres://"))

    @property
    def logs_file(self) -> Path:
        """Where log entries are: logs.db beside kumo.db, NAME.logs.db beside a store of another name."""
        store = self.database
        if store is None or store.name == "kumo.db":
            return (self.data_directory if store is None else store.parent) / "logs.db"
        return store.with_name(f"{store.stem}.logs.db")


def is_loopback(host: str) -> bool:
    """Whether only programs on this machine can reach a listener on `host`."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
