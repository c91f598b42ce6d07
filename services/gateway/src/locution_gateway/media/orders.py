"""The order that a waiting decode child gets on stdin, before its media; standard library only."""

from __future__ import annotations

import json
import os
import struct
from typing import Any, Final

_LENGTH: Final = struct.Struct("<I")


def packed(order: dict[str, Any]) -> bytes:
    """Return an order as the child reads it."""
    body = json.dumps(order).encode()
    return _LENGTH.pack(len(body)) + body


def awaited(descriptor: int) -> dict[str, Any] | None:
    """Wait for an order and read not a byte more; None if the parent ends the wait."""
    length = _exactly(descriptor, _LENGTH.size)
    body = None if length is None else _exactly(descriptor, _LENGTH.unpack(length)[0])
    order: dict[str, Any] | None = None if body is None else json.loads(body)
    return order


def _exactly(descriptor: int, count: int) -> bytes | None:
    found = b""
    while len(found) < count:
        data = os.read(descriptor, count - len(found))
        if not data:
            return None
        found += data
    return found
