"""Domain errors: handlers raise them, and one table converts them to gRPC statuses.

Domain and core code may import this module: it does not import gRPC. The reasons come from the protos' catalogue.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from locution.reasons.v1.catalogue import Code, Reason, Retry

_NO_METADATA: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class FieldViolation:
    """A wrong request field, by its path (`config.words[2].text`), and the reason."""

    field: str
    description: str


@dataclass(frozen=True, slots=True)
class QuotaViolation:
    """An exceeded quota and its subject, for example `tenant:acme` and `10 concurrent jobs`."""

    subject: str
    description: str


class Refused(Exception):
    """A refusal or failure that callers may see, with a reason of the catalogue.

    `message` reaches the client (except with reason INTERNAL), so it must name nothing internal; it defaults to the
    reason's own. `field` is the request field to blame, if any. `retry_after` is in seconds and becomes RetryInfo: the
    call had no effect and may be retried then. `metadata` becomes ErrorInfo.metadata.
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
    """A fault of the server; the client sees only an id."""

    def __init__(self, message: str) -> None:
        super().__init__(Reason.INTERNAL, message)


class ObjectNotFound(InternalError):
    """An object that the database names is missing in the store; a service converts it if the caller caused that."""


class ObjectChecksumMismatch(InternalError):
    """The store holds other bytes than were written."""


class DependencyUnavailable(Refused):
    """A service, the database or the object store cannot be reached; a retry may help."""

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
