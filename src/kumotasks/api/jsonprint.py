"""Protobuf messages to JSON-ready values, compiled once per message class.

Names are lowerCamelCase, defaults are left out, 64-bit integers are strings, enums are names or, on request, numbers.
`ListFields` already leaves out what is unset, so a printer is one lookup per field that is there. A printer never
fails. It knows nothing of bytes or HTTP.
"""

from __future__ import annotations

import binascii
import struct
from collections.abc import Callable, Iterable
from math import isfinite
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor
from google.protobuf.message import DecodeError

from kumotasks.api import wellknown
from kumotasks.api.jsonread import ANY, class_of, halves, has_own_form, is_map, is_wrapper

if TYPE_CHECKING:
    from google.protobuf.message import Message

Print: TypeAlias = Callable[[Any], Any]


def as_it_is(value: object) -> object:
    return value


def print_bytes(value: bytes) -> str:
    return binascii.b2a_base64(value, newline=False).decode("ascii")


def print_float(value: float) -> float | int | str:
    """The shortest decimal that is still the same 32-bit float."""
    if isfinite(value):
        single = struct.pack("<f", value)
        shorter = (float(f"{value:.{digits}g}") for digits in range(6, 9))
        value = next((short for short in shorter if struct.pack("<f", short) == single), value)
    return wellknown.print_double(value)


def print_key(value: object) -> str:
    """A map's key; JSON has only strings."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def enum_printer(enum: EnumDescriptor, *, enum_ints: bool) -> Print:
    if enum.full_name == "google.protobuf.NullValue":
        return lambda _: None
    if enum_ints:
        return as_it_is
    names = {number: value.name for number, value in enum.values_by_number.items()}
    return lambda number: names.get(number, number)


def list_printer(show: Print) -> Print:
    return list if show is as_it_is else lambda values: [show(value) for value in values]


def map_printer(key: FieldDescriptor, show: Print) -> Print:
    if key.type == FieldDescriptor.TYPE_STRING and show is as_it_is:
        return lambda entries: {name: entries[name] for name in entries}  # half the cost of dict(entries)
    if key.type == FieldDescriptor.TYPE_STRING:
        return lambda entries: {name: show(entries[name]) for name in entries}
    return lambda entries: {print_key(name): show(entries[name]) for name in entries}


Fields: TypeAlias = dict[FieldDescriptor, tuple[str, Print]]


def message_printer(fields: Fields) -> Print:
    """A message as a JSON-ready dict; `fields` may be filled later, for a class that contains itself."""

    def print_message(message: Any) -> dict[str, Any]:
        answer = {}
        for field, value in message.ListFields():
            name, show = fields[field]
            answer[name] = value if show is as_it_is else show(value)
        return answer

    return print_message


class Printers:
    """Makes the printer of every message class once, for one way of writing enums.

    `known` are classes that an Any may hold besides those of the default pool.
    """

    def __init__(self, *, enum_ints: bool, known: Iterable[type[Message]] = ()) -> None:
        self._enum_ints = enum_ints
        self._known: dict[str, Any] = {cast("Any", each.DESCRIPTOR).full_name: each for each in known}
        self._made: dict[Descriptor, Print] = {}  # two pools may each have a class of the same name
        self._own_forms: dict[str, Print] = {
            "google.protobuf.Timestamp": wellknown.print_timestamp,
            "google.protobuf.Duration": wellknown.print_duration,
            "google.protobuf.FieldMask": wellknown.print_field_mask,
            "google.protobuf.Value": wellknown.print_value,
            "google.protobuf.Struct": wellknown.print_struct,
            "google.protobuf.ListValue": wellknown.print_list,
            ANY: self._print_any,
        }

    def of(self, message: Descriptor) -> Print:
        """The printer of a message class."""
        made = self._made.get(message) or self._own_forms.get(message.full_name)
        if made is None:
            made = self._wrapper(message) if is_wrapper(message) else self._message(message)
        return made

    def _message(self, message: Descriptor) -> Print:
        fields: Fields = {}
        self._made[message] = printer = message_printer(fields)
        for field in message.fields:
            fields[field] = (field.json_name, self.of_field(field))
        return printer

    def _wrapper(self, message: Descriptor) -> Print:
        show = self.one(message.fields_by_name["value"])
        self._made[message] = wrapper = lambda wrapped: show(wrapped.value)
        return wrapper

    def of_field(self, field: FieldDescriptor) -> Print:
        if is_map(field):
            key, value = halves(field)
            return map_printer(key, self.one(value))
        return list_printer(self.one(field)) if field.is_repeated else self.one(field)

    def one(self, field: FieldDescriptor) -> Print:
        """The printer of a single value of a field."""
        if field.message_type is not None:
            return self.of(field.message_type)
        if field.enum_type is not None:
            return enum_printer(field.enum_type, enum_ints=self._enum_ints)
        return SCALARS.get(field.type, as_it_is)

    def _print_any(self, wrapped: Any) -> dict[str, Any]:
        """An Any with its content beside "@type"; what nobody here knows stays base64."""
        url = wrapped.type_url
        if not url:
            return {}
        message = self._known.get(url.rpartition("/")[2]) or class_of(url)
        try:
            content = message.FromString(wrapped.value) if message is not None else None
        except DecodeError:
            content = None
        if content is None:
            return {"@type": url, "value": print_bytes(wrapped.value)}
        shown = self.of(content.DESCRIPTOR)(content)
        return {"@type": url, "value": shown} if has_own_form(content.DESCRIPTOR) else {"@type": url, **shown}


F = FieldDescriptor
SCALARS: dict[int, Print] = {
    F.TYPE_BYTES: print_bytes,
    F.TYPE_DOUBLE: wellknown.print_double,
    F.TYPE_FLOAT: print_float,
    **dict.fromkeys((F.TYPE_INT64, F.TYPE_UINT64, F.TYPE_SINT64, F.TYPE_SFIXED64, F.TYPE_FIXED64), str),
}
