"""Services and revisions as bytes: JSON by the fields of the values, read with a tolerant eye.

A field that a newer program wrote and this one does not know is passed over; one that an older program did not write
has its default.
"""

from __future__ import annotations

import base64
import json
import types
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from functools import cache
from typing import Union, get_args, get_origin, get_type_hints

from kumotasks.domain.run.revision import Revision
from kumotasks.domain.run.service import Service
from kumotasks.storage.records import Record

Read = Callable[[object], object]


def service_bytes(service: Service) -> bytes:
    return _bytes(replace(service, etag=""))  # the record's own


def service_value(record: Record) -> Service:
    return replace(read_service(record.value), etag=record.etag)


def revision_bytes(revision: Revision) -> bytes:
    return _bytes(replace(revision, etag=""))


def revision_value(record: Record) -> Revision:
    return replace(read_revision(record.value), etag=record.etag)


def read_service(content: bytes) -> Service:
    found = _dataclass_reader(Service)(json.loads(content))
    assert isinstance(found, Service)
    return found


def read_revision(content: bytes) -> Revision:
    found = _dataclass_reader(Revision)(json.loads(content))
    assert isinstance(found, Revision)
    return found


def _bytes(value: object) -> bytes:
    return json.dumps(written(value), separators=(",", ":")).encode()


def written(value: object) -> object:
    """Plain JSON of a value: dataclasses as objects, bytes as base64 text, enums by their values."""
    match value:
        case bytes():
            return base64.b64encode(value).decode()
        case Enum():
            return value.value
        case tuple():
            return [written(each) for each in value]
    if is_dataclass(value):
        return {field.name: written(getattr(value, field.name)) for field in fields(value)}
    return value


def _reader(kind: object) -> Read:
    """What makes a value of a type of its JSON."""
    origin = get_origin(kind)
    if origin is tuple:
        return _tuple_reader(get_args(kind))
    if origin in (Union, types.UnionType):
        (inner,) = (each for each in get_args(kind) if each is not type(None))
        some = _reader(inner)
        return lambda found: None if found is None else some(found)
    if kind is bytes:
        return lambda found: base64.b64decode(str(found))
    if isinstance(kind, type) and is_dataclass(kind):
        return _dataclass_reader(kind)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind
    return lambda found: found


def _tuple_reader(members: tuple[object, ...]) -> Read:
    readers = [_reader(each) for each in members if each is not Ellipsis]
    if Ellipsis in members:
        (one,) = readers
        return lambda found: tuple(map(one, _list(found)))
    return lambda found: tuple(read_one(each) for read_one, each in zip(readers, _list(found), strict=True))


@cache
def _dataclass_reader(kind: type) -> Read:
    readers: Mapping[str, Read] = {name: _reader(hint) for name, hint in get_type_hints(kind).items()}

    def make(found: object) -> object:
        assert isinstance(found, dict)
        return kind(**{name: readers[name](each) for name, each in found.items() if name in readers})

    return make


def _list(found: object) -> list[object]:
    assert isinstance(found, list)
    return found
