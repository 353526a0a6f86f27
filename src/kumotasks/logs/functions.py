"""The functions of the filter language: from a call's name and arguments to what it asks of a document."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping

from kumotasks.logs.document import Path, path_of
from kumotasks.logs.expression import Expression, FromResource, InLog, InNet, Sampled, Searched
from kumotasks.logs.tokens import Token
from kumotasks.logs.values import number_of
from kumotasks.logs.words import query_of

Arguments = tuple[Token, ...]

_RESOURCES = frozenset({"projects", "folders", "organizations", "billingAccounts"})


class BadCall(Exception):
    """The call cannot be meant; the message is one clause for people."""


def call(name: str, arguments: Arguments) -> Expression:
    """What a call means. Names are taken in any letter case."""
    build = _FUNCTIONS.get(name.lower())
    if build is None:
        raise BadCall(f"unknown function {name}")
    return build(arguments)


def _log_id(arguments: Arguments) -> Expression:
    (log,) = _of(arguments, 1, "log_id takes a log id")
    return InLog(_text(log))


def _source(arguments: Arguments) -> Expression:
    (resource,) = _of(arguments, 1, "source takes a resource")
    kind, _, name = _text(resource).partition("/")
    if kind not in _RESOURCES or not name or "/" in name:
        raise BadCall("source takes a resource such as projects/PROJECT_ID")
    return FromResource(_text(resource))


def _sample(arguments: Arguments) -> Expression:
    field, fraction = _of(arguments, 2, "sample takes a field and a fraction")
    number = number_of(_text(fraction))
    if number is None or not 0 < number <= 1:
        raise BadCall("the fraction of sample must be greater than 0 and at most 1")
    return Sampled(_path(field), float(number))


def _ip_in_net(arguments: Arguments) -> Expression:
    field, net = _of(arguments, 2, "ip_in_net takes a field and a subnet")
    try:
        return InNet(_path(field), ipaddress.ip_network(_text(net), strict=False))
    except ValueError:
        raise BadCall("the subnet of ip_in_net must be an IP address or range") from None


def _search(arguments: Arguments) -> Expression:
    if not 1 <= len(arguments) <= 2 or not arguments[-1].string:
        raise BadCall("SEARCH takes a field, if any, and a quoted query")
    path = _path(arguments[0]) if len(arguments) == 2 else None
    return Searched(path, query_of(_text(arguments[-1])))


_FUNCTIONS: Mapping[str, Callable[[Arguments], Expression]] = {
    "log_id": _log_id,
    "source": _source,
    "sample": _sample,
    "ip_in_net": _ip_in_net,
    "search": _search,
}


def _of(arguments: Arguments, count: int, rule: str) -> Arguments:
    if len(arguments) != count:
        raise BadCall(rule)
    return arguments


def _path(token: Token) -> Path:
    return path_of(tuple(piece.text for piece in token.pieces))


def _text(token: Token) -> str:
    if not token.string and not token.bare:
        raise BadCall("a value is either quoted as a whole or not at all")
    return token.pieces[0].text if token.string else token.raw
