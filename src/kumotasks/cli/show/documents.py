"""Results as documents: JSON and YAML, as gcloud writes them. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence

from kumotasks.cli.client import Failure
from kumotasks.cli.show.key import EACH, Key, Step, spelled
from kumotasks.cli.show.projection import Column, Format, Own
from kumotasks.cli.show.transforms import apply

YAML_WIDTH = 80


def as_json(form: Format, items: Sequence[object], *, single: bool, own: Own) -> str:
    shown = [selected(item, form.columns, own) for item in items]
    value = shown[0] if single else shown
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def as_yaml(form: Format, items: Sequence[object], *, single: bool, own: Own) -> str:
    shown = [yaml_text(selected(item, form.columns, own)) for item in items]
    head = f"%YAML {form.text('version', '')}\n---\n" if form.on("version") else "---\n"
    return "".join(shown) if single and not form.on("version") else "".join(f"{head}{each}" for each in shown)


def yaml_text(value: object) -> str:
    """One document, without the line that begins it."""
    import yaml

    class Dumper(yaml.SafeDumper):
        """One for this text: how strings of several lines look is no setting of PyYAML's."""

        def ignore_aliases(self, data: object) -> bool:
            return True

        def choose_scalar_style(self) -> str:
            """A text that has a single quote in it reads better between double ones."""
            style: str = super().choose_scalar_style()
            return '"' if style == "'" and "'" in getattr(self.event, "value", "") else style

    Dumper.add_representer(str, _represented)
    text: str = yaml.dump(value, Dumper=Dumper, default_flow_style=False, allow_unicode=True, width=YAML_WIDTH)
    return text.removesuffix("...\n")


def _represented(dumper, text):  # type: ignore[no-untyped-def]
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


def selected(item: object, columns: Sequence[Column] | None, own: Own) -> object:
    """The parts of an item that a projection names, each at its place; None if it has none of them."""
    if columns is None:
        return item
    found: object = None
    for column in columns:
        if not column.key.steps:
            if not column.key.calls:
                return item
            raise Failure("json, yaml and text show fields at their place: a projection of theirs begins with a field.")
        found = _merged(found, _part(item, column.key.steps, column.key, own))
    return found


def _part(value: object, steps: Sequence[Step], key: Key, own: Own) -> object:
    """The value with nothing beside the steps; None if there is nothing at their end."""
    if not steps:
        return apply(value, key.calls, own)
    step, rest = steps[0], steps[1:]
    if isinstance(value, list):
        if isinstance(step, int):
            return [_part(value[step], rest, key, own)] if -len(value) <= step < len(value) else None
        parts = [_part(each, rest if step == EACH else steps, key, own) for each in value]
        return parts if any(each is not None for each in parts) else None
    if step == EACH:
        return _part(value, rest, key, own)
    if isinstance(value, dict):
        name = spelled(value, str(step))
        part = None if name is None else _part(value[name], rest, key, own)
        return None if part is None else {name: part}
    return apply(None, key.calls, own) or None if key.calls and not rest else None


def _merged(one: object, other: object) -> object:
    if isinstance(one, dict) and isinstance(other, dict):
        both = {name: _merged(one.get(name), other.get(name)) for name in {**one, **other}}
        return dict(sorted(both.items()))
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        return [_merged(first, second) for first, second in zip(one, other, strict=True)]
    return other if one is None else one
