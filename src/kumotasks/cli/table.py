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
    """The commands below a first word; `section` is where help lists it."""

    word: str
    text: str
    modules: tuple[str, ...]
    section: str


_HERE = "kumotasks.cli."
_START, _WORK = "to begin with", "queues, tasks, workers"
_RIGHTS, _LINE = "who may do what", "this command line"
ENTRIES = (
    Entry("serve", "run the server", ("own",), _START),
    Entry("demo", "see the whole of it work, explained as it goes", ("own",), _START),
    Entry("env", "the environment variables that send unmodified programs here", ("own",), _START),
    Entry("store", "what a stopped server keeps: copied, or counted", ("store",), _START),
    Entry("tasks", "queues and their tasks", ("tasks.group", "tasks.history", "tasks.dead_letters"), _WORK),
    Entry("run", "services that run here as on Cloud Run, and who may call them", ("run.group",), _WORK),
    Entry("logging", "what happened to each task, and what programs log", ("logs",), _WORK),
    Entry("iam", "who may do what, and why", ("own", "iam.group"), _RIGHTS),
    Entry("projects", "projects, and who may do what in them", ("projects",), _RIGHTS),
    Entry("services", "which services a project has enabled", ("services",), _RIGHTS),
    Entry("keys", "the keys that the server signs tokens with", ("own",), _RIGHTS),
    Entry("auth", "whose key calls are made with, and tokens in his name", ("auth",), _LINE),
    Entry("config", "what need not be said on every line", ("config", "check"), _LINE),
)


def words() -> Mapping[str, str]:
    """The first words, each with its sentence."""
    return {entry.word: entry.text for entry in ENTRIES}


def sections() -> Mapping[str, Mapping[str, str]]:
    """The same, as help lists them."""
    found: dict[str, dict[str, str]] = {}
    for entry in ENTRIES:
        found.setdefault(entry.section, {})[entry.word] = entry.text
    return found


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
