"""The four commands on a policy, for whatever has one whose bindings may have conditions.

A change reads the policy, changes it here and writes it back with the etag it had; if somebody else was quicker, it is
made anew on what he wrote.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from kumotasks.cli.client import Json, Refused
from kumotasks.cli.command import Command, Flag, Positional
from kumotasks.cli.iam.conditions import ADDING, ONE_CONDITION, ONE_OR_ALL, REMOVING, Change, adding, removing
from kumotasks.cli.line import Line
from kumotasks.cli.policy import from_file
from kumotasks.cli.resource import basename, path

VERSION = 3  # of policies that may have conditions
_TRIES = 10
_CONFLICT = 409
_FILE = Positional("POLICY_FILE", "a policy, in JSON or YAML")


@dataclass(frozen=True, slots=True)
class Holder:
    """What has a policy."""

    words: str  # "projects"
    text: str  # "a project"
    kinds: tuple[str, str]  # how sentences name it: when its policy is set, and when a binding comes or goes
    positional: Positional
    name: Callable[[Line], str]  # its full name; raises Failure
    example: str
    asked_in_body: bool  # where reading says which version of policies is known here, else in the query
    read_by: str = "POST"  # the verb of reading
    role: str = "roles/cloudtasks.enqueuer"  # of the example
    flags: tuple[Flag, ...] = ()  # that say where it is


_BINDING = " \\\n    --member=serviceAccount:sender@shop.iam.gserviceaccount.com --role="


def commands(holder: Holder) -> tuple[Command, ...]:
    """get-iam-policy, set-iam-policy, add-iam-policy-binding, remove-iam-policy-binding."""
    line = f"kumo {holder.words} {{verb}} {holder.example}"
    return (
        Command(
            f"{holder.words} get-iam-policy",
            f"who may do what with {holder.text}",
            line.format(verb="get-iam-policy"),
            lambda line: _policy(line, holder, holder.name(line)),
            (holder.positional,),
            holder.flags,
            listed=True,
        ),
        Command(
            f"{holder.words} set-iam-policy",
            f"put a whole policy in the place of what {holder.text} has",
            f"{line.format(verb='set-iam-policy')} policy.yaml",
            _setting(holder),
            (holder.positional, _FILE),
            holder.flags,
        ),
        Command(
            f"{holder.words} add-iam-policy-binding",
            f"let somebody do something with {holder.text}",
            line.format(verb="add-iam-policy-binding") + _BINDING + holder.role,
            _changing(holder, adding),
            (holder.positional,),
            (*ADDING, *holder.flags),
            ONE_CONDITION,
        ),
        Command(
            f"{holder.words} remove-iam-policy-binding",
            "take back what a binding allows",
            line.format(verb="remove-iam-policy-binding") + _BINDING + holder.role,
            _changing(holder, removing),
            (holder.positional,),
            (*REMOVING, *holder.flags),
            ONE_OR_ALL,
        ),
    )


def _setting(holder: Holder) -> Callable[[Line], object]:
    def run(line: Line) -> object:
        name = holder.name(line)
        policy = from_file(line.text("policy_file"))
        if not policy.get("etag"):
            line.confirm(
                'The specified policy does not contain an "etag" field identifying a specific version to replace. '
                'Changing a policy without an "etag" can overwrite concurrent policy changes. Replace existing policy'
            )
        made = _written(line, name, policy)
        line.say(f"Updated IAM policy for {holder.kinds[0]} [{basename(name)}].")
        return made

    return run


def _changing(holder: Holder, read: Callable[[Line], Change]) -> Callable[[Line], object]:
    def run(line: Line) -> object:
        name = holder.name(line)
        made = changed(line, holder, name, read(line))
        line.say(f"Updated IAM policy for {holder.kinds[1]} [{basename(name)}].")
        return made

    return run


def changed(line: Line, holder: Holder, name: str, change: Change) -> Json:
    """The policy as it is after a change. Raises Failure."""
    for left in reversed(range(_TRIES)):
        try:
            return _written(line, name, change(_policy(line, holder, name)))
        except Refused as refused:
            if refused.status != _CONFLICT or not left:
                raise
    raise AssertionError("the last try returns or raises")


def _policy(line: Line, holder: Holder, name: str) -> Json:
    where = path("v1", name, ":getIamPolicy")
    if holder.asked_in_body:
        return line.call("POST", where, body={"options": {"requestedPolicyVersion": VERSION}})
    return line.call(holder.read_by, where, query={"options.requestedPolicyVersion": str(VERSION)})


def _written(line: Line, name: str, policy: Json) -> Json:
    return line.call("POST", path("v1", name, ":setIamPolicy"), body={"policy": {**policy, "version": VERSION}})
