"""Errors of the server, read from google.rpc's details, and advice for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NoReturn, TypeVar

import grpc
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status
from locution.reasons.v1.catalogue import Reason

Detail = TypeVar("Detail", bound=Message)

COMMANDS: Mapping[Reason, str] = {
    Reason.UNAUTHENTICATED: "check LOCUTION_API_KEY, or log in: `locution login`",
    Reason.UPLOAD_DIGEST_MISMATCH: "the file changed while it was sent: run the command again",
    Reason.JOB_NOT_FOUND: "`locution jobs list` shows the jobs there are",
    Reason.JOB_CANCELLED: "run the command again",
    Reason.JOB_ATTEMPTS_EXHAUSTED: "the engines failed again and again: look at their logs, then run the command again",
    Reason.JOB_EXPIRED: "no engine took the work in time: check that they run, then run the command again",
    Reason.TRANSCRIPT_NOT_READY: "wait with `locution jobs watch`",
    Reason.MODEL_NOT_FOUND: "`locution models list` shows the models there are",
    Reason.MODEL_NOT_USABLE: "choose another one: `locution models list`",
    Reason.MODEL_NONE_USABLE: (
        "register one: `make models` for development, `locution models register SET/MODEL` otherwise"
    ),
    Reason.TAG_NOT_FOUND: "`locution jobs tags list` shows the tags there are",
    Reason.WEBHOOK_NOT_FOUND: "`locution webhooks list` shows the webhooks there are",
    Reason.WEBHOOK_DISABLED: "enable it: `locution webhooks update NAME --enable`",
    Reason.CREDENTIAL_EXPIRED: "log in again: `locution login`",
    Reason.SESSION_REQUIRED: "log in first: `locution login`",
    Reason.INVITATION_INVALID: "ask for a new one: `locution users invite`",
    Reason.USER_EXISTS: "log in: `locution login`",
    Reason.USER_NOT_FOUND: "`locution users list` shows the users there are",
    Reason.API_KEY_NOT_FOUND: "`locution keys list` shows the keys there are",
    Reason.TENANT_NOT_FOUND: "`locution tenants list` shows the tenants there are",
    Reason.QUOTA_EXCEEDED: "`locution quotas get` shows what is left",
    Reason.OPTION_UNSUPPORTED: "drop the option or choose another model: `locution models list`",
}
"""Advice that names a command; the catalogue's own advice covers the other reasons."""


@dataclass(frozen=True, slots=True)
class Violation:
    """State which field breaks which rule."""

    field: str
    description: str


@dataclass(slots=True, eq=False)
class ApiError(Exception):
    """A refusal by the server."""

    code: str
    """Name of the gRPC status."""
    message: str
    reason: str | None = None
    """Name of an ErrorReason without its prefix; absent if the server did not answer."""
    violations: tuple[Violation, ...] = ()
    retry_after: float | None = None
    """Seconds after which the server suggests a retry."""
    metadata: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        """Return the message with its reason."""
        return f"{self.reason or self.code}: {self.message}"

    @property
    def known(self) -> Reason | None:
        """Return the reason, or None if the server named none or one that this client does not know."""
        return Reason.__members__.get(self.reason or "")

    @property
    def unreachable(self) -> bool:
        """Tell whether no server answered."""
        return self.code == "UNAVAILABLE" and self.reason is None

    @property
    def advice(self) -> str | None:
        """Return what to do next, if anything."""
        if self.unreachable:
            return "check LOCUTION_ADDRESS, and that the server runs (`make status` for the local stack)"
        if self.retry_after:
            return f"try again in {self.retry_after:.0f} s"
        if self.known is None:
            return None
        return COMMANDS.get(self.known) or self.known.advice or None


class JobFailed(ApiError):
    """The error of a job that ended without a transcript."""

    job: str = ""


def from_rpc(error: grpc.aio.AioRpcError) -> ApiError:
    """Read the error of a call."""
    status = rpc_status.from_call(error)  # type: ignore[arg-type]  # AioRpcError has the three methods it calls
    code, message = error.code().name, error.details() or error.code().name
    return ApiError(code, message) if status is None else from_status(status, code)


def from_status(status: status_pb2.Status, code: str | None = None) -> ApiError:
    """Read a google.rpc.Status with its details."""
    info = _detail(status, error_details_pb2.ErrorInfo)
    bad = _detail(status, error_details_pb2.BadRequest)
    retry = _detail(status, error_details_pb2.RetryInfo)
    return ApiError(
        code=code or _code_name(status.code),
        message=status.message,
        reason=info.reason if info else None,
        violations=tuple(Violation(each.field, each.description) for each in bad.field_violations) if bad else (),
        retry_after=retry.retry_delay.ToTimedelta().total_seconds() if retry else None,
        metadata=dict(info.metadata) if info else {},
    )


def raise_job_failure(job: str, status: status_pb2.Status) -> NoReturn:
    """Raise JobFailed for a job's stored error."""
    read = from_status(status)
    failure = JobFailed(read.code, read.message, read.reason, read.violations, read.retry_after, read.metadata)
    failure.job = job
    raise failure


def _detail(status: status_pb2.Status, kind: type[Detail]) -> Detail | None:
    for packed in status.details:
        found = kind()
        if packed.Unpack(found):
            return found
    return None


def _code_name(number: int) -> str:
    for code in grpc.StatusCode:
        if code.value[0] == number:
            return code.name
    return "UNKNOWN"
