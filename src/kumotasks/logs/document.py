"""A document that a filter judges: a JSON-like tree, and how a filter's path finds values in it.

Names of declared fields are found in any spelling (camelCase, snake_case, any letter case); keys of maps and free-form
payloads exactly as they are written. Lists stand for each of their members. What the values mean is unknown here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from kumotasks.logs.values import QUEUE_STATE, SEVERITY, TEXT, TYPED, Kind, Literal, Operator, compare, fold

_EVERYTHING_DECLARED = 1_000_000
# Where keys stop being declared fields, by the way there.
_FREE_FORM: Mapping[tuple[str, ...], int] = {
    ("jsonpayload",): 1,
    ("labels",): 1,
    ("resource", "labels"): 2,
    ("metadata", "systemlabels"): 2,
    ("metadata", "userlabels"): 2,
}
_KINDS: Mapping[tuple[str, ...], Kind] = {
    ("severity",): SEVERITY,
    ("state",): QUEUE_STATE,
    ("name",): TEXT,
    ("logname",): TEXT,
    ("insertid",): TEXT,
    ("trace",): TEXT,
    ("spanid",): TEXT,
    ("textpayload",): TEXT,
}

# Fields that a log entry always has: absent in JSON they have their default. Cloud Logging compares them as if present.
_DEFAULTS: Mapping[tuple[str, ...], object] = {
    ("severity",): "DEFAULT",
    **dict.fromkeys([("logname",), ("insertid",), ("trace",), ("spanid",)], ""),
    **dict.fromkeys([("operation", name) for name in ("id", "producer")], ""),
    **dict.fromkeys([("operation", name) for name in ("first", "last")], False),
    ("tracesampled",): False,
    ("httprequest", "status"): 0,
    **dict.fromkeys([("httprequest", name) for name in ("requestsize", "responsesize", "cachefillbytes")], "0"),
    **dict.fromkeys([("httprequest", name) for name in ("requestmethod", "requesturl", "useragent", "remoteip")], ""),
    **dict.fromkeys([("httprequest", name) for name in ("serverip", "referer", "protocol")], ""),
    **dict.fromkeys([("httprequest", name) for name in ("cachelookup", "cachehit")], False),
    ("httprequest", "cachevalidatedwithoriginserver"): False,
    ("sourcelocation", "file"): "",
    ("sourcelocation", "function"): "",
    ("sourcelocation", "line"): "0",
}


@dataclass(frozen=True, slots=True)
class Path:
    """A field by its segments from the outside in, e.g. ("labels", "a.b")."""

    segments: tuple[str, ...]
    plain: tuple[str, ...] = field(compare=False, repr=False)
    free_from: int = field(compare=False, repr=False)
    kind: Kind = field(compare=False, repr=False)


def path_of(segments: tuple[str, ...]) -> Path:
    """The path, with what its first segments say about the rest worked out."""
    plain = tuple(_plain(segment) for segment in segments)
    free_from = _FREE_FORM.get(plain[:1]) or _FREE_FORM.get(plain[:2]) or _EVERYTHING_DECLARED
    return Path(segments, plain, free_from, TEXT if len(plain) > free_from else _KINDS.get(plain, TYPED))


def _plain(name: str) -> str:
    """A declared field's name without its spelling."""
    return name.replace("_", "").lower()


class Document:
    """One document while it is judged; what several terms need of it is read once."""

    __slots__ = ("_read", "root")

    def __init__(self, root: Mapping[str, object]) -> None:
        self.root = root
        self._read: tuple[tuple[str, ...], tuple[object, ...]] | None = None

    def has(self, wanted: Literal) -> bool:
        """Whether any of its values has `wanted` in it."""
        if self._read is None:
            leaves = tuple(leaves_of(self.root))
            texts = tuple(fold(leaf) for leaf in leaves if isinstance(leaf, str))
            self._read = texts, tuple(leaf for leaf in leaves if not isinstance(leaf, str))
        texts, others = self._read
        return any(wanted.folded in text for text in texts) or has_among(others, wanted)

    def find(self, path: Path) -> list[object]:
        """The values at `path`, members of lists one by one; none if it is not there."""
        found: list[object] = [self.root]
        for depth, segment in enumerate(path.segments):
            plain = None if depth >= path.free_from else path.plain[depth]
            found = [inner for value in found for inner in _inside(value, segment, plain)]
        return found

    def find_or_default(self, path: Path) -> list[object]:
        """The same, with the default of a declared field that is not there."""
        found = self.find(path)
        if not found and path.plain in _DEFAULTS:
            return [_DEFAULTS[path.plain]]
        return found


_ABSENT = object()


def _inside(value: object, segment: str, plain: str | None) -> Iterator[object]:
    """What `segment` names in `value`, lists opened; `plain` None demands the exact key."""
    if not isinstance(value, Mapping):
        return
    inner = value.get(segment, _ABSENT)
    if inner is _ABSENT and plain is not None:
        inner = next((value[key] for key in value if isinstance(key, str) and _plain(key) == plain), _ABSENT)
    if inner is not _ABSENT:
        yield from _members(inner)


def _members(value: object) -> Iterator[object]:
    """The members of a list, however deep lists lie in it, or the value itself."""
    waiting = [value]
    while waiting:
        first = waiting.pop()
        if isinstance(first, list | tuple):
            waiting.extend(reversed(first))
        else:
            yield first


def leaves_of(value: object) -> Iterator[object]:
    """Every scalar in a tree but null. No recursion: a document may be nested deeper than the stack."""
    waiting = [value]
    while waiting:
        first = waiting.pop()
        if isinstance(first, Mapping):
            waiting.extend(first.values())
        elif isinstance(first, list | tuple):
            waiting.extend(first)
        elif first is not None:
            yield first


def has_among(leaves: Iterable[object], wanted: Literal) -> bool:
    """Whether any of these scalars has `wanted` in it."""
    return any(compare(leaf, Operator.HAS, wanted, TYPED) for leaf in leaves)
