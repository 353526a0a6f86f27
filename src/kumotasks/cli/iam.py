"""`kumo iam explain`: why somebody may do something, or what he lacks and how to give it to him.

The server judges; here its answer is put into words.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator

from kumotasks.cli.client import Json, add_options, client_for, printable

GRANTED, NOT_GRANTED = 0, 1
PATH = "/kumo/v1/iam:explain"
EXAMPLE = """example:
  kumo iam explain sender@shop.iam.gserviceaccount.com cloudtasks.tasks.create \\
      projects/shop/locations/us-central1/queues/mail

exit code: 0 granted, 1 not granted, 2 the call was wrong"""


def add_commands(parser: argparse.ArgumentParser) -> None:
    """The commands below `kumo iam`."""
    commands = parser.add_subparsers(dest="verb", required=True, metavar="COMMAND")
    text = "which binding grants a permission, or what is missing"
    form = argparse.RawDescriptionHelpFormatter
    own = commands.add_parser("explain", help=text, description=text, epilog=EXAMPLE, formatter_class=form)
    member = "an e-mail, or as policies write it: serviceAccount:a@b, user:a@b, allUsers"
    own.add_argument("member", metavar="MEMBER", help=member)
    own.add_argument("permission", metavar="PERMISSION", help="such as cloudtasks.tasks.create")
    own.add_argument("resource", metavar="RESOURCE", help="its full name, such as projects/P/locations/L/queues/Q")
    own.add_argument("--json", action="store_true", help="the server's answer as it is")
    add_options(own)
    own.set_defaults(run=explain)


def explain(options: argparse.Namespace) -> int:
    """Print why, or why not. Raises Failure."""
    query = {name: getattr(options, name) for name in ("member", "permission", "resource")}
    answer = client_for(options).call("GET", PATH, query=query)
    print(json.dumps(answer, indent=2) if options.json else "\n".join(map(printable, _words(answer))))
    return GRANTED if answer.get("granted") is True else NOT_GRANTED


def _words(answer: Json) -> Iterator[str]:
    """The answer in lines: the verdict, its reason, and for a refusal what ends it."""
    member, permission, resource = (answer.get(name) for name in ("member", "permission", "resource"))
    if answer.get("granted") is True:
        yield f"granted: {member} has {permission} on {resource}"
        yield from _grounds(answer)
    else:
        yield f"not granted: {member} lacks {permission} on {resource}"
        yield from _obstacles(answer)
        yield from _remedies(answer)


def _grounds(answer: Json) -> Iterator[str]:
    match answer:
        case {"reason": "AUTH_OFF"}:
            yield "  nobody is asked who he is (--auth off): everybody may do everything"
        case {"reason": "OWNER"}:
            yield "  it owns this installation and needs no binding"
        case {"binding": {"role": role, "resource": resource, "member": member, **more}}:
            yield f"  by {role} on {resource}, which is bound to {member}"
            if condition := _condition(more):
                yield f"  as long as this holds: {condition}"


def _obstacles(answer: Json) -> Iterator[str]:
    match answer:
        case {"reason": "NO_ACCOUNT"}:
            yield "  there is no such service account: it is to be made first"
        case {"refused": [*refused]}:
            yield from map(_unmet, refused)
        case _:
            yield "  no role that has it is bound to this member, there or above"


def _unmet(bound: object) -> str:
    match bound:
        case {"role": role, "resource": resource, "member": member, **more}:
            return f"  {role} on {resource} is bound to {member}, but this does not hold: {_condition(more)}"
    return "  there is a binding, but its condition does not hold"


def _remedies(answer: Json) -> Iterator[str]:
    match answer:
        case {"roles": [first, *others]}:
            yield f"  roles that have it, the least first: {', '.join(map(str, [first, *others]))}"
        case _:
            yield "  no role has it: is it spelled right?"
    if command := answer.get("command"):
        yield f"  to grant it: {command}"


def _condition(bound: object) -> str:
    match bound:
        case {"condition": {"expression": expression, "title": title}}:
            return f"{expression} ({title})"
        case {"condition": {"expression": expression}}:
            return str(expression)
    return ""
