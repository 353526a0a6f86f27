"""Who gets how much of a service's traffic, as lines ask for it, on a service's JSON of v2. Pure.

`LATEST` is whichever revision is the latest ready one. What is not named keeps its share of what is left.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from kumotasks.cli.client import WrongCall
from kumotasks.cli.command import Json
from kumotasks.cli.run.document import items, number

LATEST = "LATEST"
WHOLE = 100
_KIND = "TRAFFIC_TARGET_ALLOCATION_TYPE_"


@dataclass(frozen=True, slots=True)
class Share:
    """`revision` is an id or LATEST."""

    revision: str
    percent: int
    tag: str = ""


def shares(service: Json, field: str = "traffic") -> list[Share]:
    """What was asked for; with `trafficStatuses` what is in force."""
    return [
        Share(str(each.get("revision") or "") or LATEST, number(each, "percent"), str(each.get("tag") or ""))
        for each in items(service, field)
    ]


def latest_ready(service: Json) -> str:
    return str(service.get("latestReadyRevision") or "").rpartition("/")[2]


def put(service: Json, asked: Sequence[Share]) -> None:
    """What gets nothing and has no address of its own is no target."""
    service["traffic"] = [_document(each) for each in asked if each.percent or each.tag]


def pinned(asked: Sequence[Share], ready: str) -> list[Share]:
    """The same traffic to the revisions that have it now, so that a new one gets none."""
    return _joined([replace(each, revision=ready) if each.revision == LATEST else each for each in asked])


def assigned(asked: Sequence[Share], wanted: Mapping[str, int]) -> list[Share]:
    """The revisions in `wanted` get these percents, the others in proportion what is left. Raises WrongCall."""
    total = sum(wanted.values())
    if total > WHOLE:
        raise WrongCall(f"argument --to-revisions: the percents add up to {total}, which is over {WHOLE}.")
    others = [each for each in asked if each.revision not in wanted]
    had = sum(each.percent for each in others)
    if total < WHOLE and not had:
        raise WrongCall(f"argument --to-revisions: the percents add up to {total}, and nobody has the rest.")
    tags = [replace(each, percent=0) for each in asked if each.revision in wanted and each.tag]
    given = [Share(revision, percent) for revision, percent in wanted.items()]
    return _joined([*given, *tags, *_shrunk(others, WHOLE - total)])


def tagged(asked: Sequence[Share], tags: Mapping[str, str]) -> list[Share]:
    """Each tag leads to its revision, and to no other."""
    kept = untagged(asked, tuple(tags))
    return _joined([*kept, *(Share(revision, 0, tag) for tag, revision in tags.items())])


def untagged(asked: Sequence[Share], tags: Sequence[str]) -> list[Share]:
    return _joined([replace(each, tag="") if each.tag in tags else each for each in asked])


def revisions_of(asked: Sequence[Share], wanted: Mapping[str, int]) -> dict[str, int]:
    """Percents by tag as percents by revision. Raises WrongCall."""
    known = {each.tag: each.revision for each in asked if each.tag}
    unknown = [tag for tag in wanted if tag not in known]
    if unknown:
        raise WrongCall(f"argument --to-tags: there is no tag {', '.join(unknown)}.")
    return {known[tag]: percent for tag, percent in wanted.items()}


def _shrunk(others: Sequence[Share], room: int) -> list[Share]:
    """`others` in `room` percents, whole ones: the largest remainders are rounded up."""
    had = sum(each.percent for each in others)
    if not had:
        return list(others)
    exact = [each.percent * room for each in others]
    floors = [each // had for each in exact]
    by_rest = sorted(range(len(others)), key=lambda index: exact[index] % had, reverse=True)
    for index in by_rest[: room - sum(floors)]:
        floors[index] += 1
    return [replace(each, percent=percent) for each, percent in zip(others, floors, strict=True)]


def _joined(found: Sequence[Share]) -> list[Share]:
    """One target for a revision and a tag: percents of the same one are one."""
    sums: dict[tuple[str, str], int] = {}
    for each in found:
        key = (each.revision, each.tag)
        sums[key] = sums.get(key, 0) + each.percent
    return [Share(revision, percent, tag) for (revision, tag), percent in sums.items() if percent or tag]


def _document(share: Share) -> Json:
    latest = share.revision == LATEST
    made: Json = {"type": f"{_KIND}{LATEST if latest else 'REVISION'}", "percent": share.percent}
    return made | ({} if latest else {"revision": share.revision}) | ({"tag": share.tag} if share.tag else {})
