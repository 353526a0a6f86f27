"""Message classes made from a table of their fields, for surfaces whose published client is too heavy to be loaded.

Each file of messages lives in a descriptor pool of its own, so that a program may have the published client beside it.
It knows no message by name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from google.protobuf import descriptor_pb2
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass

if TYPE_CHECKING:
    from google.protobuf.descriptor import FileDescriptor
    from google.protobuf.message import Message

_Field = descriptor_pb2.FieldDescriptorProto
_SCALARS = {
    "string": _Field.TYPE_STRING,
    "bool": _Field.TYPE_BOOL,
    "int32": _Field.TYPE_INT32,
    "int64": _Field.TYPE_INT64,
}


@dataclass(frozen=True, slots=True)
class File:
    """A package's messages.

    `fields` has a line for each field of a message: "number name type"; "[x]" is a list of x, "{x}" a map from strings,
    "{int32:x}" one from numbers, "x?" a scalar that may be unset. What stands behind "|" is the oneof. `enums` has the
    values of each enum, "NAME" or "NAME=number"; without a number it is the next one, from 0. Types of other packages
    are named in full, and `foreign_enums` says which of them are enums. "A.B" is nested in the message "A".
    """

    package: str
    path: str
    imported: tuple[FileDescriptor, ...]
    fields: Mapping[str, str]
    enums: Mapping[str, str] = field(default_factory=dict)
    foreign_enums: frozenset[str] = frozenset()

    def pool(self) -> DescriptorPool:
        """A pool with the messages and with everything that their fields are of."""
        pool = DescriptorPool()
        for each in _imports(self.imported):
            pool.AddSerializedFile(each.serialized_pb)
        pool.AddSerializedFile(_described(self).SerializeToString())
        return pool


def message_class(pool: DescriptorPool, full_name: str) -> type[Message]:
    return GetMessageClass(pool.FindMessageTypeByName(full_name))


def _imports(files: tuple[FileDescriptor, ...]) -> Iterator[FileDescriptor]:
    """The files, each behind those that it needs itself."""
    for each in files:
        yield from _imports(tuple(each.dependencies))
        yield each


def _described(file: File) -> descriptor_pb2.FileDescriptorProto:
    described = descriptor_pb2.FileDescriptorProto(name=file.path, package=file.package, syntax="proto3")
    described.dependency.extend(each.name for each in file.imported)
    made: dict[str, descriptor_pb2.DescriptorProto] = {}
    for name in file.fields:
        outer, _, own = name.rpartition(".")
        made[name] = made[outer].nested_type.add(name=own) if outer else described.message_type.add(name=own)
    for name, values in file.enums.items():
        outer, _, own = name.rpartition(".")
        _add_values(made[outer].enum_type.add(name=own) if outer else described.enum_type.add(name=own), values)
    for name, lines in file.fields.items():
        for line in filter(None, map(str.strip, lines.splitlines())):
            _add_field(made[name], line, name, file)
        _add_presence(made[name])
    return described


def _add_values(enum: descriptor_pb2.EnumDescriptorProto, values: str) -> None:
    number = 0
    for each in values.split():
        name, _, given = each.partition("=")
        number = int(given) if given else number
        enum.value.add(name=name, number=number)
        number += 1


def _add_field(message: descriptor_pb2.DescriptorProto, line: str, owner: str, file: File) -> None:
    described, _, oneof = line.partition(" | ")
    number, name, kind = described.split(" ")
    added = message.field.add(name=name, number=int(number), label=_Field.LABEL_OPTIONAL)
    if oneof:
        added.oneof_index = _oneof(message, oneof)
    if kind[-1] == "?":
        added.proto3_optional = True
    if kind[0] in "[{":
        added.label = _Field.LABEL_REPEATED
    if kind[0] == "{":
        kind = _add_entry(message, name, kind[1:-1], owner, file)
    _set_type(added, kind.strip("[]?"), file)


def _oneof(message: descriptor_pb2.DescriptorProto, name: str) -> int:
    names = [each.name for each in message.oneof_decl]
    if name not in names:
        message.oneof_decl.add(name=name)
        return len(names)
    return names.index(name)


def _add_presence(message: descriptor_pb2.DescriptorProto) -> None:
    """The oneofs that a scalar which may be unset is alone in; they come behind the others."""
    for each in message.field:
        if each.proto3_optional:
            each.oneof_index = _oneof(message, f"_{each.name}")


def _add_entry(message: descriptor_pb2.DescriptorProto, name: str, kinds: str, owner: str, file: File) -> str:
    """The message that a map is a list of; its name."""
    key, _, value = kinds.rpartition(":")
    entry = message.nested_type.add(name=f"{name.title().replace('_', '')}Entry")
    entry.options.map_entry = True
    for number, (half, kind) in enumerate((("key", key or "string"), ("value", value)), 1):
        _set_type(entry.field.add(name=half, number=number, label=_Field.LABEL_OPTIONAL), kind, file)
    return f"{owner}.{entry.name}"


def _set_type(described: Any, kind: str, file: File) -> None:
    if kind in _SCALARS:
        described.type = _SCALARS[kind]
        return
    is_enum = kind in file.enums or kind in file.foreign_enums
    described.type = _Field.TYPE_ENUM if is_enum else _Field.TYPE_MESSAGE
    described.type_name = f".{kind}" if kind.startswith("google.") else f".{file.package}.{kind}"
