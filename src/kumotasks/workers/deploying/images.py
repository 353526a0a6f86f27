"""What is started for a template: an image that the operator mapped to a command, or a directory of the caller's.

Commands are taken from the operator, and from callers that may have commands run here (`trusted`). Others choose among
what is mapped, and set variables that no interpreter takes for a command.
"""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path

from kumotasks.domain.run.commanding import commanding
from kumotasks.domain.run.revision import Launch
from kumotasks.domain.run.template import Container, Template

HELLO_IMAGES = ("us-docker.pkg.dev/cloudrun/container/hello", "gcr.io/cloudrun/hello")
HELLO = Launch((sys.executable, "-m", "kumotasks.workers.instances.hello"))
MISSING = "CONTAINER_MISSING"
UNTRUSTED = "CONTAINER_PERMISSION_DENIED"
_WEB = re.compile(r"^web\s*:\s*(\S.*?)\s*$", re.MULTILINE)
_FOR_A_SHELL = re.compile(r"[$&|;<>`*?(){}~#]|^\w+=")
_HOW_STARTED = "name a --command, or write a Procfile with a line such as 'web: python main.py'"
_HOW_TRUSTED = (
    "Commands are taken from kumo.toml, or from callers that can read the server's data directory: "
    "deploy with `kumo run deploy` on the server's machine"
)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why nothing is run for a template. `reason` is that of a condition."""

    reason: str
    message: str


class Images:
    """`mapped` has launches by the image's name, with or without tag or digest, or by a pattern with `*`."""

    def __init__(self, mapped: Mapping[str, Launch], hello: Launch = HELLO) -> None:
        self._mapped = mapped
        self._hello = hello

    def launch_of(self, template: Template, trusted: bool) -> Launch | Refusal:
        """It looks at files where `source` names a directory: call it in a thread."""
        container = template.serving
        untrusted = None if trusted else _untrusted(template)
        if untrusted is not None:
            return untrusted
        if template.source:
            return _from_source(template.source, container)
        launch = self._find(container.image)
        if launch is None:
            return Refusal(MISSING, _missing(container.image))
        command = container.command or launch.command
        return _placed(replace(launch, command=(*command, *container.args)), container)

    def _find(self, image: str) -> Launch | None:
        bare = bare_name(image)
        for name in (image, bare):
            if name in self._mapped:
                return self._mapped[name]
        for pattern, launch in self._mapped.items():
            if "*" in pattern and (fnmatchcase(image, pattern) or fnmatchcase(bare, pattern)):
                return launch
        return self._hello if bare in HELLO_IMAGES else None


def shell_line(template: Template) -> str | None:
    """The line of a Procfile by which a template is started, "" if it is by none; None if that line cannot be read. It
    looks at a file: call it in a thread."""
    if not template.source or template.serving.command:
        return ""
    return web_line(Path(template.source)) or None


def web_line(directory: Path) -> str:
    """What the Procfile of a directory says of `web:`, "" if nothing."""
    try:
        found = _WEB.search((directory / "Procfile").read_text(errors="replace"))
    except (OSError, ValueError):  # there is none, or no file can have such a name
        return ""
    return found[1] if found else ""


def bare_name(image: str) -> str:
    """The image without digest and tag; a registry's port stays."""
    name = image.partition("@")[0]
    path, slash, last = name.rpartition("/")
    return f"{path}{slash}{last.partition(':')[0]}"


def _untrusted(template: Template) -> Refusal | None:
    container = template.serving
    deciding = commanding(container.env)
    if template.source:
        what = f"The source directory '{template.source}'"
    elif container.command or container.args or container.working_directory:
        what = "The container's own command"
    elif deciding:
        what = f"The environment variable '{deciding[0][0]}', which can make a program run commands,"
    else:
        return None
    return Refusal(UNTRUSTED, f"{what} was not taken from this caller. {_HOW_TRUSTED}.")


def _from_source(source: str, container: Container) -> Launch | Refusal:
    directory = Path(source)
    if not directory.is_absolute() or not directory.is_dir():
        return Refusal(MISSING, f"The source directory '{source}' does not exist on the server's machine.")
    command = container.command or _procfile_command(directory)
    if not command:
        return Refusal(MISSING, f"Nothing says how '{source}' is started: {_HOW_STARTED}.")
    return _placed(Launch((*command, *container.args), source), container)


def _procfile_command(directory: Path) -> tuple[str, ...]:
    """Of the line `web:`, as buildpacks read it: by a shell where it is written for one, as `--bind :$PORT` is."""
    line = web_line(directory)
    try:
        return ("/bin/sh", "-c", line) if _FOR_A_SHELL.search(line) else tuple(shlex.split(line))
    except ValueError:  # its quotes never end
        return ()


def _placed(launch: Launch, container: Container) -> Launch | Refusal:
    """In the container's own working directory, if it names one."""
    if not container.working_directory:
        return launch
    directory = Path(launch.directory or "/") / container.working_directory
    if not directory.is_dir():
        return Refusal(MISSING, f"The working directory '{directory}' does not exist on the server's machine.")
    return replace(launch, directory=str(directory))


def _missing(image: str) -> str:
    mapping = f'[images]\n"{bare_name(image)}" = {{ command = ["python", "main.py"], directory = "/path/to/it" }}'
    return (
        f"Image '{image}' not found. No image is fetched here: say in kumo.toml what stands for it, such as\n{mapping}"
    )
