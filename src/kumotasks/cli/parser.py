"""From words to a command and its values: argparse, made from the table. It prints nothing.

What is wrong with a line is said as gcloud words it, in a WrongLine.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import NoReturn

from kumotasks.cli import table
from kumotasks.cli.client import WrongCall
from kumotasks.cli.command import LISTED, WIDE, Command, Flag
from kumotasks.cli.suggest import nearest
from kumotasks.cli.values import BadValue

TRACKS = ("alpha", "beta")  # gcloud's release tracks: here every command is in all of them
_MARK = "\0"  # no word of a line has it
_VALUED = frozenset(f"--{flag.name}" for flag in (*WIDE, *LISTED) if flag.value) | {"--location"}


class WrongLine(WrongCall):
    """A line that is none; `dotted` is the command or group that it is about, as errors name it."""

    def __init__(self, dotted: str, sentence: str, *, usage: str = "", command: Command | None = None) -> None:
        super().__init__(sentence)
        self.dotted = dotted
        self.usage = usage
        self.command = command


class HelpWanted(Exception):
    """The line asks for help on a group ("" is all of kumo) or a command."""

    def __init__(self, words: str, command: Command | None) -> None:
        super().__init__(words)
        self.words = words
        self.command = command


def find(arguments: Sequence[str]) -> tuple[Command, list[str]]:
    """The command of a line, and what the line says besides its words. Raises WrongLine, HelpWanted."""
    words: list[str] = []
    rest: list[str] = []
    position = 0
    while position < len(arguments):
        word = arguments[position]
        position += 1
        if word.startswith("-"):
            rest.append(word)
            if word in _VALUED and position < len(arguments):
                rest.append(arguments[position])
                position += 1
        elif words or word not in TRACKS:
            words.append(_known(words, word))
            if command := _command(words):
                return command, [*rest, *arguments[position:]]
    if {"--help", "-h"} & set(rest):
        raise HelpWanted(" ".join(words), None)
    raise WrongLine(_dotted(words), "Command name argument expected.", usage=" ".join(["kumo", *words, "--help"]))


def values(command: Command, rest: Sequence[str]) -> dict[str, object]:
    """What a line gives, by name. Raises WrongLine, HelpWanted."""
    if {"--help", "-h"} & set(_before_dashes(rest)):
        raise HelpWanted(command.words, command)
    parser = _Parser(command)
    found, unknown = parser.parse_known_intermixed_args(_marked(rest))
    if unknown:
        left = _hinted(command, [each.removeprefix(_MARK) for each in unknown])
        raise WrongLine(command.dotted, f"unrecognized arguments: {left}", command=command)
    given = _read(command, {name: value for name, value in vars(found).items() if value not in (None, [])})
    _check(command, given)
    return given


def usage(command: Command) -> str:
    """The line that a command wants, in short."""
    required = [flag.shown for flag in command.flags if flag.required]
    return " ".join(["kumo", command.words, *(each.shown for each in command.positionals), *required, "[flags]"])


class _Parser(argparse.ArgumentParser):
    """All values come out as text: they are read afterwards, by formats that word their own errors."""

    def __init__(self, command: Command) -> None:
        super().__init__(prog="kumo", add_help=False, allow_abbrev=False, argument_default=argparse.SUPPRESS)
        self._command = command
        for flag in command.all_flags:
            names = [f"--{flag.name}", *([f"-{flag.short}"] if flag.short else [])]
            if flag.value is None:
                self.add_argument(*names, action="store_true", dest=flag.name)
            else:
                self.add_argument(*names, action="append" if flag.repeated else "store", dest=flag.name)
        for each in command.positionals:
            self.add_argument(each.name.lower(), nargs="?" if each.count in "1?" else "*")

    def error(self, message: str) -> NoReturn:
        raise WrongLine(self._command.dotted, message, command=self._command)


def _known(words: Sequence[str], word: str) -> str:
    """The word, if one of the table's goes on with it."""
    known = choices(words)
    if word in known:
        return word
    near = nearest(word, known)
    hint = f"\nMaybe you meant:\n  {' '.join(['kumo', *words, near])}" if near else ""
    raise WrongLine(_dotted(words), f"Invalid choice: '{word}'.{hint}", usage=" ".join(["kumo", *words, "--help"]))


def choices(words: Sequence[str]) -> list[str]:
    """The words that may follow these."""
    if not words:
        return list(table.words())
    below = [command.words.split() for command in table.commands(words[0])]
    return sorted({each[len(words)] for each in below if len(each) > len(words) and each[: len(words)] == list(words)})


def _command(words: Sequence[str]) -> Command | None:
    return next((each for each in table.commands(words[0]) if each.words == " ".join(words)), None)


def _dotted(words: Sequence[str]) -> str:
    return ".".join(["kumo", *words])


def _before_dashes(rest: Sequence[str]) -> Sequence[str]:
    return rest[: rest.index("--")] if "--" in rest else rest


def _marked(rest: Sequence[str]) -> list[str]:
    """The line without its `--`: what stands behind it is marked, and no flag whatever it begins with."""
    before = _before_dashes(rest)
    return [*before, *(_MARK + each for each in rest[len(before) + 1 :])]


def _hinted(command: Command, unknown: Sequence[str]) -> str:
    """What is unknown, a mistyped flag with the one that was meant."""
    names = [f"--{flag.name}" for flag in command.all_flags if not flag.hidden]
    said = []
    for each in unknown:
        near = nearest(each.partition("=")[0], names) if each.startswith("--") else ""
        said.append(f"{each} (did you mean '{near}'?)" if near else each)
    return " ".join(said)


def _read(command: Command, written: Mapping[str, object]) -> dict[str, object]:
    """The values in their formats."""
    given = {name: _unmarked(value) for name, value in written.items()}
    for flag in command.all_flags:
        if str(written.get(flag.name)).startswith(_MARK):
            raise _wrong(command, f"--{flag.name}", "expected one argument")
        if flag.name in given and flag.value is not None:
            given[flag.name] = _value(command, flag, given[flag.name])
    return given


def _unmarked(value: object) -> object:
    if isinstance(value, list):
        return [_unmarked(each) for each in value]
    return value.removeprefix(_MARK) if isinstance(value, str) else value


def _value(command: Command, flag: Flag, written: object) -> object:
    read = flag.value
    assert read is not None
    try:
        return [read(str(each)) for each in written] if isinstance(written, list) else read(str(written))
    except BadValue as error:
        raise _wrong(command, f"--{flag.name}", str(error)) from None


def _check(command: Command, given: Mapping[str, object]) -> None:
    """Raise for what is missing, and for what does not go together."""
    for each in command.positionals:
        if each.count not in "?*" and each.name.lower() not in given:
            raise _wrong(command, each.name, "Must be specified.")
    for flag in command.flags:
        if flag.required and flag.name not in given:
            raise _wrong(command, f"--{flag.name}", "Must be specified.")
        if flag.needs and flag.name in given and flag.needs not in given:
            raise _wrong(command, f"--{flag.name}", f"--{flag.needs} must be specified.")
    for members in command.exclusive:
        if sum(any(name in given for name in member) for member in members) > 1:
            shown = sorted(_shown(member) for member in members)
            first = min(_shown(member) for member in members if any(name in given for name in member))
            raise _wrong(command, first, f"At most one of {' | '.join(shown)} can be specified.")


def _shown(member: Sequence[str]) -> str:
    names = [f"--{name}" for name in member]
    return names[0] if len(names) == 1 else f"[{' : '.join(names)}]"


def _wrong(command: Command, argument: str, sentence: str) -> WrongLine:
    return WrongLine(command.dotted, f"argument {argument}: {sentence}", usage=usage(command), command=command)
