"""What is set besides the line: KUMO_* variables, and the active named configuration under ~/.config/kumo.

A property is named SECTION/NAME as in gcloud; its variable is KUMO_SECTION_NAME. What a property is for is no business
of this file's but for the table of those that there are.
"""

from __future__ import annotations

import configparser
import contextlib
import os
import re
from collections.abc import Mapping
from pathlib import Path

from kumotasks.cli.client import CREDENTIALS, Failure, WrongCall

# property: what it is for
KNOWN = {
    "core/project": "the project that lines without --project are about",
    "core/account": "the account that calls are made as",
    "core/disable_prompts": "ask nothing, as with --quiet",
    "core/format": "the --format of lines that have none",
    "core/verbosity": "the --verbosity of lines that have none",
    "tasks/location": "the location of queues",
    "run/region": "the region of services",
    "api/endpoint": "where the server listens",
    "auth/key_file": "the service account's key to call with",
}
# The short variables that were there first, and those of other programs.
_OTHER_NAMES = {
    "core/project": ("KUMO_PROJECT",),
    "tasks/location": ("KUMO_LOCATION",),
    "run/region": ("KUMO_REGION",),
    "api/endpoint": ("KUMO_ENDPOINT",),
    "auth/key_file": ("KUMO_KEY_FILE",),
}
_LAST = {"auth/key_file": (CREDENTIALS,)}  # after the configuration
_NAME = re.compile(r"[a-z][-a-z0-9]*")
DEFAULT = "default"


class Properties:
    """The named configurations in `directory`, and what `environment` says over them."""

    def __init__(self, directory: Path, environment: Mapping[str, str], named: str = "") -> None:
        self.directory = directory
        self._environment = environment
        self._named = named

    @property
    def active(self) -> str:
        """The name of the configuration in use."""
        return self._named or self._environment.get("KUMO_ACTIVE_CONFIG_NAME") or self._activated()

    def names(self) -> list[str]:
        """The configurations that there are; the default is always one."""
        found = {path.name.removeprefix("config_") for path in self._folder.glob("config_*") if path.is_file()}
        return sorted(found | {DEFAULT, self.active})

    def exists(self, name: str) -> bool:
        return name == DEFAULT or self._file(name).is_file()

    def get(self, name: str) -> str:
        """What is in force; "" if nothing is set."""
        return next(filter(None, (*self._first(name), self._kept(self.active).get(name), *self._last(name))), "")

    def all(self, configuration: str = "") -> dict[str, str]:
        """What is in force, by name; of another configuration, what it holds."""
        if configuration and configuration != self.active:
            return self._kept(configuration)
        found = {name: self.get(name) for name in {**KNOWN, **self._kept(self.active)}}
        return {name: value for name, value in found.items() if value}

    def set(self, name: str, value: str | None) -> None:
        """Keep a value in the active configuration; None takes it out."""
        kept = self._kept(self.active)
        kept.pop(name, None)
        if value is not None:
            kept[name] = value
        self._keep(self.active, kept)

    def overridden_by(self, name: str) -> str:
        """The variable that is set over the configuration; "" if none is."""
        names = (_variable(name), *_OTHER_NAMES.get(name, ()))
        return next((each for each in names if self._environment.get(each)), "")

    def create(self, name: str) -> None:
        """A new configuration, empty."""
        check_name(name)
        if self._file(name).is_file():
            raise Failure(f"Cannot create configuration [{name}], it already exists.")
        self._keep(name, {})

    def activate(self, name: str) -> None:
        if not self.exists(name):
            raise Failure(f"Cannot activate configuration [{name}], it does not exist.")
        self.directory.mkdir(parents=True, exist_ok=True)
        self._written(self.directory / "active_config", name)

    def delete(self, name: str) -> None:
        if not self._file(name).is_file():
            raise Failure(f"Cannot delete configuration [{name}], it does not exist.")
        if name == self.active:
            raise Failure(f"Cannot delete configuration [{name}], it is the currently active configuration.")
        self._file(name).unlink()

    def _first(self, name: str) -> list[str]:
        return [self._environment.get(each, "") for each in (_variable(name), *_OTHER_NAMES.get(name, ()))]

    def _last(self, name: str) -> list[str]:
        return [self._environment.get(each, "") for each in _LAST.get(name, ())]

    @property
    def _folder(self) -> Path:
        return self.directory / "configurations"

    def _file(self, name: str) -> Path:
        return self._folder / f"config_{check_name(name)}"

    def _activated(self) -> str:
        with contextlib.suppress(OSError, UnicodeDecodeError):
            return (self.directory / "active_config").read_text().strip() or DEFAULT
        return DEFAULT

    def _kept(self, name: str) -> dict[str, str]:
        if not self.exists(name):
            raise WrongCall(f"The configuration [{name}] does not exist.")
        parser = configparser.ConfigParser(interpolation=None)
        try:
            parser.read_string(self._file(name).read_text() if self._file(name).is_file() else "")
        except (OSError, UnicodeDecodeError, configparser.Error) as error:
            raise WrongCall(f"{self._file(name)} cannot be read: {str(error).splitlines()[0]}") from error
        return {f"{section}/{key}": value for section in parser.sections() for key, value in parser[section].items()}

    def _keep(self, name: str, kept: Mapping[str, str]) -> None:
        parser = configparser.ConfigParser(interpolation=None)
        for each, value in sorted(kept.items()):
            section, key = each.split("/", 1)
            if not parser.has_section(section):
                parser.add_section(section)
            parser[section][key] = value
        self._folder.mkdir(parents=True, exist_ok=True)
        lines = [f"[{s}]\n" + "".join(f"{k} = {v}\n" for k, v in parser[s].items()) for s in parser.sections()]
        self._written(self._file(name), "\n".join(lines))

    @staticmethod
    def _written(path: Path, content: str) -> None:
        """All of it or nothing: another `kumo` may read it now."""
        fresh = path.with_name(f".{path.name}.{os.getpid()}")
        fresh.write_text(content)
        fresh.replace(path)


def check_name(name: str) -> str:
    """A configuration's name, which is part of a file's."""
    if not _NAME.fullmatch(name):
        raise WrongCall(
            f"Invalid name [{name}] for a configuration. It begins with a lower case letter and has only lower case "
            "letters, digits and -."
        )
    return name


def config_directory(environment: Mapping[str, str]) -> Path:
    """Where configurations are kept."""
    if named := environment.get("KUMO_CONFIG_DIR"):
        return Path(named)
    home = environment.get("XDG_CONFIG_HOME")
    return (Path(home) if home else Path.home() / ".config") / "kumo"


def _variable(name: str) -> str:
    return "KUMO_" + name.replace("/", "_").upper()
