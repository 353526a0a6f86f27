"""What kumo.toml says of private workers: images and what is run for them, and further hosts of services.

Whoever writes this file decides what is run here; what callers may choose of it is not known.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path as File

from kumotasks.configuration.problem import Flaw, unknown
from kumotasks.domain.errors import InvalidArgument
from kumotasks.domain.run.names import parse_service
from kumotasks.domain.run.revision import Launch
from kumotasks.domain.run.template import RESERVED_ENV

Flaws = Iterator[Flaw]
_FIELDS = ("command", "directory", "env")
_IMAGE = re.compile(r"[A-Za-z0-9*][A-Za-z0-9*._:/@\-]*")
_HOST = re.compile(r"(?=.{1,253})[a-z0-9]([a-z0-9\-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9\-]*[a-z0-9])?)*")
COMMAND = 'command is a list of texts such as ["python", "main.py"], or one text that is split as a shell would.'


def launches(images: Mapping[str, object]) -> dict[str, Launch]:
    """What is run for each image, or for each that fits a pattern. Directories are found from the server's own."""
    return {image: _launch(described) for image, described in images.items()}


def image_flaws(image: str, described: object) -> Flaws:
    """Of `{command, directory, env}`, a row of `[images]`."""
    if _IMAGE.fullmatch(image) is None:
        yield Flaw((), f"'{image}' is not the name of an image.", key=True)
    if not isinstance(described, dict):
        yield Flaw((), "an image is a table with a command.")
        return
    for name in described:
        if name not in _FIELDS:
            yield Flaw((name,), unknown("field of an image", name, _FIELDS), key=True)
    if not described.get("command"):
        yield Flaw(("command",) if "command" in described else (), "command is missing.")
    else:
        yield from _command_flaws(described["command"])
    directory = described.get("directory", "")
    if not isinstance(directory, str) or "\0" in directory:
        yield Flaw(("directory",), "directory is a text.")
    elif directory and not File(directory).is_dir():
        yield Flaw(("directory",), f"there is no directory '{directory}'.")
    yield from _env_flaws(described.get("env", {}))


def host_flaws(host: str, service: object) -> Flaws:
    """Of `host = service`, a row of `hosts` in `[run]`."""
    if _HOST.fullmatch(host) is None:
        yield Flaw((), f"'{host}' is not the name of a host, in small letters and without a port.", key=True)
    try:
        parse_service(str(service))
    except InvalidArgument:
        yield Flaw((), "a service is named in full: projects/P/locations/L/services/S.")


def _command_flaws(command: object) -> Flaws:
    if isinstance(command, str):
        try:
            words = shlex.split(command)
        except ValueError:  # quotes that never end
            words = []
        if not words or "\0" in command:
            yield Flaw(("command",), COMMAND)
        return
    if not isinstance(command, list) or not all(isinstance(word, str) and "\0" not in word for word in command):
        yield Flaw(("command",), COMMAND)
    elif not command[0]:
        yield Flaw(("command", 0), "command begins with a program.")


def _env_flaws(env: object) -> Flaws:
    if not isinstance(env, dict):
        yield Flaw(("env",), "env is a table of texts.")
        return
    for name, value in env.items():
        if not isinstance(value, str) or "\0" in value:
            yield Flaw(("env", name), f"{name} is a text.")
        elif name in RESERVED_ENV:
            yield Flaw(("env", name), f"{name} is set by the server itself.", key=True)
        elif not name or "=" in name:
            yield Flaw(("env", name), f"'{name}' is not the name of a variable.", key=True)


def _launch(described: object) -> Launch:
    assert isinstance(described, dict)
    command, env, directory = described["command"], described.get("env", {}), str(described.get("directory", ""))
    assert isinstance(env, dict)
    words = shlex.split(command) if isinstance(command, str) else command
    assert isinstance(words, list)
    return Launch(tuple(words), str(File(directory).absolute()) if directory else "", tuple(sorted(env.items())))
