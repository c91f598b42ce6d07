"""Read request messages within limits, before any rule of their protos: bytes, elements, and what text may hold.

Reading never raises: gRPC would answer UNKNOWN with the name of a class, before the caller is known. Unreadable bytes
become an `Unread`, which the layered interceptor raises inside of the layers.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from buf.validate import validate_pb2
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.descriptor_pool import Default
from google.protobuf.message import Message

from ..errors import FieldViolation, Reason, Refused

MAX_BYTES: Final = 256 * 1024
"""Largest request message of a method that states no limit of its own."""

MAX_ELEMENTS: Final = 20_000
"""Most values in all repeated fields of a message together."""

_CONTROL: Final = re.compile("[\0-\x08\x0b-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Unread:
    """A request message that was not read, and the refusal of its call."""

    refusal: Refused


@cache
def max_request_bytes(method: str) -> int:
    """Return the limit of a method such as `/locution.v1.JobService/GetJob`, by its option in the proto."""
    try:
        option = Default().FindExtensionByName("locution.limits.v1.max_request_bytes")
        options: Any = Default().FindMethodByName(method.removeprefix("/").replace("/", ".")).GetOptions()
    except KeyError:  # a service that states no limits
        return MAX_BYTES
    return int(options.Extensions[option]) or MAX_BYTES


def reader(method: str, deserialize: Callable[[bytes], Any] | None) -> Callable[[bytes], Any]:
    """Return a deserializer that answers an Unread where `deserialize` would raise, or the bytes are too many."""
    limit = max_request_bytes(method)

    def read(data: bytes) -> Any:
        if len(data) > limit:
            return Unread(
                Refused(Reason.INVALID_REQUEST, f"the message has {len(data)} bytes; {method} accepts {limit}")
            )
        try:
            return data if deserialize is None else deserialize(data)
        except Exception:  # noqa: BLE001 - upb raises DecodeError, and others for text that is not UTF-8
            return Unread(Refused(Reason.INVALID_REQUEST, f"the message is not a valid request of {method}"))

    return read


def settle(message: Message) -> None:
    """Count elements and check text, which is normalised to NFC in place. Refuses with INVALID_REQUEST."""
    left = MAX_ELEMENTS
    for path, field, values in _values(message, ""):
        if field.is_repeated:
            left -= len(values)
            _counted(path, field, len(values), left)
        if field.type == FieldDescriptor.TYPE_STRING:
            for index, text in enumerate(values):
                _checked(path, text)
                if not text.isascii() and not unicodedata.is_normalized("NFC", text):
                    values[index] = unicodedata.normalize("NFC", text)


def _counted(path: str, field: FieldDescriptor, count: int, left: int) -> None:
    most = _max_items(field)
    if count > most:
        raise _refusal(path, f"must have at most {most} items, not {count}")
    if left < 0:
        raise _refusal(path, f"the message has more than {MAX_ELEMENTS} values in repeated fields")


def _checked(path: str, text: str) -> None:
    if found := _CONTROL.search(text):
        raise _refusal(path, f"must not contain the control character U+{ord(found[0]):04X}")


def _refusal(path: str, description: str) -> Refused:
    violations = [FieldViolation(path, description)]
    return Refused(Reason.INVALID_REQUEST, f"the request is invalid: {path}: {description}", violations=violations)


@cache
def _max_items(field: FieldDescriptor) -> int:
    rules: Any = field.GetOptions().Extensions[validate_pb2.field]
    return int(rules.repeated.max_items) if rules.repeated.HasField("max_items") else MAX_ELEMENTS


def _values(message: Message, prefix: str) -> Iterator[tuple[str, FieldDescriptor, Any]]:
    """Yield each set field with its path and its values as a sequence that writes through to the message."""
    for field, value in message.ListFields():
        path = f"{prefix}{field.name}"
        values = value if field.is_repeated else _Single(message, field.name)
        yield path, field, values
        if field.message_type is not None and not field.message_type.GetOptions().map_entry:
            for index in range(len(values)):
                subscript = f"[{index}]" if field.is_repeated else ""
                yield from _values(values[index], f"{path}{subscript}.")


class _Single:
    """A singular field as a sequence of one."""

    def __init__(self, message: Message, name: str) -> None:
        self._message = message
        self._name = name

    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: int) -> Any:
        if index:
            raise IndexError
        return getattr(self._message, self._name)

    def __setitem__(self, index: int, value: Any) -> None:
        setattr(self._message, self._name, value)
