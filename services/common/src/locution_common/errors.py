"""Domain errors: what a handler raises, and what one table turns into a gRPC status.

Importable from domain and core code: nothing here knows gRPC. The reasons come from the protos' catalogue.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from locution.reasons.v1.catalogue import Code, Reason, Retry

_NO_METADATA: Mapping[str, str] = MappingProxyType({})


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


class Refused(Exception):
    """A refusal or failure that callers may see, for a reason of the catalogue.

    `message` reaches the client (except with reason INTERNAL), so it names nothing internal; without one it is the
    reason's own. `field` is the request field to blame where it is one. `retry_after` is in seconds and becomes
    RetryInfo: nothing was done, and the same may be asked again then. `metadata` becomes ErrorInfo.metadata.
    """

    def __init__(
        self,
        reason: Reason,
        message: str = "",
        *,
        field: str | None = None,
        violations: Sequence[FieldViolation] = (),
        retry_after: float | None = None,
        quota: Sequence[QuotaViolation] = (),
        metadata: Mapping[str, str] = _NO_METADATA,
    ) -> None:
        self.reason = reason
        self.message = message or reason.message
        super().__init__(self.message)
        self.violations = tuple(violations) if field is None else (FieldViolation(field, self.message),)
        self.retry_after = retry_after
        self.quota = tuple(quota)
        self.metadata = dict(metadata)


class InternalError(Refused):
    """A fault of ours; the client sees an id and nothing else."""

    def __init__(self, message: str) -> None:
        super().__init__(Reason.INTERNAL, message)


class ObjectNotFound(InternalError):
    """An object that state names is not in the store; a service maps it where absence is the caller's doing."""


class ObjectChecksumMismatch(InternalError):
    """The store holds other bytes than were written."""


class DependencyUnavailable(Refused):
    """A service, the database or the object store cannot be reached; worth trying again."""

    def __init__(self, message: str, *, retry_after: float = 1.0) -> None:
        super().__init__(Reason.DEPENDENCY_UNAVAILABLE, message, retry_after=retry_after)


__all__ = [
    "Code",
    "DependencyUnavailable",
    "FieldViolation",
    "InternalError",
    "ObjectChecksumMismatch",
    "ObjectNotFound",
    "QuotaViolation",
    "Reason",
    "Refused",
    "Retry",
]
