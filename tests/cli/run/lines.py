"""Lines of `kumo run` as their commands get them, without a server."""

from __future__ import annotations

import shlex
from pathlib import Path

from kumotasks.cli import parser
from kumotasks.cli.line import Line
from kumotasks.cli.properties import Properties


def line(written: str) -> Line:
    """The line after `kumo`."""
    command, rest = parser.find(shlex.split(written))
    return Line(parser.values(command, rest), Properties(Path("/none"), {}))
