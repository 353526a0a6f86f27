"""One table of calls that every published client must get through, and the runner that plays it.

A story is a list of calls in order; requests and answers are proto JSON, so that any client in any language can be
driven by it. It knows no client: a `Driver` is all it sees.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from string import Template
from typing import Any, Protocol

Json = dict[str, Any]
ANY = "<any>"  # an answer has the field, whatever it holds


@dataclass(frozen=True, slots=True)
class Refused:
    """A client raised its own error: the HTTP status it stands for, and the server's sentence."""

    status: int
    message: str


class Driver(Protocol):
    """A published client. A List call goes through all its pages by the client's own means and answers
    {items: [...], "pages": [size, ...]}; a batch waits for its operation by the client's own means."""

    @property
    def rpcs(self) -> frozenset[str]:
        """The RPCs that this client offers."""

    def call(self, rpc: str, request: Json) -> Json | Refused: ...


@dataclass(frozen=True, slots=True)
class Step:
    """A call. `answer` is what the answer has at least; `without` are fields it must not have; `refused` what
    it must fail with; `keep` names parts of the answer for later steps ("$name")."""

    rpc: str
    request: Json
    answer: Json = field(default_factory=dict)
    without: tuple[str, ...] = ()
    refused: Refused | None = None
    keep: Mapping[str, str] = field(default_factory=dict)


def play(story: tuple[Step, ...], driver: Driver, values: Mapping[str, str], settle: Callable[[], None]) -> None:
    """Carry out a story; after each RunTask wait until the attempt has ended."""
    known = dict(values)
    for number, step in enumerate(story, 1):
        label = f"step {number}, {step.rpc} {filled(step.request, known)}"
        answer = driver.call(step.rpc, filled(step.request, known))
        if step.refused is not None or isinstance(answer, Refused):
            assert answer == step.refused, f"{label} answered {answer}, not {step.refused}"
            continue
        differences = list(missing(filled(step.answer, known), answer, ""))
        assert not differences, f"{label}: {differences} in {answer}"
        for path in step.without:
            assert found(answer, path) is None, f"{label}: {path} is in {answer}"
        known.update({name: str(found(answer, path)) for name, path in step.keep.items()})
        if step.rpc == "RunTask":
            settle()


def filled(value: Any, known: Mapping[str, str]) -> Any:
    """`value` with every $name replaced."""
    match value:
        case str():
            return Template(value).substitute(known) if "$" in value else value
        case dict():
            return {key: filled(each, known) for key, each in value.items()}
        case list():
            return [filled(each, known) for each in value]
        case _:
            return value


def missing(wanted: Any, actual: Any, path: str) -> list[str]:
    """Where `actual` has not what `wanted` says; dicts may have more, lists and scalars must be equal."""
    if wanted == ANY:
        return [] if actual is not None else [f"{path} is absent"]
    if isinstance(wanted, dict) and isinstance(actual, dict):
        return [each for key in wanted for each in missing(wanted[key], actual.get(key), f"{path}.{key}")]
    if isinstance(wanted, list) and isinstance(actual, list) and len(wanted) == len(actual):
        pairs = enumerate(zip(wanted, actual, strict=True))
        return [each for index, (want, have) in pairs for each in missing(want, have, f"{path}[{index}]")]
    if wanted == actual or (isinstance(wanted, str) and same_time(wanted, str(actual))):
        return []
    return [f"{path} is {actual!r}, not {wanted!r}"]


def same_time(wanted: str, actual: str) -> bool:
    """Clients print 0.1 s as 0.1s, 0.100s or 0.100000000s, and an instant with any number of zeros behind its dot."""
    return bare(wanted) == bare(actual)


def bare(text: str) -> str:
    return re.sub(r"(\d)\.?0*([sZ])$", r"\1\2", text) if "." in text else text


def found(answer: Any, path: str) -> Any:
    """The part of an answer at a dotted path; None if it is absent or empty."""
    for name in path.split("."):
        answer = answer[int(name)] if isinstance(answer, list) else answer.get(name)
        if answer is None:
            return None
    return answer or None
