"""kumo.toml as settings: their names, their types, and where each stands."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path as File

from kumotasks.configuration.document import Document, read_text, toml
from kumotasks.configuration.problem import Flaw, Path, Problem, shown, unknown
from kumotasks.settings import coerced, is_of_tables, names


@dataclass(frozen=True, slots=True)
class KumoToml:
    """`values` are the settings that the file gives, in their types; `paths` is where each is written."""

    document: Document
    values: Mapping[str, object]
    paths: Mapping[str, Path]
    problems: tuple[Problem, ...] = ()

    def tables(self, setting: str) -> tuple[Mapping[str, object], ...]:
        """Of a setting that is a list of tables."""
        found = self.values.get(setting)
        return found if isinstance(found, tuple) else ()

    def texts(self, setting: str) -> tuple[str, ...]:
        """Of a setting that is a list of texts."""
        found = self.values.get(setting)
        return found if isinstance(found, tuple) else ()


NO_FILE = KumoToml(Document(""), {}, {})


def read(file: File) -> KumoToml:
    """Misconfigured if it cannot be read, or is no TOML."""
    return read_from(str(file), read_text(file))


def read_from(name: str, text: str) -> KumoToml:
    document = toml(name, text)
    values: dict[str, object] = {}
    paths: dict[str, Path] = {}
    flaws: list[Flaw] = []
    for setting, path, value in _flat(document.content):
        try:
            _check_name(setting, path, value, paths)
            paths[setting] = path
            values[setting] = coerced(setting, value)
        except _Misnamed as misnamed:
            flaws.append(Flaw(path, str(misnamed), key=True))
        except ValueError as error:
            flaws.append(Flaw(path, f"{_dotted(path)} = {shown(value)} is not understood: {error}."))
    return KumoToml(document, values, paths, tuple(map(document.problem, flaws)))


class _Misnamed(Exception):
    """A name that is none, or comes twice."""


def _flat(content: Mapping[str, object]) -> Iterator[tuple[str, Path, object]]:
    """Settings by their names: a table `[egress]` with `allow` gives `egress_allow`."""
    for key, value in content.items():
        name = key.replace("-", "_")
        if isinstance(value, dict) and name not in names() and any(each.startswith(f"{name}_") for each in names()):
            for inner, each in value.items():
                yield f"{name}_{inner.replace('-', '_')}", (key, inner), each
        else:
            yield name, (key,), value


def _check_name(setting: str, path: Path, value: object, earlier: Mapping[str, Path]) -> None:
    if setting not in names():
        raise _Misnamed(_unknown(path, value))
    if setting in earlier:
        raise _Misnamed(f"{setting} is set twice, here and as {_dotted(earlier[setting])}.")


def _unknown(path: Path, value: object) -> str:
    """With what may have been meant, written as it would have to be there."""
    *table, name = map(str, path)
    if not table:
        return unknown("setting", name, _sections() if _is_section(value) else names())
    prefix = table[0].replace("-", "_") + "_"
    inside = sorted(each.removeprefix(prefix) for each in names() if each.startswith(prefix))
    return unknown("setting", name, inside, f"{table[0]}.")


def _is_section(value: object) -> bool:
    """Whether it stands below a `[name]` or a `[[name]]`."""
    return isinstance(value, dict) or (isinstance(value, list) and any(isinstance(each, dict) for each in value))


def _sections() -> list[str]:
    """The names that a section may have: of settings that are tables, and what others begin with."""
    begun = {name[:at] for name in names() for at, letter in enumerate(name) if letter == "_"}
    return sorted(begun.union(filter(is_of_tables, names())))


def _dotted(path: Path) -> str:
    return ".".join(map(str, path))
