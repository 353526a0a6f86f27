"""Policies as lines change them: a binding more or less, or a whole policy from a file. Pure but for that file.

It serves queues, projects, service accounts and services alike: each reads its policy, changes it here, and writes it
back with the etag it had, so that a change that came between is not lost.
"""

from __future__ import annotations

import json
from pathlib import Path

from kumotasks.cli.client import Failure, Json
from kumotasks.cli.command import Flag

BINDING = (
    Flag("member", "who: user:a@b, serviceAccount:a@b, allUsers", metavar="PRINCIPAL", required=True),
    Flag("role", "what he may do: roles/cloudtasks.enqueuer", metavar="ROLE", required=True),
)


def with_member(policy: Json, role: str, member: str, condition: Json | None = None) -> Json:
    """The policy, with a member bound to a role."""
    bindings = _bindings(policy)
    for binding in bindings:
        if binding.get("role") == role and (binding.get("condition") or None) == condition:
            members = _members(binding)
            binding["members"] = members if member in members else [*members, member]
            return {**policy, "bindings": bindings}
    made: Json = {"role": role, "members": [member]}
    if condition is not None:
        made["condition"] = condition
    return {**policy, "bindings": [*bindings, made]}


def without_member(policy: Json, role: str, member: str, condition: Json | None = None) -> Json:
    """The policy, with a member no longer bound to a role. Raises Failure if he was not."""
    bindings = _bindings(policy)
    for binding in bindings:
        same = binding.get("role") == role and (binding.get("condition") or None) == condition
        if same and member in _members(binding):
            binding["members"] = [each for each in _members(binding) if each != member]
            return {**policy, "bindings": [each for each in bindings if _members(each)]}
    raise Failure("Policy binding with the specified principal and role not found!")


def from_file(written: str) -> Json:
    """A policy from a JSON or YAML file. Raises Failure."""
    import yaml

    try:
        found = yaml.safe_load(Path(written).read_text())
    except OSError as error:
        raise Failure(f"Unable to read file [{written}]: {error.strerror or error}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise Failure(f"Failed to parse the policy file [{written}]: {str(error).splitlines()[0]}") from error
    if not isinstance(found, dict):
        raise Failure(f"Policy file [{written}] is not a properly formatted YAML or JSON policy file.")
    checked: Json = json.loads(json.dumps(found, default=str))
    return checked


def _bindings(policy: Json) -> list[Json]:
    found = policy.get("bindings")
    return [dict(each) for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def _members(binding: Json) -> list[str]:
    found = binding.get("members")
    return [str(each) for each in found] if isinstance(found, list) else []
