"""What is wrong with a service, told by the fields of Knative v1: the domain calls them by v2's names."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from kumotasks.domain.errors import InvalidArgument, Violation

_SPEC = "spec.template.spec."
# The longest first: a field is renamed by the first of these that it begins with.
_FIELDS = (
    ("template.max_instance_request_concurrency", f"{_SPEC}containerConcurrency"),
    ("template.service_account", f"{_SPEC}serviceAccountName"),
    ("template.containers", f"{_SPEC}containers"),
    ("template.revision", "spec.template.metadata.name"),
    ("template.labels", "spec.template.metadata.labels"),
    ("template.scaling", "spec.template.metadata.annotations"),
    ("template.timeout", f"{_SPEC}timeoutSeconds"),
    ("traffic", "spec.traffic"),
    ("labels", "metadata.labels"),
    ("scaling", "metadata.annotations"),
)


@contextmanager
def told_in_v1() -> Iterator[None]:
    try:
        yield
    except InvalidArgument as error:
        violations = tuple(Violation(field_of(each.field), each.description) for each in error.violations)
        if violations == error.violations:
            raise
        lines = "\n".join(f"{each.field}: {each.description}" for each in violations)
        raise InvalidArgument(lines, violations=violations) from error


def field_of(field: str) -> str:
    for theirs, ours in _FIELDS:
        if field == theirs or field.startswith((f"{theirs}.", f"{theirs}[")):
            return ours + field.removeprefix(theirs)
    return field
