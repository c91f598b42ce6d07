"""Authentication: authenticators, and the principal of the current call."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, TypeVar, overload

from .errors import Reason, Refused

P = TypeVar("P")

Metadata: TypeAlias = Sequence[tuple[str, str | bytes]]

_caller: ContextVar[object] = ContextVar("locution_caller")


class Authenticator(Protocol):
    """Converts a call's metadata to a principal.

    Refuses with UNAUTHENTICATED or PERMISSION_DENIED, and treats known and unknown credentials along one path.
    """

    async def authenticate(self, method: str, metadata: Metadata) -> object:
        """Return the principal of a call of `method`, for example `/locution.v1.JobService/GetJob`."""
        ...

    async def confirm(self, method: str, metadata: Metadata, principal: object) -> None:
        """Refuse as `authenticate` does once the credential of an open stream is no longer valid."""
        ...


@dataclass(frozen=True, slots=True)
class ServicePrincipal:
    """Another Locution service with the service credential."""

    name: str = "service"


@overload
def caller() -> Any: ...
@overload
def caller(kind: type[P]) -> P: ...
def caller(kind: type[object] = object) -> Any:
    """Return the principal of the current call. Raises LookupError outside a call, TypeError for another kind."""
    principal = _caller.get()
    if not isinstance(principal, kind):
        raise TypeError(f"the caller is a {type(principal).__name__}, not a {kind.__name__}")
    return principal


def set_caller(principal: object) -> None:
    """Set the principal for the rest of this task; each call runs in its own task."""
    _caller.set(principal)


def bearer_token(metadata: Metadata) -> str:
    """Return the bearer token (RFC 6750), or "" if there is none or more than one `authorization`."""
    values = [value for key, value in metadata if key == "authorization"]
    if len(values) != 1 or not isinstance(values[0], str):
        return ""
    scheme, _, token = values[0].partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


class ServiceTokenAuthenticator:
    """Require a shared token from calling services; several tokens are valid during a rotation."""

    def __init__(self, *tokens: str) -> None:
        if not tokens or not all(tokens):
            raise ValueError("a service token must not be empty")
        self._digests = [_digest(token) for token in tokens]

    async def authenticate(self, method: str, metadata: Metadata) -> ServicePrincipal:
        """Return the service principal, comparing in constant time along one path for missing and wrong tokens."""
        presented = _digest(bearer_token(metadata))
        if not sum([hmac.compare_digest(presented, known) for known in self._digests]):
            raise Refused(Reason.UNAUTHENTICATED, "a valid service credential is required")
        return ServicePrincipal()

    async def confirm(self, method: str, metadata: Metadata, principal: object) -> None:
        """Do nothing: the tokens are settings, which do not change while the process runs."""


class RefuseAll:
    """Refuse every call: the default of a service without an authenticator."""

    async def authenticate(self, method: str, metadata: Metadata) -> object:
        """Refuse with UNAUTHENTICATED."""
        raise Refused(Reason.UNAUTHENTICATED, "this service accepts no calls: no credential is configured")

    async def confirm(self, method: str, metadata: Metadata, principal: object) -> None:
        """Do nothing: no stream was admitted."""


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
