"""How the sources make the settings that hold: flags over environment over file. The file is read in configuration/."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

from kumotasks.settings.values import Settings, SettingsError
from kumotasks.settings.writing import coerced

_NAMES = frozenset(each.name for each in fields(Settings))


def gather(flags: Mapping[str, object], environment: Mapping[str, str], file: Mapping[str, Any]) -> Settings:
    """The settings that hold: flags over `KUMO_*` over what the file says, which is read already, over the defaults.
    They may not fit together yet. SettingsError says what is wrong."""
    settings = replace(Settings(), **file)
    settings = replace(settings, **_coerced(_environment(environment), "in the environment"))
    return replace(settings, **_coerced(flags, "on the command line"))


def overridden(flags: Mapping[str, object], environment: Mapping[str, str]) -> frozenset[str]:
    """The settings of which a file says nothing that counts."""
    return frozenset(flags) | frozenset(_environment(environment))


def names() -> frozenset[str]:
    """Of all settings, as the file has them: those of a table with the table's name in front (`egress_allow`)."""
    return _NAMES


def _environment(environment: Mapping[str, str]) -> dict[str, object]:
    found = {key[5:].lower(): value for key, value in environment.items() if key.startswith("KUMO_")}
    return {name: value for name, value in found.items() if name in _NAMES}


def _coerced(values: Mapping[str, object], where: str) -> dict[str, Any]:
    unknown = sorted(set(values) - _NAMES)
    if unknown:
        raise SettingsError(f"{where}: there is no setting '{unknown[0]}'.")
    found = {}
    for name, value in values.items():
        try:
            found[name] = coerced(name, value)
        except ValueError as error:
            raise SettingsError(f"{where}: {name} = {value!r} is not understood: {error}.") from error
    return found
