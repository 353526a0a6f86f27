"""JSON values to protobuf constructor arguments, compiled once per message class.

A reader takes what a JSON parser gives and returns what upb's constructor takes for that field: nested messages stay
dicts, so that one constructor call at the root builds everything in C. Readers raise Flawed. They know nothing of
bytes, of HTTP or of any particular API.
"""

from __future__ import annotations

import binascii
import itertools
import re
import sys
from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

from google.protobuf import descriptor_pool, message_factory
from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor

from kumotasks.api import wellknown
from kumotasks.api.flaws import TOLD, Flaw, Flawed, InvalidValue, UnknownName, mismatch, shown

Read: TypeAlias = Callable[[object], object]

INTEGER = re.compile(r"-?\d{1,20}", re.ASCII)
NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?", re.ASCII)
INT32, UINT32 = (-(2**31), 2**31 - 1), (0, 2**32 - 1)
INT64, UINT64 = (-(2**63), 2**63 - 1), (0, 2**64 - 1)
LARGEST_FLOAT, LARGEST_DOUBLE = 3.4028235677973362e38, sys.float_info.max  # of those that do not round to infinity
WORDS = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}
URL_SAFE = str.maketrans("-_", "+/")
TEXT = {str}
ANY = "google.protobuf.Any"
OWN_FORMS: dict[str, Read] = {
    "google.protobuf.Timestamp": wellknown.read_timestamp,
    "google.protobuf.Duration": wellknown.read_duration,
    "google.protobuf.FieldMask": wellknown.read_field_mask,
    "google.protobuf.Value": wellknown.read_value,
    "google.protobuf.Struct": wellknown.read_struct,
    "google.protobuf.ListValue": wellknown.read_list,
}
SET_TWICE = "Proto field is not repeating, cannot be set twice."


def read_string(value: object) -> str:
    if type(value) is str:
        return value
    raise mismatch("TYPE_STRING", value)


def read_bool(value: object) -> bool:
    if value is True or value is False:
        return value
    if value in ("true", "false"):
        return value == "true"
    raise mismatch("TYPE_BOOL", value)


def read_bytes(value: object) -> bytes:
    """Base64, also URL-safe, unpadded, or broken into lines."""
    if type(value) is not str:
        raise mismatch("TYPE_BYTES", value)
    try:
        return unbase64(value)
    except ValueError:
        pass
    try:
        return unbase64("".join(value.split()).rstrip("=").translate(URL_SAFE))
    except ValueError:
        raise Flawed(InvalidValue("TYPE_BYTES", f"Base64 decoding failed for {shown(value)}")) from None


def unbase64(text: str) -> bytes:
    return binascii.a2b_base64(text + "=" * (-len(text) % 4), strict_mode=True)


def whole(value: object) -> object:
    """An integer also where it came as a string or as 1.0; anything else as it is."""
    if type(value) is str and INTEGER.fullmatch(value):
        return int(value)
    return int(value) if type(value) is float and value.is_integer() else value


def integer_reader(kind: str, bounds: tuple[int, int]) -> Read:
    low, high = bounds

    def read(value: object) -> int:
        number = whole(value)
        if type(number) is int and low <= number <= high:
            return number
        raise mismatch(kind, value)

    return read


def float_reader(kind: str, largest: float) -> Read:
    def read(value: object) -> float:
        if type(value) is float or type(value) is int:
            number = wellknown.as_double(value)
        elif type(value) is str and NUMBER.fullmatch(value):
            number = float(value)
        elif type(value) is str and value in WORDS:
            return WORDS[value]
        else:
            raise mismatch(kind, value)
        if abs(number) > largest:
            raise mismatch(kind, value)
        return number

    return read


def enum_reader(enum: EnumDescriptor) -> Read:
    """By name or by number; a number without a name is kept."""
    numbers = {name: value.number for name, value in enum.values_by_name.items()}
    kind = f"type.googleapis.com/{enum.full_name}"
    low, high = INT32

    def read(value: object) -> int:
        if type(value) is str:
            named = numbers.get(value)
            if named is not None:
                return named
        number = whole(value)
        if type(number) is int and low <= number <= high:
            return number
        raise mismatch(kind, value)

    return read


def list_reader(read: Read, kind: str) -> Read:
    def read_list(value: object) -> list[object]:
        if type(value) is not list:
            raise Flawed(
                InvalidValue(kind, shown(value) if type(value) is not dict else "Starting an object on a list")
            )
        answer: list[object] = []
        flaws: list[Flaw] = []
        for index, item in enumerate(value):
            try:
                answer.append(read(item))
            except Flawed as flawed:
                flaws.extend(flawed.under(f"[{index}]"))
                if len(flaws) >= TOLD:
                    break
        if flaws:
            raise Flawed(*flaws)
        return answer

    return read_list


def map_reader(read_key: Read, read: Read, *, field: str) -> Read:
    """A JSON object as a map; Google counts its entries and calls their halves key and value."""

    texts = read_key is read_string and read is read_string  # by far the most frequent map: headers

    def read_map(value: object) -> dict[Any, object]:
        if type(value) is list:
            raise Flawed(UnknownName(None, f"Cannot bind a list to map for field '{field}'."))
        if type(value) is not dict:
            raise mismatch("Map", value)
        if texts and set(map(type, value.values())) <= TEXT:
            return value
        answer: dict[object, object] = {}
        flaws: list[Flaw] = []
        for index, (key, item) in enumerate(value.items()):
            part = "key"
            try:
                name = read_key(key)
                part = "value"
                answer[name] = read(item)
            except Flawed as flawed:
                flaws.extend(flawed.under(f"[{index}].{part}", key))
                if len(flaws) >= TOLD:
                    break
        if flaws:
            raise Flawed(*flaws)
        return answer

    return read_map


class MessageReader:
    """A JSON object as the constructor arguments of one message class."""

    __slots__ = ("fields", "kind", "rivals")

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.fields: dict[str, tuple[str, Read]] = {}
        self.rivals: dict[tuple[str, str], str] = {}  # two fields of the same oneof: the oneof

    def __call__(self, value: object) -> dict[str, object]:
        if type(value) is not dict:
            raise mismatch(self.kind, value)
        answer: dict[str, object] = {}
        flaws: list[Flaw] = []
        left = 0
        fields, items = self.fields, iter(value.items())
        while len(flaws) < TOLD:
            try:  # around the loop, which goes on behind the item that failed: a good payload pays nothing for it
                for key, item in items:
                    name, read = fields[key]
                    answer[name] = read(item)
                break
            except KeyError:
                left += 1
                flaws.append(UnknownName(key, "Cannot find field."))
            except Flawed as flawed:
                left += 1
                if item is not None:  # null leaves its field unset, unless the field's reader took it
                    flaws.extend(flawed.under(name, key))
        if len(answer) + left != len(value) and len(flaws) < TOLD:
            flaws.extend(self.set_twice(value))
        for one, other in self.rivals:
            if one in answer and other in answer:
                flaws.append(self.both_set((one, other), value))
        if flaws:
            raise Flawed(*flaws)
        return answer

    def set_twice(self, value: dict[str, object]) -> Iterable[Flaw]:
        """Fields that came under both of their names."""
        names = [self.fields[key][0] for key in value if key in self.fields]
        for key in value:
            if key in self.fields and names.count(self.fields[key][0]) > 1 and key != self.fields[key][0]:
                yield UnknownName(key, SET_TWICE)

    def both_set(self, rivals: tuple[str, str], value: dict[str, object]) -> Flaw:
        """Two members of a oneof came; the later one is at fault."""
        later = [key for key in value if key in self.fields and self.fields[key][0] in rivals][-1]
        taken = f"oneof field '{self.rivals[rivals]}' is already set. Cannot set '{later}'"
        return InvalidValue("oneof", taken)


class Readers:
    """Makes the reader of every message class once; classes may contain themselves."""

    def __init__(self) -> None:
        self._made: dict[str, Read] = {**OWN_FORMS, ANY: self._read_any}

    def of(self, message: Descriptor) -> Read:
        """The reader of a message class."""
        made = self._made.get(message.full_name)
        if made is None:
            made = self._wrapper(message) if is_wrapper(message) else self._message(message)
        return made

    def _message(self, message: Descriptor) -> Read:
        reader = MessageReader(f"type.googleapis.com/{message.full_name}")
        self._made[message.full_name] = reader  # before the fields: one of them may be of this very class
        for field in message.fields:
            named = (field.name, self.of_field(field))
            reader.fields[field.json_name] = reader.fields[field.name] = named
        for oneof in message.oneofs:
            rivals = itertools.combinations([field.name for field in oneof.fields], 2)
            reader.rivals.update(dict.fromkeys(rivals, oneof.name))
        return reader

    def _wrapper(self, message: Descriptor) -> Read:
        read = self.one(message.fields_by_name["value"])
        self._made[message.full_name] = wrapper = lambda value: {"value": read(value)}
        return wrapper

    def of_field(self, field: FieldDescriptor) -> Read:
        """The reader of a field: of one value, a list of them or a map."""
        if is_map(field):
            key, value = halves(field)
            return map_reader(self.one(key), self.one(value), field=field.json_name)
        return list_reader(self.one(field), kind_of(field)) if field.is_repeated else self.one(field)

    def one(self, field: FieldDescriptor) -> Read:
        """The reader of a single value of a field."""
        if field.message_type is not None:
            return self.of(field.message_type)
        return enum_reader(field.enum_type) if field.enum_type is not None else SCALARS[field.type]

    def _read_any(self, value: object) -> dict[str, object]:
        """An Any: its class by "@type", its content beside it, or under "value" where that is not an object."""
        kind = f"type.googleapis.com/{ANY}"
        if type(value) is not dict:
            raise mismatch(kind, value)
        url, content = value.get("@type"), {key: item for key, item in value.items() if key != "@type"}
        if type(url) is not str:
            raise Flawed(InvalidValue(kind, "Missing @type for any field"))
        message = class_of(url)
        if message is None:
            raise Flawed(InvalidValue(kind, f"Invalid type URL, unknown type: {url[:200]}"))
        descriptor: Descriptor = message.DESCRIPTOR
        inside = content.get("value") if has_own_form(descriptor) else content
        arguments: Any = self.of(descriptor)(inside)
        body = message(**arguments) if isinstance(arguments, dict) else arguments
        return {"type_url": url, "value": body.SerializePartialToString()}


def class_of(type_url: str) -> Any:
    """The message class that a type URL names, or None."""
    try:
        return message_factory.GetMessageClass(
            descriptor_pool.Default().FindMessageTypeByName(type_url.rpartition("/")[2])
        )
    except KeyError:
        return None


def is_map(field: FieldDescriptor) -> bool:
    return bool(field.message_type is not None and field.message_type.GetOptions().map_entry)


def halves(field: FieldDescriptor) -> tuple[FieldDescriptor, FieldDescriptor]:
    """Key and value of a map."""
    entry: Any = field.message_type
    return entry.fields_by_name["key"], entry.fields_by_name["value"]


def has_own_form(message: Descriptor) -> bool:
    """True of protobuf's own classes whose JSON is not an object of their fields."""
    return message.full_name in OWN_FORMS or message.full_name == ANY or is_wrapper(message)


def is_wrapper(message: Descriptor) -> bool:
    return message.file.name == "google/protobuf/wrappers.proto"


def kind_of(field: FieldDescriptor) -> str:
    """A field's type as Google writes it in an error."""
    typed = field.message_type or field.enum_type
    return f"type.googleapis.com/{typed.full_name}" if typed is not None else KINDS[field.type]


F = FieldDescriptor
KINDS = {getattr(F, name): name for name in dir(F) if name.startswith("TYPE_")}
INTEGERS = {
    **dict.fromkeys((F.TYPE_INT32, F.TYPE_SINT32, F.TYPE_SFIXED32), INT32),
    **dict.fromkeys((F.TYPE_UINT32, F.TYPE_FIXED32), UINT32),
    **dict.fromkeys((F.TYPE_INT64, F.TYPE_SINT64, F.TYPE_SFIXED64), INT64),
    **dict.fromkeys((F.TYPE_UINT64, F.TYPE_FIXED64), UINT64),
}
SCALARS: dict[int, Read] = {
    F.TYPE_STRING: read_string,
    F.TYPE_BOOL: read_bool,
    F.TYPE_BYTES: read_bytes,
    F.TYPE_DOUBLE: float_reader("TYPE_DOUBLE", LARGEST_DOUBLE),
    F.TYPE_FLOAT: float_reader("TYPE_FLOAT", LARGEST_FLOAT),
    **{kind: integer_reader(KINDS[kind], bounds) for kind, bounds in INTEGERS.items()},
}
