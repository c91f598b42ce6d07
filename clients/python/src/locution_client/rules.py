"""The bounds of the API's fields, read from the protos."""

from __future__ import annotations

from buf.validate import validate_pb2
from google.protobuf.message import Message


def rules(message: type[Message], field: str) -> validate_pb2.FieldRules:
    """Return the rules of a field; empty ones if it has none."""
    found = validate_pb2.FieldRules()
    found.CopyFrom(message.DESCRIPTOR.fields_by_name[field].GetOptions().Extensions[validate_pb2.field])
    return found
