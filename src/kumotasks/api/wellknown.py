"""The forms that JSON has for google.protobuf's own types: instants, durations, field masks, free-form values.

Readers take a JSON value and give what a protobuf constructor takes; printers take the message. A printer never fails:
an instant that no calendar has is printed as the nearest one. It knows nothing of the messages around them.
"""

from __future__ import annotations

import datetime
import re
from functools import lru_cache
from math import copysign, isfinite, isnan
from typing import TYPE_CHECKING

from google.protobuf import struct_pb2

from kumotasks.api.flaws import Flawed, InvalidValue, mismatch, shown

if TYPE_CHECKING:
    from google.protobuf.duration_pb2 import Duration
    from google.protobuf.field_mask_pb2 import FieldMask
    from google.protobuf.timestamp_pb2 import Timestamp

TYPE = "type.googleapis.com/google.protobuf."
EPOCH = datetime.datetime(1970, 1, 1)  # noqa: DTZ001 - protobuf's instants are UTC by definition; no zone, no zone arithmetic
FIRST_SECOND, LAST_SECOND = -62_135_596_800, 253_402_300_799  # years 1 to 9999
LONGEST = 315_576_000_000  # seconds; 10,000 years
DEEPEST = 30  # levels of a Value: protobuf spends three of its hundred on each
INSTANT = re.compile(
    r"(\d{4}-\d\d-\d\dT(?:[01]\d|2[0-3]):\d\d:\d\d)(?:\.(\d{1,9}))?(?:Z|([+-])([01]\d|2[0-3]):([0-5]\d))", re.ASCII
)
SPAN = re.compile(r"(-?)(\d{1,12})(?:\.(\d{1,9}))?s", re.ASCII)
ZONED = re.compile(r"(Z|[+-]\d\d:\d\d)\Z", re.ASCII)
NO_ZONE = "Illegal timestamp format; timestamps must end with 'Z' or have a valid timezone offset."
CAPITAL = re.compile(r"[A-Z]")
UNDERSCORED = re.compile(r"_([a-z])")


def wrong(name: str, what: str) -> Flawed:
    return Flawed(InvalidValue(TYPE + name, what, of_field=True))


def not_text(name: str, noun: str, value: object) -> Flawed:
    if isinstance(value, dict | list):
        return mismatch(TYPE + name, value)
    return wrong(name, f"Invalid data type for {noun}, value is {shown(value)}")


def fraction(nanos: int) -> str:
    """Nanoseconds as "", ".123", ".123456" or ".123456789"."""
    if not nanos:
        return ""
    if not nanos % 1_000_000:
        return f".{nanos // 1_000_000:03d}"
    return f".{nanos:09d}" if nanos % 1_000 else f".{nanos // 1_000:06d}"


def read_timestamp(value: object) -> dict[str, int]:
    if type(value) is not str:
        raise not_text("Timestamp", "timestamp", value)
    found = INSTANT.fullmatch(value)
    if found is None:
        raise wrong("Timestamp", f"Invalid time format: {value[:100]}" if ZONED.search(value) else NO_ZONE)
    calendar, digits, sign, ahead, past = found.groups()
    try:
        span = datetime.datetime.fromisoformat(calendar) - EPOCH
    except ValueError:
        raise wrong("Timestamp", f"Invalid time format: {value}") from None
    seconds = span.days * 86_400 + span.seconds
    if sign:
        offset = int(ahead) * 3_600 + int(past) * 60
        seconds += offset if sign == "-" else -offset
        if not FIRST_SECOND <= seconds <= LAST_SECOND:
            raise wrong("Timestamp", f"Invalid time format: {value}")
    return {"seconds": seconds, "nanos": int(digits.ljust(9, "0"))} if digits else {"seconds": seconds}


@lru_cache(maxsize=4096)
def whole_second(seconds: int) -> str:
    clamped = min(max(seconds, FIRST_SECOND), LAST_SECOND)
    return (EPOCH + datetime.timedelta(seconds=clamped)).isoformat()


def print_timestamp(message: Timestamp) -> str:
    nanos = message.nanos
    if not nanos:
        return whole_second(message.seconds) + "Z"
    return f"{whole_second(message.seconds)}{fraction(nanos) if 0 < nanos < 1_000_000_000 else ''}Z"


def read_duration(value: object) -> dict[str, int]:
    if type(value) is not str:
        raise not_text("Duration", "duration", value)
    seconds, nanos = span_of(value)
    return {"seconds": seconds, "nanos": nanos} if nanos else {"seconds": seconds}


@lru_cache(maxsize=1024)  # deadlines and backoffs are few and come again with every task
def span_of(value: str) -> tuple[int, int]:
    """A duration's seconds and nanoseconds, of the same sign."""
    if not value.endswith("s"):
        raise wrong("Duration", "Illegal duration format; duration must end with 's'")
    found = SPAN.fullmatch(value)
    if found is None:
        raise wrong("Duration", "Invalid duration format, failed to parse seconds")
    minus, whole, digits = found.groups()
    seconds, nanos = int(whole), int(digits.ljust(9, "0")) if digits else 0
    if seconds > LONGEST or (seconds == LONGEST and nanos):
        raise wrong("Duration", "Duration value exceeds limits")
    return (-seconds, -nanos) if minus else (seconds, nanos)


def print_duration(message: Duration) -> str:
    if not message.nanos:
        return f"{message.seconds}s"
    total = message.seconds * 1_000_000_000 + message.nanos
    seconds, nanos = divmod(abs(total), 1_000_000_000)
    return f"{'-' if total < 0 else ''}{seconds}{fraction(nanos)}s"


def read_field_mask(value: object) -> dict[str, list[str]]:
    """Camel case becomes snake case; snake case, which Google also takes, stays."""
    if type(value) is not str:
        raise not_text("FieldMask", "field mask", value)
    snake = CAPITAL.sub(lambda capital: f"_{capital[0].lower()}", value)
    return {"paths": [path.strip() for path in snake.split(",") if path.strip()]}


def print_field_mask(message: FieldMask) -> str:
    return ",".join(UNDERSCORED.sub(lambda letter: letter[1].upper(), path) for path in message.paths)


def read_value(value: object) -> struct_pb2.Value:
    message = struct_pb2.Value()
    fill(message, value, DEEPEST)
    return message


def read_struct(value: object) -> struct_pb2.Struct:
    if type(value) is not dict:
        raise mismatch(f"{TYPE}Struct", value)
    return read_value(value).struct_value


def read_list(value: object) -> struct_pb2.ListValue:
    if type(value) is not list:
        raise Flawed(InvalidValue(f"{TYPE}ListValue", shown(value)))
    return read_value(value).list_value


def fill(message: struct_pb2.Value, value: object, depth: int) -> None:
    """Write a JSON value into a Value, at most `depth` levels of it."""
    if not depth:
        raise Flawed(InvalidValue(f"{TYPE}Value", "Message too deep. Max recursion depth reached."))
    match value:
        case None:
            message.null_value = struct_pb2.NULL_VALUE
        case bool():
            message.bool_value = value
        case str():
            message.string_value = value
        case int() | float():
            message.number_value = as_double(value)
        case list():
            message.list_value.SetInParent()
            for item in value:
                fill(message.list_value.values.add(), item, depth - 1)
        case dict():
            message.struct_value.SetInParent()
            for key, item in value.items():
                fill(message.struct_value.fields[key], item, depth - 1)


def as_double(value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        raise Flawed(InvalidValue("TYPE_DOUBLE", shown(value))) from None


def print_value(message: struct_pb2.Value) -> object:
    match message.WhichOneof("kind"):
        case "number_value":
            return print_double(message.number_value)
        case "string_value":
            return message.string_value
        case "bool_value":
            return message.bool_value
        case "struct_value":
            return print_struct(message.struct_value)
        case "list_value":
            return print_list(message.list_value)
        case _:
            return None


def print_struct(message: struct_pb2.Struct) -> dict[str, object]:
    return {key: print_value(value) for key, value in message.fields.items()}


def print_list(message: struct_pb2.ListValue) -> list[object]:
    return [print_value(value) for value in message.values]


def print_double(value: float) -> float | int | str:
    """Whole numbers lose their ".0"; the three that JSON cannot write become words."""
    if isfinite(value):
        whole = value.is_integer() and abs(value) < 1e15 and (value != 0 or copysign(1, value) > 0)
        return int(value) if whole else value
    if isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"
