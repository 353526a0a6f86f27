"""The table of all commands, by the modules that hold them. Only the module that a line is about is imported.

A group is added by a row here: its first word, a sentence, and the modules that have its `COMMANDS` and `GROUPS`
(see cli/command.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module

from kumotasks.cli.command import Command


@dataclass(frozen=True, slots=True)
class Entry:
    """The commands below a first word."""

    word: str
    text: str
    modules: tuple[str, ...]


_HERE = "kumotasks.cli."
ENTRIES = (
    Entry("serve", "run the server", ("own",)),
    Entry("demo", "the main job, on real input, start to end, explained as it goes", ("own",)),
    Entry("env", "the environment that sends unmodified programs here", ("own",)),
    Entry("tasks", "queues and their tasks", ("tasks.group", "tasks.history", "tasks.dead_letters")),
    Entry("iam", "who may do what, and why", ("own", "iam.group")),
    Entry("projects", "projects, and who may do what in them", ("projects",)),
    Entry("services", "which services a project has enabled", ("services",)),
    Entry("keys", "the keys that sign tokens", ("own",)),
    Entry("logging", "entries of logs", ("logs",)),
    Entry("auth", "whose key calls are made with, and tokens in his name", ("auth",)),
    Entry("config", "what need not be said on every line", ("config", "check")),
)


def words() -> Mapping[str, str]:
    """The first words, each with its sentence."""
    return {entry.word: entry.text for entry in ENTRIES}


def commands(word: str) -> tuple[Command, ...]:
    """The commands that begin with a word; none if there is no such word."""
    found = (command for module in _modules(word) for command in module.COMMANDS)
    return tuple(command for command in found if command.words.split()[0] == word)


def groups(word: str) -> Mapping[str, str]:
    """The groups of words below a first word ("tasks queues"), each with its sentence."""
    return {name: text for module in _modules(word) for name, text in module.GROUPS.items()} | {
        entry.word: entry.text for entry in ENTRIES if entry.word == word
    }


def _modules(word: str):  # type: ignore[no-untyped-def]
    return [import_module(_HERE + name) for entry in ENTRIES if entry.word == word for name in entry.modules]
