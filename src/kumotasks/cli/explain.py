"""`kumo iam explain`: why somebody may do something, or what he lacks and how to give it to him.

The server judges; here its answer is put into words.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from kumotasks.cli.client import Json, Refused, WrongCall, printable
from kumotasks.cli.line import Line

GRANTED, NOT_GRANTED = 0, 1
PATH = "/kumo/v1/iam:explain"


def explain(line: Line) -> object:
    """Print why, or why not; not granted is exit code 1. Raises Failure."""
    query = {name: line.text(name) for name in ("member", "permission", "resource")}
    try:
        answer = line.call("GET", PATH, query=query)
    except Refused as refused:
        if refused.status == 400:
            raise WrongCall(str(refused)) from refused
        raise
    line.code = GRANTED if answer.get("granted") is True else NOT_GRANTED
    print(json.dumps(answer, indent=2) if line.on("json") else "\n".join(map(printable, _words(answer))))
    return None


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
