"""Our JSON held against protobuf's own: random messages of the Cloud Tasks classes, and every kind of field."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from google.cloud.tasks_v2.types import cloudtasks, queue, target, task
from google.protobuf import any_pb2, duration_pb2, field_mask_pb2, json_format, timestamp_pb2, wrappers_pb2
from google.protobuf.descriptor import FieldDescriptor as F
from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from google.rpc import error_details_pb2
from hypothesis import given, settings
from hypothesis import strategies as st

from kumotasks.api.protojson import Codecs, read_json
from kumotasks.domain.errors import InvalidArgument

CODECS = Codecs()
QUEUE = queue.Queue.pb()


def written(message: Any, **options: Any) -> Any:
    """What protobuf's own printer writes, as it comes out of a parser."""
    return msgspec.json.decode(msgspec.json.encode(json_format.MessageToDict(message, **options)))


CLASSES = [
    getattr(module, name).pb()
    for module, names in (
        (cloudtasks, ("CreateTaskRequest", "ListTasksResponse", "UpdateQueueRequest", "BatchCreateTasksRequest")),
        (cloudtasks, ("BatchCreateTasksMetadata", "BatchDeleteTasksRequest", "ListQueuesRequest")),
        (task, ("Task", "Attempt")),
        (queue, ("Queue", "RetryConfig", "StackdriverLoggingConfig")),
        (target, ("HttpRequest", "HttpTarget", "UriOverride", "AppEngineHttpRequest")),
    )
    for name in names
]
WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
PATHS = st.from_regex(r"[a-z]{1,4}(_[a-z]{1,4}){0,2}(\.[a-z]{1,4}){0,2}", fullmatch=True)


SCALARS: dict[int, st.SearchStrategy[Any]] = {
    F.TYPE_STRING: WORDS,
    F.TYPE_BYTES: st.binary(max_size=12),
    F.TYPE_BOOL: st.booleans(),
    F.TYPE_DOUBLE: st.floats(allow_nan=False),
    F.TYPE_INT32: st.integers(-(2**31), 2**31 - 1),
    F.TYPE_INT64: st.integers(-(2**63), 2**63 - 1),
}


def scalars(field: F) -> st.SearchStrategy[Any]:
    if field.enum_type is not None:
        return st.sampled_from([value.number for value in field.enum_type.values]) | st.integers(50, 99)
    return SCALARS[field.type] if field.message_type is None else messages(GetMessageClass(field.message_type))


def fields(field: F) -> st.SearchStrategy[Any]:
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        key, value = (field.message_type.fields_by_name[half] for half in ("key", "value"))
        return st.dictionaries(scalars(key), scalars(value), max_size=3)
    return st.lists(scalars(field), max_size=3) if field.is_repeated else scalars(field)


def any_of(message: Any) -> Any:
    wrapped = any_pb2.Any()
    wrapped.Pack(message)
    return wrapped


OWN = {
    "google.protobuf.Timestamp": st.builds(
        timestamp_pb2.Timestamp, seconds=st.integers(-62135596800, 253402300799), nanos=st.integers(0, 999_999_999)
    ),
    "google.protobuf.Duration": st.builds(
        lambda seconds, nanos, sign: duration_pb2.Duration(seconds=sign * seconds, nanos=sign * nanos),
        st.integers(0, 315_575_999_999),
        st.integers(0, 999_999_999),
        st.sampled_from([1, -1]),
    ),
    "google.protobuf.FieldMask": st.builds(field_mask_pb2.FieldMask, paths=st.lists(PATHS, max_size=3)),
    "google.protobuf.Any": st.one_of(
        st.builds(any_of, st.builds(duration_pb2.Duration, seconds=st.integers(0, 9))),
        st.builds(any_of, st.builds(QUEUE, name=WORDS)),
        st.builds(any_of, st.builds(wrappers_pb2.StringValue, value=WORDS)),
    ),
}


def messages(message: Any) -> st.SearchStrategy[Any]:
    own = OWN.get(message.DESCRIPTOR.full_name)
    if own is not None:
        return own
    chosen = st.fixed_dictionaries({}, optional={field.name: fields(field) for field in message.DESCRIPTOR.fields})
    return chosen.map(lambda values: message(**values))


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_what_we_write_is_what_protobuf_writes(data: st.DataObject) -> None:
    message = data.draw(st.sampled_from(CLASSES).flatmap(messages))
    ours = CODECS.of(type(message)).encode(message)
    assert ours == json_format.MessageToDict(message)
    assert msgspec.json.decode(msgspec.json.encode(ours)) == ours


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_what_protobuf_writes_we_read_back(data: st.DataObject) -> None:
    message = data.draw(st.sampled_from(CLASSES).flatmap(messages))
    codec = CODECS.of(type(message))
    assert codec.decode(written(message)) == message
    assert codec.decode(written(message, preserving_proto_field_name=True)) == message
    assert codec.decode(written(message, use_integers_for_enums=True)) == message
    assert codec.decode(codec.encode(message, enum_ints=True)) == message


KEYS = sorted({name for each in CLASSES for field in each.DESCRIPTOR.fields for name in (field.name, field.json_name)})
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | WORDS
    | st.sampled_from(["1", "5s", "POST"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS) | WORDS, inner, max_size=4),
    max_leaves=12,
)


@given(st.sampled_from(CLASSES), JSON)
@settings(max_examples=300, deadline=None)
def test_any_json_gives_a_message_or_a_refusal(message: Any, value: object) -> None:
    try:
        answer = CODECS.of(message).decode(value)
    except InvalidArgument as error:
        refused = error
    else:
        assert isinstance(answer, message)
        return
    assert refused.violations
    assert refused.message == "\n".join(each.description for each in refused.violations)


@given(st.binary(max_size=60))
@settings(max_examples=200, deadline=None)
def test_any_bytes_give_an_object_or_a_refusal(body: bytes) -> None:
    try:
        answer: object = read_json(body)
    except InvalidArgument as error:
        answer = error.message
    assert isinstance(answer, dict) or str(answer).startswith("Invalid JSON payload received.")


@pytest.mark.parametrize("body", [b"[]", b"5", b'"x"', b"null", b"[{}]"])
def test_a_payload_that_is_no_object_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidArgument) as caught:
        read_json(body)
    assert caught.value.message == 'Invalid JSON payload received. Unknown name "": Root element must be a message.'


@pytest.mark.parametrize("body", [b"", b" \n"])
def test_no_payload_is_an_empty_object(body: bytes) -> None:
    assert read_json(body) == {}


@pytest.mark.parametrize("levels", [101, 100_000])
def test_a_payload_nested_too_deep_is_refused(levels: int) -> None:
    with pytest.raises(InvalidArgument, match="Message too deep"):
        read_json(b'{"a":' * levels + b"1" + b"}" * levels)


def test_a_hundred_levels_are_not_too_deep_nor_are_many_objects() -> None:
    assert read_json(b'{"a":' * 100 + b"1" + b"}" * 100)
    assert len(read_json(b'{"a":[' + b",".join([b"{}"] * 5_000) + b"]}")["a"]) == 5_000  # type: ignore[arg-type]


@pytest.mark.parametrize("piece", [b"{}", b"1", b"[]", b'{"x":1}'])
def test_a_payload_of_endless_values_is_refused_before_it_is_read(piece: bytes) -> None:
    with pytest.raises(InvalidArgument, match="too many values"):
        read_json(b'{"requests":[' + b",".join([piece] * 200_001) + b"]}")


def test_a_long_payload_of_few_values_is_read() -> None:
    assert read_json(b'{"a":"' + b"x" * 1_000_000 + b'"}') == {"a": "x" * 1_000_000}


def every_kind() -> Any:
    """A message class with one field and one map of every scalar kind, made for the test."""
    file = FileDescriptorProto(name="every_kind.proto", package="t", syntax="proto3")
    message = file.message_type.add(name="Kinds")
    kinds = [getattr(FieldDescriptorProto, f"TYPE_{name}") for name in KIND_NAMES]
    for number, (name, kind) in enumerate(zip(KIND_NAMES, kinds, strict=True), start=1):
        message.field.add(name=name.lower(), number=number, type=kind, label=1)
        message.field.add(name=f"{name.lower()}_list", number=number + 100, type=kind, label=3)
        if name not in {"FLOAT", "DOUBLE", "BYTES"}:
            entry = DescriptorProto(name=f"{name.capitalize()}MapEntry", options={"map_entry": True})
            entry.field.add(name="key", number=1, type=kind, label=1)
            entry.field.add(name="value", number=2, type=FieldDescriptorProto.TYPE_STRING, label=1)
            message.nested_type.append(entry)
            message.field.add(
                name=f"{name.lower()}_map", number=number + 200, type=11, label=3, type_name=f".t.Kinds.{entry.name}"
            )
    pool = DescriptorPool()
    pool.Add(file)
    return GetMessageClass(pool.FindMessageTypeByName("t.Kinds"))


KIND_NAMES = (
    "DOUBLE", "FLOAT", "INT64", "UINT64", "INT32", "FIXED64", "FIXED32", "BOOL", "STRING", "BYTES", "UINT32",
    "SFIXED32", "SFIXED64", "SINT32", "SINT64",
)  # fmt: skip
KINDS = every_kind()
SAMPLES: dict[str, list[Any]] = {
    "DOUBLE": [0.1, 1e300],
    "FLOAT": [0.1, 3.4028234663852886e38, 1.5, 1e-40],
    "BOOL": [True, False],
    "STRING": ["x", "é"],
    "BYTES": [b"", b"\xff\x00"],
    **{name: [0, 1, 2**63 if "U" in name else -(2**62)] for name in ("INT64", "UINT64", "SINT64", "SFIXED64")},
    **{name: [0, 1, 2**31 if "U" in name else -(2**31)] for name in ("INT32", "UINT32", "SINT32", "SFIXED32")},
    "FIXED64": [2**64 - 1],
    "FIXED32": [2**32 - 1],
}


@pytest.mark.parametrize("kind", KIND_NAMES)
def test_every_kind_of_scalar_goes_both_ways_alone_in_lists_and_as_a_key(kind: str) -> None:
    codec = CODECS.of(KINDS)
    for sample in SAMPLES[kind]:
        message = KINDS(**{kind.lower(): sample, f"{kind.lower()}_list": [sample, sample]})
        if f"{kind.lower()}_map" in KINDS.DESCRIPTOR.fields_by_name:
            getattr(message, f"{kind.lower()}_map")[sample] = "v"
        shown = codec.encode(message)
        assert shown == json_format.MessageToDict(message)
        assert codec.decode(shown) == message


def test_a_message_class_may_contain_itself() -> None:
    codec = CODECS.of(DescriptorProto)
    value = {"name": "a", "nestedType": [{"name": "b", "nestedType": [{"name": "c"}]}]}
    assert codec.encode(codec.decode(value)) == value


def test_error_details_keep_their_json_names() -> None:
    message = error_details_pb2.BadRequest(field_violations=[{"field": "f", "description": "d"}])
    assert CODECS.of(type(message)).encode(message) == {"fieldViolations": [{"field": "f", "description": "d"}]}
