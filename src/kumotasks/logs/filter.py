"""Filters, judged: Google's filter language over any JSON-like document, of a queue as of a log entry.

A document is a nested mapping with lowerCamelCase keys, strings, numbers, bools, lists and None. Pure: what is judged,
where it came from and what becomes of it are unknown here.
"""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import assert_never
from urllib.parse import unquote

from kumotasks.logs.document import Document, has_among, leaves_of, path_of
from kumotasks.logs.expression import (
    And,
    Anywhere,
    Comparison,
    Expression,
    FromResource,
    InLog,
    InNet,
    Likeness,
    Not,
    Or,
    Present,
    Sampled,
    Searched,
)
from kumotasks.logs.syntax import parse_expression
from kumotasks.logs.values import Operator, compare, fold
from kumotasks.logs.words import found

_LOG_NAME = path_of(("logName",))
_HASHES = 1 << 64


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter that was understood."""

    expression: Expression

    def matches(self, document: Mapping[str, object]) -> bool:
        """Whether the document is one the filter asks for."""
        return _holds(self.expression, Document(document))


def parse(text: str) -> Filter:
    """The filter that `text` writes; an empty one matches everything. InvalidArgument names line, column and token."""
    return Filter(parse_expression(text))


def _holds(expression: Expression, document: Document) -> bool:
    match expression:
        case And(parts):
            return all(_holds(part, document) for part in parts)
        case Or(parts):
            return any(_holds(part, document) for part in parts)
        case Not(part):
            return not _holds(part, document)
        case _:
            return _leaf_holds(expression, document)


Leaf = Anywhere | Present | Comparison | Likeness | InLog | FromResource | Sampled | InNet | Searched


def _leaf_holds(leaf: Leaf, document: Document) -> bool:
    match leaf:
        case Anywhere(wanted):
            return document.has(wanted)
        case Present(path):
            return bool(document.find(path))
        case Comparison():
            return any(_compares(value, leaf) for value in document.find_or_default(leaf.path))
        case Likeness():
            return any(_is_alike(value, leaf) for value in document.find_or_default(leaf.path))
        case _:
            return _call_holds(leaf, document)


def _call_holds(call: InLog | FromResource | Sampled | InNet | Searched, document: Document) -> bool:
    match call:
        case InLog(log):
            return fold(_log_name(document)[1]) == fold(log)
        case FromResource(resource):
            return fold(_log_name(document)[0]) == fold(resource)
        case Sampled(path, fraction):
            return any(_is_sampled(value, fraction) for value in document.find_or_default(path))
        case InNet():
            return any(_is_within(value, call) for value in document.find(call.path))
        case Searched(path, query):
            return found(query, _texts(leaves_of(document.root if path is None else document.find(path))))
        case _:
            assert_never(call)


def _compares(value: object, leaf: Comparison) -> bool:
    """A whole object has what one of its values has, or what one of its keys is; it compares in no other way."""
    if not isinstance(value, Mapping):
        return compare(value, leaf.how, leaf.wanted, leaf.path.kind)
    if leaf.how is not Operator.HAS:
        return False
    return any(fold(str(key)) == leaf.wanted.folded for key in value) or has_among(leaves_of(value), leaf.wanted)


def _is_alike(value: object, leaf: Likeness) -> bool:
    """Only a text is like or unlike a pattern."""
    return isinstance(value, str) and leaf.automaton.search(value) == leaf.wanted


def _log_name(document: Document) -> tuple[str, str]:
    """The resource a log belongs to, and the log's id with its slashes."""
    for name in _texts(document.find(_LOG_NAME)):
        resource, _, log = name.partition("/logs/")
        return resource, unquote(log)
    return "", ""


def _is_sampled(value: object, fraction: float) -> bool:
    """The same value is always in or always out, on every node."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return False
    digest = hashlib.blake2b(str(value).encode(errors="surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest) / _HASHES <= fraction


def _is_within(value: object, call: InNet) -> bool:
    if not isinstance(value, str):
        return False
    try:
        net = ipaddress.ip_network(value, strict=False)
    except ValueError:
        return False
    return net.network_address in call.net and net.broadcast_address in call.net


def _texts(values: Iterable[object]) -> Iterable[str]:
    return (value for value in values if isinstance(value, str))
