"""The tables of kumo.toml that declare something: queues, service accounts, bindings, egress rules.

What is wrong with one is told as flaws, whose paths lead into the table.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import fields, replace
from typing import TypeVar

from kumotasks.configuration.judges import Described, Judges
from kumotasks.configuration.problem import Flaw, Path, unknown
from kumotasks.domain.account import check_account_id
from kumotasks.domain.errors import InvalidArgument, KumoError, Violation
from kumotasks.domain.names import QueueName, parse_queue
from kumotasks.domain.policy import WITH_CONDITIONS, Binding, Policy, check_member, check_policy
from kumotasks.domain.queue import PATHS, Caps, Queue, check_queue

Flaws = Iterator[Flaw]
_V = TypeVar("_V")
_RESOURCE = re.compile(r"projects/[^/\s]+(/[^/\s]+/[^/\s]+)*")
_ACCOUNT = ("id", "project", "display_name", "description")
_BINDING = ("resource", "role", "members", "condition")
_CONDITION = ("expression", "title", "description")
_PROJECT = re.compile(r"[A-Za-z0-9:.\-]{1,100}")
MEMBERS = "members is a list of texts such as serviceAccount:NAME@PROJECT.iam.gserviceaccount.com."

_UNKNOWN = re.compile(r'Unknown name "(?P<name>.*?)"(?: at \'.*\')?: Cannot find field', re.DOTALL)
_NAMED = re.compile(r"\b[A-Z][A-Za-z]+\.([a-z][A-Za-z]*(?:\.[a-z][A-Za-z]*)*)")
_STEP = re.compile(r"[^.\[\]]+")
_CAPITAL = re.compile(r"[A-Z]")
_LIMITED = tuple(each.name for each in fields(Queue) if each.name not in ("name", "state", "purge_time"))


# queues


def queue_name(text: str, project: str, location: str) -> QueueName:
    """A queue by its id, in this project and location, or by its full name. InvalidArgument."""
    try:
        return parse_queue(text if "/" in text else f"projects/{project}/locations/{location}/queues/{text}")
    except InvalidArgument as error:
        raise InvalidArgument(
            "a queue is named by an id of letters, digits and hyphens, at most 100, "
            "or in full: projects/P/locations/L/queues/Q."
        ) from error


def queue_flaws(described: Described, judges: Judges, caps: Caps) -> Flaws:
    """Of a table as the REST API has queues; of its name only that there is one."""
    if not described.get("name"):
        yield Flaw((), "name is missing.")
    try:
        draft = judges.queue(described)
    except InvalidArgument as refusal:
        found = list(_told(described, refusal))
        yield from found
        yield from _flaws_of_rest(described, found, judges, caps)
        return
    yield from _range_flaws(described, draft, caps)


def _flaws_of_rest(described: Described, found: Iterable[Flaw], judges: Judges, caps: Caps) -> Flaws:
    """What is out of range in the fields that could be read."""
    try:
        draft = judges.queue(_without(described, {flaw.path for flaw in found}))
    except InvalidArgument:
        return
    yield from _range_flaws(described, draft, caps)


def _without(described: Described, paths: Collection[Path], start: Path = ()) -> dict[str, object]:
    """The table without what `paths` lead to; a list goes as a whole."""
    kept: dict[str, object] = {}
    for key, value in described.items():
        path = (*start, key)
        if isinstance(value, dict) and path not in paths:
            kept[key] = _without(value, paths, path)
        elif not any(each[: len(path)] == path for each in paths):
            kept[key] = value
    return kept


def _told(described: Described, refusal: InvalidArgument) -> Flaws:
    """A codec's violations, each with the place that its field leads to."""
    if not refusal.violations:
        yield Flaw(_about(described, refusal.message), refusal.message)
    for violation in refusal.violations:
        yield _unknown_field(described, violation) or Flaw(_along(described, violation.field), violation.description)


def _unknown_field(described: Described, violation: Violation) -> Flaw | None:
    found = _UNKNOWN.search(violation.description)
    if found is None:
        return None
    path = (*_along(described, violation.field), found["name"].rpartition(".")[2])
    inside = f"{violation.field}." if violation.field else ""
    known = (each.removeprefix(inside) for each in PATHS if each.startswith(inside))
    siblings = ["name", *(_camel(each) for each in known if "." not in each)]
    return Flaw(path, unknown("field", str(path[-1]), siblings), key=True)


def _range_flaws(described: Described, draft: Queue, caps: Caps) -> Flaws:
    """Part by part, so that each part that is wrong is told."""
    plain = Queue(draft.name)
    for part in _LIMITED:
        changes: dict[str, object] = {part: getattr(draft, part)}
        try:
            check_queue(replace(plain, **changes), caps)  # type: ignore[arg-type]
        except InvalidArgument as refusal:
            start = _along(described, part)
            yield Flaw((*start, *_about(_inside(described, start), refusal.message)), refusal.message)


def _about(content: object, sentence: str) -> Path:
    """The first field that a sentence names as Message.field and that is there; nothing if none is."""
    for named in _NAMED.findall(sentence):
        path = _along(content, named)
        if path:
            return path
    return ()


def _along(content: object, field: str) -> Path:
    """As far as `field`, such as http_target.header_overrides[0].header, leads into what was written."""
    path: Path = ()
    for step in _STEP.findall(field):
        found = _step(content, step)
        if found is None:
            break
        path = (*path, found)
        content = content[found]  # type: ignore[index]
    return path


def _step(content: object, step: str) -> str | int | None:
    if isinstance(content, list):
        return int(step) if step.isdecimal() and int(step) < len(content) else None
    if isinstance(content, dict):
        return next((key for key in content if _snake(key) == _snake(step)), None)
    return None


def _inside(content: object, path: Path) -> object:
    for step in path:
        content = content[step]  # type: ignore[index]
    return content


def _snake(name: str) -> str:
    return _CAPITAL.sub(lambda found: f"_{found[0].lower()}", name)


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(map(str.capitalize, rest))


# service accounts


def account_flaws(described: Described) -> Flaws:
    """Of `{id, project, display_name, description}`."""
    yield from _name_flaws("service account", described, _ACCOUNT, needed="id")
    yield from _text_flaws(described, _ACCOUNT)
    written, project = described.get("id"), described.get("project")
    if isinstance(written, str) and written:
        yield from _refused(("id",), check_account_id, written)
    if isinstance(project, str) and project and _PROJECT.fullmatch(project) is None:
        yield Flaw(("project",), "project is the id of a project.")


# bindings


def binding_flaws(described: Described, judges: Judges) -> Flaws:
    """Of `{resource, role, members, condition}`."""
    yield from _name_flaws("binding", described, _BINDING, needed="role")
    yield from _text_flaws(described, ("resource", "role"))
    yield from _role_flaws(described.get("role"), judges)
    yield from _member_flaws(described)
    resource = described.get("resource")
    if isinstance(resource, str) and resource and _RESOURCE.fullmatch(resource) is None:
        yield Flaw(("resource",), "resource is a name such as projects/P or projects/P/locations/L/queues/Q.")
    if "condition" in described:
        yield from _below("condition", _condition_flaws(described["condition"], judges))


def _role_flaws(role: object, judges: Judges) -> Flaws:
    if not isinstance(role, str) or not role:
        return
    if not judges.bindable(role):
        yield Flaw(("role",), unknown("role", role, judges.roles))
        return
    yield from _refused(("role",), check_policy, Policy(WITH_CONDITIONS, (Binding(role, ()),)))


def _member_flaws(described: Described) -> Flaws:
    members = described.get("members")
    if not isinstance(members, list) or not members:
        yield Flaw(("members",) if "members" in described else (), MEMBERS)
        return
    for index, member in enumerate(members):
        if isinstance(member, str):
            yield from _refused(("members", index), check_member, member)
        else:
            yield Flaw(("members", index), MEMBERS)


def _condition_flaws(condition: object, judges: Judges) -> Flaws:
    if not isinstance(condition, dict):
        yield Flaw((), "condition is a table with an expression.")
        return
    yield from _name_flaws("condition", condition, _CONDITION, needed="expression")
    yield from _text_flaws(condition, _CONDITION)
    expression = condition.get("expression")
    if isinstance(expression, str) and expression:
        yield from _refused(("expression",), judges.condition, expression)


# egress


def egress_flaws(lines: Iterable[object], verb: str, judges: Judges) -> Flaws:
    """Of rules without their verb; `verb` "" if they have it."""
    for index, line in enumerate(lines):
        try:
            judges.egress(f"{verb} {line}".lstrip())
        except ValueError as error:
            yield Flaw((index,), f"the egress rule {line!r} is not understood: {error}.")


def _below(key: str, flaws: Iterable[Flaw]) -> Flaws:
    for flaw in flaws:
        yield replace(flaw, path=(key, *flaw.path))


def _name_flaws(what: str, described: Described, known: tuple[str, ...], *, needed: str) -> Flaws:
    for name in described:
        if name not in known:
            yield Flaw((name,), unknown(f"field of a {what}", name, known), key=True)
    if needed not in described or described[needed] == "":
        yield Flaw((needed,) if needed in described else (), f"{needed} is missing.")


def _text_flaws(described: Described, names: tuple[str, ...]) -> Flaws:
    for name in names:
        if name in described and not isinstance(described[name], str):
            yield Flaw((name,), f"{name} is a text.")


def _refused(path: Path, check: Callable[[_V], object], value: _V) -> Flaws:
    try:
        check(value)
    except KumoError as refusal:
        yield Flaw(path, refusal.message.partition("\n")[0])  # CEL shows the expression below
