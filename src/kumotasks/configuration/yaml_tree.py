"""A YAML text as nodes with marks, which is all that is taken from PyYAML: no value is made of a tag.

A scalar is its text, whatever YAML would make of it: a queue named `on` is no truth.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TypeAlias

import yaml

from kumotasks.configuration.document import TOO_DEEP, refused
from kumotasks.configuration.problem import NOWHERE, Place, Problem, unknown

Node: TypeAlias = yaml.Node
_NULL = "tag:yaml.org,2002:null"


class Tree:
    """Reads nodes and gathers what is wrong with them."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.problems: list[Problem] = []

    def wrong(self, node: Node, sentence: str) -> None:
        self.problems.append(Problem(self.name, place(node), sentence))

    def table(self, node: Node, what: str, known: Collection[str]) -> dict[str, Node]:
        """The values of a mapping by their names, without those that are null; what is unknown, or comes twice, is
        told."""
        if not isinstance(node, yaml.MappingNode):
            self.wrong(node, f"{what} is a mapping of names to values.")
            return {}
        found: dict[str, Node] = {}
        seen: set[str] = set()
        for key, value in node.value:
            name = key.value if isinstance(key, yaml.ScalarNode) else ""
            if name not in known:
                self.wrong(key, unknown(f"setting of {what}", name, known))
            elif name in seen:
                self.wrong(key, f"{name} is set twice.")
            elif value.tag != _NULL:
                found[name] = value
            seen.add(name)
        return found

    def items(self, node: Node, what: str) -> list[Node]:
        if isinstance(node, yaml.SequenceNode):
            return list(node.value)
        self.wrong(node, f"{what} is a list.")
        return []

    def text(self, node: Node, what: str) -> str | None:
        """None if it is no scalar, which is told."""
        if isinstance(node, yaml.ScalarNode):
            return str(node.value)
        self.wrong(node, f"{what} is a single value.")
        return None


def place(node: Node) -> Place:
    mark = node.start_mark
    return Place(mark.line + 1, mark.column + 1)


def compose(name: str, text: str) -> Node | None:
    """The text's only document; None if there is nothing in it. Misconfigured if it is no YAML."""
    try:
        return yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = Place(mark.line + 1, mark.column + 1) if mark else NOWHERE
        raise refused(name, where, f"this is no YAML: {error.problem or error.context}.") from error
    except yaml.reader.ReaderError as error:
        raise refused(name, _at(text, error.position), f"this is no YAML: {error.reason}.") from error
    except yaml.YAMLError as error:
        raise refused(name, NOWHERE, f"this is no YAML: {error}.") from error
    except RecursionError as error:
        raise refused(name, NOWHERE, TOO_DEEP) from error


def _at(text: str, position: int) -> Place:
    before = text[:position]
    return Place(before.count("\n") + 1, position - (before.rfind("\n") + 1) + 1)
