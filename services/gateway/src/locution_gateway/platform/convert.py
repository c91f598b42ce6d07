"""Conversions that all resources share."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from locution_common.errors import Reason, Refused
from locution_speech.clock import SAMPLE_RATE

from locution_gateway.platform.bounds import bounded, bounded_seconds
from locution_gateway.platform.requests import RequestKey

NANOS_PER_SAMPLE: Final = 1_000_000_000 // SAMPLE_RATE


def offset(samples: int) -> Duration:
    """Return the exact duration of a number of samples at 16 kHz."""
    seconds, rest = divmod(samples, SAMPLE_RATE)
    return Duration(seconds=seconds, nanos=rest * NANOS_PER_SAMPLE)


def duration(delta: timedelta) -> Duration:
    """Return a duration."""
    message = Duration()
    message.FromTimedelta(bounded(delta))
    return message


def seconds(value: float) -> Duration:
    """Return a duration given in seconds."""
    return duration(bounded_seconds(value))


def timestamp(time: datetime) -> Timestamp:
    """Return a timestamp."""
    message = Timestamp()
    message.FromDatetime(time.astimezone(UTC))
    return message


def request_key(method: str, request: Any) -> RequestKey | None:
    """Return the identity of a repeatable call, or None for a request without a request_id."""
    if not request.request_id:
        return None
    copy = type(request)()
    copy.CopyFrom(request)
    copy.request_id = ""
    digest = hashlib.sha256(copy.SerializeToString(deterministic=True)).hexdigest()
    return RequestKey(method, request.request_id, digest)


def refuse_others(message: Message, path: str, allowed: Collection[str]) -> None:
    """Refuse with INVALID_REQUEST if a message sets a field that the call does not use."""
    for field, _ in message.ListFields():
        if field.name not in allowed:
            raise Refused(
                Reason.INVALID_REQUEST, f"{field.name} cannot be set in this call", field=f"{path}.{field.name}"
            )
