"""Kubernetes' label selectors, as `labelSelector=client.knative.dev/nonce = abc` carries one. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from kumotasks.domain.errors import InvalidArgument

Labels = Mapping[str, str]
_KEY = r"[A-Za-z0-9][A-Za-z0-9_.\-/]*"
_VALUE = r"[A-Za-z0-9_.\-]*"
# A comma ends a requirement unless it stands between parentheses.
_PARTS = re.compile(r",(?![^(]*\))")
_EQUALS = re.compile(rf"({_KEY})\s*(==|=|!=)\s*({_VALUE})")
_AMONG = re.compile(rf"({_KEY})\s+(in|notin)\s*\(([^()]*)\)")
_THERE = re.compile(rf"(!?)\s*({_KEY})")


@dataclass(frozen=True, slots=True)
class Requirement:
    """`values` None asks only whether there is such a label; `wanted` False turns the question round."""

    key: str
    values: frozenset[str] | None
    wanted: bool

    def holds(self, labels: Labels) -> bool:
        there = self.key in labels
        return (there if self.values is None else there and labels[self.key] in self.values) is self.wanted


def parse_selector(text: str) -> Callable[[Labels], bool]:
    """What tells whether labels match every requirement of `text`; "" takes all."""
    requirements = [_requirement(part.strip()) for part in _PARTS.split(text)] if text.strip() else []
    return lambda labels: all(each.holds(labels) for each in requirements)


def _requirement(text: str) -> Requirement:
    if found := _EQUALS.fullmatch(text):
        return Requirement(found[1], frozenset({found[3]}), found[2] != "!=")
    if found := _AMONG.fullmatch(text):
        values = frozenset(each.strip() for each in found[3].split(","))
        return Requirement(found[1], values, found[2] == "in")
    if found := _THERE.fullmatch(text):
        return Requirement(found[2], None, not found[1])
    raise InvalidArgument(f"unable to parse requirement: '{text}' in a label selector.")
