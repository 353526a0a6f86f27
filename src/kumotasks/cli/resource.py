"""Names of resources as lines write them: a short id, a relative name or a full URL. Pure."""

from __future__ import annotations

import re
from urllib.parse import quote, unquote, urlsplit

from kumotasks.cli.client import Failure

_VERSION = re.compile(r"v\d\w*")


def named(written: str, pattern: str) -> dict[str, str] | None:
    """The parts of a relative name or URL that has the shape `pattern` ("projects/*/locations/*/queues/*"), by the
    collections' names; None if it is a short id."""
    parts = written.split("/")
    if "://" in written:
        parts = [unquote(each) for each in urlsplit(written).path.strip("/").split("/")]
        if parts and _VERSION.fullmatch(parts[0]):
            parts = parts[1:]
    shape = pattern.split("/")
    if len(parts) != len(shape) or not all(parts):
        return None
    if any(want not in ("*", part) for want, part in zip(shape, parts, strict=True)):
        return None
    return dict(zip(parts[::2], parts[1::2], strict=True))


def last_id(written: str, kind: str, pattern: str) -> str:
    """A short id. Raises Failure if it is a name of another shape."""
    if "/" in written or not written:
        raise Failure(f"could not parse resource [{written}]: write a {kind}'s id, or {pattern}")
    return written


def path(version: str, name: str, verb: str = "") -> str:
    """A name as part of a URL: /v2/projects/p/...:verb."""
    return f"/{version}/{quote(name, safe='/:@')}{verb}"


def basename(name: object) -> str:
    return str(name).rpartition("/")[2]
