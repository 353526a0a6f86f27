"""Partial responses: the `fields` parameter, read, checked against the answer's message class, and applied to JSON.

"name,httpRequest(url,headers),retryConfig/maxAttempts" or "*". A selection is a tree of dicts; "*" stands for every
name, and an empty dict takes all below it. It is checked before the call is made, so that a slip changes nothing. It
knows no HTTP.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, TypeAlias

from kumotasks.api.jsonread import has_own_form, is_map
from kumotasks.domain.errors import InvalidArgument, Violation

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor, FieldDescriptor

Tree: TypeAlias = "dict[str, Tree]"

SIGNS = frozenset("/.,()")
WORD = re.compile(r"\s*([A-Za-z0-9_@-]+|[*/.,()])")
AFTER_CLOSE = re.compile(r"\)\s*[/.(]")
EVERYTHING = "*"
OPEN = {"google.protobuf.Any", "google.protobuf.Struct", "google.protobuf.Value"}


def read_selection(text: str) -> Tree:
    """The tree that a `fields` parameter names. Raises InvalidArgument."""
    root: Tree = {}
    stack, here = [root], root  # the open parentheses' trees, innermost last; the tree that the next name goes into
    wants_name = True
    if AFTER_CLOSE.search(text):
        raise unreadable(text)
    for word in [*words(text), ","]:  # the comma ends the last name
        if wants_name is (word in SIGNS):
            raise unreadable(text)
        wants_name = word in "/.,("
        match word:
            case ",":
                here[EVERYTHING] = {}
                here = stack[-1]
            case ")":
                here[EVERYTHING] = {}
                here = {}  # nothing may follow but a comma or another parenthesis
                stack.pop()
                if not stack:
                    raise unreadable(text)
            case "(":
                stack.append(here)
            case name if name not in SIGNS:
                here = here.setdefault(name, {})
    if len(stack) > 1:
        raise unreadable(text)
    return root


def words(text: str) -> list[str]:
    found, place = [], 0
    while place < len(text.rstrip()):
        word = WORD.match(text, place)
        if word is None:
            raise unreadable(text)
        found.append(word[1])
        place = word.end()
    return found


def unreadable(text: str) -> InvalidArgument:
    return no_field(text[:200], "Invalid field selection")


def no_field(path: str, why: str) -> InvalidArgument:
    told = f"Error expanding 'fields' parameter. {why}"
    return InvalidArgument("Request contains an invalid argument.", violations=(Violation(path, f"{told} '{path}'."),))


def check(tree: Tree, message: Descriptor, *, path: str = "") -> Tree:
    """The tree with JSON names instead of proto names. Raises InvalidArgument for a field that does not exist."""
    checked: Tree = {}
    for name, below in tree.items():
        if name == EVERYTHING:
            checked[name] = below
            continue
        field = message.fields_by_camelcase_name.get(name) or message.fields_by_name.get(name)
        full = f"{path}.{name}" if path else name
        if field is None:
            raise no_field(full, "Cannot find matching fields for path")
        checked[field.json_name] = below_field(below, field, path=full)
    return checked


def below_field(tree: Tree, field: FieldDescriptor, *, path: str) -> Tree:
    inner: Any = field.message_type
    if tree.keys() <= {EVERYTHING} or is_map(field) or (inner is not None and inner.full_name in OPEN):
        return tree
    if inner is None or has_own_form(inner):
        raise no_field(f"{path}.{next(iter(tree))}", "Cannot find matching fields for path")
    return check(tree, inner, path=path)


def prune(value: Any, tree: Tree) -> Any:
    """What of a JSON value the tree takes."""
    if not tree:
        return value
    if isinstance(value, list | tuple):
        return [prune(item, tree) for item in value]
    if not isinstance(value, dict):
        return value
    rest = tree.get(EVERYTHING)
    answer = {}
    for key, item in value.items():
        below = tree.get(key, rest)
        if below is not None:
            answer[key] = prune(item, below)
    return answer
