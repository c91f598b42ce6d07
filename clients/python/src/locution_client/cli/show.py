"""Printing: results go to standard output, everything else to standard error."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from json import dumps
from typing import TypeVar

from google.protobuf.duration_pb2 import Duration
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from locution.v1 import job_service_pb2 as pb

from locution_client.calls import PATIENCE
from locution_client.errors import ApiError

Shown = TypeVar("Shown", bound=Message)


def note(text: str) -> None:
    """Print a line to standard error."""
    print(text, file=sys.stderr, flush=True)


def failure(error: ApiError | OSError, subject: str = "") -> None:
    """Print a refusal: reason, fields, and what to do next; or why a file cannot be read or written."""
    prefix = f"locution: {subject + ': ' if subject else ''}"
    if isinstance(error, OSError):
        note(prefix + (error.strerror or str(error)))
        return
    note(f"{prefix}{error}")
    for violation in error.violations:
        note(f"  {violation.field}: {violation.description}")
    if error.advice:
        note(f"  next: {error.advice}")


def waiting(error: ApiError) -> None:
    """Say that a call has no answer yet, and why."""
    note(f"locution: {error}; trying again for up to {PATIENCE:.0f} s")


def warnings(job: pb.Job, subject: str) -> None:
    """Print the warnings of a job."""
    for warning in job.warnings:
        code = pb.JobWarning.Code.Name(warning.code).removeprefix("CODE_")
        note(f"locution: {subject}: warning: {code}: {warning.message}")


def as_json(messages: Iterable[Message]) -> str:
    """Return a JSON array with the proto's field names."""
    return dumps([to_dict(message) for message in messages], indent=2, ensure_ascii=False)


def listing(
    messages: Sequence[Shown], header: Sequence[str], row: Callable[[Shown], Sequence[str]], *, json: bool
) -> None:
    """Print messages as a JSON array or as a table."""
    print(as_json(messages) if json else table(header, [row(message) for message in messages]))


def one(message: Message, lines: Sequence[tuple[str, str]], *, json: bool) -> None:
    """Print one message as JSON, or as lines of a name and a text."""
    if json:
        print(dumps(to_dict(message), indent=2, ensure_ascii=False))
        return
    width = max([11, *(len(name) + 1 for name, _ in lines)])
    print("\n".join(f"{name:<{width}} {text}".rstrip() for name, text in lines))


def named(name: str, text: str, *, json: bool) -> None:
    """Print the result of an action: JSON with the resource name, or a sentence."""
    print(dumps({"name": name}) if json else f"{name} {text}")


def when(message: Message, field: str) -> str:
    """Return a time in ISO 8601, or "-" if absent."""
    return str(getattr(message, field).ToJsonString()) if message.HasField(field) else "-"


def to_dict(message: Message) -> dict[str, object]:
    """Return a message as its JSON object."""
    converted: dict[str, object] = MessageToDict(message, preserving_proto_field_name=True)
    return converted


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Lay rows out in columns."""
    lines = [header, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    padded = ([cell.ljust(width) for cell, width in zip(line, widths, strict=True)] for line in lines)
    return "\n".join("  ".join(line).rstrip() for line in padded)


def seconds(duration: Duration) -> float:
    """Return a duration in seconds."""
    return duration.seconds + duration.nanos / 1e9


def state(job: pb.Job) -> str:
    """Return a job's state in one word."""
    return pb.Job.State.Name(job.state).removeprefix("STATE_")


def stage(kind: pb.StageKind.ValueType) -> str:
    """Return a stage's name in one word."""
    return pb.StageKind.Name(kind).removeprefix("STAGE_KIND_").lower()
