"""Who gets how much of a service's traffic. Pure; that a revision exists is not known here."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from kumotasks.domain.errors import InvalidArgument, Violation
from kumotasks.domain.run.address import TAG_SEPARATOR
from kumotasks.domain.run.service import EVERYTHING_TO_LATEST, Target

WHOLE = 100
MAX_TAGGED = 46  # Cloud Run: characters of a tag and the service's id together
_TAG = re.compile(r"[a-z](?:[a-z0-9\-]*[a-z0-9])?")


def check_traffic(targets: Sequence[Target], service: str) -> tuple[Target, ...]:
    """The targets, if they may be asked for; none at all is everything to the latest revision."""
    if not targets:
        return EVERYTHING_TO_LATEST
    tags: set[str] = set()
    for target in targets:
        if not 0 <= target.percent <= WHOLE:
            raise _refused("percent", f"must be between 0 and {WHOLE}")
        if not target.percent and not target.tag:
            raise _refused("percent", "must be greater than 0 for a target without a tag")
        if target.tag:
            _check_tag(target.tag, service, tags)
    total = sum(target.percent for target in targets)
    if total != WHOLE:
        raise _refused("", f"Traffic targets must sum to {WHOLE}, but sum to {total}")
    return tuple(targets)


def resolve(targets: Sequence[Target], latest_ready: str) -> tuple[Target, ...]:
    """The same targets in the same order, with the revision that each means now; () while there is no latest one."""
    found = tuple(target if target.revision else replace(target, revision=latest_ready) for target in targets)
    return found if all(target.revision for target in found) else ()


def pick(targets: Sequence[Target], point: float) -> str:
    """The revision that the request at `point`, from 0 to below 1, goes to; "" if there is none to go to."""
    level = point * sum(target.percent for target in targets)
    for target in targets:
        level -= target.percent
        if level < 0:
            return target.revision
    return ""


def tagged(targets: Sequence[Target]) -> dict[str, str]:
    """The revision of each tag."""
    return {target.tag: target.revision for target in targets if target.tag}


def _check_tag(tag: str, service: str, earlier: set[str]) -> None:
    if tag in earlier:
        raise _refused("tag", f"duplicate tag '{tag}'")
    earlier.add(tag)
    if _TAG.fullmatch(tag) is None or TAG_SEPARATOR in tag:
        raise _refused("tag", f"'{tag}': only lowercase letters, digits and hyphens; must begin with a letter")
    if len(tag) + len(service) > MAX_TAGGED:
        raise _refused("tag", f"'{tag}': tag and service name together must be at most {MAX_TAGGED} characters")


def _refused(field: str, rule: str) -> InvalidArgument:
    path = f"traffic.{field}" if field else "traffic"
    return InvalidArgument(f"{path}: {rule}.", violations=(Violation(path, f"{rule}."),))
