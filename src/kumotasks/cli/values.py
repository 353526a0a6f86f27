"""How the values of flags are written: each reads a text, or says in one sentence what is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

Value = Callable[[str], object]
_ALTERNATE = re.compile(r"\^([^^]+)\^(.*)", re.DOTALL)
_HEADER = re.compile(r"(\S+):(.+)", re.DOTALL)


class BadValue(ValueError):
    """The sentence follows `argument --flag: `."""


def whole(least: int | None = None, most: int | None = None, *, unlimited: bool = False) -> Value:
    """A whole number; with `unlimited` that word too, which gives -1."""

    def read(written: str) -> object:
        if unlimited and written == "unlimited":
            return -1
        try:
            number = int(written)
        except ValueError:
            raise BadValue(f"Value must be an integer; received: {written}") from None
        if least is not None and number < least:
            raise BadValue(f"Value must be greater than or equal to {least}; received: {written}")
        if most is not None and number > most:
            raise BadValue(f"Value must be less than or equal to {most}; received: {written}")
        return number

    return read


def decimal(written: str) -> object:
    """A number with or without a fraction."""
    try:
        return float(written)
    except ValueError:
        raise BadValue(f"invalid float value: '{written}'") from None


def one_of(*choices: str) -> Value:
    """One of these words; letters' case does not matter."""

    def read(written: str) -> object:
        if written.lower() in choices:
            return written.lower()
        from kumotasks.cli.suggest import nearest

        near = nearest(written.lower(), choices)
        hint = f" Did you mean '{near}'?" if near else f" Valid choices are [{', '.join(choices)}]."
        raise BadValue(f"Invalid choice: '{written}'.{hint}")

    return read


def upper_one_of(*choices: str) -> Value:
    """One of these names, in capitals whatever is written."""
    read = one_of(*(each.lower() for each in choices))
    return lambda written: str(read(written)).upper()


def keyed(purpose: str, keys: Sequence[str]) -> Value:
    """`KEY:VALUE,KEY:VALUE` with these keys. `^;^` in front makes `;` the separator, for values that have commas."""

    def read(written: str) -> object:
        found: dict[str, str] = {}
        for part in parts(written):
            key, colon, value = part.partition(":")
            if not colon:
                raise BadValue(
                    f"Bad syntax for dict arg: [{part}]. Write KEY:VALUE,KEY:VALUE; ^;^ in front makes ; the separator."
                )
            if key not in keys:
                shown = ", ".join(keys)
                raise BadValue(f"Bad value [{key}]: Only the following keys are valid for {purpose}: [{shown}].")
            found[key] = value
        return found

    return read


def several(written: str) -> object:
    """`A,B,C`."""
    return parts(written)


def pairs(written: str) -> object:
    """`KEY=VALUE,KEY=VALUE`."""
    found: dict[str, str] = {}
    for part in parts(written):
        key, equals, value = part.partition("=")
        if not equals:
            raise BadValue(f"Bad syntax for dict arg: [{part}]. Write KEY=VALUE,KEY=VALUE.")
        found[key] = value
    return found


def header(written: str) -> object:
    """`FIELD: VALUE` as a pair."""
    found = _HEADER.fullmatch(written)
    if found is None:
        raise BadValue(f'Bad value [{written}]: Must be of the form: "HEADER_FIELD: HEADER_VALUE".')
    return found[1], found[2].strip()


def parts(written: str) -> list[str]:
    """A list as flags write it."""
    alternate = _ALTERNATE.fullmatch(written)
    separator, rest = (alternate[1], alternate[2]) if alternate else (",", written)
    return [each.strip() if separator == "," else each for each in rest.split(separator)] if rest else []
