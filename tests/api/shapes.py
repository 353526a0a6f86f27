"""What of a message class matters on the wire and in JSON, to hold classes made here against published ones."""

from __future__ import annotations

from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor


def shape(message: Descriptor) -> dict[str, Any]:
    """Nested messages and enums included."""
    return {
        "fields": {field.number: of_field(field) for field in message.fields},
        "oneofs": {oneof.name: sorted(_name(field) for field in oneof.fields) for oneof in message.oneofs},
        "nested": {nested.name: shape(nested) for nested in message.nested_types},
        "map": message.GetOptions().map_entry,
    }


def of_field(field: FieldDescriptor) -> tuple[Any, ...]:
    kind = field.message_type or field.enum_type
    named = kind.full_name if kind is not None else ""
    values = {value.name: value.number for value in field.enum_type.values} if field.enum_type is not None else {}
    return _name(field), field.json_name, field.type, named, values, field.is_repeated, field.has_presence


def _name(field: FieldDescriptor) -> str:
    """Python's clients write `type_` where the service says `type`."""
    return field.name.rstrip("_")
