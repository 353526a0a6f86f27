"""Strategies of hypothesis for what a caller might send: well-formed messages, JSON, paths, headers, and near misses.

Names and times are drawn from a few that mean something as well as from everything, so that calls get past the gate.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from hypothesis import strategies as st

PLACE = "projects/fuzz/locations/us-central1"
QUEUE = f"{PLACE}/queues/q"
KEPT = f"{PLACE}/queues/kept"
TASK = f"{KEPT}/tasks/t"
NAMES = (
    "projects/fuzz",
    PLACE,
    QUEUE,
    TASK,
    f"{PLACE}/queues/other",
    f"{QUEUE}/tasks/other",
    f"{PLACE}/cmekConfig",
    f"{PLACE}/operations/o",
    "projects/*/locations/-/queues/..",
    f"{QUEUE}/",
)
URLS = ("http://127.0.0.1:1", "http://127.0.0.1:1/%zz?a=%", "https://[::1]:2/", "http://", "http://a:b@127.0.0.1:1")
FILTERS = ("state: PAUSED", "state =", "rateLimits.maxDispatchesPerSecond > 1 AND (", 'name =~ "((a+)+)+$"', "NOT")
VERBS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "BREW")
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
TOKENS = st.text("abcdefghijklmnopqrstuvwxyzABCXYZ0123456789-_!#$%&'*+.^`|~", min_size=1, max_size=20)
WORDS = st.sampled_from((*NAMES, *URLS, *FILTERS)) | st.builds("{}{}".format, st.sampled_from(URLS), TEXT) | TEXT
NUMBERS = st.sampled_from((0, 1, -1, 2, 100, 2**31 - 1, -(2**31))) | st.integers(-(2**31), 2**31 - 1)
LARGE = st.sampled_from((0, 1, -1, 2**62, 2**63 - 1, -(2**63), 253402300800)) | st.integers(-(2**63), 2**63 - 1)
SCALARS: dict[int, st.SearchStrategy[Any]] = {
    FieldDescriptor.CPPTYPE_STRING: WORDS,
    FieldDescriptor.CPPTYPE_INT32: NUMBERS,
    FieldDescriptor.CPPTYPE_INT64: LARGE,
    FieldDescriptor.CPPTYPE_DOUBLE: st.floats(),
    FieldDescriptor.CPPTYPE_BOOL: st.booleans(),
    FieldDescriptor.CPPTYPE_ENUM: st.integers(-1, 9),
}
DEEPEST = 6
# What a field of this name may well hold; nine times out of ten it does.
LIKELY: dict[str, st.SearchStrategy[Any]] = {
    "url": st.sampled_from(URLS[:3]),
    "host": st.sampled_from(("127.0.0.1", "localhost")),
    "path": st.sampled_from(("", "/", "/a b", "/%2e%2e/")),
    "filter": st.sampled_from(FILTERS),
    "page_token": st.just(""),
    "page_size": st.integers(0, 3),
    "response_view": st.integers(0, 2),
    "http_method": st.integers(0, 7),
    "seconds": st.sampled_from((0, 1, 15, 60, 600, 1_800, 86_400)),
    "nanos": st.sampled_from((0, 1, 500_000_000)),
    "max_dispatches_per_second": st.floats(0, 500),
    "max_concurrent_dispatches": st.integers(0, 5_000),
    "max_attempts": st.integers(-1, 100),
    "max_doublings": st.integers(0, 40),
    "sampling_ratio": st.floats(0, 1),
    "port": st.integers(0, 65_535),
    "paths": st.sampled_from(
        ("rate_limits", "retry_config.max_attempts", "http_target.uri_override.host", "name", "*")
    ),
    "service_account_email": st.just("a@b.example"),
    "relative_uri": st.sampled_from(("", "/", "/a?b=%zz")),
    "key": TOKENS,
    "role": st.just("roles/cloudtasks.viewer"),
    "members": st.sampled_from(("user:a@b.example", "allUsers")),
    "Policy.version": st.sampled_from((0, 1, 3)),
    "requested_policy_version": st.sampled_from((0, 1, 3)),
    "permissions": st.just("cloudtasks.tasks.create"),
    "etag": st.sampled_from((b"", b"\0\x20\1")),
    "request_id": st.just(""),
}
# Where a call must be aimed to get past the gate: (path of a field, what it then holds).
AIMS: dict[str, tuple[tuple[str, str], ...]] = {
    "ListQueues": (("parent", PLACE),),
    "GetQueue": (("name", QUEUE),),
    "CreateQueue": (("parent", PLACE), ("queue.name", f"{PLACE}/queues/")),
    "UpdateQueue": (("queue.name", QUEUE),),
    "DeleteQueue": (("name", f"{PLACE}/queues/other"),),
    "PurgeQueue": (("name", QUEUE),),
    "PauseQueue": (("name", QUEUE),),
    "ResumeQueue": (("name", QUEUE),),
    "GetIamPolicy": (("resource", QUEUE),),
    "SetIamPolicy": (("resource", QUEUE),),
    "TestIamPermissions": (("resource", QUEUE),),
    "ListTasks": (("parent", KEPT),),
    "GetTask": (("name", TASK),),
    "CreateTask": (("parent", QUEUE), ("task.name", "")),
    "BatchCreateTasks": (("parent", QUEUE), ("requests.parent", QUEUE), ("requests.task.name", "")),
    "DeleteTask": (("name", f"{KEPT}/tasks/"),),
    "BatchDeleteTasks": (("parent", QUEUE), ("names", f"{QUEUE}/tasks/")),
    "RunTask": (("name", TASK),),
    "GetCmekConfig": (("name", f"{PLACE}/cmekConfig"),),
    "UpdateCmekConfig": (("cmek_config.name", f"{PLACE}/cmekConfig"), ("cmek_config.kms_key", "")),
    "ListLocations": (("name", "projects/fuzz"),),
    "GetLocation": (("name", PLACE),),
    "GetOperation": (("name", f"{PLACE}/operations/o"),),
}


@st.composite
def messages(draw: st.DrawFn, rpc: str, kind: type[Message]) -> Message:
    """Any message of a type; four times out of five it is aimed at something that is there."""
    message = kind(**draw(fields_of(kind.DESCRIPTOR, DEEPEST)))
    if draw(st.integers(0, 4)):
        number = draw(st.integers(0, 10**6))
        for path, text in AIMS[rpc]:
            aim(message, path.split("."), f"{text}{number}" if text.endswith("/") else text)
    return message


def aim(message: Any, path: list[str], text: str) -> None:
    """Write `text` at a path, into every element of a list on the way."""
    name, *rest = path
    value = getattr(message, name)
    if message.DESCRIPTOR.fields_by_name[name].is_repeated:
        if rest:
            for each in value or [value.add()]:
                aim(each, rest, text)
        elif text not in value:
            value.append(text)
    elif rest:
        aim(value, rest, text)
    else:
        setattr(message, name, text)


@st.composite
def bent(draw: st.DrawFn, whole: st.SearchStrategy[Message]) -> bytes:
    """The bytes of a message, with a few of them changed, taken out or put in."""
    data = bytearray(draw(whole).SerializeToString())
    for _ in range(draw(st.integers(0, 3))):
        place = draw(st.integers(0, len(data)))
        data[place : place + draw(st.integers(0, 2))] = draw(st.binary(max_size=2))
    return bytes(data)


@cache
def fields_of(described: Descriptor, depth: int) -> st.SearchStrategy[dict[str, Any]]:
    """Keyword arguments of a message; at most one field of each oneof."""
    known = {each.name: value_of(each, depth) for each in described.fields}
    names = st.lists(st.sampled_from(sorted(known)), max_size=5, unique=True) if known else st.just([])
    needed = [name for name in ("queue", "task", "requests", "http_request", "url") if name in known]
    chosen = names.map(lambda some: one_of_each_oneof(described, [*some, *needed]))
    return chosen.flatmap(lambda some: st.fixed_dictionaries({name: known[name] for name in some}))


def one_of_each_oneof(described: Descriptor, names: list[str]) -> list[str]:
    taken: dict[str, str] = {}
    for name in names:
        group = described.fields_by_name[name].containing_oneof
        taken.setdefault(name if group is None else f"oneof {group.name}", name)
    return list(dict.fromkeys(taken.values()))


def value_of(field: FieldDescriptor, depth: int) -> st.SearchStrategy[Any]:
    inner = field.message_type
    if inner is not None and inner.GetOptions().map_entry:
        return st.dictionaries(scalar(inner.fields_by_name["key"]), scalar(inner.fields_by_name["value"]), max_size=3)
    if inner is not None and (not depth or inner.full_name == "google.protobuf.Any"):
        return st.just([] if field.is_repeated else {})
    one = fields_of(inner, depth - 1) if inner is not None else scalar(field)
    return st.lists(one, max_size=3) if field.is_repeated else one


def scalar(field: FieldDescriptor) -> st.SearchStrategy[Any]:
    anything = st.binary(max_size=60) if field.type == FieldDescriptor.TYPE_BYTES else SCALARS[field.cpp_type]
    likely = LIKELY.get(field.name, LIKELY.get(f"{field.containing_type.name}.{field.name}"))
    if likely is None:
        return anything
    return st.integers(0, 9).flatmap(lambda number: likely if number else anything)


KEYS = (
    "name",
    "parent",
    "task",
    "queue",
    "httpRequest",
    "http_request",
    "url",
    "body",
    "headers",
    "scheduleTime",
    "dispatchDeadline",
    "retryConfig",
    "maxAttempts",
    "rateLimits",
    "httpTarget",
    "uriOverride",
    "updateMask",
    "responseView",
    "requests",
    "names",
    "policy",
    "@type",
)
ODD = ("", "1e999", "NaN", "-0s", "1.5s", "2035-01-01T00:00:00Z", "9999-12-31T23:59:60Z", "aGk", "=", "POST", "FULL")
LEAVES = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | WORDS | st.sampled_from(ODD)
JSON = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS) | TEXT, inner, max_size=5),
    max_leaves=12,
)
BODIES = JSON | st.binary(max_size=80)
SEGMENTS = st.sampled_from(
    ("v2", "projects", "fuzz", "locations", "us-central1", "queues", "q", "tasks", "t", "cmekConfig", "..", "", "%2F")
)
PATHS = st.lists(SEGMENTS | TEXT, max_size=10).map("/".join)
SUFFIXES = st.sampled_from(
    ("", ":purge", ":pause", ":run", ":buffer", ":batchCreate", ":getIamPolicy", ":", "::x", "%00")
)
PARAMETERS = ("$alt", "alt", "fields", "updateMask", "pageSize", "pageToken", "filter", "prettyPrint", "responseView")
QUERIES = st.dictionaries(st.sampled_from(PARAMETERS) | TEXT, WORDS | st.sampled_from(ODD), max_size=4)
VISIBLE = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=40)
KNOWN_HEADERS = st.sampled_from(
    (
        ("Content-Type", "application/grpc"),
        ("Content-Type", "application/x-protobuf"),
        ("Content-Type", "text/plain; charset=utf-16"),
        ("Content-Encoding", "gzip"),
        ("Accept-Encoding", "gzip, deflate;q=0"),
        ("X-HTTP-Method-Override", "DELETE"),
        ("Host", "evil.example"),
        ("Origin", "https://evil.example"),
        ("Expect", "100-continue"),
        ("Upgrade", "h2c"),
        ("Connection", "Upgrade, HTTP2-Settings"),
        ("Authorization", "Bearer \x7f"),
    )
)
HEADERS = st.lists(KNOWN_HEADERS | st.tuples(TOKENS, VISIBLE), max_size=4)
