"""The tenants that a caller may act in: its own, or any for an operator."""

from __future__ import annotations

from locution_common.errors import Reason, Refused

from locution_gateway.platform.principal import Principal, Role
from locution_gateway.platform.tenants import TenantNames


class Reach:
    """Converts a tenant's name to the principal that acts in it."""

    def __init__(self, tenants: TenantNames) -> None:
        self._tenants = tenants

    async def within(self, principal: Principal, tenant: str, absent: Reason) -> Principal:
        """Return the caller as it acts in a tenant. Refuses foreign and absent tenants with `absent`."""
        if tenant == principal.tenant:
            return principal
        if principal.role is Role.OPERATOR:
            found = await self._tenants.find(tenant)
            if found is not None:
                return principal.within(found)
        raise Refused(absent)


def require_rank(principal: Principal, role: Role) -> None:
    """Refuse with PERMISSION_DENIED to grant, or act on, a role above the caller's own."""
    if role.rank > principal.role.rank:
        raise Refused(Reason.PERMISSION_DENIED, f"this requires the role {role.value}", metadata={"role": role.value})
