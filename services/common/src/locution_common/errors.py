"""Domain errors: what a handler raises, and what one table turns into a gRPC status.

Importable from domain and core code: nothing here knows gRPC.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

_NO_METADATA: Mapping[str, str] = MappingProxyType({})


class Code(StrEnum):
    """Name the canonical gRPC status codes, without importing grpc."""

    CANCELLED = "CANCELLED"
    UNKNOWN = "UNKNOWN"
    INVALID_ARGUMENT = "INVALID_ARGUMENT"
    DEADLINE_EXCEEDED = "DEADLINE_EXCEEDED"
    NOT_FOUND = "NOT_FOUND"
    ALREADY_EXISTS = "ALREADY_EXISTS"
    PERMISSION_DENIED = "PERMISSION_DENIED"
    RESOURCE_EXHAUSTED = "RESOURCE_EXHAUSTED"
    FAILED_PRECONDITION = "FAILED_PRECONDITION"
    ABORTED = "ABORTED"
    OUT_OF_RANGE = "OUT_OF_RANGE"
    UNIMPLEMENTED = "UNIMPLEMENTED"
    INTERNAL = "INTERNAL"
    UNAVAILABLE = "UNAVAILABLE"
    DATA_LOSS = "DATA_LOSS"
    UNAUTHENTICATED = "UNAUTHENTICATED"


@dataclass(frozen=True, slots=True)
class FieldViolation:
    """Say which request field is wrong, by its path (`config.words[2].text`), and why."""

    field: str
    description: str


@dataclass(frozen=True, slots=True)
class QuotaViolation:
    """Say which quota of whom was exceeded, for example `tenant:acme` and `10 concurrent jobs`."""

    subject: str
    description: str


class LocutionError(Exception):
    """A refusal or failure that callers may see, named by an ErrorReason.

    `message` reaches the client (except with reason INTERNAL), so it names nothing internal. `retry_after` is in
    seconds and becomes RetryInfo; `metadata` becomes ErrorInfo.metadata.
    """

    code: Code = Code.INTERNAL
    reason: str = "INTERNAL"

    def __init__(
        self,
        message: str,
        *,
        violations: Sequence[FieldViolation] = (),
        retry_after: float | None = None,
        quota: Sequence[QuotaViolation] = (),
        metadata: Mapping[str, str] = _NO_METADATA,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.violations = tuple(violations)
        self.retry_after = retry_after
        self.quota = tuple(quota)
        self.metadata = dict(metadata)


class InternalError(LocutionError):
    """A fault of ours; the client sees an id and nothing else."""


class ObjectNotFound(InternalError):
    """An object that state names is not in the store; a service maps it where absence is the caller's doing."""


class ObjectChecksumMismatch(InternalError):
    """The store holds other bytes than were written."""


class InvalidRequest(LocutionError):
    """A request field breaks a rule."""

    code = Code.INVALID_ARGUMENT
    reason = "INVALID_REQUEST"


class Unauthenticated(LocutionError):
    """The call carries no credential that is known and valid."""

    code = Code.UNAUTHENTICATED
    reason = "UNAUTHENTICATED"


class PermissionDenied(LocutionError):
    """The caller is known but may not do this."""

    code = Code.PERMISSION_DENIED
    reason = "PERMISSION_DENIED"


class DeadlineExceeded(LocutionError):
    """The deadline passed before the work was done."""

    code = Code.DEADLINE_EXCEEDED
    reason = "DEADLINE_EXCEEDED"


class DependencyUnavailable(LocutionError):
    """A service, the database or the object store cannot be reached; worth trying again."""

    code = Code.UNAVAILABLE
    reason = "DEPENDENCY_UNAVAILABLE"

    def __init__(self, message: str, *, retry_after: float | None = 1.0) -> None:
        super().__init__(message, retry_after=retry_after)


class Overloaded(LocutionError):
    """The server is at its capacity and refuses at once."""

    code = Code.RESOURCE_EXHAUSTED
    reason = "OVERLOADED"

    def __init__(self, message: str, *, retry_after: float | None = 1.0) -> None:
        super().__init__(message, retry_after=retry_after)


class AudioOffsetMismatch(LocutionError):
    """Audio came out of order, overlapped, or left a gap."""

    code = Code.INVALID_ARGUMENT
    reason = "AUDIO_OFFSET_MISMATCH"


class StreamProtocolViolated(LocutionError):
    """Messages of a stream came in an order that the protocol does not allow."""

    code = Code.INVALID_ARGUMENT
    reason = "STREAM_PROTOCOL_VIOLATED"
