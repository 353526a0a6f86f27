"""Every setting of a server as one frozen value, and how the three sources make it: flags over environment over file.

The file is read in configuration/. Nothing that runs is known here.
"""

from __future__ import annotations

import ipaddress
import math
import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from kumotasks.domain.clock import DAY, HOUR, MILLISECOND, MINUTE, SECOND

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_UNITS = {"ms": MILLISECOND, "s": SECOND, "m": MINUTE, "h": HOUR, "d": DAY}
_LONGEST = 315_576_000_000 * SECOND  # the longest google.protobuf.Duration
_DIGITS = 15
_LEAST_SECRET = 16
_LEASES = (2 * SECOND, 10 * MINUTE)
_LARGEST = 2**63
_SIZE = re.compile(r"(\d+)\s*([KMG]?)i?B?", re.IGNORECASE)
_SIZES = {"": 1, "K": 1024, "M": 1024**2, "G": 1024**3}
_ISSUER = re.compile(r"(https://|http://(localhost|127\.0\.0\.1)\b)[^\s?#]+")
_TRUE, _FALSE = frozenset({"1", "true", "yes", "on"}), frozenset({"0", "false", "no", "off", ""})


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


def gather(flags: Mapping[str, object], environment: Mapping[str, str], file: Mapping[str, Any]) -> Settings:
    """The settings that hold: flags over `KUMO_*` over what the file says, which is read already, over the defaults.
    They may not fit together yet. SettingsError says what is wrong."""
    settings = replace(Settings(), **file)
    settings = replace(settings, **_coerced(_environment(environment), "in the environment"))
    return replace(settings, **_coerced(flags, "on the command line"))


def overridden(flags: Mapping[str, object], environment: Mapping[str, str]) -> frozenset[str]:
    """The settings of which a file says nothing that counts."""
    return frozenset(flags) | frozenset(_environment(environment))


def check(settings: Settings) -> Settings:
    """`settings`, if they fit together."""
    for _, sentence in flaws(settings):
        raise SettingsError(sentence)
    return settings


def flaws(settings: Settings) -> Iterator[tuple[str, str]]:
    """What is out of range or does not fit: the name of a setting, and a sentence."""
    yield from _number_flaws(settings)
    for name in ("port", "tls_port", "proxy_port"):
        port = getattr(settings, name)
        if not 0 <= port <= 65_535:
            yield name, f"{_flag(name)} {port}: a port is a number from 0 to 65535."
    for name, choices in _CHOICES.items():
        value = getattr(settings, name)
        if value not in choices:
            shown = name if name == "history" else _flag(name)
            yield name, f"{shown} {value}: choose one of {', '.join(choices)}."
    for name, letters in _IDS.items():
        if letters.fullmatch(getattr(settings, name)) is None:
            yield name, f"{_flag(name)} {getattr(settings, name)}: no {name} has such an id."
    most = Settings().max_body
    if settings.max_body > most:
        yield "max_body", f"max_body {settings.max_body}: {most} bytes (16MiB) is the most."
    yield from _identity_flaws(settings)
    yield from _node_flaws(settings)
    if settings.database is None:
        if not settings.on_postgres:
            yield "store", f"--store {_without_password(settings.store)}: not available in this version."
    elif not settings.database.name:
        yield "store", f"--store {settings.store}: name a file."
    if settings.auth == "off" and not settings.auth_off_anywhere and not is_loopback(settings.host):
        unasked = f"--host {settings.host} is not loopback, and nobody would be asked who he is: "
        yield "host", unasked + "say --auth-off-anywhere if that is meant."


def _identity_flaws(settings: Settings) -> Iterator[tuple[str, str]]:
    if _ISSUER.fullmatch(settings.issuer) is None:
        yield "issuer", f"--issuer {settings.issuer}: an https URL without query is needed."
    if settings.secret and len(settings.secret) < _LEAST_SECRET:
        yield "secret", f"KUMO_SECRET: at least {_LEAST_SECRET} characters are needed."
    if settings.auth == "iam" and settings.on_postgres and not settings.secret:
        yield (
            "secret",
            "--auth iam over PostgreSQL: set KUMO_SECRET, the same on every node; it encrypts the keys in the store.",
        )
    if settings.tls not in ("off", "auto") and ":" not in settings.tls:
        yield "tls", f"--tls {settings.tls}: say off, auto or CERT:KEY, two PEM files."
    if settings.tls_client_ca and settings.tls == "off":
        yield "tls_client_ca", "--tls-client-ca: needs --tls."


def _node_flaws(settings: Settings) -> Iterator[tuple[str, str]]:
    if settings.processes < 1:
        yield "processes", f"--processes {settings.processes}: a number above 0 is needed."
    elif settings.processes > 1 and not settings.on_postgres:
        yield "processes", f"--processes {settings.processes}: needs --store postgresql://…; SQLite has one process."
    elif settings.processes > 1 and settings.clock == "manual":
        yield "processes", f"--processes {settings.processes}: each would have a --clock manual of its own."
    least, most = _LEASES
    if not least <= settings.lease <= most:
        yield "lease", f"--lease {settings.lease / SECOND:g}s: from {least // SECOND}s to {most // MINUTE}m."


def is_loopback(host: str) -> bool:
    """Whether only programs on this machine can reach a listener on `host`."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _number_flaws(settings: Settings) -> Iterator[tuple[str, str]]:
    for name in ("max_in_flight", "max_body", "max_dispatches_per_second", "max_concurrent_dispatches"):
        value = getattr(settings, name)
        if not 0 < value < math.inf:
            yield name, f"{name} {value}: a number above 0 is needed."


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def _without_password(url: str) -> str:
    return re.sub(r"//.*@", "//", url)


def _environment(environment: Mapping[str, str]) -> dict[str, object]:
    found = {key[5:].lower(): value for key, value in environment.items() if key.startswith("KUMO_")}
    return {name: value for name, value in found.items() if name in _NAMES}


_NAMES = frozenset(each.name for each in fields(Settings))
_IDS = {"project": re.compile(r"[A-Za-z0-9:.\-]{1,100}"), "location": re.compile(r"[a-z0-9\-]{1,63}")}
_CHOICES = {
    "auth": ("off", "iam"),
    "clock": ("system", "manual"),
    "proxy_others": ("tunnel", "refuse"),
    "log": ("debug", "info", "warning", "error"),
    "history": ("failed", "all", "off"),
}
_DURATIONS = frozenset(
    {
        "drain",
        "task_name_rest",
        "queue_name_rest",
        "history_keep",
        "dead_letters_keep",
        "logs_keep",
        "run_idle",
        "lease",
    }
)
_SIZED = frozenset({"max_body", "logs_size"})
_OPEN = frozenset({"egress_private"})  # auto, true or false
_LISTS = {
    "queue": str,
    "hosts": str,
    "egress_rules": str,
    "egress_allow": str,
    "egress_deny": str,
    "queues": dict,
    "service_accounts": dict,
    "bindings": dict,
}


def names() -> frozenset[str]:
    """Of all settings, as the file has them: those of a table with the table's name in front (`egress_allow`)."""
    return _NAMES


def _coerced(values: Mapping[str, object], where: str) -> dict[str, Any]:
    unknown = sorted(set(values) - _NAMES)
    if unknown:
        raise SettingsError(f"{where}: there is no setting '{unknown[0]}'.")
    found = {}
    for name, value in values.items():
        try:
            found[name] = coerced(name, value)
        except ValueError as error:
            raise SettingsError(f"{where}: {name} = {value!r} is not understood: {error}.") from error
    return found


def coerced(name: str, value: object) -> object:
    """`value`, as a flag, a variable or TOML has it, in the type of the setting. ValueError says what it should be."""
    default = getattr(Settings(), name)
    if isinstance(value, int) and abs(value) > _LARGEST:
        raise ValueError("the number is too large")
    try:
        if name in _DURATIONS:
            return duration(str(value))
        if name in _SIZED:
            return size(str(value))
        if name in _OPEN:
            return "auto" if value == "auto" else str(_boolean(value)).lower()
        if name == "images":
            return _mapping(value, lambda described: described)  # judged in configuration/images
        return _READERS[type(default)](value) if name not in _LISTS else _list(value, _LISTS[name])
    except TypeError as error:
        raise ValueError(str(error)) from error


def duration(text: str) -> int:
    """Microseconds in `10s`, `500ms`, `1h`, `31d`; a bare number is seconds."""
    found = _DURATION.fullmatch(text if text[-1:].isalpha() else text + "s")
    if found is None:
        raise ValueError("a duration is written like 10s, 500ms, 1h or 31d")
    amount = float(found[1]) * _UNITS[found[2]]
    if amount > _LONGEST:
        raise ValueError("a duration is at most 10000 years long")
    return round(amount)


def size(text: str) -> int:
    """Bytes in `16MiB`, `1G`, `4096`."""
    found = _SIZE.fullmatch(text)
    if found is None:
        raise ValueError("a size is written like 16MiB or 4096")
    if len(found[1]) > _DIGITS:
        raise ValueError(f"a size has at most {_DIGITS} digits")
    return int(found[1]) * _SIZES[found[2].upper()]


def _text(value: object) -> str:
    text = os.fspath(value) if isinstance(value, Path) else value
    if not isinstance(text, str) or "\0" in text:
        raise ValueError("a text is needed, without zero bytes")
    return text


def _boolean(value: object) -> bool:
    text = str(value).lower()
    if text not in _TRUE | _FALSE:
        raise ValueError("say true or false")
    return text in _TRUE


def _integer(value: object) -> int:
    try:
        return int(str(value))
    except ValueError as error:
        raise ValueError("a whole number is needed") from error


def _number(value: object) -> float:
    try:
        return float(str(value))
    except ValueError as error:
        raise ValueError("a number is needed") from error


def _list(value: object, of: type) -> tuple[object, ...]:
    members = [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value
    if not isinstance(members, list | tuple) or not all(isinstance(member, of) for member in members):
        raise ValueError(f"a list of {'texts' if of is str else 'tables'} is needed")
    return tuple(members)


def _mapping(value: object, read: Callable[[object], object] = _text) -> dict[str, object]:
    if not isinstance(value, dict):
        raise TypeError("a table is needed")
    return {str(key): read(each) for key, each in value.items()}


_READERS = {
    str: _text,
    int: _integer,
    float: _number,
    bool: _boolean,
    dict: _mapping,
}
