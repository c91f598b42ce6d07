"""What identity and limits refuse, one class for each ErrorReason."""

from __future__ import annotations

from locution_common.errors import Code, LocutionError, QuotaViolation


class CredentialExpiredError(LocutionError):
    """The credential was good, and its time is over."""

    code = Code.UNAUTHENTICATED
    reason = "CREDENTIAL_EXPIRED"

    def __init__(self) -> None:
        super().__init__("the credential has expired")


class QuotaExceededError(LocutionError):
    """A quota of the tenant is used up."""

    code = Code.RESOURCE_EXHAUSTED
    reason = "QUOTA_EXCEEDED"

    def __init__(self, quota: str, limit: str, *, retry_after: float | None = None) -> None:
        """Name the quota as its field in QuotaLimits, and its limit for people."""
        violation = QuotaViolation("tenant", f"{quota}: {limit}")
        metadata = {"quota": quota}
        message = f"the quota {quota} is used up: {limit}"
        super().__init__(message, quota=[violation], retry_after=retry_after, metadata=metadata)


class RateLimitedError(LocutionError):
    """The principal or its tenant calls too often."""

    code = Code.RESOURCE_EXHAUSTED
    reason = "RATE_LIMITED"

    def __init__(self, whose: str, retry_after: float) -> None:
        super().__init__(f"the rate of the {whose} is used up", retry_after=retry_after)


class TenantNotFoundError(LocutionError):
    """No such tenant for this caller."""

    code = Code.NOT_FOUND
    reason = "TENANT_NOT_FOUND"

    def __init__(self) -> None:
        super().__init__("there is no such tenant")


class TenantExistsError(LocutionError):
    """A tenant of this name exists."""

    code = Code.ALREADY_EXISTS
    reason = "TENANT_EXISTS"

    def __init__(self) -> None:
        super().__init__("a tenant of this name exists")


class UserNotFoundError(LocutionError):
    """No such user for this caller."""

    code = Code.NOT_FOUND
    reason = "USER_NOT_FOUND"

    def __init__(self) -> None:
        super().__init__("there is no such user")


class UserExistsError(LocutionError):
    """The tenant has a user with this e-mail address."""

    code = Code.ALREADY_EXISTS
    reason = "USER_EXISTS"

    def __init__(self) -> None:
        super().__init__("the tenant has a user with this e-mail address")


class ApiKeyNotFoundError(LocutionError):
    """No such API key for this caller."""

    code = Code.NOT_FOUND
    reason = "API_KEY_NOT_FOUND"

    def __init__(self) -> None:
        super().__init__("there is no such API key")


class ApiKeyStateConflictError(LocutionError):
    """The API key is revoked or expired already."""

    code = Code.FAILED_PRECONDITION
    reason = "API_KEY_STATE_CONFLICT"

    def __init__(self) -> None:
        super().__init__("the API key is not active any more")


class InvitationNotFoundError(LocutionError):
    """No such invitation for this caller."""

    code = Code.NOT_FOUND
    reason = "INVITATION_NOT_FOUND"

    def __init__(self) -> None:
        super().__init__("there is no such invitation")


class InvitationInvalidError(LocutionError):
    """The invitation's token is unknown, used, taken back or expired."""

    code = Code.FAILED_PRECONDITION
    reason = "INVITATION_INVALID"

    def __init__(self) -> None:
        super().__init__("the invitation is not good")


class RegistrationClosedError(LocutionError):
    """The server takes no users without an invitation."""

    code = Code.FAILED_PRECONDITION
    reason = "REGISTRATION_CLOSED"

    def __init__(self) -> None:
        super().__init__("an invitation is needed to register")


class IssuerNotFoundError(LocutionError):
    """No such OIDC issuer for this caller."""

    code = Code.NOT_FOUND
    reason = "ISSUER_NOT_FOUND"

    def __init__(self) -> None:
        super().__init__("there is no such issuer")


class IssuerExistsError(LocutionError):
    """This issuer with this audience is allowed already."""

    code = Code.ALREADY_EXISTS
    reason = "ISSUER_EXISTS"

    def __init__(self) -> None:
        super().__init__("this issuer with this audience is allowed already")


class SessionRequiredError(LocutionError):
    """The call is about the caller's session, and it came with another credential."""

    code = Code.FAILED_PRECONDITION
    reason = "SESSION_REQUIRED"

    def __init__(self) -> None:
        super().__init__("this is for a user who has logged in")


class SessionsDisabledError(LocutionError):
    """The server has no key to sign sessions with."""

    code = Code.FAILED_PRECONDITION
    reason = "SESSIONS_DISABLED"

    def __init__(self) -> None:
        super().__init__("this server takes no passwords: call with an API key")
