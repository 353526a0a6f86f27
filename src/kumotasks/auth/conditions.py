"""Conditions of bindings: expressions of CEL, Google's Common Expression Language, over a request and its resource.

The engine is Google's own. It is loaded with the first condition, since most servers never see one. What an expression
can cost is bounded: its size is, and neither macros (which loop) nor regular expressions (whose counted repetitions
multiply) are part of the language here. The engine opens a file for each time zone it is asked for, so that zones must
stand in the expression by their names, and exist. An expression that fails grants nothing. Nothing is known here of
policies.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from typing import Protocol
from zoneinfo import ZoneInfo

from kumotasks.domain.errors import InvalidArgument

MAX_EXPRESSION = 2_048  # bytes of UTF-8
_PROGRAMS = 256  # compiled expressions kept
_LANGUAGE = """
name: iam-conditions
stdlib:
  disable_macros: true
  exclude_functions:
    - name: matches
"""
_PART_OF_TIME = re.compile(
    r"get(FullYear|Month|DayOfYear|DayOfMonth|Date|DayOfWeek|Hours|Minutes|Seconds|Milliseconds)"
)
_ZONE_NAME = r"[A-Za-z][\w+\-]{0,31}(?:/[\w+\-]{1,32}){0,2}"
_ZONE_GIVEN = re.compile(rf"""\s*\(\s*(?:\)|(['"])(?:(?P<name>{_ZONE_NAME})|[+-]?[01]\d:[0-5]\d)\1\s*\))""", re.ASCII)
_TEMPLATE = re.compile(r"([^{}]*)\{[^{}]+\}([^{}]*)")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

# The kind of a resource by the collection that its name ends in.
_TYPES = {
    "projects": "cloudresourcemanager.googleapis.com/Project",
    "queues": "cloudtasks.googleapis.com/Queue",
    "serviceAccounts": "iam.googleapis.com/ServiceAccount",
    "services": "run.googleapis.com/Service",
}


class Outcome(Protocol):
    """What an evaluation came to."""

    def value(self) -> object: ...


class Program(Protocol):
    """A compiled expression."""

    def return_type(self) -> object: ...
    def eval(self, *, data: Mapping[str, object]) -> Outcome: ...


class Language(Protocol):
    """The engine, with the names and functions that IAM has."""

    def compile(self, expression: str) -> Program: ...


def check(expression: str) -> None:
    """Refuse what could never be judged: what is too long, is no CEL, speaks of the unknown, or is no yes or no."""
    try:
        size = len(expression.encode())
    except UnicodeEncodeError as error:
        raise InvalidArgument("The expression of a condition must be valid UTF-8.") from error
    if size > MAX_EXPRESSION:
        raise InvalidArgument(f"The expression of a condition is at most {MAX_EXPRESSION} bytes long.")
    program = _compiled(expression)
    if isinstance(program, str):
        raise InvalidArgument(f"Condition expression compilation failed. {program}")


def holds(expression: str, *, now: int, resource: str, service: str) -> bool:
    """Whether it is true at `now` (µs) of `resource`, a full name, in `service`, such as cloudtasks.googleapis.com."""
    program = _compiled(expression)
    if isinstance(program, str):
        return False
    try:
        given = {
            "request.time": _EPOCH + timedelta(microseconds=now),
            "resource.name": resource,
            "resource.type": _type(resource, service),
            "resource.service": service,
        }
        return program.eval(data=given).value() is True  # an error is a value too
    except (OverflowError, RuntimeError, TypeError, ValueError):  # what cannot be handed to the engine
        return False


def extract(text: str, template: str) -> str:
    """IAM's own function: what stands in `text` where `template` has its {name}; "" if the rest is not there."""
    match = _TEMPLATE.fullmatch(template)
    if match is None:
        raise ValueError(f"extract takes one {{name}} in its template, not {template!r}")
    before, behind = match.groups()
    start = text.find(before)
    if start < 0:
        return ""
    start += len(before)
    end = text.find(behind, start) if behind else len(text)
    return text[start:end] if end >= 0 else ""


@lru_cache(maxsize=_PROGRAMS)
def _compiled(expression: str) -> Program | str:
    """The program, or what is wrong with the expression."""
    from cel_expr_python import cel  # type: ignore[import-untyped]  # it has stubs, but no py.typed

    flaw = _zone_flaw(expression)
    if flaw:
        return flaw
    try:
        program = _language().compile(expression)
    except (RuntimeError, TypeError) as error:  # the engine's refusals; a lone surrogate is the TypeError
        return str(error)
    if program.return_type() != cel.Type.BOOL:
        return f"An expression of type bool is expected, not {program.return_type()}."
    return program


def _zone_flaw(expression: str) -> str:
    """What is wrong with the first bad time zone; "" if all are good. Wherever the name of a function that takes one
    stands, in code or not, it must be followed by nothing in brackets or by a zone: so nothing has to be parsed."""
    for call in _PART_OF_TIME.finditer(expression):
        given = _ZONE_GIVEN.match(expression, call.end())
        if given is None:
            return f"{call[0]} takes nothing, or a time zone in quotes."
        if given["name"] is not None and not _is_zone(given["name"]):
            return f"There is no time zone {given['name']}."
    return ""


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (LookupError, OSError, ValueError):  # none of that name, a folder of them, another file among them
        return False
    return True


@cache
def _language() -> Language:
    from cel_expr_python import cel

    text, moment = cel.Type.STRING, cel.Type.TIMESTAMP
    cut = cel.Overload("string_extract_string", text, [text, text], is_member=True, impl=extract)
    language: Language = cel.NewEnv(
        config=cel.NewEnvConfigFromYaml(_LANGUAGE),
        variables={
            "request.time": moment,
            "resource.name": text,
            "resource.type": text,
            "resource.service": text,
        },
        functions=[cel.FunctionDecl("extract", [cut])],
    )
    return language


def _type(resource: str, service: str) -> str:
    parts = resource.split("/")
    collection = parts[-2] if len(parts) > 1 else ""
    return _TYPES.get(collection, f"{service}/{collection.removesuffix('s').capitalize()}")
