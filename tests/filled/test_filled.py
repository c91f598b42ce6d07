"""Every Output-only field of the public API was filled by some response of the whole run. Runs last in `make test`."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorProto

from tests.contract.conftest import bundle, documented
from tests.contract.test_proto_comments import documented_fields
from tests.support import canaries, filled

__all__ = ["bundle", "documented"]

Files = Sequence[FileDescriptorProto]

EXCEPTIONS: dict[str, str] = tomllib.loads((Path(__file__).parent / "exceptions.toml").read_text())
"""Fields that no run of the tests fills, each with its reason."""


@pytest.fixture(scope="module")
def received() -> set[str]:
    """What the clients of the run received."""
    run = canaries.folder()
    if run is None:
        pytest.skip(f"NOTHING WAS RECORDED: {canaries.VARIABLE} names no folder of logs; `make test` sets it")
    return filled.recorded(run)


@pytest.fixture(scope="module")
def promised(documented: Files) -> set[str]:
    """The Output-only fields of all messages that a response can hold."""
    reachable = set(_reachable(documented))
    fields = [item for file in documented for item in documented_fields(file)]
    return {
        f"{message}.{field.name}"
        for message, field, comment in fields
        if message in reachable and comment.startswith("Output only")
    }


def test_every_output_only_field_was_filled(promised: set[str], received: set[str]) -> None:
    assert len(promised) > 100
    empty = sorted(promised - received - EXCEPTIONS.keys())
    assert empty == [], "fill them, take them out, or give a reason in exceptions.toml"


def test_no_exception_is_out_of_date(promised: set[str], received: set[str]) -> None:
    assert sorted(EXCEPTIONS.keys() & received) == [], "these were filled"
    assert sorted(EXCEPTIONS.keys() - promised) == [], "these are no Output-only fields of a response"
    assert all(reason.endswith(".") for reason in EXCEPTIONS.values())


def _reachable(files: Files) -> Iterator[str]:
    """Give the full names of the messages that the responses of locution.v1 can hold."""
    messages = {f".{file.package}.{message.name}": message for file in files for message in file.message_type}
    for name, message in list(messages.items()):
        messages |= _nested(name, message)
    public = [file for file in files if file.package == "locution.v1"]
    waiting = {method.output_type for file in public for service in file.service for method in service.method}
    seen: set[str] = set()
    while waiting:
        name = waiting.pop()
        seen.add(name)
        if name in messages:
            parts = {
                field.type_name for field in messages[name].field if field.type == FieldDescriptorProto.TYPE_MESSAGE
            }
            waiting |= parts - seen
    return (name.removeprefix(".") for name in seen)


def _nested(name: str, message: DescriptorProto) -> dict[str, DescriptorProto]:
    found = {f"{name}.{nested.name}": nested for nested in message.nested_type}
    for path, nested in list(found.items()):
        found |= _nested(path, nested)
    return found
