"""What a call makes of a service: a new one, a changed one, and the revision that its template becomes. Pure."""

from __future__ import annotations

import hashlib
import string
from dataclasses import replace

from kumotasks.domain.run.commanding import runs_the_same
from kumotasks.domain.run.condition import Condition, State
from kumotasks.domain.run.revision import Launch, Revision
from kumotasks.domain.run.service import Service

# What a caller asks for; a change of any of it is a new generation.
ASKED = (
    "template",
    "traffic",
    "labels",
    "annotations",
    "description",
    "client",
    "client_version",
    "ingress",
    "invoker_iam_disabled",
    "default_uri_disabled",
    "custom_audiences",
    "min_instances",
    "max_instances",
    "deletion_protection",
    "rest",
)
READY, CONFIGURATIONS_READY, ROUTES_READY = "Ready", "ConfigurationsReady", "RoutesReady"
_LETTERS = string.ascii_lowercase + string.digits
_SUFFIX = 3


def pending(now: int) -> tuple[Condition, ...]:
    """A service's conditions while a change is under way."""
    return tuple(Condition(kind, State.PENDING, now) for kind in (READY, CONFIGURATIONS_READY, ROUTES_READY))


def created(asked: Service, *, uid: str, now: int, by: str, trusted: bool) -> Service:
    """A new service as `asked`, of which nothing has been carried out yet; `by` is an e-mail, "" for nobody."""
    plain = Service(asked.name, uid, asked.template)
    return replace(
        plain,
        **{field: getattr(asked, field) for field in ASKED},
        creator=by,
        last_modifier=by,
        created=now,
        updated=now,
        trusted=trusted,
        conditions=pending(now),
    )


def replaced(old: Service, asked: Service, *, now: int, by: str, trusted: bool, shell_line: str | None = "") -> Service:
    """`old` as it is now asked for; `old` itself if that is what it is already.

    A template stays as trusted as it was while what it runs is the same, `shell_line` if a shell starts it; that it is
    trusted now and was not makes it a new one."""
    grown = trusted and not old.trusted
    kept = old.trusted and runs_the_same(old.template, asked.template, shell_line)
    anew = asked.template != old.template or grown
    if not anew and all(getattr(asked, field) == getattr(old, field) for field in ASKED):
        return old
    return replace(
        old,
        **{field: getattr(asked, field) for field in ASKED},
        last_modifier=by,
        updated=now,
        trusted=trusted or kept,
        generation=old.generation + 1,
        template_generation=old.template_generation + anew,
        conditions=pending(now),
    )


def revision_id(service: Service) -> str:
    """The revision that the template becomes: the caller's name for it, else `worker-00001-abc`. It follows from the
    service, so that whoever carries it out twice makes one."""
    if service.template.revision:
        return service.template.revision
    rest = int.from_bytes(hashlib.sha256(f"{service.uid}/{service.template_generation}".encode()).digest()[:8], "big")
    suffix = ""
    for _ in range(_SUFFIX):
        rest, index = divmod(rest, len(_LETTERS))
        suffix += _LETTERS[index]
    return f"{service.name.service}-{service.template_generation:05d}-{suffix}"


def revision_of(service: Service, *, uid: str, now: int, launch: Launch | None) -> Revision:
    """The template as it stands, as a revision that is not ready yet."""
    return Revision(
        service=service.name,
        id=revision_id(service),
        uid=uid,
        template=service.template,
        launch=launch,
        labels=service.template.labels,
        creator=service.last_modifier,
        created=now,
        service_generation=service.generation,
        conditions=(Condition(READY, State.PENDING, now),),
    )
