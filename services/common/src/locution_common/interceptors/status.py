"""The one table from errors to gRPC statuses, and the reverse for callers of other services."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import grpc
from google.protobuf import any_pb2, duration_pb2
from google.protobuf.message import Message
from google.rpc import error_details_pb2 as details
from google.rpc import status_pb2
from grpc_status import rpc_status

from ..errors import Code, DependencyUnavailable, InternalError, Reason, Refused

DOMAIN: Final = "locution"

MAX_MESSAGE: Final = 500
MAX_FIELD: Final = 200
"""Characters of a status: it travels in headers, of which clients accept up to 8 KiB."""

_CODES: Final = {Code[status.name]: status for status in grpc.StatusCode if status is not grpc.StatusCode.OK}


def status_of(error: BaseException, request_id: str) -> grpc.Status:
    """Return the status that a client sees for `error`; for INTERNAL it holds only the request id."""
    if not isinstance(error, Refused) or error.reason is Reason.INTERNAL:
        error = InternalError(f"an internal error occurred; its id is {request_id}")
    code = _CODES[error.reason.code]
    proto = status_pb2.Status(code=code.value[0], message=_shortened(error.message))
    proto.details.extend(_packed(message) for message in _details(error, request_id))
    return rpc_status.to_status(proto)


def _details(error: Refused, request_id: str) -> Iterator[Message]:
    yield details.ErrorInfo(reason=error.reason, domain=DOMAIN, metadata=error.metadata)
    if error.violations:
        violation = details.BadRequest.FieldViolation
        found = [
            violation(field=_shortened(item.field, MAX_FIELD), description=_shortened(item.description, MAX_FIELD))
            for item in error.violations
        ]
        yield details.BadRequest(field_violations=found)
    if error.retry_after is not None:
        delay = duration_pb2.Duration()
        delay.FromNanoseconds(round(error.retry_after * 1e9))
        yield details.RetryInfo(retry_delay=delay)
    if error.quota:
        exceeded = [
            details.QuotaFailure.Violation(subject=item.subject, description=item.description) for item in error.quota
        ]
        yield details.QuotaFailure(violations=exceeded)
    yield details.RequestInfo(request_id=request_id)


def _shortened(text: str, most: int = MAX_MESSAGE) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _packed(message: Message) -> any_pb2.Any:
    packed = any_pb2.Any()
    packed.Pack(message)
    return packed


@dataclass(frozen=True, slots=True)
class RemoteFailure:
    """The refusal of a call by another Locution service; `reason` is None if it named no known one."""

    code: Code
    message: str
    reason: Reason | None = None
    retry_after: float | None = None
    metadata: dict[str, str] = field(default_factory=dict)


def remote_failure(error: grpc.aio.AioRpcError) -> RemoteFailure:
    """Read the rich status of a failed call."""
    found: dict[str, Any] = {}
    for packed in _remote_details(error):
        info, retry = details.ErrorInfo(), details.RetryInfo()
        if packed.Unpack(info):
            found |= {"reason": Reason.__members__.get(info.reason), "metadata": dict(info.metadata)}
        elif packed.Unpack(retry):
            found["retry_after"] = retry.retry_delay.ToNanoseconds() / 1e9
    return RemoteFailure(Code[error.code().name], error.details() or "", **found)


def translate_unreachable(error: Exception) -> Refused | None:
    """Return DependencyUnavailable for a call that reached no service; adapters map refusals."""
    if isinstance(error, grpc.aio.AioRpcError) and error.code() is grpc.StatusCode.UNAVAILABLE:
        return DependencyUnavailable("a service behind this one cannot be reached")
    return None


def _remote_details(error: grpc.aio.AioRpcError) -> list[any_pb2.Any]:
    for key, value in error.trailing_metadata() or ():
        if key == "grpc-status-details-bin" and isinstance(value, bytes):
            return list(status_pb2.Status.FromString(value).details)
    return []
