"""Values that break things, for every field of a message: extremes of its type, bounds and one beyond, and worse text."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from buf.validate import validate_pb2
from google.protobuf.descriptor import Descriptor, FieldDescriptor

from tests.hostile.wire import inside, length, number, tag, varint

DEEPEST = 4
MANY = 100_000

TEXTS: tuple[bytes, ...] = (
    b"",
    b"\0",
    b"a\0b",
    b"\x1b[2J",
    b"\xff\xfe",
    b"\xed\xa0\x80",  # a lone surrogate
    "\u202etxt.exe".encode(),
    "e\u0301".encode(),
    "\U0010ffff".encode(),
    b"../../etc/passwd",
    b"'; DROP TABLE jobs; --",
    b"%s%n{}",
    b"x" * 257,
    b"y" * 100_000,
    b"z" * 1_000_000,
)
INTEGERS = (0, 1, -1, 2**31 - 1, 2**31, -(2**31), 2**63 - 1, -(2**63))
FLOATS = (0.0, -0.0, -1.0, 1e308, -1e308, math.nan, math.inf, -math.inf, 5e-324)
SECONDS = (0, -1, 3599, 3_153_600_001, 86_399_999_999_999, 315_576_000_001, 2**63 - 1, -(2**63), -62_135_596_801)

Path = tuple[FieldDescriptor, ...]


def cases(message: Descriptor, path: Path = ()) -> Iterator[tuple[str, bytes]]:
    """Yield the name and the bytes of each hostile value of each field, to be appended to a valid request."""
    for field in message.fields:
        name = ".".join(each.name for each in (*path, field))
        for index, written in enumerate(_written(field)):
            yield f"{name}[{index}]", inside(path, written)
        nested = field.message_type
        if nested is not None and nested.full_name.startswith("locution.") and len(path) < DEEPEST:
            yield from cases(nested, (*path, field))


def _written(field: FieldDescriptor) -> Iterator[bytes]:
    yield from _scalars(field)
    if field.is_repeated:
        one = _one(field)
        limit = field.GetOptions().Extensions[validate_pb2.field].repeated.max_items or 1000
        for count in (1, limit, limit + 1, MANY):
            yield one * count


def _scalars(field: FieldDescriptor) -> Iterator[bytes]:
    match field.type:
        case FieldDescriptor.TYPE_STRING | FieldDescriptor.TYPE_BYTES:
            yield from (length(field.number, text) for text in TEXTS)
        case FieldDescriptor.TYPE_MESSAGE:
            yield length(field.number, b"")
            yield length(field.number, b"\xff\xff\xff")  # no message at all
            assert field.message_type is not None
            if field.message_type.full_name in ("google.protobuf.Duration", "google.protobuf.Timestamp"):
                yield from (length(field.number, tag(1, 0) + varint(each)) for each in SECONDS)
                yield from (length(field.number, tag(2, 0) + varint(each)) for each in (-1, 10**9, 2**31 - 1))
            if field.message_type.full_name == "google.protobuf.FieldMask":
                yield from (length(field.number, length(1, text)) for text in TEXTS)
                yield length(field.number, length(1, b"a.b.c") * 10_000)
        case FieldDescriptor.TYPE_DOUBLE | FieldDescriptor.TYPE_FLOAT:
            yield from (number(field, each) for each in (*FLOATS, *_bounds(field)) if _fits(field, each))
        case FieldDescriptor.TYPE_ENUM:
            yield from (number(field, each) for each in (*range(8), -1, 9999, 2**31 - 1))
        case _:
            yield from (number(field, each) for each in (*INTEGERS, *_bounds(field)))


def _fits(field: FieldDescriptor, value: float) -> bool:
    return field.type != FieldDescriptor.TYPE_FLOAT or not math.isfinite(value) or abs(value) < 3e38


def _bounds(field: FieldDescriptor) -> Iterator[int]:
    """Yield both bounds that the proto states, and one beyond each."""
    rules: Any = field.GetOptions().Extensions[validate_pb2.field]
    kind = rules.WhichOneof("type")
    if kind in ("int32", "int64", "uint32", "uint64", "float", "double"):
        stated = getattr(rules, kind)
        for end, beyond in (("lte", 1), ("lt", 0), ("gte", -1), ("gt", 0)):
            if stated.HasField(end):
                yield int(getattr(stated, end))
                yield int(getattr(stated, end)) + beyond


def _one(field: FieldDescriptor) -> bytes:
    if field.type in (FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BYTES, FieldDescriptor.TYPE_MESSAGE):
        return length(field.number, b"")
    return number(field, 1)
