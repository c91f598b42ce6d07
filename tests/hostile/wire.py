"""Protobuf written by hand: values that no generated class would hold or serialise."""

from __future__ import annotations

import struct

from google.protobuf.descriptor import FieldDescriptor

VARINT, FIXED64, LENGTH, FIXED32 = 0, 1, 2, 5

FIXED = {
    FieldDescriptor.TYPE_DOUBLE: (FIXED64, "<d"),
    FieldDescriptor.TYPE_FLOAT: (FIXED32, "<f"),
}


def varint(value: int) -> bytes:
    """Write an integer of 64 bits; negative ones take ten bytes."""
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def tag(number: int, kind: int) -> bytes:
    return varint(number << 3 | kind)


def length(number: int, payload: bytes) -> bytes:
    """Write a field of text, bytes or a message."""
    return tag(number, LENGTH) + varint(len(payload)) + payload


def number(field: FieldDescriptor, value: float) -> bytes:
    """Write a field of a number."""
    if field.type in FIXED:
        kind, layout = FIXED[field.type]
        return tag(field.number, kind) + struct.pack(layout, value)
    return tag(field.number, VARINT) + varint(int(value))


def inside(path: tuple[FieldDescriptor, ...], payload: bytes) -> bytes:
    """Wrap a written field into the messages on its way from the request."""
    for field in reversed(path):
        payload = length(field.number, payload)
    return payload
