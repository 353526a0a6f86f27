"""What `--help` says, made from the table. Pure."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence

from kumotasks.cli import table
from kumotasks.cli.command import WIDE, Command, Flag
from kumotasks.cli.parser import usage

WIDTH = 100
_COLUMN = 30
_EXAMPLES = (
    "kumo serve --queue mail",
    "kumo tasks create-http-task --queue=mail --url=http://127.0.0.1:9000/send --body-content=hello",
    "kumo tasks list --queue=mail",
    "kumo logging tail 'resource.type=\"cloud_tasks_queue\"'",
)


def of_all(version: str) -> str:
    """`kumo --help`."""
    lines = [f"kumo {version}: the Cloud Tasks that you own.", "", "usage: kumo COMMAND ... [flags]"]
    for section, entries in table.sections().items():
        lines += ["", f"{section}:", *_rows(entries)]
    lines += ["", "for example:", *(f"  {each}" for each in _EXAMPLES)]
    lines += ["", "`kumo COMMAND --help` says more. Words, flags and output are those of gcloud."]
    lines += ["", "flags of every command that calls a server:", *_flags(WIDE), ""]
    lines += ["exit code: 0 done, 1 the operation failed, 2 the call or the configuration was wrong"]
    return "\n".join(lines)


def of_group(words: str) -> str:
    """`kumo WORDS --help`."""
    first = words.split(maxsplit=1)[0]
    texts = table.groups(first)
    lines = [f"kumo {words}: {texts.get(words, '')}", "", f"usage: kumo {words} COMMAND ... [flags]", "", "commands:"]
    return "\n".join([*lines, *_rows(_below(words)), "", f"`kumo {words} COMMAND --help` says more."])


def of_command(command: Command) -> str:
    """`kumo WORDS --help`."""
    lines = [*textwrap.wrap(f"kumo {command.words}: {command.text}", WIDTH), "", f"usage: {usage(command)}", ""]
    if command.positionals:
        lines += ["arguments:", *_rows({each.name: each.text for each in command.positionals}), ""]
    own = tuple(flag for flag in command.all_flags if flag not in WIDE and not flag.hidden)
    lines += ["flags:", *_flags(own), ""]
    if command.wide:
        lines += ["and of every command that calls a server:", *_flags(WIDE), ""]
    return "\n".join([*lines, "example:", textwrap.indent(command.example, "  ")])


def _below(words: str) -> Mapping[str, str]:
    """The words that go on from here, each with its sentence."""
    first, depth = words.split(maxsplit=1)[0], len(words.split())
    texts, found = table.groups(first), {}
    for command in table.commands(first):
        parts = command.words.split()
        if parts[:depth] == words.split() and len(parts) > depth:
            longer = " ".join(parts[: depth + 1])
            found[parts[depth]] = _in_short(command.text if longer == command.words else texts.get(longer, ""))
    return dict(sorted(found.items()))


def _in_short(text: str) -> str:
    """A text in one line of a list: of a long one, what it begins with."""
    return text if len(text) <= WIDTH - _COLUMN - 2 else re.split(r"[:;.,] ", text, maxsplit=1)[0]


def _flags(flags: Sequence[Flag]) -> list[str]:
    shown = {}
    for flag in sorted(flags, key=lambda each: each.name):
        if not flag.hidden:
            notes = [note for note, holds in (("required", flag.required), ("repeatable", flag.repeated)) if holds]
            name = f"{flag.shown}, -{flag.short}" if flag.short else flag.shown
            shown[name] = flag.text + (f" ({', '.join(notes)})" if notes else "")
    return list(_rows(shown))


def _rows(texts: Mapping[str, str]) -> Iterator[str]:
    for name, text in texts.items():
        lines = [line for each in text.split("\n") for line in textwrap.wrap(each, WIDTH - _COLUMN - 2)]
        first, *others = lines or [""]
        if len(name) + 2 >= _COLUMN:
            yield f"  {name}"
            yield f"  {'':{_COLUMN}}{first}".rstrip()
        else:
            yield f"  {name:{_COLUMN}}{first}".rstrip()
        yield from (f"  {'':{_COLUMN}}{line}" for line in others)
