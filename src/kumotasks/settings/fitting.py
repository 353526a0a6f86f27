"""What is out of range or does not fit together, setting by setting, in a sentence each."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

from kumotasks.domain.clock import MINUTE, SECOND
from kumotasks.settings.values import Settings, SettingsError, is_loopback

_LEAST_SECRET = 16
_LEASES = (2 * SECOND, 10 * MINUTE)
_ISSUER = re.compile(r"(https://|http://(localhost|127\.0\.0\.1)\b)[^\s?#]+")
_IDS = {"project": re.compile(r"[A-Za-z0-9:.\-]{1,100}"), "location": re.compile(r"[a-z0-9\-]{1,63}")}
_CHOICES = {
    "auth": ("off", "iam"),
    "clock": ("system", "manual"),
    "proxy_others": ("tunnel", "refuse"),
    "log": ("debug", "info", "warning", "error"),
    "history": ("failed", "all", "off"),
}


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


def _number_flaws(settings: Settings) -> Iterator[tuple[str, str]]:
    for name in ("max_in_flight", "max_body", "max_dispatches_per_second", "max_concurrent_dispatches"):
        value = getattr(settings, name)
        if not 0 < value < math.inf:
            yield name, f"{name} {value}: a number above 0 is needed."


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def _without_password(url: str) -> str:
    return re.sub(r"//.*@", "//", url)
