"""Permissions."""

from __future__ import annotations

from locution_common.errors import Reason, Refused

from locution_gateway.platform.principal import Principal, Role, Scope


def require(principal: Principal, least: Role) -> None:
    """Refuse with PERMISSION_DENIED unless the principal has at least this role."""
    if principal.role.rank < least.rank:
        raise Refused(Reason.PERMISSION_DENIED, f"this requires the role {least.value}")


def require_scope(principal: Principal, scope: Scope) -> None:
    """Refuse with PERMISSION_DENIED unless the principal's credential has this scope."""
    if principal.scopes is not None and scope not in principal.scopes:
        needed = scope.value
        raise Refused(
            Reason.PERMISSION_DENIED, f"this requires a key with the scope {needed}", metadata={"scope": needed}
        )
