"""The start-up configuration as a whole: all sources gathered, everything in the files judged together.

The server starts by it, and `kumo config check` explains it; so both say the same of the same file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path as File
from typing import TYPE_CHECKING, Any

from kumotasks.configuration import kumo_toml
from kumotasks.configuration.images import host_flaws, image_flaws
from kumotasks.configuration.judges import Described, Judges
from kumotasks.configuration.kumo_toml import NO_FILE, KumoToml
from kumotasks.configuration.problem import Flaw, Misconfigured, Path, Place, Problem, ordered
from kumotasks.configuration.tables import account_flaws, binding_flaws, egress_flaws, queue_flaws, queue_name
from kumotasks.domain.errors import InvalidArgument
from kumotasks.domain.names import LocationName, QueueName
from kumotasks.domain.queue import Caps
from kumotasks.settings import Settings, check, flaws, gather, overridden

if TYPE_CHECKING:
    from kumotasks.configuration.queue_yaml import QueueYaml

Problems = Iterator[Problem]
_JUDGED_BY = frozenset({"project", "location", "max_dispatches_per_second", "max_concurrent_dispatches"})


@dataclass(frozen=True, slots=True)
class Startup:
    """What a server starts by; `yaml` is None without a queue.yaml. Its file is read once: it may be a pipe."""

    settings: Settings
    yaml: QueueYaml | None = None


def gathered(
    flags: Mapping[str, object], environment: Mapping[str, str], config: File | None, judges: Judges
) -> Startup:
    """Flags over environment over the file `config`. SettingsError; Misconfigured tells all that is wrong in files."""
    toml = NO_FILE if config is None else kumo_toml.read(config)
    settings = gather(flags, environment, toml.values)
    written = {name: path for name, path in toml.paths.items() if name not in overridden(flags, environment)}
    sound = _sound(settings)
    names = _Names(toml, sound)
    problems = [
        *toml.problems,
        *_range_problems(toml, written, settings),
        *_table_problems(toml, caps_of(sound), judges),
        *_worker_problems(toml),
        *names.problems,
    ]
    yaml, unread = _yaml(sound)
    of_yaml = [*unread, *ordered([*yaml.problems, *names.also_in(yaml)])] if yaml else unread
    if problems or of_yaml:
        raise Misconfigured([*ordered(problems), *of_yaml])
    return Startup(check(settings), yaml)


def caps_of(settings: Settings) -> Caps:
    return Caps(settings.max_dispatches_per_second, settings.max_concurrent_dispatches)


def _sound(settings: Settings) -> Settings:
    """`settings` with defaults in the place of what is wrong and would make queues seem wrong."""
    plain: dict[str, Any] = {name: getattr(Settings(), name) for name, _ in flaws(settings) if name in _JUDGED_BY}
    return replace(settings, **plain)


def _yaml(settings: Settings) -> tuple[QueueYaml | None, tuple[Problem, ...]]:
    if not settings.queue_yaml:
        return None, ()
    from kumotasks.configuration import queue_yaml  # few have one, and reading YAML takes a library

    parent = LocationName(settings.project, settings.location)
    try:
        return queue_yaml.read(File(settings.queue_yaml), parent, caps_of(settings)), ()
    except Misconfigured as wrong:
        return None, wrong.problems


def _range_problems(toml: KumoToml, written: Mapping[str, Path], settings: Settings) -> Problems:
    """What is out of range by the file's fault. What flags and variables say is told when all is checked."""
    for name, sentence in flaws(settings):
        if name in written:
            yield toml.document.problem(Flaw(written[name], sentence))


def _table_problems(toml: KumoToml, caps: Caps, judges: Judges) -> Problems:
    readers: Mapping[str, Callable[[Described], Iterator[Flaw]]] = {
        "queues": lambda described: queue_flaws(described, judges, caps),
        "service_accounts": account_flaws,
        "bindings": lambda described: binding_flaws(described, judges),
    }
    for setting, read in readers.items():
        for index, described in enumerate(toml.tables(setting)):
            yield from _placed(toml, (*toml.paths[setting], index), read(described))
    for setting, verb in (("egress_rules", ""), ("egress_allow", "allow"), ("egress_deny", "deny")):
        lines = toml.texts(setting)
        if lines:
            yield from _placed(toml, toml.paths[setting], egress_flaws(lines, verb, judges))


def _worker_problems(toml: KumoToml) -> Problems:
    """Of the tables that private workers are made of."""
    for setting, read in (("images", image_flaws), ("run_hosts", host_flaws)):
        table = toml.values.get(setting)
        for name, described in table.items() if isinstance(table, dict) else ():
            yield from _placed(toml, (*toml.paths[setting], name), read(name, described))


def _placed(toml: KumoToml, start: Path, found: Iterator[Flaw]) -> Problems:
    for flaw in found:
        yield toml.document.problem(replace(flaw, path=(*start, *flaw.path)))


class _Names:
    """The queues that a kumo.toml names, in `queue` and in `[[queues]]`."""

    def __init__(self, toml: KumoToml, settings: Settings) -> None:
        self.problems: list[Problem] = []
        self._file = toml.document.name
        self._first: dict[QueueName, Place] = {}
        for path, text in _named(toml):
            try:
                name = queue_name(text, settings.project, settings.location)
            except InvalidArgument as refusal:
                self.problems.append(toml.document.problem(Flaw(path, refusal.message)))
            else:
                self._declare(name, toml.document.places.of_value(path))

    def also_in(self, yaml: QueueYaml) -> Problems:
        """Those that the queue.yaml declares too."""
        for entry in yaml.entries:
            first = self._first.get(entry.queue.name)
            if first is not None:
                said = f"first in {self._file} on line {first.line}."
                yield Problem(yaml.name, entry.place, f"the queue {entry.queue.name.queue} is declared twice, {said}")

    def _declare(self, name: QueueName, place: Place) -> None:
        first = self._first.setdefault(name, place)
        if first is not place:
            said = f"the queue {name.queue} is declared twice, first on line {first.line}."
            self.problems.append(Problem(self._file, place, said))


def _named(toml: KumoToml) -> Iterator[tuple[Path, str]]:
    """The names, and where they are."""
    for index, text in enumerate(toml.texts("queue")):
        yield (*toml.paths["queue"], index), text
    for index, described in enumerate(toml.tables("queues")):
        name = described.get("name")
        if isinstance(name, str) and name:
            yield (*toml.paths["queues"], index, "name"), name
