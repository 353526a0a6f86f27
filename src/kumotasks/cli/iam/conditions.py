"""Bindings with conditions, as lines write them: `--condition=expression=EXPRESSION,title=TITLE`.

Whether a policy has conditions decides what a line must say: with a policy that has some, a line that names none means
nothing certain, and is refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from kumotasks.cli.client import Failure, Json, WrongCall
from kumotasks.cli.command import Flag
from kumotasks.cli.line import Line
from kumotasks.cli.policy import BINDING, with_member, without_member
from kumotasks.cli.values import BadValue

BASIC = ("roles/editor", "roles/owner", "roles/viewer")
NONE = "None"
_KEYS = (NONE, "description", "expression", "title")
_ALTERNATE = re.compile(r"\^([^^]+)\^(.*)", re.DOTALL)
_FORM = (
    "Invalid value for [condition]: condition must be either `None` or a list of key=value pairs. If not `None`, "
    "`expression` and `title` are required keys.\n"
    "Example: --condition=expression=[expression],title=[title],description=[description]"
)
_FILE_FORM = (
    "Invalid value for [condition-from-file]: condition-from-file must be a path to a YAML or JSON file containing the "
    "condition. `expression` and `title` are required keys. `description` is optional. To specify a `None` condition, "
    "use --condition=None."
)
Change = Callable[[Json], Json]


def pairs(written: str) -> object:
    """KEY=VALUE,KEY=VALUE; a key may stand alone, `None` must. `^;^` in front makes `;` the separator."""
    alternate = _ALTERNATE.fullmatch(written)
    separator, rest = (alternate[1], alternate[2]) if alternate else (",", written)
    found: dict[str, str] = {}
    for part in filter(None, rest.split(separator)):
        key, equals, value = part.partition("=")
        if key not in _KEYS:
            raise BadValue(f"valid keys are [{', '.join(_KEYS)}]; received: {key}")
        if key == NONE and equals:
            raise BadValue(f"Key [{NONE}] does not take a value")
        found[key] = value
    return found


_CONDITION = Flag(
    "condition",
    "when the binding holds: expression=EXPRESSION,title=TITLE, with description=TEXT if you like; None for always. "
    "^:^ in front makes : the separator, for expressions that have commas",
    pairs,
    metavar="KEY=VALUE,...",
)
_FROM_FILE = Flag("condition-from-file", "the condition, in JSON or YAML", metavar="PATH")
ADDING = (*BINDING, _CONDITION, _FROM_FILE)
REMOVING = (*ADDING, Flag("all", "remove the member from this role whatever the conditions", None))
ONE_CONDITION = ((("condition",), ("condition-from-file",)),)
ONE_OR_ALL = ((("all",), ("condition",), ("condition-from-file",)),)


def adding(line: Line) -> Change:
    """What a line adds to a policy. Raises Failure, also when the change is made."""
    said, condition, role = _condition(line)
    if condition is not None and role in BASIC:
        raise Failure(
            "Binding with a condition and a basic role is not allowed. Basic roles are `roles/editor`, `roles/owner`, "
            "and `roles/viewer`."
        )

    def change(policy: Json) -> Json:
        if _has_conditions(policy):
            if not said:
                raise Failure(
                    "Adding a binding without specifying a condition to a policy containing conditions is prohibited "
                    "in non-interactive mode. Run the command again with `--condition=None`"
                )
        elif condition is not None:
            line.warn(
                "Adding binding with condition to a policy without condition will change the behavior of "
                "add-iam-policy-binding and remove-iam-policy-binding commands."
            )
        return with_member(policy, role, line.text("member"), condition)

    return change


def removing(line: Line) -> Change:
    """What a line takes out of a policy. Raises Failure, also when the change is made."""
    said, condition, role = _condition(line)
    member = line.text("member")

    def change(policy: Json) -> Json:
        if line.on("all"):
            return _without_any(policy, role, member)
        if not said and _has_conditions(policy):
            raise Failure(
                "Removing a binding without specifying a condition from a policy containing conditions is prohibited "
                "in non-interactive mode. Run the command again with `--condition=None` to remove a binding without "
                "condition or run command with `--all` to remove all bindings of the specified principal and role."
            )
        try:
            return without_member(policy, role, member, condition)
        except Failure:
            raise Failure("Policy binding with the specified principal, role, and condition not found!") from None

    return change


def _condition(line: Line) -> tuple[bool, Json | None, str]:
    """(whether the line says one, what it says, the role)"""
    written = line["condition"]
    form = _FORM
    if line.is_given("condition-from-file"):
        written, form = _from_file(line.text("condition-from-file")), _FILE_FORM
    if written is None:
        return False, None, line.text("role")
    if not isinstance(written, dict):
        raise Failure(form)
    if NONE in written:
        if len(written) > 1:
            raise Failure(form)
        return True, None, line.text("role")
    if not written.get("expression") or not written.get("title"):
        raise Failure(form)
    condition: Json = {name: str(written[name]) for name in _KEYS if written.get(name)}
    return True, condition, line.text("role")


def _from_file(written: str) -> object:
    import yaml

    try:
        return yaml.safe_load(Path(written).expanduser().read_text()) or {}
    except OSError as error:
        sentence = f"Unable to read file [{written}]: {error.strerror or error}"
        raise WrongCall(f"argument --condition-from-file: {sentence}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise Failure(f"Failed to parse YAML: {str(error).splitlines()[0]}") from error


def _has_conditions(policy: Json) -> bool:
    return any(binding.get("condition") for binding in _bindings(policy))


def _without_any(policy: Json, role: str, member: str) -> Json:
    left = [
        {**binding, "members": [each for each in _members(binding) if each != member]}
        if binding.get("role") == role
        else binding
        for binding in _bindings(policy)
    ]
    if left == _bindings(policy):
        raise Failure("Policy bindings with the specified principal and role not found!")
    return {**policy, "bindings": [binding for binding in left if _members(binding)]}


def _bindings(policy: Json) -> list[Json]:
    found = policy.get("bindings")
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def _members(binding: Json) -> list[str]:
    found = binding.get("members")
    return [str(each) for each in found] if isinstance(found, list) else []
