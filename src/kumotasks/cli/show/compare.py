"""What the operators of filters mean. Pure but for relative times (createTime>-P1D)."""

from __future__ import annotations

import operator
import re
import warnings
from collections.abc import Callable
from datetime import datetime
from typing import Any

from kumotasks.cli.client import Failure
from kumotasks.cli.show import times

Compare = Callable[[object, str], bool]
Order = Callable[[Any, Any], bool]  # the operators of Python, each for two of a kind


def contains(value: object, pattern: str) -> bool:
    """`key:pattern`: a part of the value, whatever the case. With a * it is the whole; * alone is anything at all."""
    if pattern.count("*") > 1:
        raise Failure(f"At most one * expected in : patterns [{pattern}].")
    if isinstance(value, dict):
        return any(contains(each, pattern) for each in (*value.keys(), *value.values()))
    if isinstance(value, list):
        return any(contains(each, pattern) for each in value)
    text, wanted = _text(value).lower(), pattern.lower()
    if wanted == "*":
        return text != ""
    if "*" in wanted:
        before, _, after = wanted.partition("*")
        return len(text) >= len(before) + len(after) and text.startswith(before) and text.endswith(after)
    return wanted in text if text else not wanted


def equals(value: object, operand: str) -> bool:
    """`key=operand`: the whole of it, whatever the case; numbers by size."""
    if isinstance(value, list):
        return any(equals(each, operand) for each in value)
    if isinstance(value, dict):
        return any(equals(each, operand) for each in (*value.keys(), *value.values()))
    one, other = _number(value), _number(operand)
    if one is not None and other is not None:
        return one == other
    return _text(value).lower() == operand.lower()


def matches(value: object, pattern: str) -> bool:
    """`key~pattern`: a regular expression, found anywhere."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what a pattern may mean in a later Python
            found = re.compile(pattern)
    except re.error as error:
        raise Failure(f"Filter expression RE pattern [{pattern}]: {error}") from None
    if isinstance(value, list):
        return any(matches(each, pattern) for each in value)
    return value is not None and not isinstance(value, dict) and found.search(_text(value)) is not None


def _ordered(order: Order, for_nothing: bool) -> Compare:
    def compare(value: object, operand: str) -> bool:
        if isinstance(value, list):
            return any(compare(each, operand) for each in value)
        moment = _moment(operand)
        if value is None:
            return for_nothing and moment is None
        one, other = _number(value), _number(operand)
        if one is not None and other is not None:
            return order(one, other)
        stamp = times.instant(value)
        if stamp is not None and moment is not None:
            return order(stamp, moment)
        return order(_text(value).lower(), operand.lower())

    return compare


def _moment(written: str) -> datetime | None:
    """A time, or one that is so far from now."""
    span = times.relative(written)
    if span is None:
        return times.instant(written)
    try:
        return times.now() + span
    except OverflowError:
        return None


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        return float(value)
    except ValueError:
        return None


def _text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)


OPERATORS: dict[str, Compare] = {
    ":": contains,
    "=": equals,
    "!=": lambda value, operand: not equals(value, operand),
    "~": matches,
    "!~": lambda value, operand: not matches(value, operand),
    "<": _ordered(operator.lt, for_nothing=True),
    "<=": _ordered(operator.le, for_nothing=True),
    ">": _ordered(operator.gt, for_nothing=False),
    ">=": _ordered(operator.ge, for_nothing=False),
}
