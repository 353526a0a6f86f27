"""What a filter says about the entries it can let through, so that a shelf need not be read as a whole.

Everything here is generous: an entry outside the bounds is never let through, one inside may still not be.
"""

from __future__ import annotations

from dataclasses import dataclass

from kumotasks.logs.document import Path, path_of
from kumotasks.logs.expression import And, Comparison, Expression, FromResource, InLog, Likeness, Not, Or
from kumotasks.logs.filter import Filter
from kumotasks.logs.values import SEVERITIES, Operator

_FOREVER = (1 << 63) - 1
_NANOSECONDS = 1_000
_LOG_NAME = path_of(("logName",))
_TIMESTAMP = path_of(("timestamp",))
_SEVERITY = path_of(("severity",))


@dataclass(frozen=True, slots=True)
class Bounds:
    """From `low` to `high`, both included, in microseconds; of at least this severity."""

    low: int = -_FOREVER
    high: int = _FOREVER
    least_severity: int = 0

    @property
    def empty(self) -> bool:
        return self.low > self.high


def bounds_of(expression: Expression) -> Bounds:
    """The bounds of all that the expression can let through."""
    match expression:
        case And(parts):
            return _all_of([bounds_of(part) for part in parts])
        case Or(parts):
            return _any_of([bounds_of(part) for part in parts])
        case Comparison(path, how, wanted) if path.plain == _TIMESTAMP.plain and wanted.instant is not None:
            return _in_time(how, wanted.instant // _NANOSECONDS)
        case Comparison(path, how, wanted) if path.plain == _SEVERITY.plain and how in _AT_LEAST:
            return Bounds(least_severity=SEVERITIES.get(wanted.folded, 0))
        case _:
            return Bounds()


_AT_LEAST = frozenset({Operator.EQUAL, Operator.AT_LEAST, Operator.MORE, Operator.HAS})


def _all_of(parts: list[Bounds]) -> Bounds:
    return Bounds(
        max((part.low for part in parts), default=-_FOREVER),
        min((part.high for part in parts), default=_FOREVER),
        max((part.least_severity for part in parts), default=0),
    )


def _any_of(parts: list[Bounds]) -> Bounds:
    return Bounds(
        min((part.low for part in parts), default=-_FOREVER),
        max((part.high for part in parts), default=_FOREVER),
        min((part.least_severity for part in parts), default=0),
    )


def _in_time(how: Operator, instant: int) -> Bounds:
    match how:
        case Operator.EQUAL:
            return Bounds(instant, instant)
        case Operator.MORE | Operator.AT_LEAST:
            return Bounds(low=instant)
        case Operator.LESS | Operator.AT_MOST:
            return Bounds(high=instant)
        case _:
            return Bounds()


def may_be_in(log_name: str, expression: Expression) -> bool:
    """Whether the filter can let an entry of this log through."""
    return _verdict(expression, {"logName": log_name}) is not False


def _verdict(expression: Expression, known: dict[str, object]) -> bool | None:
    """True or False where the log's name alone decides, else None."""
    match expression:
        case And(parts):
            verdicts = {_verdict(part, known) for part in parts}
            return False if False in verdicts else None if None in verdicts else True
        case Or(parts):
            verdicts = {_verdict(part, known) for part in parts}
            return True if True in verdicts else None if None in verdicts else False
        case Not(part):
            verdict = _verdict(part, known)
            return None if verdict is None else not verdict
        case InLog() | FromResource():
            return Filter(expression).matches(known)
        case Comparison(path=path) | Likeness(path=path) if _is_log_name(path):
            return Filter(expression).matches(known)
        case _:
            return None


def _is_log_name(path: Path) -> bool:
    return path.plain == _LOG_NAME.plain
