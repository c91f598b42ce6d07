"""Every number, time, length and count that a request can hold has two ends, in the proto itself."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from buf.validate import validate_pb2
from google.protobuf.descriptor import FieldDescriptor, FileDescriptor

from tests.contract.plain_protoc import PROTOS
from tests.contract.test_proto_comments import documented_fields

NUMBERS = {
    FieldDescriptor.TYPE_INT32: "int32",
    FieldDescriptor.TYPE_INT64: "int64",
    FieldDescriptor.TYPE_UINT32: "uint32",
    FieldDescriptor.TYPE_UINT64: "uint64",
    FieldDescriptor.TYPE_FLOAT: "float",
    FieldDescriptor.TYPE_DOUBLE: "double",
}
EXCEPTIONS = {
    "page_size": "AIP-158: larger values are lowered, and 0 is the default.",
}
"""Fields by name that need no upper end, each with its reason."""


def files() -> Iterator[FileDescriptor]:
    for path in sorted((PROTOS / "locution").rglob("*.proto")):
        module = import_module(str(Path(path.relative_to(PROTOS)).with_suffix("")).replace("/", ".") + "_pb2")
        yield module.DESCRIPTOR


def inputs(comments: dict[str, str]) -> Iterator[FieldDescriptor]:
    """Give every field that a client may set, in every message that a request can hold."""
    waiting = [method.input_type for file in files() for s in file.services_by_name.values() for method in s.methods]
    seen: set[str] = set()
    while waiting:
        message = waiting.pop()
        if message.full_name in seen or message.GetOptions().map_entry or not message.full_name.startswith("locution."):
            continue
        seen.add(message.full_name)
        asked = [each for each in message.fields if not comments[each.full_name].startswith("Output only")]
        yield from asked
        waiting += [field.message_type for field in asked if field.message_type is not None]


def unbounded(field: FieldDescriptor) -> str | None:
    """Return what a field lacks, or None."""
    rules: Any = field.GetOptions().Extensions[validate_pb2.field]
    if field.is_repeated:
        if not rules.repeated.HasField("max_items"):
            return "max_items"
        rules = rules.repeated.items
    if field.message_type is not None:
        return _unbounded_message(field.message_type.full_name, rules)
    return _unbounded_scalar(field, rules)


def _unbounded_message(name: str, rules: Any) -> str | None:
    match name:
        case "google.protobuf.Duration":
            return None if _ends(rules.duration) else "two ends"
        case "google.protobuf.Timestamp":
            return None if rules.timestamp.HasField("within") or _ends(rules.timestamp) else "within"
    return None


def _unbounded_scalar(field: FieldDescriptor, rules: Any) -> str | None:
    if field.type in NUMBERS:
        number = getattr(rules, NUMBERS[field.type])
        return None if _ends(number) or getattr(number, "in") else "two ends"
    if field.type == FieldDescriptor.TYPE_STRING:
        text = rules.string
        return None if any(map(text.HasField, ("max_len", "len", "pattern", "const"))) else "max_len"
    if field.type == FieldDescriptor.TYPE_BYTES:
        return None if rules.bytes.HasField("max_len") else "max_len"
    return None


def _ends(rules: Any) -> bool:
    return bool(rules.WhichOneof("less_than") and rules.WhichOneof("greater_than")) or rules.HasField("const")


@pytest.fixture(scope="module")
def asked(documented: Any) -> list[FieldDescriptor]:
    comments = {
        f"{message}.{field.name}": comment for file in documented for message, field, comment in documented_fields(file)
    }
    return list(inputs(comments))


def test_every_input_has_two_ends(asked: list[FieldDescriptor]) -> None:
    assert len(asked) > 200
    lacking = {field.full_name: lack for field in asked if (lack := unbounded(field))}
    assert {name: lack for name, lack in lacking.items() if name.rpartition(".")[2] not in EXCEPTIONS} == {}


def test_a_field_without_an_end_is_found() -> None:
    """The check sees what it is for: a response's own duration has no rules."""
    message = next(m for file in files() for m in file.message_types_by_name.values() if m.name == "JobMetrics")
    assert unbounded(message.fields_by_name["run_duration"]) == "two ends"


@pytest.mark.parametrize("name", sorted(EXCEPTIONS))
def test_no_exception_is_out_of_date(asked: list[FieldDescriptor], name: str) -> None:
    assert any(field.name == name and unbounded(field) for field in asked)
