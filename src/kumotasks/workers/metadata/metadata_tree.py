"""What an instance may ask of itself, as the metadata server of Cloud Run lays it out: a tree of paths. Pure.

A question is a path and a query; what comes of it is a page, or a token that somebody else must make. It must never
know of sockets, keys or tokens' texts. Forms as on https://cloud.google.com/compute/docs/metadata/querying-metadata.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias, assert_never

ROOT = "/computeMetadata/v1/"
TEXT = "application/text"
JSON = "application/json"
UNIVERSE = "googleapis.com"
# What a token is for where nobody says; Cloud Run's accounts have these.
SCOPES = (
    "https://www.googleapis.com/auth/cloud-platform",
    "https://www.googleapis.com/auth/userinfo.email",
    "openid",
)


@dataclass(frozen=True, slots=True)
class Identity:
    """Who an instance is; `number` is its project's, `region` such as us-central1."""

    project: str
    number: str
    region: str
    account_email: str
    instance_id: str


@dataclass(frozen=True, slots=True)
class Page:
    """An answer; `location` is where it is to be had instead (301)."""

    status: int
    body: str = ""
    content_type: str = TEXT
    location: str = ""


@dataclass(frozen=True, slots=True)
class AccessAsk:
    """An access token of the instance's account is wanted; scopes are words."""

    scopes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class IdAsk:
    """An ID token of the instance's account is wanted."""

    audience: str


class Made(Enum):
    """Leaves whose values are made when they are asked for."""

    TOKEN = 1
    IDENTITY = 2


Answer: TypeAlias = Page | AccessAsk | IdAsk
Leaf: TypeAlias = "str | int | tuple[str, ...] | Made"
Tree: TypeAlias = "Mapping[str, Leaf | Tree]"
Query: TypeAlias = Mapping[str, str]

NOT_FOUND = Page(404, "The requested URL was not found on this server.\n")
NO_AUDIENCE = Page(400, "non-empty audience parameter required\n")


def tree(identity: Identity) -> Tree:
    """Everything below `/`."""
    account: Tree = {
        "aliases": ("default",),
        "email": identity.account_email,
        "identity": Made.IDENTITY,
        "scopes": SCOPES,
        "token": Made.TOKEN,
    }
    place = f"projects/{identity.number}"
    described: Tree = {
        "instance": {
            "id": identity.instance_id,
            "region": f"{place}/regions/{identity.region}",
            "service-accounts": {"default": account, identity.account_email: account},
            "zone": f"{place}/zones/{identity.region}-1",
        },
        "project": {"numeric-project-id": int(identity.number), "project-id": identity.project},
        "universe": {"universe-domain": UNIVERSE},
    }
    return {"computeMetadata": {"v1": described}}


def answer(tree: Tree, path: str, query: Query) -> Answer:
    """What a question comes to; `path` is decoded and begins with a slash."""
    found: Leaf | Tree | None = tree
    for word in filter(None, path.split("/")):
        found = found.get(word) if isinstance(found, Mapping) else None
    match found:
        case None:
            return NOT_FOUND
        case Mapping():
            return _directory(found, path, query)
        case Made.TOKEN:
            return AccessAsk(tuple(query.get("scopes", "").replace(",", " ").split()) or SCOPES)
        case Made.IDENTITY:
            return IdAsk(query["audience"]) if query.get("audience") else NO_AUDIENCE
        case str() | int() | tuple():
            return _leaf(found, query)
    assert_never(found)


def _directory(found: Tree, path: str, query: Query) -> Page:
    """With recursive=true all that stands below, else its names; without a slash at its end it is elsewhere."""
    if query.get("recursive", "").lower() == "true":
        if query.get("alt") == "text":
            return Page(200, "".join(f"{line}\n" for line in _flat(found, "")))
        return Page(200, json.dumps(_nested(found), separators=(",", ":")), JSON)
    if not path.endswith("/"):
        return Page(301, location=f"{path}/")
    names = [f"{name}/" if isinstance(below, Mapping) else name for name, below in found.items()]
    if query.get("alt") == "json":
        return Page(200, json.dumps(names, separators=(",", ":")), JSON)
    return Page(200, "".join(f"{name}\n" for name in names))


def _leaf(found: str | int | tuple[str, ...], query: Query) -> Page:
    if query.get("alt") == "json":
        return Page(200, json.dumps(found, separators=(",", ":")), JSON)
    return Page(200, "".join(f"{line}\n" for line in found) if isinstance(found, tuple) else str(found))


def _nested(found: Tree) -> dict[str, object]:
    """As JSON has it: names in camel case, and nothing that is made when it is asked for."""
    return {
        _camel(name): _nested(below) if isinstance(below, Mapping) else below
        for name, below in found.items()
        if not isinstance(below, Made)
    }


def _flat(found: Tree, path: str) -> Sequence[str]:
    """A line for each value: its path and itself."""
    lines: list[str] = []
    for name, below in found.items():
        if isinstance(below, Mapping):
            lines.extend(_flat(below, f"{path}{name}/"))
        elif isinstance(below, tuple):
            lines.extend(f"{path}{name} {each}" for each in below)
        elif not isinstance(below, Made):
            lines.append(f"{path}{name} {below}")
    return lines


def _camel(name: str) -> str:
    """`project-id` is projectId; an e-mail stays as it is."""
    if "@" in name:
        return name
    first, *others = name.split("-")
    return first + "".join(each.title() for each in others)
